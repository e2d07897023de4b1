"""Sliced inference around anybody's detector: images in, rows out; beside sahi and supervision."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.tiny_data import ROOT
from yolotiny.errors import InputError
from yolotiny.slicing import SlicedInference, TileBatcher

SIZE = (300, 520)
TILE, OVERLAP = 160, 0.2


def squares(count: int = 40, side: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """An image with bright squares that no border of a tile cuts, and their (n, 4) boxes."""
    rng, edges = np.random.default_rng(0), [0, 128, 160, 256, 288, 360, 384, 416, 512, 140]
    image, boxes = np.zeros((*SIZE, 3), np.uint8), []
    while len(boxes) < count:
        x, y = int(rng.integers(2, SIZE[1] - side - 2)), int(rng.integers(2, SIZE[0] - side - 2))
        cut = any(v - 3 < e < v + side + 3 for v in (x, y) for e in edges)
        if not cut and not image[y - 2 : y + side + 2, x - 2 : x + side + 2].any():
            image[y : y + side, x : x + side] = 255
            boxes.append((x, y, x + side, y + side))
    return image, np.array(sorted(boxes))


def detect(images: np.ndarray) -> list[np.ndarray]:
    """(N, H, W, C) -> for each the bright squares, as (n, 6) rows."""
    out = []
    for image in images:
        _, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8))
        out.append(np.float32([[x, y, x + w, y + h, 0.9, 0] for x, y, w, h, _ in stats[1:]]).reshape(-1, 6))
    return out


def sorted_boxes(boxes: np.ndarray) -> np.ndarray:
    return np.array(sorted(map(tuple, np.round(boxes).astype(int).tolist())))


GRID = {"slicer": {"type": "grid", "tile": TILE, "overlap": OVERLAP}, "merge": "nms", "scale": 1.0, "full": False}


def test_a_grid_has_the_tiles_and_the_boxes_of_sahi():
    slicing = pytest.importorskip("sahi.slicing")
    combine = pytest.importorskip("sahi.postprocess.combine")
    image, boxes = squares()
    ours = SlicedInference(**GRID)(image, detect)
    theirs = slicing.get_slice_bboxes(*SIZE, TILE, TILE, False, OVERLAP, OVERLAP)
    assert ours.tiles.astype(int).tolist() == theirs
    rows = []
    for x1, y1, x2, y2 in theirs:
        found = detect(image[None, y1:y2, x1:x2])[0]
        rows.append(found + np.float32([x1, y1, x1, y1, 0, 0]))
    joined = np.concatenate(rows)
    kept = combine.batched_nms(joined, "IOU", 0.6)
    assert np.array_equal(sorted_boxes(ours.rows[:, :4]), sorted_boxes(joined[np.asarray(kept, int), :4]))
    assert np.array_equal(sorted_boxes(ours.rows[:, :4]), boxes) and len(joined) > len(boxes)


def test_a_grid_finds_the_boxes_that_supervision_s_slicer_finds():
    supervision = pytest.importorskip("supervision")
    image, boxes = squares()
    seen = []

    def callback(tile: np.ndarray) -> object:
        seen.append(tile.shape[:2])
        rows = detect(tile[None])[0]
        return supervision.Detections(rows[:, :4], confidence=rows[:, 4], class_id=rows[:, 5].astype(int))

    slicer = supervision.InferenceSlicer(callback, TILE, int(TILE * OVERLAP), iou_threshold=0.6)
    theirs = slicer(image)
    ours = SlicedInference(**GRID)(image, detect)
    assert np.array_equal(sorted_boxes(ours.rows[:, :4]), sorted_boxes(theirs.xyxy)) and len(ours.rows) == len(boxes)
    assert len(ours.tiles) == len(seen)


@pytest.mark.parametrize("slicer", ["grid", "lsm", "auto"])
def test_a_detector_without_a_heat_map_finds_more_in_tiles_than_in_the_whole(slicer):
    image, boxes = squares()
    coarse_side = 256  # half size: squares of 4 px

    def blind(images: np.ndarray) -> list[np.ndarray]:
        """Sees squares below 6 px with a score of .1 and a box of half the side alone."""
        out = detect(images)
        for rows in out:
            small = rows[:, 2] - rows[:, 0] < 6
            rows[small, 4] = 0.1
            rows[small, 2:4] -= (rows[small, 2:4] - rows[small, :2]) / 2
        return out

    spec = {
        "lsm": {"type": "lsm", "k": 99, "top_k": 999, "min_area": 0, "threshold": 0.05},
        "auto": {"type": "auto", "threshold": 0.05},
    }
    sliced = SlicedInference(spec.get(slicer, slicer), scale=1.0)
    found = sliced(image, blind, imgsz=coarse_side)
    good = sorted_boxes(found.rows[found.rows[:, 4] > 0.2, :4])
    known = [box in good.tolist() for box in boxes.tolist()]
    assert all(known) or (slicer == "lsm" and sum(known) >= 38)  # the rectangle round a cluster may cut a neighbour
    assert len(good) <= len(boxes)
    assert sliced.stats.images == 1 and sliced.stats.tiles == len(found.tiles) > 0
    whole = SlicedInference("grid", scale=0.01)(image, blind, imgsz=coarse_side)
    assert not (whole.rows[:, 4] > 0.2).any()


def test_a_detector_of_one_input_size_is_shown_that_alone():
    image, boxes = squares()
    shapes = set()

    def fixed(images: np.ndarray) -> list[np.ndarray]:
        shapes.add(images.shape)
        return detect(images)

    found = SlicedInference("grid", "nms", scale=1.0)(image, TileBatcher(fixed, fixed=(128, 128)))
    assert shapes == {(1, 128, 128, 3)} and len(found.rows) >= len(boxes)


def test_parts_are_told_by_name_or_given_as_objects_and_wrong_ones_are_refused():
    for arguments, said in (
        ({"slicer": "grit"}, "unknown slicer 'grit'.*'grid'"),
        ({"merge": "sum"}, "unknown merge"),
        ({"scale": -1}, "infer.pixel_scale=-1 must be a number above 0"),
        ({"budget": "fast"}, "budget='fast'"),
        ({"slicer": "auto", "full": False}, "full=False goes with crops=grid"),
    ):
        with pytest.raises(InputError, match=said):
            SlicedInference(**arguments)
    kept = SlicedInference("grid", merge=lambda coarse, tiles, fine: fine[:1], scale=1.0)(squares()[0], detect)
    assert len(kept.rows) == 1


def test_slicing_needs_neither_torch_nor_ultralytics():
    code = (
        "import sys; sys.modules['torch'] = sys.modules['ultralytics'] = None\n"
        "import numpy as np\n"
        "from yolotiny.slicing import SlicedInference\n"
        "rows = [np.float32([[1, 1, 9, 9, .9, 0]])]\n"
        "image = np.zeros((300, 400, 3), np.uint8)\n"
        "for name in ('grid', 'lsm', 'auto'):\n"
        "    print(len(SlicedInference(name, scale=1.0)(image, lambda x: rows * len(x), 128).rows) > 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 3, done.stderr
