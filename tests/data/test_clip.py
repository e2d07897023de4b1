"""The generated clip: vehicles that go somewhere, each under one number, on the same roads in every frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolotiny.data.clip import SPEEDS, clip, write_clip
from yolotiny.errors import InputError


def test_vehicles_keep_their_number_and_move_at_their_speed():
    where, moves = {}, []
    for image, boxes, ids in clip(4, 128):
        assert image.shape == (128, 128, 3) and len(set(ids)) == len(ids)
        assert (boxes >= 0).all() and (boxes <= 128).all()
        for box, number in zip(boxes, ids, strict=True):
            centre = (box[:2] + box[2:]) / 2
            if number in where:
                moves.append(float(np.hypot(*(centre - where[number]))))
            where[number] = centre
    assert len(moves) > 5
    assert SPEEDS[0] * 0.9 <= min(moves) and max(moves) <= SPEEDS[1] * 1.1  # a bend shortens or lengthens a lane


def test_the_same_seed_gives_the_same_boxes():
    one, other, third = ([boxes for _, boxes, _ in clip(2, 128, seed)] for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, third, strict=True))


def test_a_clip_is_a_video_with_its_truth_beside_it(tmp_path):
    file = write_clip(tmp_path / "new" / "clip.mp4", 3, 128)
    video = cv2.VideoCapture(str(file))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 3
    rows = np.loadtxt(file.with_suffix(".txt"), delimiter=",", ndmin=2)
    assert rows.shape[1] == 9 and set(rows[:, 0]) == {1, 2, 3} and (rows[:, 4:6] > 0).all()


@pytest.mark.parametrize(
    ("name", "frames", "says"),
    [
        ("c.mp4", 0, "frames=0 must be a whole number from 1 up"),
        ("c.gif", 2, "written as .mp4 or .avi"),
        ("c.mp4", True, "frames=True must be a whole number from 1 up"),
    ],
)
def test_a_clip_that_cannot_be_is_one_line(tmp_path, name, frames, says):
    with pytest.raises(InputError, match=says):
        write_clip(tmp_path / name, frames)
