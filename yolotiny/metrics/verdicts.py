"""What became of every detection and every object once a confidence is chosen.

Source: the kinds of error are those of TIDE (Bolya et al. 2020), in its order: a false alarm is the first that fits.
What TIDE calls "both" (it overlaps an object of another class, but too little) is background here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask

from .inputs import Scene
from .matching import Matches

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
    kind, gt = np.full(len(scene.dets), -1), np.full(len(scene.dets), -1)
    objects, found = np.zeros(len(scene.gts), bool), np.zeros(len(scene.gts), bool)
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
    for dets, there in _by_image(scene, false, objects):
        overlap = mask.iou(
            np.array([scene.dets[i]["bbox"] for i in dets], float),
            np.array([scene.gts[i]["bbox"] for i in there], float),
            [0] * len(there),
        )
        label = np.array([scene.dets[i]["category_id"] for i in dets])
        same = label[:, None] == np.array([scene.gts[i]["category_id"] for i in there])
        own, other = np.where(same, overlap, 0), np.where(same, 0, overlap)
        fits = [(own.max(1) >= NEAR) & (own.max(1) < IOU), other.max(1) >= IOU, own.max(1) >= IOU]
        kind[dets] = np.select(fits, [LOCALISATION, CLASS, DUPLICATE], BACKGROUND)
        best = np.select(fits, [own.argmax(1), other.argmax(1), own.argmax(1)], -1)
        gt[dets] = np.where(best >= 0, there[best], -1)


def _by_image(scene: Scene, dets: np.ndarray, objects: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Detections and objects of each image that has both."""
    of_det = np.array([scene.dets[i]["image_id"] for i in dets], int)
    of_gt = np.array([scene.gts[i]["image_id"] for i in objects], int)
    order, by = np.argsort(of_det, kind="stable"), np.argsort(of_gt, kind="stable")
    images = np.intersect1d(of_det, of_gt)
    spans = [
        (np.searchsorted(sorted_ids, images), np.searchsorted(sorted_ids, images, side="right"))
        for sorted_ids in (of_det[order], of_gt[by])
    ]
    (d0, d1), (g0, g1) = spans
    return [(dets[order[a:b]], objects[by[c:d]]) for a, b, c, d in zip(d0, d1, g0, g1, strict=True)]
