"""Trackers that compare boxes by NWD: an object of 8 px that moved 8 px has no overlap with where it was.

Imported only where something is tracked: ultralytics' trackers want the package lap at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from ultralytics.trackers.utils import matching

from .._compat.tracker import seamed_tracker
from ..boxes import area, pairwise_nwd

LOW = 0.5  # distance up to which a weak detection prolongs a track, as ByteTrack has it for IoU


def nwd_distance(tracks: list[Any], detections: list[Any], c: float | None = None) -> np.ndarray:
    """1 - NWD of every track with every detection.

    Args:
        tracks, detections: objects with `xyxy`, pixels of the frame.
        c: scale of NWD, pixels; None: the mean size (root of the area) of all these boxes.

    Returns:
        (T, D) float32, T tracks and D detections.
    Source: Xu et al. 2022 (ISPRS 190), Eq. 7.
    """
    if not tracks or not detections:
        return np.zeros((len(tracks), len(detections)), np.float32)
    a, b = (torch.tensor(np.array([x.xyxy for x in side]), dtype=torch.float32) for side in (tracks, detections))
    scale = c or max(float(area(torch.cat((a, b))).clamp(min=0).sqrt().mean()), 1.0)
    return (1 - pairwise_nwd(a, b, scale)).numpy()


@cache
def by_nwd(base: type) -> type:
    """ultralytics' ByteTrack or BoT-SORT with NWD wherever it takes IoU to tell whether a detection is of a track.

    Duplicates of a track, which lie on each other, are still found by IoU.
    """

    class ByNWD(seamed_tracker(base)):
        def get_dists(self, tracks: list[Any], detections: list[Any]) -> np.ndarray:
            dists = nwd_distance(tracks, detections, self.args.nwd_c)
            return matching.fuse_score(dists, detections) if self.args.fuse_score else dists

        def match_weak(self, tracks: list[Any], detections: list[Any]) -> tuple[Any, Sequence[int]]:
            dists = nwd_distance(tracks, detections, self.args.nwd_c)
            matches, left, _ = matching.linear_assignment(dists, thresh=LOW)
            return matches, left

    ByNWD.__name__ = f"{base.__name__}ByNWD"
    return ByNWD
