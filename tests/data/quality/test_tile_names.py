from pathlib import Path

import cv2
import numpy as np
import pytest

from yolotiny.data.quality.leaks import sequences
from yolotiny.data.quality.tile_names import copies, scenes, tile_of


@pytest.mark.parametrize(
    ("name", "scene", "x", "y"),
    [
        ("P0001__1__824___0", "P0001 at scale 1", 824, 0),
        ("P0001__0.5__824___1648", "P0001 at scale 0.5", 824, 1648),
        ("a_b__640___128", "a_b", 640, 128),
        ("scene__400_0", "scene", 400, 0),
        ("town-x200-y400", "town", 200, 400),
        ("big_512_0_1024_512", "big", 512, 0),
        ("scene__400_0_jpg.rf.0123456789abcdef", "scene", 400, 0),
    ],
)
def test_a_name_tells_scene_and_offset(name, scene, x, y):
    tile = tile_of(Path(f"{name}.png"), (512, 256))
    assert (tile.scene, *tile.box) == (scene, x, y, x + 512, y + 256)


@pytest.mark.parametrize(
    "name", ["0_100_30_0_03306", "clip_000123", "a_1", "a_20_10_5_40", "DJI_0005-0041", "a__01_02"]
)
def test_other_names_tell_none(name):
    assert tile_of(Path(f"{name}.jpg")) is None


@pytest.fixture
def tiles(tmp_path):
    """`tiles(name, ...)`: tiles of 100x100 px with the pixels of one scene, where their names say."""
    ground = np.random.default_rng(0).integers(0, 255, (100, 400), np.uint8)

    def cut(*names):
        found = []
        for name in names:
            x = int(name.split("__")[1].split("_")[0])
            cv2.imwrite(str(tmp_path / f"{name}.png"), ground[:, x : x + 100])
            found.append((tmp_path / f"{name}.png", (100, 100)))
        return found

    return cut


def test_tiles_of_one_scene_in_two_splits_are_counted_and_the_pixels_of_the_nearest_compared(tiles):
    (one,) = scenes({"train": tiles("s__0_0", "s__70_0"), "val": tiles("s__120_0", "r__0_0"), "test": []})
    assert (one.kind, one.file.name) == ("scene overlap", "s__120_0.png")
    assert one.note == "tiles of s: 2 in train, 1 in val; 50% of it is in s__70_0.png too"


def test_tiles_that_do_not_meet_or_whose_names_mislead_are_told_less_surely(tiles):
    (apart,) = scenes({"train": tiles("s__0_0"), "val": tiles("s__200_0")})
    assert apart.kind == "scene" and apart.note == "tiles of s: 1 in train, 1 in val; no shared pixels seen"
    first, (file, size) = tiles("s__0_0"), tiles("s__50_0")[0]
    cv2.imwrite(str(file), np.random.default_rng(1).integers(0, 255, (100, 100), np.uint8))
    assert [p.kind for p in scenes({"train": first, "val": [(file, size)]})] == ["scene"]


def test_scenes_of_one_split_are_none():
    files = [(Path("s__0_0.png"), (9, 9)), (Path("s__4_0.png"), (9, 9))]
    assert list(scenes({"train": files, "val": [(Path("t__0_0.png"), (9, 9))]})) == []


def test_copies_of_roboflow_are_told():
    names = [f"car_jpg.rf.{c * 16}.jpg" for c in "abc"]
    found = copies({"train": [Path(n) for n in names[:2]], "val": [Path(names[2]), Path("bus.jpg")]})
    assert [(p.kind, p.note) for p in found] == [("copy", f"copies of car: 2 in train, 1 in val, such as {names[0]}")]


def test_tiles_are_no_frames_and_frames_are_seen_behind_what_roboflow_appends():
    tile = {"train": [Path("P1__1__0___0.png"), Path("P2__1__0___0.png")], "val": [Path("P1__1__0___824.png")]}
    assert list(sequences(tile)) == []
    frames = {
        "train": [Path("a_12_jpg.rf.0123456789.jpg"), Path("b_1.jpg")],
        "val": [Path("a_13_jpg.rf.9876543210.jpg")],
    }
    (one,) = sequences(frames)
    assert one.note.endswith("1 away")
