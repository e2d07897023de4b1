from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from yolotiny.data.quality.leaks import Fingerprint, bits_of, fingerprint, identical, near, sequences


def scene(seed, noise=0.0, shift=0):
    """A smooth grey picture of 96x96 px from a seed, perhaps with noise or moved sideways."""
    coarse = np.random.default_rng(seed).integers(60, 200, (12, 12), dtype=np.uint8)
    values = np.asarray(Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC), float)
    values = np.roll(values, shift, 1) + np.random.default_rng(1).normal(0, noise, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def show(name, picture, split="train", digest=None):
    return Fingerprint(Path(name), split, digest or name.encode(), *fingerprint(picture))


def kinds(problems):
    return [(p.kind, str(p.file)) for p in problems]


def test_a_fingerprint_has_256_signs_and_a_thumbnail_of_length_1():
    steps, thumb = fingerprint(scene(0))
    bits = bits_of(steps)
    assert bits.shape == (256,) and set(bits.tolist()) == {-1, 1}
    assert steps.shape == (2, 16, 16) and set(steps.ravel().tolist()) <= {-1, 0, 1}
    assert thumb.shape == (1024,) and np.linalg.norm(thumb) == pytest.approx(1, abs=1e-5)


def test_a_flat_picture_is_no_division_by_zero():
    assert not fingerprint(Image.new("L", (40, 40), 7))[1].any()


def test_sixteen_bits_are_stretched_not_cut_off():
    wide = Image.fromarray(np.asarray(scene(0), np.uint16) * 100)
    a, b = (bits_of(fingerprint(picture)[0]) for picture in (wide, scene(0)))
    assert (a != b).sum() < 8  # of 256; the rest is rounding


def test_noise_and_brightness_are_the_same_picture_and_another_scene_is_not():
    prints = [show("a", scene(0)), show("b", scene(1)), show("c", scene(0, noise=2), "val")]
    prints += [show("d", scene(2), "val"), show("e", scene(1).point(lambda v: v // 2 + 20), "val")]
    (first, second) = near(prints)
    assert (first.kind, str(first.file)) == ("near leak", "c") and first.note.startswith("a (train)")
    assert str(second.file) == "e" and second.note.startswith("b (train)")


TURNS = {
    "turned by 90 degrees": (np.rot90, 1),
    "turned by 180 degrees": (np.rot90, 2),
    "turned by 270 degrees": (np.rot90, 3),
    "mirrored": (np.fliplr, 0),
    "mirrored and turned by 180 degrees": (np.flipud, 0),
}


@pytest.mark.parametrize("words", TURNS)
def test_a_picture_that_was_turned_or_mirrored_is_the_same_one(words):
    turn, times = TURNS[words]
    framed = np.pad(np.asarray(scene(0)), ((0, 30), (0, 0)))  # a black edge: steps that are none
    other = turn(framed, times) if times else turn(framed)
    prints = [show("x", scene(1)), show("a", Image.fromarray(np.ascontiguousarray(other)))]
    (problem,) = near([*prints, show("b", Image.fromarray(framed), "val"), show("c", scene(2), "val")])
    assert str(problem.file) == "b" and problem.note.startswith(f"a (train), {words}, differs by ")
    assert int(problem.note.split("differs by ")[1].split()[0]) <= 8


def test_where_it_lies_as_it_is_nothing_is_said_of_turns():
    both = Image.fromarray(np.maximum(np.asarray(scene(0)), np.fliplr(np.asarray(scene(0)))))  # its own mirror picture
    (problem,) = near([show("a", both), show("b", both.point(lambda v: v // 2 + 20), "val")])
    assert problem.note.startswith("a (train) differs by ")


def test_two_flat_pictures_are_not_called_alike():
    assert list(near([show("a", Image.new("L", (40, 40), 9)), show("b", Image.new("L", (40, 40), 90), "val")])) == []


def test_pictures_of_one_split_are_not_compared():
    assert list(near([show("a", scene(0)), show("b", scene(0, noise=1))])) == []


def test_the_same_bytes_leak_across_splits_and_are_a_twin_within_one():
    prints = [show("a", scene(0), digest=b"x"), show("b", scene(0), digest=b"x"), show("c", scene(0), "val", b"x")]
    assert kinds(identical(prints)) == [("twin", "b"), ("leak", "c")]
    assert list(near(prints)) == []  # told once


def paths(*names):
    return [Path(f"{n}.jpg") for n in names]


def test_frames_of_one_video_in_two_splits():
    (problem,) = sequences({"train": paths("a_01", "a_05", "b_01"), "val": paths("a_07", "a_30", "c_01")})
    assert problem.kind == "sequence" and problem.file == Path("a_07.jpg")
    assert problem.note == "frames a_*: 2 in train, 2 in val; nearest is a_05.jpg, 2 away"


def test_names_that_all_begin_alike_or_are_numbers_say_nothing():
    assert list(sequences({"train": paths("img_1", "img_2"), "val": paths("img_3")})) == []
    assert list(sequences({"train": paths("000001", "000002", "x_1"), "val": paths("000003")})) == []
