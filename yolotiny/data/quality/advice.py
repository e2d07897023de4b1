"""What the figures of a data set say about the detector to train, each sentence with its figure.

The limits are rules of thumb and stand in the sentences they lead to: change the figure, and you see when the advice
would turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...shipped import cfg_dir, read
from ..anchors import fit_anchors, reached
from .statistics import Stats

TARGETS = (8, 12, 16)  # pixels of the median object: one, one and a half, two cells of stride 8
STEP = 32  # imgsz is a multiple of the coarsest stride
OURS, THEIRS, COCO = 1500, 300, 100  # detections kept by default: by yolotiny and ultralytics; counted by COCO, a class
FEW = 100  # objects of a class


def advice(stats: Stats) -> list[str]:
    """Return the sentences, most important first."""
    found = (rule(stats) for rule in RULES)
    return [sentence for sentence in found if sentence]


def resolution(stats: Stats) -> str:
    """Which imgsz or tile brings the median object to 8, 12, 16 px."""
    seen, longest = stats.sides / stats.longest, float(np.median(stats.shapes.max(1)))
    sizes = [STEP * math.ceil(t / np.median(seen) / STEP - 1e-9) for t in TARGETS]
    text = f"The median object has {np.median(stats.sides):.1f} px in the picture (square root of its area) and "
    text += f"{np.median(stats.sides * stats.scale):.1f} px at imgsz={stats.imgsz}; it reaches "
    text += ", ".join(f"{t} px at imgsz={s}" for t, s in zip(TARGETS, sizes, strict=True))
    enlarged = [t for t, s in zip(TARGETS, sizes, strict=True) if s > longest]
    if enlarged:
        text += f" ({enlarged[0]} px and more by enlarging pictures of {longest:.0f} px: finer cells, no new detail)"
    sides = {t: STEP * math.floor(stats.imgsz * np.median(stats.sides) / t / STEP + 1e-9) for t in TARGETS}
    within = {t: max(s, STEP) for t, s in sides.items() if s < longest}
    if within and longest > stats.imgsz:
        text += "; or at this imgsz in tiles of at most " + ", ".join(f"{s} px ({t} px)" for t, s in within.items())
    return text + "."


def lost(stats: Stats) -> str | None:
    """How many objects are too small for anything at this size."""
    short = stats.wh.min(1) * stats.scale
    n = int((short < 2).sum())
    if not n:
        return None
    return f"{n} of {len(short)} objects have a side below 2 px at imgsz={stats.imgsz} and are as good as lost."


def levels(stats: Stats) -> str:
    """Whether a stride-4 level pays, and which coarse ones do."""
    sides = stats.sides * stats.scale
    below8, below16 = ((sides < s).mean() for s in (8, 16))
    above64, above128 = ((sides > s).mean() for s in (64, 128))
    text = f"At imgsz={stats.imgsz}, {_share(below8)} of the objects are below 8 px, one cell of stride 8, "
    text += f"{_share(below16)} below 16 px, and {_share(stats.crowding)} share such a cell with another object: "
    pays = below8 >= 0.1 or below16 >= 0.5 or stats.crowding >= 0.1
    if pays:
        text += "a P2 level (stride 4, the -p2 models) pays"
    else:
        text += "a P2 level hardly pays (it would from 10 % below 8 px, half below 16 px, or 10 % sharing)"
    text += f". {_share(above64)} are above 64 px and {_share(above128)} above 128 px, "
    if above64 < 0.02 and pays:
        return text + "so strides 4 and 8 are enough (the -p2p3 models)."
    if above128 < 0.02:
        return text + "so stride 32 is hardly needed."
    return text + "so the coarse levels are needed."


def crops(stats: Stats) -> str:
    """Whether tiles or crops pay."""
    longest, (per_picture, empty) = float(np.median(stats.shapes.max(1))), stats.tiling
    ratio, median = longest / stats.imgsz, float(np.median(stats.sides * stats.scale))
    crowded, found, even = stats.clustering
    spread = ""
    if crowded:
        spread = f" 90 % of a picture's objects lie in {_share(found)} of its area (scattered evenly: {_share(even)}; "
        spread += f"mean over pictures with ten objects or more, here {crowded})."
    text = f"The median picture has {longest:.0f} px on its longer side, {ratio:.1f} times imgsz={stats.imgsz}: "
    if ratio <= 1.25:
        return text + f"tiling brings no detail back.{spread}"
    if median >= 32:
        return text + f"tiling would bring detail back, but the median object has {median:.0f} px already.{spread}"
    whole = STEP * math.ceil(longest / STEP)
    text += f"imgsz={whole} shows all of it, and so do {per_picture:.1f} tiles of {stats.imgsz} px a picture.{spread} "
    text += f"{_share(empty)} of these tiles hold no object: crops chosen by content "
    return text + ("could leave out many." if empty >= 0.3 else "would save little (they do from 30 %).")


def caps(stats: Stats) -> str:
    """What max_det must be."""
    i = int(stats.counts.argmax())
    most, over = int(stats.counts[i]), int((stats.counts > THEIRS).sum())
    text = f"max_det must be above {most}, the objects in {stats.samples[i].image.name} "
    text += f"(95 % of the pictures have {np.percentile(stats.counts, 95):.0f} or fewer): yolotiny's {OURS} "
    text += "is enough" if most <= OURS else "is raised to it in training"
    text += f", the {THEIRS} usual elsewhere " + (f"cut {over} pictures short. " if over else "would do. ")
    name, (_, _, of_class) = max(stats.per_class.items(), key=lambda item: item[1][2])
    text += f"Of one class there are up to {of_class} ({name}): the {COCO} detections a class and picture that "
    return text + "protocol coco counts " + ("are too few, aitod counts 1500." if of_class > COCO else "are enough.")


def anchors(stats: Stats) -> str:
    """How well the anchors of YOLOv5 fit, and fitted ones."""
    wh = stats.wh * stats.scale[:, None]
    shipped = np.array(read(cfg_dir() / "models" / "yolov5.yaml")["anchors"], float).reshape(-1, 2)
    fitted = fit_anchors(wh, 2)[0].reshape(-1, 2)
    (misses, off), (_, best) = (_fit(wh, a) for a in (shipped, fitted))
    sizes = ", ".join(f"{w:.0f}x{h:.0f}" for w, h in fitted)
    text = f"At imgsz={stats.imgsz} a box differs from the nearest of yolov5's nine anchors by a factor of {off:.1f} "
    text += f"(median; {_share(misses)} by more than 4, which no anchor learns), from six fitted ones ({sizes} px) by "
    return text + f"{best:.1f}: anchors=auto " + ("pays." if misses > 0.01 or off > 1.25 * best else "changes little.")


def _fit(wh: np.ndarray, anchors: np.ndarray) -> tuple[float, float]:
    """The share of boxes beyond four times the sides of every anchor, and the median factor to the best anchor."""
    ratio = reached(wh, anchors, math.inf)
    return float((ratio < 0.25).mean()), float(np.median(1 / ratio))


def classes(stats: Stats) -> str | None:
    """Classes with too few objects."""
    counts = {name: (n, pictures) for name, (n, pictures, _) in stats.per_class.items()}
    none = [name for name, (n, _) in counts.items() if not n]
    few = [f"{name} ({n} in {pictures} pictures)" for name, (n, pictures) in counts.items() if 0 < n < FEW]
    parts = []
    if none:
        parts.append(f"Without any object: {', '.join(none)}; no figure will include them.")
    if few:
        parts.append(f"Fewer than {FEW} objects: {', '.join(few)}: little to learn from, and figures moved by chance.")
    present = {name: n for name, (n, _) in counts.items() if n}
    high, low = max(present, key=present.__getitem__), min(present, key=present.__getitem__)
    if present[high] > 20 * present[low]:
        parts.append(f"{high} is {present[high] / present[low]:.0f} times as frequent as {low}.")
    return " ".join(parts) or None


def background(stats: Stats) -> str | None:
    """Pictures without objects, and ignore regions."""
    empty, (regions, pictures, area) = int((stats.counts == 0).sum()), stats.regions
    parts = []
    if empty:
        parts.append(f"{empty} pictures ({_share(empty / len(stats.samples))}) hold no object and train as background.")
    if regions:
        parts.append(f"{regions} ignore regions in {pictures} pictures cover {_share(area)} of the area.")
    return " ".join(parts) or None


def _share(value: float) -> str:
    """12 %, 1.2 %, 99.6 %: with a decimal where it tells something."""
    if 0 < value < 0.0005:
        return "under 0.1 %"
    return f"{100 * value:.1f} %" if 0 < value < 0.1 or 0.99 < value < 1 else f"{100 * value:.0f} %"


RULES: list[Callable[[Stats], str | None]] = [resolution, lost, levels, crops, caps, anchors, classes, background]
