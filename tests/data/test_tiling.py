import re

import cv2
import numpy as np
import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.records import EVERY, Dataset, Record, image_size
from yolotiny.data.tiling import PAD, Tiling, cut, tile_dataset
from yolotiny.errors import InputError
from yolotiny.pictures.depth import Depth
from yolotiny.pictures.reader import PictureReader

NONE = np.zeros((0, 4))


def record(width=250, height=100, boxes=NONE, ignore=NONE, name="p.png", **more):
    boxes, ignore = np.array(boxes, float).reshape(-1, 4), np.array(ignore, float).reshape(-1, 4)
    labels, of = np.zeros(len(boxes), int), np.full(len(ignore), EVERY)
    return Record(None, name, width, height, boxes, labels, ignore, of, **more)


def tiles(one, tiling):
    data = tile_dataset(Dataset(["car"], {"train": [one]}), tiling)
    return {r.window: r for r in data.splits["train"]}, data


@pytest.mark.parametrize(
    "length, starts",
    [
        (250, [0, 80, 150]),  # the last tile is shifted inside
        (260, [0, 80, 160]),
        (101, [0, 1]),
        (100, [0]),
        (60, [0]),  # padded
    ],
)
def test_tiles_of_100_px_that_overlap_by_20(length, starts):
    assert Tiling(100, 20).starts(length) == starts


@pytest.mark.parametrize("tiling", [Tiling(64, 0), Tiling(64, 13), Tiling(64, 63)])
def test_tiles_cover_every_pixel_and_stay_inside(tiling):
    for length in (64, 65, 127, 128, 200):
        starts = tiling.starts(length)
        covered = np.zeros(length, bool)
        for s in starts:
            assert 0 <= s <= length - 64
            covered[s : s + 64] = True
        assert covered.all() and len(set(starts)) == len(starts)


def test_an_object_with_seven_tenths_in_a_tile_is_kept_there_and_with_less_ignored():
    """The border between tiles lies at 100: the first object has 7 px of 10 before it, the second 6."""
    found, _ = tiles(record(200, 100, [[93, 10, 103, 20], [94, 30, 104, 40]]), Tiling(100, 0))
    left, right = found[0, 0], found[100, 0]
    assert left.boxes.tolist() == [[93, 10, 100, 20]] and left.ignore.tolist() == [[94, 30, 100, 40]]
    assert right.boxes.shape == (0, 4) and right.ignore.tolist() == [[0, 10, 3, 20], [0, 30, 4, 40]]
    assert left.ignore_labels.tolist() == [0]
    kept, _ = tiles(record(200, 100, [[94, 30, 104, 40]]), Tiling(100, 0, keep=0.6))
    assert kept[0, 0].boxes.tolist() == [[94, 30, 100, 40]]


def test_an_object_counts_with_its_whole_size_and_in_every_tile_that_holds_it():
    found, _ = tiles(record(180, 100, [[85, 10, 95, 20], [93, 50, 103, 60]]), Tiling(100, 20))
    assert found[0, 0].areas.tolist() == [100, 100] and found[80, 0].areas.tolist() == [100, 100]
    assert found[80, 0].boxes.tolist() == [[5, 10, 15, 20], [13, 50, 23, 60]]


def test_regions_are_cut_and_a_sliver_of_less_than_a_pixel_is_left_out():
    found, _ = tiles(record(200, 100, ignore=[[50, 0, 100.5, 100]]), Tiling(100, 0))
    assert found[0, 0].ignore.tolist() == [[50, 0, 100, 100]] and found[0, 0].ignore_labels.tolist() == [EVERY]
    assert found[100, 0].ignore.shape == (0, 4)


def test_what_is_whole_in_no_tile_or_outside_the_picture_is_counted():
    boxes = [[10, 10, 190, 20], [300, 10, 310, 20], [50, 50, 60, 60]]
    _, data = tiles(record(200, 100, boxes), Tiling(100, 0))
    assert data.dropped["train"] == {
        "box below 1 px inside the image": 1,
        "object of which no tile holds 70% (an ignore region there)": 1,
    }
    assert "1 pictures became 2 tiles of 100 px" in data.notes[0]


def test_names_carry_the_offset_so_that_detections_can_be_moved_back():
    found, _ = tiles(record(250, 180, name="s1/scene.tif"), Tiling(100, 20))
    assert found[150, 80].name == "s1/scene__150___80.png"
    for (x, y), r in found.items():
        assert re.search(r"__(\d+)___(\d+)\.png$", r.name).groups() == (str(x), str(y))
    assert tiles(record(name="a.JPG"), Tiling(100, 20))[0][0, 0].name == "a__0___0.jpg"


def test_a_tile_is_the_picture_there_pixel_by_pixel_and_padding_is_grey(tmp_path, capfd):
    image = np.random.default_rng(0).integers(0, 255, (40, 100, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "p.png"), image)
    cut(tmp_path / "p.png", [((0, 0), tmp_path / "a.png"), ((36, 0), tmp_path / "b.png")], 64)
    a, b = (cv2.imread(str(tmp_path / f"{k}.png")) for k in "ab")
    assert np.array_equal(a[:40], image[:, :64]) and np.array_equal(b[:40], image[:, 36:])
    assert (a[40:] == PAD).all() and a.shape == (64, 64, 3) and capfd.readouterr().err == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png", "p.png"]


