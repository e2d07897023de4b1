"""What became of every detection and every object once a confidence is chosen.

Source: the kinds of error are those of TIDE (Bolya et al. 2020), in its order: a false alarm is the first that fits.
What TIDE calls "both" (it overlaps an object of another class, but too little) is background here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .matching import Matches
from .pairs import Pairs, pairs_within
from .scene import Scene, rows_at

IOU = 0.5  # from here on an object is found
NEAR = 0.1  # from here on a detection has to do with an object
KINDS = ("hit", "localisation", "class", "duplicate", "background")
HIT, LOCALISATION, CLASS, DUPLICATE, BACKGROUND = range(len(KINDS))


@dataclass(frozen=True)
class Verdicts:
    """D detections and G objects of a scene, by their place in `Scene.dets` and `Scene.gts`.

    Attributes:
        kind: (D,) index into `KINDS`; -1 for a detection that does not count: scored too low, beyond the cap, in an
            ignore region, or of a class without objects.
        gt: (D,) the object concerned: found, poorly boxed, taken for another class, or found already; -1 for none.
        objects: (G,) True for an object that is to be found.
        found: (G,) True for one that was.
    """

    kind: np.ndarray
    gt: np.ndarray
    objects: np.ndarray
    found: np.ndarray


def judge(scene: Scene, matches: Sequence[Matches], confidences: Sequence[float | None]) -> Verdicts:
    """Give every detection and object its verdict.

    Args:
        scene: ground truth and detections.
        matches: per class, matched at the one threshold `IOU`.
        confidences: per class, the least score that counts; None where no detection does.

    A false alarm is "localisation" where it overlaps an object of its class by 0.1 to 0.5, "class" where it overlaps
    one of another class by 0.5 or more, "duplicate" where the object of its class that it overlaps by 0.5 or more is
    taken by a better one, and "background" otherwise.
    """
    kind, gt = np.full(len(scene.dets.area), -1), np.full(len(scene.dets.area), -1)
    objects, found = np.zeros(len(scene.gts.area), bool), np.zeros(len(scene.gts.area), bool)
    for of_class, confidence in zip(matches, confidences, strict=True):
        objects[of_class.objects] = True
        if confidence is None:
            continue
        counts = (of_class.scores >= confidence) & ~of_class.skip[0]
        dets, hit = of_class.dets[counts], of_class.gt[0][counts]
        gt[dets] = hit
        kind[dets] = np.where(hit >= 0, HIT, BACKGROUND)
        found[hit[hit >= 0]] = True
    _name_false_alarms(scene, kind, gt, np.flatnonzero(objects))
    return Verdicts(kind, gt, objects, found)


def _name_false_alarms(scene: Scene, kind: np.ndarray, gt: np.ndarray, objects: np.ndarray) -> None:
    """Replace "background" by the kind that fits first, and note the object concerned."""
    false = np.flatnonzero(kind == BACKGROUND)
    dets, gts = rows_at(scene.dets, false), rows_at(scene.gts, objects)
    pairs = pairs_within(dets.box, dets.image, gts.box, gts.image, NEAR)
    same = dets.label[pairs.det] == gts.label[pairs.gt]
    (own, own_gt), (other, other_gt) = (_best(pairs.at(np.flatnonzero(w)), len(false)) for w in (same, ~same))
    fits = [(own >= NEAR) & (own < IOU), other >= IOU, own >= IOU]
    kind[false] = np.select(fits, [LOCALISATION, CLASS, DUPLICATE], BACKGROUND)
    best = np.select(fits, [own_gt, other_gt, own_gt], -1)
    gt[false] = np.where(best >= 0, objects[best], -1) if len(objects) else -1


def _best(pairs: Pairs, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the largest overlap of each detection, and (n,) with which object; of equal ones the first."""
    order = np.lexsort((-pairs.gt, pairs.overlap, pairs.det))  # what is written last stays
    overlap, gt = np.zeros(n), np.full(n, -1)
    overlap[pairs.det[order]], gt[pairs.det[order]] = pairs.overlap[order], pairs.gt[order]
    return overlap, gt
