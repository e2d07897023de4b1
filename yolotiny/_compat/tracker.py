"""The seam of ByteTrack and its kin: which weak detection prolongs which track. Importing it needs the package lap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ultralytics.trackers.basetrack import TrackState

from .seams import seam


def seamed_tracker(base: type) -> type:
    """A tracker like `base` whose second association, of weak detections to tracks that are left, asks `match_weak`.

    Subclasses define `match_weak(tracks, detections) -> (pairs of indices, indices of tracks without a detection)`.

    Args:
        base: ultralytics' ByteTrack, or a tracker made from it.
    """

    @seam("_apply_matches")
    class Seamed(base):
        def match_weak(self, tracks: list[Any], detections: list[Any]) -> tuple[Any, Sequence[int]]:
            raise AssertionError("a tracker without match_weak")

        def _second_association(
            self,
            strack_pool: list[Any],
            u_track: Sequence[int],
            detections_second: list[Any],
            activated: list[Any],
            refind: list[Any],
            lost: list[Any],
        ) -> None:
            waiting = [strack_pool[i] for i in u_track if strack_pool[i].state == TrackState.Tracked]
            matches, left = self.match_weak(waiting, detections_second)
            self._apply_matches(matches, waiting, detections_second, activated, refind)
            for i in left:
                waiting[i].mark_lost()
                lost.append(waiting[i])

    return Seamed
