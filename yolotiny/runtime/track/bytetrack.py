"""ByteTrack: strong detections find their tracks first, weak ones prolong those that are left.

Source: Zhang et al. 2022 (ByteTrack, arXiv 2110.06864), with the order of steps of ultralytics' tracker, so that the
same detections get the same numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import count

import numpy as np

from ...errors import InputError
from . import kalman
from .distances import iou_distance, nwd_distance, with_scores
from .settings import TrackSettings

WEAK, UNCONFIRMED = 0.5, 0.7  # distances up to which weak detections, and tracks of one frame, find each other
DUPLICATE = 0.15  # distance by IoU below which two tracks are of one object
REMEMBERED = 1000  # tracks that were given up
TRACKED, LOST, REMOVED = range(3)


class Track:
    """An object, or a detection that may become one.

    Args:
        ltwh: (4,) left, top, width, height, pixels.
        score, label, index: of the detection; the last is its row in the frame.

    Attributes:
        number: of the object, from 1 up; 0 for a mere detection.
        score, label, index: of its newest detection.
        state: TRACKED, LOST or REMOVED.
        confirmed: whether it was seen twice, or in the first frame.
        first, last: frames in which it was seen.
    """

    def __init__(self, ltwh: np.ndarray, score: np.float32, label: np.float32, index: int):
        self.ltwh, self.score, self.label, self.index = ltwh, score, label, index
        self.mean: np.ndarray | None = None
        self.covariance: np.ndarray | None = None
        self.number, self.state, self.confirmed = 0, TRACKED, False
        self.first = self.last = 0

    @property
    def xyah(self) -> np.ndarray:
        """(4,) centre x, centre y, aspect ratio, height, as it was detected."""
        x, y, w, h = self.ltwh
        return np.array([x + w / 2, y + h / 2, w / h, h], self.ltwh.dtype)

    @property
    def xyxy(self) -> np.ndarray:
        """(4,) pixels: where the motion puts it, or as it was detected."""
        if self.mean is None:
            x, y, w, h = self.ltwh
            return np.array([x, y, x + w, y + h], self.ltwh.dtype)
        x, y, aspect, h = self.mean[:4]
        x, y, w = x - aspect * h / 2, y - h / 2, aspect * h
        return np.array([x, y, x + w, y + h])

    def begin(self, number: int, frame: int) -> None:
        """Become a track."""
        self.number, self.first, self.last = number, frame, frame
        self.mean, self.covariance = kalman.begin(self.xyah)
        self.confirmed = frame == 1

    def take(self, seen: Track, frame: int) -> None:
        """Go on with a detection."""
        assert self.mean is not None and self.covariance is not None
        self.mean, self.covariance = kalman.correct(self.mean, self.covariance, seen.xyah)
        self.score, self.label, self.index = seen.score, seen.label, seen.index
        self.state, self.confirmed, self.last = TRACKED, True, frame


class ByteTrack:
    """Follows boxes from frame to frame.

    Args:
        settings: see `TrackSettings`.

    Attributes:
        frame: how many were seen since the start.

    Raises:
        InputError: the package that solves assignments is not installed.
    """

    def __init__(self, settings: TrackSettings):
        try:
            import lap
        except ImportError:
            raise InputError("tracking needs the package lap: pip install 'lap>=0.5.12'") from None
        self.settings, self.solve = settings, lap.lapjv
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, before another video; numbers begin at 1 again."""
        self.tracked: list[Track] = []
        self.lost: list[Track] = []
        self.removed: deque[int] = deque(maxlen=REMEMBERED)
        self.numbers = count(1)
        self.frame = 0

    def update(self, rows: np.ndarray) -> np.ndarray:
        """The detections of the next frame.

        Args:
            rows: (n, 6) xyxy in pixels, score, class.

        Returns:
            (m, 8) float32 xyxy, number of the track, score, class, row it was detected in; of the tracks in this frame.
        """
        self.frame += 1
        strong, weak = self._detections(rows)
        unconfirmed = [t for t in self.tracked if not t.confirmed]
        pool = _joined([t for t in self.tracked if t.confirmed], self.lost)
        _move(pool)
        active: list[Track] = []
        found: list[Track] = []
        pairs, left, new = self._assigned(self._distances(pool, strong), self.settings.match_thresh)
        self._apply(pairs, pool, strong, active, found)
        waiting = [pool[i] for i in left if pool[i].state == TRACKED]
        pairs, left, _ = self._assigned(self._overlaps(waiting, weak), WEAK)
        self._apply(pairs, waiting, weak, active, found)
        gone = [waiting[i] for i in left]
        for track in gone:
            track.state = LOST
        given_up = self._unconfirmed(unconfirmed, [strong[i] for i in new], active)
        for track in self.lost:
            if self.frame - track.last > self.settings.track_buffer:
                track.state = REMOVED
                given_up.append(track)
        self._sort(active, found, gone, given_up)
        table = [(*t.xyxy, t.number, t.score, t.label, t.index) for t in self.tracked if t.confirmed]
        return np.array(table, np.float32).reshape(-1, 8)

    def _detections(self, rows: np.ndarray) -> tuple[list[Track], list[Track]]:
        """Strong and weak detections; those without an area are none."""
        rows = np.asarray(rows, np.float32)
        sides = rows[:, 2:4] - rows[:, :2]
        centres = (rows[:, :2] + rows[:, 2:4]) / 2
        ltwh = np.concatenate((centres.astype(float) - sides.astype(float) / 2, sides), 1).astype(np.float32)
        s, there = rows[:, 4], (sides > 0).all(1)
        low, high = self.settings.track_low_thresh, self.settings.track_high_thresh
        groups = there & (s >= high), there & (s > low) & (s < high)
        strong, weak = ([Track(ltwh[i], s[i], rows[i, 5], i) for i in np.flatnonzero(g).tolist()] for g in groups)
        return strong, weak

    def _overlaps(self, tracks: Sequence[Track], seen: Sequence[Track]) -> np.ndarray:
        """(T, D) distances of boxes alone."""
        a, b = (np.array([t.xyxy for t in side], np.float32).reshape(-1, 4) for side in (tracks, seen))
        return iou_distance(a, b) if self.settings.match == "iou" else nwd_distance(a, b, self.settings.nwd_c)

    def _distances(self, tracks: Sequence[Track], seen: Sequence[Track]) -> np.ndarray:
        """(T, D) distances, with the scores of the detections where that is set."""
        away = self._overlaps(tracks, seen)
        return with_scores(away, np.array([d.score for d in seen])) if self.settings.fuse_score else away

    def _assigned(self, away: np.ndarray, most: float) -> tuple[list[tuple[int, int]], list[int], list[int]]:
        """Pairs of least total distance, none above `most`; tracks and detections that are left."""
        if not away.size:
            return [], list(range(away.shape[0])), list(range(away.shape[1]))
        _, x, y = self.solve(away, extend_cost=True, cost_limit=most)
        pairs = [(i, j) for i, j in enumerate(x.tolist()) if j >= 0]
        return pairs, np.flatnonzero(x < 0).tolist(), np.flatnonzero(y < 0).tolist()

    def _apply(
        self,
        pairs: Sequence[tuple[int, int]],
        tracks: Sequence[Track],
        seen: Sequence[Track],
        active: list[Track],
        found: list[Track],
    ) -> None:
        """Tracks go on with their detections: to `active`, or to `found` where they were lost."""
        for i, j in pairs:
            (active if tracks[i].state == TRACKED else found).append(tracks[i])
            tracks[i].take(seen[j], self.frame)

    def _unconfirmed(self, tracks: Sequence[Track], seen: list[Track], active: list[Track]) -> list[Track]:
        """Tracks of one frame are confirmed or given up, and strong detections that are left begin new ones.

        Returns:
            those given up.
        """
        pairs, left, new = self._assigned(self._distances(tracks, seen), UNCONFIRMED)
        self._apply(pairs, tracks, seen, active, active)
        for i in left:
            tracks[i].state = REMOVED
        for j in new:
            if seen[j].score >= self.settings.new_track_thresh:
                seen[j].begin(next(self.numbers), self.frame)
                active.append(seen[j])
        return [tracks[i] for i in left]

    def _sort(self, active: list[Track], found: list[Track], gone: list[Track], given_up: list[Track]) -> None:
        """Which tracks are there, which are lost, after a frame."""
        here = _joined(_joined([t for t in self.tracked if t.state == TRACKED], active), found)
        numbers = {t.number for t in here}
        lost = [t for t in self.lost if t.number not in numbers] + gone
        lost = [t for t in lost if t.number not in set(self.removed)]
        away = iou_distance(*(np.array([t.xyxy for t in side], np.float32).reshape(-1, 4) for side in (here, lost)))
        no_more: set[int] = set()
        for i, j in zip(*np.nonzero(away < DUPLICATE), strict=True):
            longer = here[i].last - here[i].first > lost[j].last - lost[j].first
            no_more.add(id(lost[j] if longer else here[i]))
        self.tracked = [t for t in here if id(t) not in no_more]
        self.lost = [t for t in lost if id(t) not in no_more]
        self.removed.extend(t.number for t in given_up)


def _joined(a: list[Track], b: list[Track]) -> list[Track]:
    """Both lists; a track that is in both comes once."""
    numbers = {t.number for t in a}
    return a + [t for t in b if t.number not in numbers]


def _move(tracks: Sequence[Track]) -> None:
    """Put tracks where their motion has them one frame later; the height of a lost one stays."""
    if not tracks:
        return
    means = np.array([t.mean for t in tracks])
    means[[t.state != TRACKED for t in tracks], 7] = 0
    for track, mean, covariance in zip(
        tracks, *kalman.predict(means, np.array([t.covariance for t in tracks])), strict=True
    ):
        track.mean, track.covariance = mean, covariance
