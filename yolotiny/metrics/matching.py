"""Which detection found which object: the greedy matching behind every figure, kept instead of summed up.

Best scores first; a detection takes the free object it overlaps most, at each threshold for itself. One that found no
object but lies in an ignore region, or overlaps an ignored object, is neither right nor wrong.

It is done once for all thresholds, size ranges and caps, without a loop over images. Every object would rather be found
by a better detection, so "in the order of scores, each the best that is left" is the one stable matching, and that is
reached as well by letting all detections ask at once: whoever meets a better one moves on to the next object.

Source: the COCO evaluator (Lin et al. 2014, pycocotools), with which it agrees match by match; Gale and Shapley 1962.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .pairs import AT_ONCE, Pairs, aligned_overlap, overlapping
from .scene import Scene

ALL = (0.0, 1e5**2)  # the size range of everything, square pixels
EXACT = 1 - 1e-10  # the highest threshold; an overlap of 1 may come out a little lower


@dataclass(frozen=True)
class Matches:
    """The detections of one class over all images, best scores first; T thresholds, N detections.

    Attributes:
        scores: (N,) scores.
        dets: (N,) indices into `Scene.dets`.
        gt: (T, N) index into `Scene.gts` of the object that was found, -1 where none was.
        skip: (T, N) True where a detection is neither right nor wrong.
        overlap: (T, N) IoU with the object that was found, 0 where none was.
        objects: (G,) indices into `Scene.gts` of the objects to be found.
    """

    scores: np.ndarray
    dets: np.ndarray
    gt: np.ndarray
    skip: np.ndarray
    overlap: np.ndarray
    objects: np.ndarray


@dataclass(frozen=True)
class Matching:
    """All detections matched at T thresholds for A size ranges; D detections, class by class, best scores first.

    Attributes:
        scene: ground truth and detections.
        ious: (T,) thresholds.
        ranges: A size ranges, square pixels, both bounds inside.
        order: (D,) indices into `Scene.dets`; equal scores keep the order of images.
        first: (C + 1,) where the detections of each class begin, and D.
        rank: (D,) place of a detection among those of its class and image, from 0.
        gt: (A, T, D) index into `Scene.gts` of the object that was found, -1 where none was.
        skip: (A, T, D) True where a detection is neither right nor wrong.
    """

    scene: Scene
    ious: np.ndarray
    ranges: Sequence[tuple[float, float]]
    order: np.ndarray
    first: np.ndarray
    rank: np.ndarray
    gt: np.ndarray
    skip: np.ndarray

    @classmethod
    def of(
        cls,
        scene: Scene,
        ious: Sequence[float],
        ranges: Sequence[tuple[float, float]] = (ALL,),
        max_det: int | None = None,
    ) -> Matching:
        """Match the detections of every class.

        Args:
            scene: ground truth and detections.
            ious: thresholds; an overlap equal to the threshold matches.
            ranges: size ranges; what lies outside one is neither right nor wrong in it.
            max_det: detections that count, per class and image; None for all.
        """
        order, grouped, rank = _ranked(scene, max_det)
        thresholds = np.minimum(np.asarray(ious, float), EXACT)
        pairs = overlapping(scene, order[grouped], thresholds.min())
        pairs = pairs._replace(det=grouped[pairs.det])
        # In the order of a detection's wishes; of equal overlaps the later object, as the COCO evaluator takes it.
        pairs = pairs.at(np.lexsort((-pairs.gt, -pairs.overlap, pairs.det)))
        shape = (len(ranges), len(thresholds), len(order))
        gt, skip = np.full(shape, -1, np.int32), np.empty(shape, bool)
        for a, ends in enumerate(ranges):
            _match_in_range(scene, order, pairs, thresholds, ends, (gt[a], skip[a]))
        first = np.searchsorted(scene.dets.label[order], np.arange(len(scene.names) + 1))
        return cls(scene, np.asarray(ious, float), ranges, order, first, rank, gt, skip)

    def objects(self, size: int = 0) -> np.ndarray:
        """(M,) True for the annotations that are to be found in a size range."""
        low, high = self.ranges[size]
        gts = self.scene.gts
        return ~gts.optional & (gts.area >= low) & (gts.area <= high)

    def at(self, *ious: float) -> list[Matches]:
        """The matches of each class at T thresholds, in the first size range; matched anew at one not done yet."""
        near = np.isclose(self.ious, np.reshape(ious, (-1, 1)))
        if not near.any(1).all():
            return Matching.of(self.scene, ious, self.ranges[:1]).at(*ious)
        here = near.argmax(1)
        gt, skip = self.gt[0, here], self.skip[0, here]
        dets, gts = self.scene.dets, self.scene.gts
        overlap = np.zeros(gt.shape)
        overlap[gt >= 0] = aligned_overlap(dets.box[self.order[np.nonzero(gt >= 0)[1]]], gts.box[gt[gt >= 0]])
        objects = self.objects()
        parts = [slice(a, b) for a, b in zip(self.first, self.first[1:], strict=False)]
        return [
            Matches(
                dets.score[self.order[part]],
                self.order[part],
                gt[:, part],
                skip[:, part],
                overlap[:, part],
                np.flatnonzero(objects & (gts.label == k)),
            )
            for k, part in enumerate(parts)
        ]


def _ranked(scene: Scene, max_det: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The D detections that count.

    Returns:
        (D,) indices into `Scene.dets` by class and score, of equal scores by image; (D,) places in these by image and
        class, best scores first; (D,) the rank of each of the first in its image and class.
    """
    dets = scene.dets
    order = _sorted(dets.image)
    order = order[np.argsort(-dets.score[order], kind="stable")]
    order = order[_sorted(dets.label[order])]
    key = dets.image[order].astype(np.int64) * len(scene.names) + dets.label[order]
    grouped, rank = _sorted(key), np.empty(len(order), int)
    begins = np.flatnonzero(np.diff(key[grouped], prepend=-1))
    rank[grouped] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    if max_det is not None and (rank >= max_det).any():
        kept = rank < max_det
        order, rank, grouped = order[kept], rank[kept], (kept.cumsum() - 1)[grouped[kept[grouped]]]
    return order, grouped, rank


