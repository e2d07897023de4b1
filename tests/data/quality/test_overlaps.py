import cv2
import numpy as np
import pytest

from yolotiny.data.quality.overlaps import overlaps, shared


def ground(seed, height=220, width=400):
    """A picture with detail of several sizes."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(0, 30, (height // k, width // k)), (width, height)) for k in (4, 10, 30)]
    return (128 + sum(layers)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def found(tmp_path):
    """`found({split: {name: pixels}})`: (name, note) of what overlaps."""

    def look(told=(), **splits):
        sized = {}
        for split, pictures in splits.items():
            sized[split] = []
            for name, pixels in pictures.items():
                cv2.imwrite(str(tmp_path / name), pixels)
                sized[split].append((tmp_path / name, pixels.shape[1::-1]))
        problems = list(overlaps(sized, {tmp_path / name for name in told}))
        assert all(p.kind == "overlap" for p in problems)
        return [(p.file.name, p.note.replace(f"{tmp_path}/", "")) for p in problems]

    return look


def test_half_overlapping_crops_are_found_whatever_their_names_and_compression(found):
    scene = ground(0)
    train = {"x.jpg": scene[:200, :200], "other.jpg": ground(1)[:200, :200]}
    val = {"y.jpg": scene[13:213, 107:307], "z.jpg": ground(2)[:200, :200]}
    ((name, note),) = found(train=train, val=val)
    assert name == "y.jpg" and note == "43% of it is in x.jpg (train)"


def test_of_several_the_one_most_alike_is_named_and_the_others_are_counted(found):
    scene = ground(0)
    train = {"far.png": scene[:200, :200], "near.png": scene[:200, 90:290]}
    ((_, note),) = found(train=train, test={"t.png": scene[:200, 110:310]})
    assert note == "90% of it is in near.png (train); 1 more may"


def test_a_whole_picture_holds_a_small_one(found):
    scene = ground(3)
    assert found(train={"whole.png": scene}, val={"part.png": scene[50:170, 200:340]}) == [
        ("part.png", "100% of it is in whole.png (train)")
    ]


def test_pictures_of_twelve_bits_are_compared_too(found):
    scene = ground(0).astype(np.uint16) * 16
    ((_, note),) = found(train={"a.png": scene[:, :200]}, val={"b.png": scene[:, 100:300]})
    assert note == "50% of it is in a.png (train)"


def test_large_pictures_are_looked_at_by_a_half(found):
    scene = ground(5, 1000, 2400)
    ((_, note),) = found(train={"a.jpg": scene[:, :1600]}, val={"b.jpg": scene[:, 801:2401]})
    assert note == "50% of it is in a.jpg (train)"


def test_what_is_known_or_lies_in_one_split_is_not_told(found):
    scene = ground(0)
    assert found(train={"a.png": scene[:, :200], "b.png": scene[:, 100:300]}) == []
    assert found(("b.png",), train={"a.png": scene[:, :200]}, val={"b.png": scene[:, 100:300]}) == []


def test_flat_tiny_and_repeating_pictures_are_no_alarm(found):
    stripes = np.tile(np.repeat(np.uint8([0, 255]), 8), (200, 13))[:, :200]
    flat = np.full((200, 200), 90, np.uint8)
    train = {"flat.png": flat, "tiny.png": np.zeros((8, 8), np.uint8)}
    assert found(train=train, val={"flat2.png": flat + 1, "s.png": stripes}) == []


def test_the_shared_part_is_known_to_the_pixel_and_a_wrong_shift_has_none(tmp_path):
    scene = ground(0)
    for name, x in (("a", 0), ("b", 50)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), scene[:200, x : x + 200])
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    assert shared(a, b, (-50, 0)) == 0.75 and shared(b, a, (50, 0)) == 0.75
    assert shared(a, b, (50, 0)) == shared(a, b, (-190, 0)) == shared(a, tmp_path / "none.png", (0, 0)) == 0
