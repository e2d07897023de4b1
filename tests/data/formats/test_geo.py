"""A raster and a vector file become tiles: every object in one split, its box within half a pixel of where it was."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.raster_files import DEGREE, METRE, TURNED, UTM, WGS84, squares, write_raster
from yolotiny.data import Conversion, convert
from yolotiny.errors import InputError
from yolotiny.rasters import vectors
from yolotiny.rasters.place import Place, between

SIDE = 512
RNG = np.random.default_rng(0)
PLACES = [(int(x), int(y), 8, 6) for x, y in RNG.integers(8, SIDE - 16, (60, 2))]
PLACES += [(124, 60, 8, 6), (60, 126, 8, 6), (252, 252, 8, 8)]  # on the borders of blocks


def write_both(to: Path, crs: str = UTM, transform=METRE, labels_in: str = "", **profile) -> tuple[Path, Path]:
    """A raster with bright squares, and polygons round them, which are cars where they lie in the left half."""
    raster = write_raster(
        to / "ortho.tif",
        (squares((SIDE, SIDE), 3, PLACES) * 200).astype(np.uint8),
        crs=crs,
        transform=transform,
        **profile,
    )
    place = Place(tuple(transform)[:6], crs)
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in PLACES], float)
    shapes = between(place.polygons(boxes), crs, labels_in or crs)
    kinds = np.array(["car" if x < SIDE / 2 else "van" for x, *_ in PLACES], object)
    vectors.write(to / "cars.gpkg", vectors.Features(shapes, {"kind": kinds}, labels_in or crs), {})
    return raster, to / "cars.gpkg"


def converted(source: Path, labels: Path | None, to: Path, **options):
    usual = {"tile": 64, "overlap": 16, "labels": labels, "class_field": "kind"}
    return convert(Conversion("geo", source, **usual | options), to)


def tiles_of(to: Path, split: str) -> dict[tuple[int, int], list[dict]]:
    """Annotations by the left and top of their tile in the raster."""
    content = json.loads((to / "annotations" / f"{split}.json").read_text())
    places = {}
    for image in content["images"]:
        left, top = image["file_name"].removesuffix(".png").split("__", 1)[1].split("___")
        places[image["id"]] = int(left), int(top)
    found = {place: [] for place in places.values()}
    for entry in content["annotations"]:
        found[places[entry["image_id"]]].append(entry)
    return found


@pytest.mark.parametrize(
    ("crs", "transform", "labels_in"),
    [(UTM, METRE, ""), (UTM, METRE, WGS84), (WGS84, DEGREE, UTM), (UTM, TURNED, "")],
    ids=["same", "labels in degrees", "raster in degrees", "turned"],
)
def test_every_object_is_in_one_split_where_it_was(crs, transform, labels_in, tmp_path):
    source, labels = write_both(tmp_path, crs, transform, labels_in)
    summary = converted(source, labels, tmp_path / "out")
    assert set(summary.splits) == {"train", "val"}
    boxes = np.array([(x, y, w, h) for x, y, w, h in PLACES], float)
    homes: list[set[int]] = []
    for split in ("train", "val"):
        seen = set()
        for (left, top), entries in tiles_of(tmp_path / "out", split).items():
            for entry in (e for e in entries if not e["ignore"]):
                x, y, w, h = entry["bbox"]
                away = np.abs(boxes - [x + left, y + top, w, h]).max(1)
                cut = not (0.5 < x and x + w < 63.5 and 0.5 < y and y + h < 63.5)
                assert cut or away.min() < 0.5
                seen |= {int(away.argmin())} if not cut else set()
        homes.append(seen)
    assert not homes[0] & homes[1] and all(homes) and len(homes[0] | homes[1]) > 40  # of 63: some are cut by each tile


def test_tiles_show_the_raster_where_their_name_says(tmp_path):
    source, labels = write_both(tmp_path)
    converted(source, labels, tmp_path / "out")
    whole = (squares((SIDE, SIDE), 3, PLACES) * 200).astype(np.uint8)
    pixels = {}
    for split in ("train", "val"):
        shown = np.zeros((SIDE, SIDE), bool)
        for left, top in tiles_of(tmp_path / "out", split):
            tile = cv2.imread(str(tmp_path / "out" / "images" / split / f"ortho__{left}___{top}.png"))
            assert tile.shape == (64, 64, 3) and np.array_equal(tile, whole[top : top + 64, left : left + 64])
            shown[top : top + 64, left : left + 64] = True
        pixels[split] = shown
    assert not (pixels["train"] & pixels["val"]).any() and (pixels["train"] | pixels["val"]).all()


def test_an_interrupted_or_repeated_conversion_makes_the_same_splits(tmp_path):
    source, labels = write_both(tmp_path)
    for to in ("a", "b"):
        converted(source, labels, tmp_path / to)
    names = [sorted(p.name for p in (tmp_path / to / "images" / "val").iterdir()) for to in ("a", "b")]
    assert names[0] == names[1]


def test_ground_without_data_is_left_out_and_one_class_is_enough(tmp_path):
    held = np.ones((SIDE, SIDE), bool)
    held[:, SIDE // 2 :] = False
    source, labels = write_both(tmp_path, mask=held)
    summary = converted(source, labels, tmp_path / "out", class_field=None)
    assert "block of ground without data" in str(summary)
    assert json.loads((tmp_path / "out/annotations/train.json").read_text())["categories"] == [
        {"id": 1, "name": "object"}
    ]
    assert all(left < SIDE // 2 + 64 for s in ("train", "val") for left, _ in tiles_of(tmp_path / "out", s))


def test_sixteen_bits_are_stretched_as_a_whole(tmp_path):
    _, labels = write_both(tmp_path)
    values = (squares((SIDE, SIDE), 1, PLACES) * 3000 + 500).astype(np.uint16)
    source = write_raster(tmp_path / "deep.tif", values)
    summary = converted(source, labels, tmp_path / "out", stretch="minmax")
    tile = cv2.imread(str(next((tmp_path / "out/images/train").iterdir())))
    assert set(np.unique(tile)) <= {0, 255} and "deep.tif, 1 band of uint16: stretched from 500 to 3500" in str(summary)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": None}, "format=geo needs labels=: the vector file of the objects"),
        ({"labels": "gone.gpkg"}, "there is no file gone.gpkg"),
        ({"class_field": "kin"}, "has no field 'kin'; did you mean 'kind'"),
        ({"tile": 0, "overlap": None}, "format=geo cuts a raster into tiles: leave tile=0 out"),
        ({"bands": [5]}, r"raster .*ortho\.tif: it has 3 bands, and bands=\[5\] asks for number 5"),
    ],
)
def test_what_is_missing_is_told_in_one_line(change, says, tmp_path):
    source, labels = write_both(tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        converted(source, change.pop("labels", labels), tmp_path / "out", **change)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_labels_of_another_place_are_told(tmp_path):
    source, labels = write_both(tmp_path)
    far = Place((0.5, 0, 100_000, 0, -0.5, 5_000_000), UTM)
    vectors.write(tmp_path / "far.gpkg", vectors.Features(far.polygons(np.array([[0, 0, 9, 9.0]])), {}, UTM), {})
    with pytest.raises(InputError, match=r"no polygon of .*far\.gpkg lies in .*ortho\.tif"):
        converted(source, tmp_path / "far.gpkg", tmp_path / "out", class_field=None)
    plain = write_raster(tmp_path / "plain.tif", np.zeros((64, 64, 1), np.uint8), crs=None, transform=None)
    with pytest.raises(InputError, match=r"plain\.tif has no coordinate system, and the other file has one"):
        converted(plain, labels, tmp_path / "out")


def test_other_formats_read_no_vector_file(tmp_path):
    with pytest.raises(InputError, match="labels= is of format=geo, rasters and vector files; format=yolo does not"):
        convert(Conversion("yolo", tmp_path, labels="a.gpkg"), tmp_path / "out")
