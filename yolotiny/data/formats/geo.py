"""A raster and a vector file of the objects in it: blocks of ground, each of which is in one split alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...pictures.files import Unreadable
from ...rasters import vectors
from ...rasters.place import between, short
from ...rasters.raster import Raster, Window
from ..records import Dataset, Record
from ..tiling import Tiling

BLOCKS = 8  # to the longer side of a raster, where tiles are small enough
VAL = 0.2  # share of the objects, and of the blocks without any, that become val
SEED = 0  # of the choice
NAME = "object"  # of the only class, where nobody says which field names classes
MASK_SIDE = 512  # pixels: whether a block holds data is looked up at this size


def read_geo(source: str | Path, labels: str | Path | None, class_field: str | None, tiling: Tiling | None) -> Dataset:
    """Read a raster and the polygons of the objects in it.

    The raster is divided into blocks, which share no pixel. Each block is train or val, by a seeded choice of those
    with objects until a fifth of the objects is val. An object counts in the block that holds its centre; what of it
    lies in another is an ignore region there.

    Args:
        source: a raster file with a place on Earth.
        labels: a vector file of polygons in any coordinate system.
        class_field: its field that names the class of an object; None for one class of all.
        tiling: how blocks are cut into tiles.

    Raises:
        InputError: something is missing, has no place, or names no field; labels that lie elsewhere.
    """
    if not Path(source).is_file():
        raise InputError(f"raster not found: there is no file {source}")
    if labels is None:
        raise InputError("format=geo needs labels=: the vector file of the objects, such as labels=cars.gpkg")
    if tiling is None:
        raise InputError("format=geo cuts a raster into tiles: leave tile=0 out")
    raster = Raster(str(source))
    data, boxes, classes = _objects(raster, Path(labels).expanduser(), class_field)
    home = _centres(boxes)
    blocks, holding = [], []
    for block in _blocks(raster.size, tiling):
        if not _holds_data(raster, block):
            data.drop("train", "block of ground without data")
            continue
        blocks.append(block)
        holding.append(_within(home, block))
    if not blocks:
        raise InputError(f"the raster {source} holds no data")
    val = _chosen([int(held.sum()) for held in holding], blocks)
    for i, (block, held) in enumerate(zip(blocks, holding, strict=True)):
        data.splits["val" if i in val else "train"].append(_record(raster, block, boxes, classes, held))
    data.splits = {split: records for split, records in data.splits.items() if records}
    data.notes.append(
        f"{len(blocks)} blocks of ground, {len(val)} of them val by a seeded choice; no object counts in two splits"
    )
    return data


def _objects(raster: Raster, labels: Path, field: str | None) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """An empty data set with the names of the classes, and (n, 4) xyxy in pixels and (n,) classes of the objects."""
    found = vectors.read(labels)
    if bool(found.crs) != raster.georeferenced:
        without = raster.path if found.crs else labels
        raise InputError(f"{without} has no coordinate system, and the other file has one: nobody can tell where it is")
    values = np.array([NAME] * len(found.geometries), object) if field is None else found.column(field, labels)
    names = np.array(["" if v is None or v != v else str(v) for v in values], object)
    good = found.polygons
    data = Dataset(sorted({str(n) for n in names[good & (names != "")]}), {"train": [], "val": []})
    data.drop("train", "feature that is no polygon", int((~good).sum()))
    data.drop("train", "polygon without a class", int((good & (names == "")).sum()))
    good &= names != ""
    if not good.any():
        raise InputError(f"{labels} has no polygon" + (f" with a class in the field {field!r}" if field else ""))
    boxes = raster.place.boxes(between(found.geometries[good], found.crs, raster.place.crs))
    inside = _within(_centres(boxes), (0, 0, raster.size[1], raster.size[0]))
    data.drop("train", "polygon beside the raster", int((~inside).sum()))
    if not inside.any():
        systems = f"{short(found.crs)} and {short(raster.place.crs)}"
        raise InputError(f"no polygon of {labels} lies in {raster.path}; their coordinate systems are {systems}")
    classes = np.array([data.names.index(name) for name in names[good][inside]], int)
    data.notes.append("polygons became upright boxes in the pixels of the raster")
    return data, boxes[inside], classes


def _centres(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) xyxy -> (n, 2)."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _within(points: np.ndarray, block: Window) -> np.ndarray:
    """(n, 2) -> (n,) whether each lies in a block."""
    x, y, w, h = block
    return np.asarray(((points >= [x, y]) & (points < [x + w, y + h])).all(1))


def _blocks(size: tuple[int, int], tiling: Tiling) -> list[Window]:
    """Blocks of a raster of `size` (height, width), of whole tiles where the raster is large enough."""
    step = tiling.tile - tiling.overlap
    tiles = max(round(max(size) / step / BLOCKS), 1)
    side = tiling.tile + (tiles - 1) * step
    (tops, bottoms), (lefts, rights) = (_parts(n, side, tiling.tile // 2) for n in size)
    rows = list(zip(tops, bottoms, strict=True))
    return [(x, y, right - x, bottom - y) for y, bottom in rows for x, right in zip(lefts, rights, strict=True)]


def _parts(length: int, side: int, least: int) -> tuple[list[int], list[int]]:
    """Where parts of a side begin and end; what is left at its end goes to the last one where it is less than that."""
    starts = list(range(0, max(length - least, 1), side))
    return starts, [*starts[1:], length]


def _holds_data(raster: Raster, block: Window) -> bool:
    try:
        held = raster.held(block, (min(block[3], MASK_SIDE), min(block[2], MASK_SIDE)))
    except Unreadable:
        return True  # which is told where its tiles are cut
    return held is None or bool(held.any())


def _chosen(counts: list[int], blocks: list[Window]) -> set[int]:
    """Numbers of the blocks that are val: in an order that hangs on seed and place only, a share of the objects."""
    order = sorted(range(len(blocks)), key=lambda i: hashlib.sha256(f"{SEED} {blocks[i][:2]}".encode()).hexdigest())
    full, empty = [i for i in order if counts[i]], [i for i in order if not counts[i]]
    val, objects = set(empty[: round(VAL * len(empty))]), 0
    for i in full[: len(full) // 2]:
        if objects >= VAL * sum(counts):
            break
        val.add(i)
        objects += counts[i]
    return val


def _record(raster: Raster, block: Window, boxes: np.ndarray, classes: np.ndarray, held: np.ndarray) -> Record:
    """A block as a part of a picture, with (n,) which of the objects it holds, and what of others lies in it."""
    x, y, w, h = block
    moved = boxes - [x, y, x, y]
    reaches = ~held & (moved[:, :2] < [w, h]).all(1) & (moved[:, 2:] > 0).all(1)
    path = Path(raster.path)
    return Record(path, path.name, w, h, moved[held], classes[held], moved[reaches], classes[reaches], window=(x, y))
