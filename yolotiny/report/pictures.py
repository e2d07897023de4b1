"""The images with most errors, with everything that was found, missed and mistaken in them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..metrics import KINDS, Evaluation, Picture
from ..pictures.files import Unreadable
from ..pictures.reader import PictureReader

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


class Album(NamedTuple):
    """Pictures to be shown as a detector saw them.

    Attributes:
        folder: where they are.
        reader: decodes them.
    """

    folder: Path
    reader: PictureReader


def worst(found: Evaluation, count: int, images: Path | Album | None) -> list[Shown]:
    """The images with most errors (misses and false alarms), the worst first; those without an error are left out.

    Args:
        found: what was evaluated.
        count: at most so many.
        images: where the pictures are, and how to read them; None to show boxes alone.
    """
    folder, reader = images if isinstance(images, Album) else (images, PictureReader())
    scene, verdicts = found.scene, found.verdicts
    missed = np.bincount(scene.gts.image[verdicts.objects & ~verdicts.found], minlength=scene.images)
    false = np.bincount(scene.dets.image[verdicts.kind > 0], minlength=scene.images)
    order = np.argsort(-(missed + false), kind="stable")[:count]
    chosen = [int(i) for i in order if missed[i] + false[i]]
    boxes, alone = _boxes(found, set(chosen)), _alone(scene.pictures)
    shown = []
    for i in chosen:
        picture = scene.pictures[i] if scene.pictures else Picture()
        source, size = "", (picture.width, picture.height)
        if path := find_picture(folder, picture.file, alone):
            source, own = _embed(path, reader)
            size = own if not all(size) else size
        if not all(size):
            corners = np.array([b["box"] for b in boxes[i]])
            size = tuple(np.ceil((corners[:, :2] + corners[:, 2:]).max(0)).astype(int).tolist())
        shown.append(Shown(picture.file or f"image {i + 1}", *size, source, int(missed[i]), int(false[i]), boxes[i]))
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


def _embed(path: Path, reader: PictureReader) -> tuple[str, tuple[int, int]]:
    """A picture as a JPEG data URI, and its own (width, height); ("", (0, 0)) when it cannot be decoded."""
    try:
        image = reader.read(path)
    except Unreadable:
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

    def draw(image: int, kind: str, box: np.ndarray, text: str) -> None:
        out[image].append({"kind": kind, "box": [round(v, 2) for v in box.tolist()], "text": text})

    def within(rows: Any) -> list[int]:
        """The places of the rows that lie in the images."""
        return np.flatnonzero(np.isin(rows.image, list(images))).tolist()

    regions, gts, dets = found.regions, scene.gts, scene.dets
    for i in within(regions):
        draw(regions.image[i], "ignored", regions.box[i], "ignore region")
    for i in within(gts):
        image, box, name = gts.image[i], gts.box[i], names[gts.label[i]]
        if not verdicts.objects[i]:
            draw(image, "ignored", box, f"{name}, ignored")
            continue
        said = f"{name}, {box[2]:.0f}x{box[3]:.0f} px"
        draw(image, "truth", box, f"object: {said}")
        if not verdicts.found[i]:
            draw(image, "missed", box, f"missed: {said}")
    for i in [i for i in within(dets) if verdicts.kind[i] >= 0]:
        kind = KINDS[verdicts.kind[i]]
        of = f" on a {names[gts.label[verdicts.gt[i]]]}" if kind == "class" else ""
        draw(dets.image[i], kind, dets.box[i], f"{kind}: {names[dets.label[i]]} {dets.score[i]:.2f}{of}")
    return out
