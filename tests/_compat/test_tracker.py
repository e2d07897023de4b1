"""Weak detections are matched to the tracks that are left by way of the seam of the trackers."""

import numpy as np
import pytest
from ultralytics.engine.results import Boxes
from ultralytics.trackers.bot_sort import BOTSORT
from ultralytics.trackers.byte_tracker import BYTETracker
from ultralytics.utils import IterableSimpleNamespace

from yolotiny._compat.tracker import seamed_tracker
from yolotiny.track.config import read_tracker


def frame(*rows):
    return Boxes(np.array(rows, np.float32).reshape(-1, 6), (100, 100))


@pytest.mark.parametrize(("base", "name"), [(BYTETracker, "bytetrack.yaml"), (BOTSORT, "botsort.yaml")])
@pytest.mark.parametrize("prolonged", [True, False])
def test_weak_detections_and_the_tracks_left_are_matched_once_a_frame(base, name, prolonged):
    seen = []

    class Recorded(seamed_tracker(base)):
        def match_weak(self, tracks, detections):
            seen.append((len(tracks), len(detections)))
            pairs = [(0, 0)] if prolonged and tracks else []
            return pairs, [i for i in range(len(tracks)) if (i, 0) not in pairs]

    settings = read_tracker(name, {"gmc_method": "none"} if base is BOTSORT else {})
    tracker = Recorded(args=IterableSimpleNamespace(**settings, device="cpu"))
    picture = np.zeros((100, 100, 3), np.uint8)
    strong, weak = [10, 10, 20, 20, 0.9, 0], [60, 60, 70, 70, 0.2, 0]
    first = tracker.update(frame(strong), picture)
    second = tracker.update(frame(weak), picture)
    assert len(first) == 1 and seen == [(0, 0), (1, 1)]
    assert len(second) == prolonged  # the same track, at its new place
    assert len(tracker.lost_stracks) == (not prolonged)
