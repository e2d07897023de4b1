"""Detection metrics: one call, a protocol by name, a report as a plain dict."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import InputError
from .backends import BACKENDS
from .coco_eval import CocoProtocol
from .inputs import Scene, Source, from_arrays, read
from .protocols import PROTOCOLS

__all__ = ["BACKENDS", "PROTOCOLS", "evaluate", "evaluate_arrays", "table"]


def evaluate(gt: Source, pred: Source, protocol: str = "aitod", backend: str | None = None) -> dict[str, Any]:
    """Score predictions against ground truth, both as COCO JSON.

    Args:
        gt: file or loaded dict. An annotation of category 0 (with `iscrowd` or `ignore`) is a region ignored by every
            class, with `others: 1` an object of no class, on which protocol visdrone counts detections as wrong;
            `iscrowd: 1` is a region ignored by its class, where the share of the detection inside it counts;
            `ignore: 1` alone is an object that may be found or missed, matched by IoU.
        pred: file or loaded list of {image_id, category_id, bbox [x, y, w, h] in pixels, score}; image_id is an id of
            the ground truth or the file name without suffix, as ultralytics writes it.
        protocol: a name in `PROTOCOLS`.
        backend: "faster-coco-eval" (default) or "hotcoco" (faster, to be installed); for protocols on COCO's algorithm.

    Returns:
        the protocol's figures ("AP", "AP50", "AP_vt", "AR@1500", ...) as fractions, None where nothing is to be
        found; `per_class` {name: figures and n}; `n_gt` {"all" or size: objects}; `classes_without_gt`, which the
        means leave out; `protocol`; `max_det`, detections counted per class and image (visdrone: per image).

    Raises:
        InputError: unknown protocol, unreadable file, or a bad row (file and row are named).
    """
    return _report(protocol, lambda: read(gt, pred), backend)


def evaluate_arrays(
    images: Iterable[Sequence[Any]], names: Sequence[str] | Mapping[int, str], protocol: str = "aitod"
) -> dict[str, Any]:
    """Score what a training loop holds in memory; the report is that of `evaluate`.

    Args:
        images: per image (gt_boxes, gt_labels, ignore_boxes, det_boxes, det_scores, det_labels), tensors or arrays;
            boxes (N, 4) xyxy in the pixels in which sizes are counted, labels from 0; empty ones may be []. A fifth
            column of ignore_boxes is the class of the region: -1 every class, -2 an object of no class.
        names: class names, a list or {label: name}.
        protocol: a name in `PROTOCOLS`.
    """
    return _report(protocol, lambda: from_arrays(images, names))


def _report(protocol: str, scene: Callable[[], Scene], backend: str | None = None) -> dict[str, Any]:
    """Find the protocol before anything is read, then score."""
    score = PROTOCOLS.find(protocol)
    if backend is not None:
        BACKENDS.find(backend)
        if not isinstance(score, CocoProtocol):
            raise InputError(f"protocol {protocol} has an algorithm of its own: leave backend= out")
        score = replace(score, backend=backend)
    with _no_collection():
        return {"protocol": protocol, **score(scene())}


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: hundreds of thousands of new rows set it off again and again, half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def table(report: Mapping[str, Any]) -> str:
    """Lay a report out for the terminal: a line per class, figures in percent, "-" where there is none."""
    keys = [k for k in report if k.startswith(("AP", "AR", "oLRP"))]
    rows = [("all", {**report, "n": report["n_gt"]["all"]}), *report["per_class"].items()]
    first = max(len("class"), *(len(name) for name, _ in rows))
    widths = [max(6, len(k)) for k in keys]
    per = "image over all classes" if report["protocol"] == "visdrone" else "class and image"
    lines = [f"{report['protocol']}, up to {report['max_det']} detections per {per}, percent"]
    lines.append(" ".join([f"{'class':<{first}} {'n':>7}", *(f"{k:>{w}}" for k, w in zip(keys, widths, strict=True))]))
    for name, row in rows:
        cells = ("-" if row.get(k) is None else f"{100 * row[k]:.2f}" for k in keys)
        shown = (f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
        lines.append(" ".join([f"{name:<{first}} {row['n']:>7}", *shown]))
    if report["classes_without_gt"]:
        lines.append("no ground truth: " + ", ".join(report["classes_without_gt"]))
    return "\n".join(lines)