def test_a_picture_is_decoded_once_and_not_at_all_where_its_tiles_are_complete(tmp_path, picture, monkeypatch):
    decoded, read = [], PictureReader.read
    monkeypatch.setattr(PictureReader, "read", lambda self, p: decoded.append(p) or read(self, p))
    windows = [((x, 0), tmp_path / f"{x}.png") for x in (0, 36)]
    for _ in range(2):
        cut(picture(tmp_path / "p.png", 100, 64), windows, 64)
        assert decoded == [tmp_path / "p.png"]


def test_grey_alpha_and_sixteen_bits_become_eight_bit_colour(tmp_path):
    read_picture = PictureReader(Depth(stretch="percentile")).read
    ramp = np.linspace(100, 1123, 64 * 64).reshape(64, 64).astype(np.uint16)  # 2 % of what 16 bits hold
    cv2.imwrite(str(tmp_path / "deep.png"), ramp)
    deep = read_picture(tmp_path / "deep.png")
    assert deep.dtype == np.uint8 and deep.shape == (64, 64, 3)
    assert deep.min() == 0 and deep.max() == 255 and deep[32, 0, 0] == pytest.approx(127.5, abs=2)
    colour = np.stack((ramp, ramp // 2, ramp // 4), -1)
    cv2.imwrite(str(tmp_path / "deep.tif"), colour)
    means = read_picture(tmp_path / "deep.tif").reshape(-1, 3).mean(0)
    assert means.tolist() == pytest.approx([136, 65, 29], abs=2)  # one scale, so that colours stay what they are
    assert image_size(tmp_path / "deep.tif") == (64, 64)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((8, 8, 4), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((8, 8), 9 << 8, np.uint16))
    assert read_picture(tmp_path / "alpha.png").shape == (8, 8, 3)
    assert read_picture(tmp_path / "flat.png").shape == (8, 8, 3)


def test_a_picture_that_does_not_decode_is_named(tmp_path, text):
    with pytest.raises(InputError, match=r"cannot read image .*a\.tif"):
        PictureReader().read(text(tmp_path / "a.tif", "no picture"))


@pytest.mark.parametrize(
    "options, says",
    [
        ({"tile": 16}, "tile=16 must be a whole number from 32 up; write for example 640, or 0 for none"),
        ({"tile": 64.5}, "tile=64.5 must be a whole number from 32 up"),
        ({"tile": 64, "overlap": 64}, "overlap=64 must be a whole number from 0 to 63"),
        ({"tile": 64, "overlap": -1}, "overlap=-1"),
        ({"tile": 64, "keep": 0}, "keep=0 must be a number above 0 and up to 1"),
        ({"tile": 64, "keep": 70}, "keep=70"),
        ({"overlap": 10}, "overlap=10 needs tiles: give tile=SIZE too"),
        ({"keep": 0.5}, "keep=0.5 needs tiles"),
        (
            {"every": 0},
            "every=0 must be a whole number from 1 up; write for example 10",
        ),
    ],
)
def test_options_that_cannot_be_are_one_line_and_write_nothing(tmp_path, picture, text, options, says):
    picture(tmp_path / "raw" / "images" / "a.jpg")
    text(tmp_path / "raw" / "annotations" / "a.txt", "")
    with pytest.raises(InputError, match=says):
        convert(Conversion("visdrone", tmp_path / "raw", **options), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_format_can_be_tiled_and_boxes_stay_on_their_objects(tmp_path, text, load):
    scene = np.full((100, 150, 3), 60, np.uint8)
    boxes = [(5, 5, 8, 6), (60, 40, 10, 10), (130, 90, 12, 9)]
    for x, y, w, h in boxes:
        scene[y : y + h, x : x + w] = 250
    (tmp_path / "raw" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "raw" / "images" / "a.png"), scene)
    rows = "".join(f"{x},{y},{w},{h},1,4,0,0\n" for x, y, w, h in boxes)
    text(tmp_path / "raw" / "annotations" / "a.txt", rows)
    summary = convert(Conversion("visdrone", tmp_path / "raw", tile=64, overlap=16), tmp_path / "out")
    coco = load(tmp_path / "out" / "annotations" / "train.json")
    files = {im["id"]: im["file_name"] for im in coco["images"]}
    assert len(files) == 3 * 2 == summary.splits["train"].images
    for entry in coco["annotations"]:
        image = cv2.imread(str(tmp_path / "out" / "images" / "train" / files[entry["image_id"]]))
        x, y, w, h = map(int, entry["bbox"])
        assert (image[y : y + h, x : x + w] == 250).all()
    assert {entry["area"] for entry in coco["annotations"] if not entry["ignore"]} == {48, 100, 108}


def test_boxes_over_the_edge_of_a_picture_are_told_and_those_over_the_edge_of_a_tile_are_not():
    _, data = tiles(
        record(boxes=[[240, 10, 255, 20], [240, 10, 251, 20], [90, 10, 110, 20], [255, 10, 260, 20]]), Tiling(100, 20)
    )
    assert data.notes[1:] == ["1 boxes reach over the edge of a picture by more than 2 px and are cut"]
