"""The images with most errors, with everything that was found, missed and mistaken in them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from ..metrics import KINDS, Evaluation, Picture

LONGEST = 2048  # pixels of an embedded picture; VisDrone's are not scaled down
QUALITY = 85


@dataclass(frozen=True)
class Shown:
    """An image of the page.

    Attributes:
        file: as the data set names it.
        width, height: pixels of the coordinates of its boxes.
        source: the picture as a data URI, "" where there is none.
        missed: objects that were not found.
        false: false alarms.
        boxes: {kind, box [x, y, w, h], text}; the kinds are those of `KINDS`, "missed", "truth" and "ignored".
    """

    file: str
    width: int
    height: int
    source: str
    missed: int
    false: int
    boxes: list[dict[str, Any]]


def worst(found: Evaluation, count: int, folder: Path | None) -> list[Shown]:
    """The images with most errors (misses and false alarms), the worst first; those without an error are left out.

    Args:
        found: what was evaluated.
        count: at most so many.
        folder: where the pictures are; None to show boxes alone.
    """
    scene, verdicts = found.scene, found.verdicts
    missed, false = np.zeros(scene.images + 1, int), np.zeros(scene.images + 1, int)
    np.add.at(missed, [scene.gts[i]["image_id"] for i in np.flatnonzero(verdicts.objects & ~verdicts.found)], 1)
    np.add.at(false, [scene.dets[i]["image_id"] for i in np.flatnonzero(verdicts.kind > 0)], 1)
    order = np.argsort(-(missed + false), kind="stable")[:count]
    chosen = [int(i) for i in order if missed[i] + false[i]]
    boxes, alone = _boxes(found, set(chosen)), _alone(scene.pictures)
    shown = []
    for i in chosen:
        picture = scene.pictures[i - 1] if scene.pictures else Picture()
        source, size = "", (picture.width, picture.height)
        if path := find_picture(folder, picture.file, alone):
            source, own = _embed(path)
            size = own if not all(size) else size
        if not all(size):
            corners = np.array([b["box"] for b in boxes[i]])
            size = tuple(np.ceil((corners[:, :2] + corners[:, 2:]).max(0)).astype(int).tolist())
        shown.append(Shown(picture.file or f"image {i}", *size, source, int(missed[i]), int(false[i]), boxes[i]))
    return shown


def _alone(pictures: Sequence[Picture]) -> set[str]:
    """File names without folders that one picture alone has."""
    count = Counter(Path(p.file).name for p in pictures)
    return {name for name, n in count.items() if n == 1}


def find_picture(folder: Path | None, file: str, alone: Container[str]) -> Path | None:
    """The file of a picture: under the folder as the data set names it, or directly in it where its name is `alone`."""
    if folder is None or not file:
        return None
    named = [] if Path(file).is_absolute() or ".." in Path(file).parts else [folder / file]  # it shows nothing else
    name = Path(file).name
    return next((p for p in (*named, *([folder / name] if name in alone else [])) if p.is_file()), None)


def check_folder(folder: Path, pictures: Sequence[Picture]) -> None:
    """Raise InputError unless the folder holds at least one of the pictures."""
    if not folder.is_dir():
        raise InputError(f"images: there is no folder {folder}")
    alone = _alone(pictures)
    if not any(find_picture(folder, p.file, alone) for p in pictures):
        named = next((p.file for p in pictures if p.file), None)
        what = f"such as {named}" if named else "because the ground truth names no files"
        raise InputError(f"images: {folder} holds none of the {len(pictures)} pictures of the ground truth, {what}")


def _embed(path: Path) -> tuple[str, tuple[int, int]]:
    """A picture as a JPEG data URI, and its own (width, height); ("", (0, 0)) when it cannot be decoded."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return "", (0, 0)
    h, w = image.shape[:2]
    if (scale := LONGEST / max(h, w)) < 1:
        image = cv2.resize(image, (max(1, round(w * scale)), max(1, round(h * scale))), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode(), (w, h)


def _boxes(found: Evaluation, images: set[int]) -> dict[int, list[dict[str, Any]]]:
    """The boxes to draw in each of the images, what matters most last, so that it lies on top."""
    scene, verdicts, names = found.scene, found.verdicts, found.scene.names
    out: dict[int, list[dict[str, Any]]] = {i: [] for i in images}

    def draw(image: int, kind: str, box: Sequence[float], text: str) -> None:
        if image in images:
            out[image].append({"kind": kind, "box": [round(v, 2) for v in box], "text": text})

    for image, box in found.regions:
        draw(image, "ignored", box, "ignore region")
    for i, gt in enumerate(scene.gts):
        name, (w, h) = names[gt["category_id"] - 1], gt["bbox"][2:]
        if not verdicts.objects[i]:
            draw(gt["image_id"], "ignored", gt["bbox"], f"{name}, ignored")
            continue
        draw(gt["image_id"], "truth", gt["bbox"], f"object: {name}, {w:.0f}x{h:.0f} px")
        if not verdicts.found[i]:
            draw(gt["image_id"], "missed", gt["bbox"], f"missed: {name}, {w:.0f}x{h:.0f} px")
    for i in np.flatnonzero(verdicts.kind >= 0).tolist():
        det, kind, about = scene.dets[i], KINDS[verdicts.kind[i]], verdicts.gt[i]
        of = f" on a {names[scene.gts[about]['category_id'] - 1]}" if kind == "class" else ""
        text = f"{kind}: {names[det['category_id'] - 1]} {det['score']:.2f}{of}"
        draw(det["image_id"], kind, det["bbox"], text)
    return out
