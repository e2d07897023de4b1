"""Which detection found which object: the greedy matching behind every figure, kept instead of summed up.

Best scores first; a detection takes the free object it overlaps most, at each threshold for itself. One that found no
object but lies in an ignore region, or overlaps an ignored object, is neither right nor wrong.

Source: the COCO evaluator (Lin et al. 2014, pycocotools), so figures agree with those of `CocoProtocol`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask

from .inputs import Scene, may_be_missed


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


def match(scene: Scene, ious: Sequence[float], max_det: int | None = None) -> list[Matches]:
    """Match the detections of every class.

    Args:
        scene: ground truth and detections.
        ious: T matching thresholds; an overlap equal to the threshold matches.
        max_det: detections that count, per class and image; None for all.

    Returns:
        a `Matches` for each of `scene.names`.
    """
    ground_truth, found, regions = _grouped(scene.gts), _grouped(scene.dets), defaultdict(list)
    for image, box in scene.regions:
        regions[image].append(box)
    scores = np.array([d["score"] for d in scene.dets])
    boxes = np.array([d["bbox"] for d in scene.dets], float).reshape(-1, 4)
    thresholds = np.minimum(np.asarray(ious, float), 1 - 1e-10)
    out = []
    for k in range(1, len(scene.names) + 1):
        parts = []
        for image in range(1, scene.images + 1):
            if (image, k) not in found:
                continue
            dets = np.array(found[image, k])
            dets = dets[np.argsort(-scores[dets], kind="stable")[:max_det]]
            parts.append(
                (dets, *_one(scene, boxes[dets], ground_truth.get((image, k), []), regions[image], thresholds))
            )
        objects = [i for i, g in enumerate(scene.gts) if g["category_id"] == k and not may_be_missed(g)]
        out.append(_joined(scores, parts, len(thresholds), np.array(objects, int)))
    return out


def _grouped(rows: list[dict]) -> dict[tuple[int, int], list[int]]:
    """Indices of rows by image and class."""
    out: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        out[row["image_id"], row["category_id"]].append(i)
    return out


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
        those = [i for i in rows if not scene.gts[i]["iscrowd"] and may_be_missed(scene.gts[i]) == ignored]
        if not those:
            continue
        table = _overlaps(boxes, np.array([scene.gts[i]["bbox"] for i in those], float), False)
        pairs: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for d, j in np.argwhere(table >= thresholds.min()).tolist():
            pairs[d].append((table[d, j], j))
        for d in pairs:
            pairs[d].sort(reverse=True)  # of equal overlaps the later object, as the COCO evaluator takes it
        for i, threshold in enumerate(thresholds.tolist()):
            taken: set[int] = set()
            for d, options in pairs.items():  # in order of scores
                if ignored and (gt[i, d] >= 0 or skip[i, d]):
                    continue
                value, j = next((p for p in options if p[1] not in taken), (-1.0, -1))
                if value < threshold:
                    continue
                taken.add(j)
                if ignored:
                    skip[i, d] = True
                else:
                    gt[i, d], overlap[i, d] = those[j], value
    skip &= gt < 0
    return gt, skip, overlap


def _overlaps(boxes: np.ndarray, others: np.ndarray, crowd: bool) -> np.ndarray:
    """(N, 4), (M, 4) xywh -> (N, M) IoU, or for `crowd` the share of the first that lies in the second."""
    return np.asarray(mask.iou(boxes, others, [int(crowd)] * len(others))).reshape(len(boxes), len(others))


def _joined(scores: np.ndarray, parts: list[tuple], t: int, objects: np.ndarray) -> Matches:
    """One class over all images, in order of scores; equal scores keep the order of images."""
    if not parts:
        empty = np.zeros((t, 0))
        return Matches(np.zeros(0), np.zeros(0, int), empty.astype(int), empty.astype(bool), empty, objects)
    dets, gt, skip, overlap = (np.concatenate(x, -1) for x in zip(*parts, strict=True))
    order = np.argsort(-scores[dets], kind="stable")
    dets = dets[order]
    return Matches(scores[dets], dets, gt[:, order], skip[:, order], overlap[:, order], objects)
