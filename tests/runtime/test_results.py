"""What was found, as JSON, label files and drawings: the rows of the full package."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results

from yolotiny.runtime.results import Detections, paint

ROWS = np.array([[4, 6, 12, 20, 0.9, 1], [40, 30, 52, 41, 0.4, 0]], np.float32)


def found(**changes) -> Detections:
    told = {"path": "a/0042.jpg", "image": np.zeros((60, 80, 3), np.uint8), "names": {0: "car", 1: "van"}, "rows": ROWS}
    return Detections(**told | changes)


def test_json_has_the_rows_of_coco_with_frame_and_track():
    first = found().to_json()[0]
    assert first == {
        "image_id": 42,
        "file_name": "0042.jpg",
        "category_id": 2,
        "bbox": [4.0, 6.0, 8.0, 14.0],
        "score": 0.9,
    }
    tracked = found(frame=3, ids=np.array([7, 8])).to_json()
    assert [(row["frame"], row["track_id"]) for row in tracked] == [(3, 7), (3, 8)]
    assert found(rows=ROWS[:0]).to_json() == []


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("ids", [None, np.array([7, 8])])
def test_label_files_are_those_of_ultralytics(tmp_path, scores, ids):
    table = ROWS if ids is None else np.insert(ROWS, 4, ids, 1)
    Results(np.zeros((60, 80, 3), np.uint8), "a.jpg", {0: "car", 1: "van"}, boxes=torch.from_numpy(table)).save_txt(
        tmp_path / "a.txt", save_conf=scores
    )
    assert found(ids=ids).to_txt(scores).split() == (tmp_path / "a.txt").read_text().split()


def test_boxes_are_drawn_on_a_copy_round_what_they_hold_with_their_crops():
    made = found(crops=np.array([[0, 0, 30, 30]], np.float32))
    image = made.draw()
    assert image.shape == (60, 80, 3) and not made.image.any()
    assert image[5, 5].tolist() == list(paint(1)) and not image[7:19, 5:11].any()
    assert image[0, 20].tolist() == [0, 255, 255] and paint(0) != paint(1)


def test_large_objects_have_labels_tracks_numbers_and_one_band_becomes_grey():
    large = np.array([[10, 20, 70, 55, 0.9, 0]], np.float32)
    plain, tracked = found(rows=large).draw(), found(rows=large, ids=np.array([3])).draw()
    assert (plain != tracked).any()
    assert found(image=np.zeros((60, 80, 1), np.uint8)).draw().shape == (60, 80, 3)
    assert found(image=np.zeros((60, 80, 5), np.uint8)).draw().shape == (60, 80, 3)
    assert len(found()) == 2 and found().counts() == {"car": 1, "van": 1}


def test_a_notebook_shows_the_drawing_small_enough_for_a_file_and_large_enough_for_eyes():
    formatters = pytest.importorskip("IPython.core.formatters", reason="needs IPython: pip install ipykernel")
    data, how = formatters.DisplayFormatter().format(found())
    assert data["text/plain"] == "0042.jpg: 1 car, 1 van" and how["image/jpeg"] == {"width": 640}
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data["image/jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (60, 80, 3) and picture.any()
    wide = found(image=np.zeros((500, 4096, 5), np.uint8), rows=ROWS[:0])._repr_mimebundle_()
    shrunk = cv2.imdecode(np.frombuffer(base64.b64decode(wide[0]["image/jpeg"]), np.uint8), cv2.IMREAD_COLOR)
    assert shrunk.shape == (125, 1024, 3) and wide[1]["image/jpeg"] == {"width": 1024}
    assert wide[0]["text/plain"] == "0042.jpg: (no detections)"
