"""ByteTrack in numpy: the numbers that ultralytics' tracker gives, in crowds, with gaps, weak and false detections."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ultralytics.engine.results import Boxes

from yolotiny.errors import InputError
from yolotiny.runtime.track import PRESETS, ByteTrack, TrackSettings, read_settings, tracker_of
from yolotiny.runtime.track.distances import iou_distance, nwd_distance
from yolotiny.track.config import make_tracker, read_tracker
from yolotiny.track.nwd import nwd_distance as in_torch


def flight(seed: int, frames: int = 60, objects: int = 60, most: int = 8) -> list[np.ndarray]:
    """Frames of (n, 6) rows: objects of 6 to 18 px that move, some unseen, some weak, some false, one without area."""
    r = np.random.default_rng(seed)
    place, speed = r.uniform(0, 400, (objects, 2)), r.uniform(-most, most, (objects, 2))
    size = r.uniform(6, 18, (objects, 2))
    out = []
    for _ in range(frames):
        place = place + speed
        seen = r.random(objects) > 0.15
        middle = place[seen] + r.normal(0, 0.6, (seen.sum(), 2))
        boxes = np.concatenate((middle - size[seen] / 2, middle + size[seen] / 2), 1)
        false = r.uniform(0, 400, (5, 2))
        boxes = np.concatenate((boxes, np.concatenate((false, false + 9), 1), [[5, 5, 5, 9]]))
        rest = np.stack((r.uniform(0.05, 0.95, len(boxes)), r.integers(0, 3, len(boxes))), 1)
        out.append(np.concatenate((boxes, rest), 1).astype(np.float32))
    out[10] = out[10][:0]
    return out


@pytest.mark.parametrize("name", ["bytetrack", "bytetrack-nwd"])
@pytest.mark.parametrize("changes", [{}, {"track_buffer": 3, "new_track_thresh": 0.5}, {"match_thresh": 0.6}])
def test_the_same_detections_get_the_same_numbers_as_from_ultralytics(name, changes):
    theirs = make_tracker(read_tracker(name, changes), "cpu")
    ours = ByteTrack(TrackSettings(**(vars(PRESETS[name]) | changes)))
    seen = set()
    for rows in flight(3):
        boxes = Boxes(torch.from_numpy(rows), (480, 480)).cpu().numpy()
        wanted, got = theirs.update(boxes), ours.update(rows)
        wanted = np.asarray(wanted, np.float32).reshape(-1, 8)
        np.testing.assert_array_equal(got[:, 4:], wanted[:, 4:])
        np.testing.assert_allclose(got[:, :4], wanted[:, :4], atol=1e-3)
        seen |= set(got[:, 4].tolist())
    assert len(seen) > 60
    ours.reset()
    assert ours.update(flight(3)[0])[0, 4] == 1


@pytest.mark.parametrize("name", ["bytetrack", "bytetrack-nwd"])
def test_a_preset_is_what_the_file_of_that_name_says(name):
    said = read_tracker(name)
    assert vars(PRESETS[name]) == {k: v for k, v in said.items() if k != "tracker_type"}


def test_distances_are_those_of_the_full_package():
    r = np.random.default_rng(0)
    a, b = (
        np.concatenate((p, p + r.uniform(1, 20, (n, 2))), 1) for n, p in ((n, r.uniform(0, 50, (n, 2))) for n in (7, 5))
    )
    a, b = a.astype(np.float32), b.astype(np.float32)
    boxes = [[type("B", (), {"xyxy": x})() for x in side] for side in (a, b)]
    for c in (None, 12.7):
        np.testing.assert_allclose(nwd_distance(a, b, c), in_torch(*boxes, c), atol=1e-5)
    assert iou_distance(a[:1], a[:1])[0, 0] == pytest.approx(0, abs=1e-6)
    assert iou_distance(a[:0], b).shape == nwd_distance(a, b[:0]).shape[::-1] or nwd_distance(a[:0], b).shape == (0, 5)


def test_nothing_in_any_frame_is_no_track():
    assert ByteTrack(PRESETS["bytetrack-nwd"]).update(np.zeros((0, 6))).shape == (0, 8)


def test_a_file_or_a_mapping_changes_settings_and_a_tracker_goes_on(tmp_path):
    (tmp_path / "own.yaml").write_text("tracker_type: bytetrack\nmatch: nwd\nnwd_c: 9.5\n")
    assert read_settings(tmp_path / "own.yaml") == TrackSettings(match="nwd", nwd_c=9.5)
    assert read_settings({"track_buffer": 5}).track_buffer == 5 and tracker_of(False) is None
    tracker = tracker_of(True)
    assert tracker.settings.match == "nwd" and tracker_of(tracker) is tracker


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("botsort.yaml", "botsort needs more than boxes and is not in the runtime; take bytetrack or bytetrack-nwd"),
        ("bytetrak", "unknown tracker 'bytetrak'; did you mean 'bytetrack'"),
        ({"tracker_type": "ocsort"}, "tracker: ocsort needs more than boxes"),
        ({"track_bufer": 3}, "tracker: bytetrack has no setting 'track_bufer'; did you mean 'track_buffer'"),
        ({"match": "giou"}, "match must be iou or nwd"),
        ({"nwd_c": 3}, "nwd_c= is read with match=nwd only"),
        ({"fuse_score": 1}, "fuse_score=1 must be True or False"),
        ({"track_buffer": "30"}, "track_buffer='30' must be a number"),
    ],
)
def test_what_cannot_be_is_one_line(source, message):
    with pytest.raises(InputError, match="^" + message.replace(".", r"\.")):
        read_settings(source)
