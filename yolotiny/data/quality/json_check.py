"""Does the annotations JSON, by which figures are made, say the same as the labels, by which a model is trained?"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...picture_names import KnownPictures
from ...text import printable
from ..writer import clip
from .samples import Problem, Sample

CLOSE = 0.5  # pixels between two corners of the same box


def check_json(
    file: Path, samples: Sequence[Sample], names: Sequence[str], listed: Iterable[Path]
) -> Iterator[Problem]:
    """Yield where a COCO JSON and the labels of its split differ.

    Args:
        file: the JSON, in the layout that `convert` writes: category k is class k - 1, category 0 an ignore region.
        samples: the pictures of the split that can be read.
        names: class names.
        listed: all pictures of the split.
    """
    try:
        if file.exists() and not file.is_file():
            raise ValueError("a device, a pipe or a folder")
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        images = {i: im for i, im in enumerate(content["images"])}
        pictures = KnownPictures(str(im["file_name"]) for im in images.values())
        categories = {c["id"]: printable(c["name"]) for c in content["categories"]}
        rows: dict[Any, list[tuple]] = defaultdict(list)
        for i, a in enumerate(content["annotations"], 1):
            x, y, w, h = map(float, a["bbox"])
            ignored = not a["category_id"] or a.get("iscrowd") or a.get("ignore")
            rows[a["image_id"]].append((i, -1 if ignored else a["category_id"], x, y, x + w, y + h))
    except FileNotFoundError:
        yield Problem("json", file, None, "there is no such file")
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
        yield Problem("json", file, None, f"{type(e).__name__}: {' '.join(str(e).split())[:80]}")
        return
    if list(map(categories.get, sorted(categories))) != list(names):
        yield Problem("json differs", file, None, f"classes {', '.join(categories.values())}; data.yaml has others")
        return
    classes = {k: c for c, k in enumerate(sorted(categories))} | {-1: -1}
    place = _places(listed, pictures)
    for sample in samples:
        image = images.get(place.get(sample.image, -1))
        if image is None:
            yield Problem("json differs", file, None, f"{sample.image.name} is not in it")
            continue
        size = (image.get("width"), image.get("height"))
        if size != (sample.width, sample.height):
            note = f"{sample.image.name} is {sample.width}x{sample.height}, the JSON says {size[0]}x{size[1]}"
            yield Problem("json differs", file, None, note)
        else:
            yield from _compare(file, sample, rows[image["id"]], classes)
    extra = sorted(images.keys() - set(place.values()))
    if extra:
        note = f"{len(extra)} of its {len(images)} pictures are not in the split, such as {pictures.paths[extra[0]]}"
        yield Problem("json more", file, None, note)


def _places(listed: Iterable[Path], pictures: KnownPictures) -> dict[Path, int]:
    """The number of each picture in a JSON, of those that are there under their whole file name."""
    found = ((file, pictures.find(str(file.absolute()))) for file in listed)
    return {f: fits[0] for f, fits in found if len(fits) == 1 and pictures.paths[fits[0]].name == f.name}


def _compare(file: Path, sample: Sample, rows: list[tuple], classes: dict[Any, int]) -> Iterator[Problem]:
    """Pair the boxes of one picture, class by class; yield those without a partner."""
    table = np.array([(i, classes.get(k, -2), *box) for i, k, *box in rows], float).reshape(-1, 6)
    ours = np.concatenate((sample.boxes, sample.ignore))
    labels = np.concatenate((sample.labels, np.full(len(sample.ignore), -1)))
    for k in np.unique(np.concatenate((labels, table[:, 1]))).astype(int):
        mine, its = np.flatnonzero(labels == k), np.flatnonzero(table[:, 1] == k)
        a, b = (clip(boxes, sample.width, sample.height)[0] for boxes in (ours[mine], table[its, 2:]))
        apart = np.abs(a[:, None] - b[None]).max(2) if len(a) and len(b) else np.full((len(a), len(b)), np.inf)
        taken: set[int] = set()
        for i, row in enumerate(apart):
            free = [j for j in np.argsort(row, kind="stable") if row[j] <= CLOSE and j not in taken]
            if free:
                taken.add(int(free[0]))
            else:
                where, line = _origin(sample, int(mine[i]))
                yield Problem("json differs", where, line, f"this box is not in {file.name}")
        for j in sorted(set(range(len(its))) - taken):
            yield Problem("json differs", file, int(table[its[j], 0]), f"{sample.image.name} has no such label row")


def _origin(sample: Sample, i: int) -> tuple[Path, int | None]:
    """File and row of the i-th of a picture's boxes, ignore regions behind the objects."""
    return (sample.label_file, int(sample.rows[i])) if i < len(sample.rows) else (sample.ignore_file, None)
