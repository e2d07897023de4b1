"""Detection metrics: one call, a protocol by name, a report as a plain dict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from .analysis import analyse
from .backends import BACKENDS
from .bootstrap import MOST_SAMPLES, SAMPLES, few_objects, intervals
from .coco_eval import CocoProtocol
from .compare import compare, comparison_lines
from .fingerprint import data_hash, scene_hash
from .ground_truth import GroundTruth
from .inputs import Source, from_arrays, read
from .matching import Matching
from .protocols import PROTOCOLS
from .scene import Picture, Regions, Scene
from .tables import analysis_tables, table
from .verdicts import IOU, KINDS, Verdicts

__all__ = [
    "BACKENDS",
    "KINDS",
    "MOST_SAMPLES",
    "PROTOCOLS",
    "SAMPLES",
    "Evaluation",
    "GroundTruth",
    "Picture",
    "Scene",
    "Verdicts",
    "analysis_tables",
    "compare",
    "comparison_lines",
    "data_hash",
    "evaluate",
    "evaluate_arrays",
    "evaluate_scene",
    "from_arrays",
    "read",
    "table",
]


@dataclass(frozen=True)
class Evaluation:
    """A report and what it was counted from.

    Attributes:
        report: the report of `evaluate` with `analysis`.
        scene: ground truth and detections as the protocol counts them.
        regions: all regions that were ignored by every class.
        verdicts: what became of each detection and object of `scene`.
        matching: which detection found which object, at every threshold.
    """

    report: dict[str, Any]
    scene: Scene
    regions: Regions
    verdicts: Verdicts
    matching: Matching


def evaluate(
    gt: Source,
    pred: Source,
    protocol: str = "aitod",
    backend: str | None = None,
    analysis: bool = False,
    imgsz: int | None = None,
) -> dict[str, Any]:
    """Score predictions against ground truth, both as COCO JSON.

    Args:
        gt: file or loaded dict. An annotation of category 0 (with `iscrowd` or `ignore`) is a region ignored by every
            class, with `others: 1` an object of no class, on which protocol visdrone counts detections as wrong;
            `iscrowd: 1` is a region ignored by its class, where the share of the detection inside it counts;
            `ignore: 1` alone is an object that may be found or missed, matched by IoU.
        pred: file or loaded list of {image_id, category_id, bbox [x, y, w, h] in pixels, score}; the picture is
            that of `file_name`; without it, image_id is an id of the ground truth, or the file name without suffix.
        protocol: a name in `PROTOCOLS`.
        backend: who counts, for protocols on COCO's algorithm: our own code, or to check it "faster-coco-eval" or
            "hotcoco" (to be installed).
        analysis: add `analysis`: recall over size, kinds of error, counting error, best confidences (see `analyse`).
        imgsz: input size at which the detections were made; the files do not say it.

    Returns:
        the protocol's figures ("AP", "AP50", "AP_vt", "AR@1500", ...) as fractions, None where nothing is to be
        found; `per_class` {name: figures and n}; `n_gt` {"all" or size: objects}; `classes_without_gt`, which the
        means leave out; `protocol`; `max_det`, detections counted per class and image (visdrone: per image), and
        `caps`, the same for each figure; `images`, how many; `imgsz`; `data_hash` of the ground truth; `few`, the
        classes with fewer than 50 objects and the figures without them (see `few_objects`); `notes`, lines on how the
        files were read, only where there are any.

    Raises:
        InputError: unknown protocol, unreadable file, or a bad row (file and row are named).
    """
    rules = _rules(protocol, backend)
    scene = read(gt, pred)
    matching, figures = _scored(rules, scene)
    report = _named(protocol, scene, imgsz, scene_hash(scene)) | figures | {"few": few_objects(figures)}
    return report | ({"analysis": analyse(matching, rules.sizes)[0]} if analysis else {})


def evaluate_arrays(
    images: Iterable[Sequence[Any]], names: Sequence[str] | Mapping[int, str], protocol: str = "aitod"
) -> dict[str, Any]:
    """Score what a training loop holds in memory; the figures are those of `evaluate`, without `data_hash`.

    Args:
        images: per image (gt_boxes, gt_labels, ignore_boxes, det_boxes, det_scores, det_labels), tensors or arrays;
            boxes (N, 4) xyxy in the pixels in which sizes are counted, labels from 0; empty ones may be []. A fifth
            column of ignore_boxes is the class of the region: -1 every class, -2 an object of no class.
            `GroundTruth.beside` gives such a tuple.
        names: class names, a list or {label: name}.
        protocol: a name in `PROTOCOLS`.
    """
    rules = _rules(protocol)
    scene = from_arrays(images, names)
    return {"protocol": protocol, "caps": rules.caps, "images": scene.images} | rules(scene)


def evaluate_scene(
    scene: Callable[[], Scene],
    protocol: str = "aitod",
    backend: str | None = None,
    imgsz: int | Sequence[int] | None = None,
    ground_truth_hash: str | None = None,
    samples: int = 0,
) -> Evaluation:
    """Score a scene with the analysis, and keep what became of every box.

    Args:
        scene: gives ground truth and detections: `lambda: read(gt, pred)`, or with `from_arrays`.
        protocol, backend, imgsz: as in `evaluate`.
        ground_truth_hash: the `data_hash`, where it is known better than from the scene's boxes.
        samples: add `intervals`, how sure each AP is, of so many drawn data sets (see `bootstrap.intervals`).
    """
    rules = _rules(protocol, backend)  # a wrong name is told before anything is read
    made = scene()
    matching, figures = _scored(rules, made)
    report = _named(protocol, made, imgsz, ground_truth_hash or scene_hash(made)) | figures
    report |= {"few": few_objects(figures)}
    if samples:
        report["intervals"] = intervals(rules, matching, samples)
    analysis, verdicts = analyse(matching, rules.sizes)
    return Evaluation(report | {"analysis": analysis}, matching.scene, made.regions, verdicts, matching)


def _named(protocol: str, scene: Scene, imgsz: Any, ground_truth_hash: str) -> dict[str, Any]:
    """What every report says before its first figure."""
    caps = PROTOCOLS[protocol].caps
    said = {"protocol": protocol, "caps": caps, "imgsz": imgsz, "data_hash": ground_truth_hash, "images": scene.images}
    return said | ({"notes": list(scene.notes)} if scene.notes else {})


def _scored(rules: Any, scene: Scene) -> tuple[Matching, dict[str, Any]]:
    """The matches under a protocol, and the figures that are counted from them."""
    if hasattr(rules, "match"):
        matching = rules.match(scene)
        return matching, rules.score(matching)
    return Matching.of(rules.view(scene), [IOU], max_det=rules.max_det), rules(scene)  # a plugin's own algorithm


def _rules(protocol: str, backend: str | None = None) -> Any:
    """Find the protocol."""
    rules = PROTOCOLS.find(protocol)
    if backend is not None:
        BACKENDS.find(backend)
        if not isinstance(rules, CocoProtocol):
            raise InputError(f"protocol {protocol} has an algorithm of its own: leave backend= out")
        rules = replace(rules, backend=backend)
    return rules