def _sorted(numbers: np.ndarray) -> np.ndarray:
    """Indices that sort whole numbers from 0; equal ones keep their order. numpy counts those of 16 bits."""
    small = numbers.max(initial=0) < 1 << 16
    return np.argsort(numbers.astype(np.uint16) if small else numbers, kind="stable")


def _match_in_range(
    scene: Scene,
    order: np.ndarray,
    pairs: Pairs,
    thresholds: np.ndarray,
    ends: tuple[float, float],
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Fill `out`, (T, D) found and skipped, for a size range; `pairs` in the order of the detections' wishes."""
    found, skip = out
    (low, high), gts, area = ends, scene.gts, scene.dets.area[order]
    regions = np.ones(len(scene.regions.box), bool)
    ignored = np.concatenate((gts.crowd | (gts.area < low) | (gts.area > high), regions))
    shared = np.concatenate((gts.crowd, regions))  # excuses as many detections as there are
    if ignored[pairs.gt].any():  # a detection asks for those only when no other is left
        pairs = pairs.at(np.argsort(2 * pairs.det + ignored[pairs.gt], kind="stable"))
    t, d, g = len(thresholds), len(order), len(ignored)
    skip[:] = (area < low) | (area > high)
    step = min(max(AT_ONCE // max(len(pairs.det), 1), 1), t)
    for s in range(0, t, step):  # thresholds at once
        level, at = np.nonzero(pairs.overlap >= thresholds[s : s + step, None])
        wishes = _best_free(level * d + pairs.det[at], level * g + pairs.gt[at], shared[pairs.gt[at]], step * g)
        place, gt = (s + level[wishes], pairs.det[at][wishes]), pairs.gt[at][wishes]
        found[place] = np.where(ignored[gt], -1, gt)
        skip[place] = ignored[gt]


def _best_free(det: np.ndarray, gt: np.ndarray, shared: np.ndarray, objects: int) -> np.ndarray:
    """Give each detection the first of its wishes that no detection of a lower number gets.

    Args:
        det: (P,) detections, ascending, best first.
        gt: (P,) the object of each wish.
        shared: (P,) True for an object that any number may have.
        objects: how many objects there are.

    Returns:
        indices of the wishes that come true, at most one a detection.
    """
    at = np.flatnonzero(np.diff(det, prepend=-1))  # the wish that each of n detections is at
    end, n = np.append(at[1:], len(det)), len(at)
    holder = np.full(objects, n)
    asking = np.arange(n)
    while len(asking):
        alone = asking[~shared[at[asking]]]
        wanted = gt[at[alone]]
        before = holder[wanted]
        holder[wanted[::-1]] = alone[::-1]  # of several that ask, the best is written last
        holder[wanted] = np.minimum(holder[wanted], before)
        gets = holder[wanted] == alone
        turned_out = before[gets & (before < n)]
        asking = np.sort(np.concatenate((alone[~gets], turned_out)))
        at[asking] += 1
        asking = asking[at[asking] < end[asking]]
    return at[at < end]
