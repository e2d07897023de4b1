"""Which detection found which object: the greedy matching behind every figure, kept instead of summed up.

Best scores first; a detection takes the free object it overlaps most, at each threshold for itself. One that found no
object but lies in an ignore region, or overlaps an ignored object, is neither right nor wrong. The rule is that of the
COCO evaluator (Lin et al. 2014), so figures built on it agree with those of `CocoProtocol`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask

from .inputs import Scene


@dataclass(frozen=True)
class Matches:
    """The detections of one class over all images, best scores first; T thresholds, N detections.

    Attributes:
        scores: (N,) scores.
        dets: (N,) indices into `Scene.dets`.
        gt: (T, N) index into `Scene.gts` of the object that was found, -1 where none was.
        skip: (T, N) True where a detection is neither right nor wrong.
        overlap: (T, N) IoU with the object that was found, 0 where none was.
        objects: indices into `Scene.gts` of the objects to be found.
    """

    scores: np.ndarray
    dets: np.ndarray
    gt: np.ndarray
    skip: np.ndarray
    overlap: np.ndarray
    objects: np.ndarray


def match(scene: Scene, ious: Sequence[float], max_det: int | None = None) -> list[Matches]:
    """Match the detections of every class.

    Args:
        scene: ground truth and detections.
        ious: T matching thresholds; an overlap equal to the threshold matches.
        max_det: detections that count, per class and image; None for all.

    Returns:
        a `Matches` for each of `scene.names`.
    """
    truth, found, regions = _grouped(scene.gts), _grouped(scene.dets), defaultdict(list)
    for image, box in scene.regions:
        regions[image].append(box)
    thresholds = np.minimum(np.asarray(ious, float), 1 - 1e-10)
    out = []
    for k in range(1, len(scene.names) + 1):
        parts = []
        for image in range(1, scene.images + 1):
            dets = found.get((image, k))
            if not dets:
                continue
            scores = np.array([scene.dets[i]["score"] for i in dets])
            order = np.argsort(-scores, kind="stable")[:max_det]
            boxes = np.array([scene.dets[dets[i]]["bbox"] for i in order], float).reshape(-1, 4)
            rows = truth.get((image, k), [])
            gt, skip, overlap = _one(scene, boxes, rows, regions[image], thresholds)
            parts.append((scores[order], np.array(dets)[order], gt, skip, overlap))
        objects = [i for i, g in enumerate(scene.gts) if g["category_id"] == k and not _ignored(g)]
        out.append(_joined(parts, len(thresholds), np.array(objects, int)))
    return out


def _grouped(rows: list[dict]) -> dict[tuple[int, int], list[int]]:
    """Indices of rows by image and class."""
    out: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        out[row["image_id"], row["category_id"]].append(i)
    return out


def _ignored(gt: dict) -> bool:
    return bool(gt["iscrowd"]) or gt["area"] < 0


def _one(
    scene: Scene, boxes: np.ndarray, rows: list[int], regions: list, thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One image and class: (T, N) found object, skipped, overlap; `boxes` (N, 4) xywh in order of scores."""
    t, n = len(thresholds), len(boxes)
    gt, skip, overlap = np.full((t, n), -1), np.zeros((t, n), bool), np.zeros((t, n))
    crowds = [scene.gts[i]["bbox"] for i in rows if scene.gts[i]["iscrowd"]] + regions
    if crowds:
        inside = _overlaps(boxes, np.array(crowds, float), True).max(1)
        skip |= inside[None] >= thresholds[:, None]
    # Objects to be found, and objects that may be found or missed, come one after the other.
    for ignored in (False, True):
        those = [i for i in rows if not scene.gts[i]["iscrowd"] and _ignored(scene.gts[i]) == ignored]
        if not those:
            continue
        table = _overlaps(boxes, np.array([scene.gts[i]["bbox"] for i in those], float), False)
        free = np.ones((t, len(those)), bool)
        for d in np.flatnonzero(table.max(1) >= thresholds.min()):
            value = np.where(free, table[d], -1.0)
            best = len(those) - 1 - value[:, ::-1].argmax(1)  # the last of equals, as the COCO evaluator takes it
            top = value[np.arange(t), best]
            hit = (top >= thresholds) & (gt[:, d] < 0)
            if ignored:
                hit &= ~skip[:, d]
                skip[hit, d] = True
            else:
                gt[hit, d], overlap[hit, d] = np.array(those)[best[hit]], top[hit]
            free[hit, best[hit]] = False
    skip &= gt < 0
    return gt, skip, overlap


def _overlaps(boxes: np.ndarray, others: np.ndarray, crowd: bool) -> np.ndarray:
    """(N, 4), (M, 4) xywh -> (N, M) IoU, or for `crowd` the share of the first that lies in the second."""
    return np.asarray(mask.iou(boxes, others, [int(crowd)] * len(others))).reshape(len(boxes), len(others))


def _joined(parts: list[tuple], t: int, objects: np.ndarray) -> Matches:
    """One class over all images, in order of scores; equal scores keep the order of images."""
    if not parts:
        empty = np.zeros((t, 0))
        return Matches(np.zeros(0), np.zeros(0, int), empty.astype(int), empty.astype(bool), empty, objects)
    scores, dets, gt, skip, overlap = (np.concatenate(x, -1) for x in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    return Matches(scores[order], dets[order], gt[:, order], skip[:, order], overlap[:, order], objects)
