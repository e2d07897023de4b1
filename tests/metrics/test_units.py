"""Which pictures belong together, by their names."""

import pytest

from yolotiny.metrics import Picture
from yolotiny.metrics.units import units_of
from yolotiny.picture_scenes import scene_of


@pytest.mark.parametrize(
    ("file", "scene"),
    [
        ("scene__400_0.png", "scene"),  # tiles
        ("a/scene__0_0.jpg", "a/scene"),
        ("P0001__1__800___600.png", "P0001"),  # of DOTA's tools
        ("P2331__1.0__1800___600.png", "P2331"),
        ("big.v2__0___512.jpg", "big.v2"),
        ("clip_000123__0___512.jpg", "clip"),  # a tile of a frame
        ("clip_000123.jpg", "clip"),  # frames
        ("DJI_0005-0041.jpg", "DJI_0005"),
        ("M0101/img000001.jpg", "M0101"),
        ("M0101_img000001.jpg", "M0101"),
        ("uav0000013_00000_v\\0000001.jpg", "uav0000013_00000_v"),
        ("0000001_02999_d_0000005.jpg", "0000001"),  # VisDrone
        ("0000001_02999_d_0000005__0_0.jpg", "0000001"),  # AI-TOD's tiles of it
        ("0_60_30_0_01614.jpg", "0_60_30_0"),  # HIT-UAV: day, height, angle, weather
        ("DJI_0005.JPG", "DJI_0005"),  # a camera's counter tells no scene
        ("IMG_0012.jpg", "IMG_0012"),
        ("000000123.jpg", "000000123"),
        ("street_1.jpg", "street_1"),  # too short for a frame
        ("street.jpg", "street"),
        ("a.b.jpg", "a.b"),
    ],
)
def test_a_name_tells_its_scene_or_only_itself(file, scene):
    assert scene_of(file)[0] == scene


def kind(*files):
    units = units_of([Picture(f) for f in files], len(files))
    return units.kind, units.count, units.of.tolist()


def test_frames_and_tiles_of_a_scene_are_drawn_together():
    assert kind("b_001.jpg", "a_001.jpg", "b_002.jpg") == ("scenes", 2, [1, 0, 1])
    assert kind("x__0_0.png", "x__100_0.png") == ("scenes", 1, [0, 0])
    assert kind("x/001.jpg", "y/001.jpg", "y/002.jpg") == ("scenes", 2, [0, 1, 1])


@pytest.mark.parametrize(
    "files",
    [
        ("a.jpg", "b.jpg"),
        ("frame_0001.jpg", "frame_0002.jpg"),  # one word before all numbers
        ("val/000001.jpg", "val/000002.jpg"),
        ("IMG_0001.jpg", "DJI_0002.jpg"),
        ("", ""),
    ],
)
def test_names_that_tell_no_scenes_leave_pictures(files):
    assert kind(*files) == ("pictures", 2, [0, 1])


def test_without_names_there_are_pictures():
    assert units_of([], 3).kind == "pictures" and units_of([], 3).count == 3
