"""The ground truth of one image: as it is scored, as it is hashed, and with all classes joined."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.metrics import GroundTruth, Picture, data_hash, evaluate_arrays, from_arrays
from yolotiny.metrics.fingerprint import scene_hash

NAMES = ["car", "bus"]
KNOWN = GroundTruth(
    boxes=np.array([[0.0, 0, 8, 8], [20, 20, 30, 28]]),
    labels=np.array([0, 1]),
    ignore=np.array([[40.0, 40, 60, 60], [70, 0, 90, 10]]),
    ignore_labels=np.array([-1, 1]),
    picture=Picture("a.png", 100, 80),
)


def test_beside_detections_it_is_scored_with_its_regions():
    found = np.concatenate((KNOWN.boxes, [[42.0, 42, 50, 50], [72, 2, 80, 8]]))  # the last two lie in regions
    image = KNOWN.beside(found, [0.9, 0.8, 0.95, 0.95], [0, 1, 0, 1])
    assert evaluate_arrays([image], NAMES, "coco")["AP"] == pytest.approx(1.0)
    bare = GroundTruth(KNOWN.boxes, KNOWN.labels, KNOWN.ignore[:0], KNOWN.ignore_labels[:0])
    assert evaluate_arrays([bare.beside(*image[3:])], NAMES, "coco")["AP"] < 1.0


def test_its_hash_is_that_of_the_scene_it_is_scored_in():
    scene = from_arrays([KNOWN.beside([], [], [])], NAMES, [KNOWN.picture])
    assert data_hash(NAMES, [KNOWN.hashed()]) == scene_hash(scene)


def test_of_one_class_regions_of_every_class_and_of_no_object_stay_so():
    joined = GroundTruth(KNOWN.boxes, KNOWN.labels, KNOWN.ignore, np.array([-2, 1])).of_one_class()
    assert joined.labels.tolist() == [0, 0] and joined.ignore_labels.tolist() == [-2, 0]
