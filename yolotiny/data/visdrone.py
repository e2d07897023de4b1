"""VisDrone2019-DET: folders of images and eight-column text files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .records import Dataset, Record, by_split, existing_folder, image_size, list_images, read_lines, split_of

NAMES = ["pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor"]
COLUMNS = "x,y,w,h,score,category,truncation,occlusion"


@dataclass(frozen=True)
class Annotation:
    """The rows of one annotation file: objects (N, 4) xyxy pixels with labels (N,), and ignore regions (K, 4)."""

    boxes: np.ndarray
    labels: np.ndarray
    ignore: np.ndarray


def read_annotation(path: Path) -> Annotation:
    """Read one annotation file.

    Rows with score 1 and category 1-10 are objects of class 0-9. Category 0 (ignored region), category 11 (others) and
    rows with score 0 are ignore regions. A comma may end a row. This is the rule of the data set's own evaluation,
    which scores none of them.

    Raises:
        InputError: a row that is not eight whole numbers, or a score or category outside its range.
    """
    rows = []
    for i, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = [int(v) for v in line.strip().rstrip(",").split(",")]
        except ValueError:
            row = []
        if len(row) != 8:
            raise InputError(f"{path} row {i}: expected eight whole numbers {COLUMNS}, found {line.strip()!r}")
        if row[4] not in (0, 1) or not 0 <= row[5] <= 11:
            raise InputError(f"{path} row {i}: score must be 0 or 1 and category 0 to 11, found {line.strip()!r}")
        rows.append(row)
    table = np.array(rows, dtype=np.int64).reshape(-1, 8)
    boxes = np.concatenate((table[:, :2], table[:, :2] + table[:, 2:4]), 1).astype(float)
    is_object = (table[:, 4] == 1) & (table[:, 5] >= 1) & (table[:, 5] <= 10)
    return Annotation(boxes[is_object], table[is_object, 5] - 1, boxes[~is_object])


def _record(image: Path, folder: Path) -> Record:
    path = folder / "annotations" / f"{image.stem}.txt"
    if not path.is_file():
        raise InputError(f"image {image} has no annotation file {path}")
    found = read_annotation(path)
    width, height = image_size(image)
    any_class = np.full(len(found.ignore), -1)
    return Record(image, image.name, width, height, found.boxes, found.labels, found.ignore, any_class)


def read_visdrone(source: str | Path) -> Dataset:
    """Read VisDrone2019-DET.

    Args:
        source: the folder that holds `VisDrone2019-DET-{train,val,test-dev}`, or one of these. A lone folder whose
            name tells no split is taken as train.

    Raises:
        InputError: no such folder, no split in it, an image without annotations, a malformed row.
    """
    source = existing_folder(source, "VisDrone source")
    folders = [source] if (source / "images").is_dir() else [p for p in sorted(source.iterdir()) if split_of(p.name)]
    folders = [p for p in folders if (p / "images").is_dir() and (p / "annotations").is_dir()]
    if not folders:
        raise InputError(
            f"no VisDrone split in {source}: expected folders VisDrone2019-DET-train, -val or -test-dev, "
            "each with images and annotations"
        )
    data = Dataset(list(NAMES), {})
    for split, folder in by_split(folders, [p.name for p in folders]).items():
        records = [_record(image, folder) for image in list_images(folder / "images")]
        if not records:
            raise InputError(f"no images in {folder / 'images'}")
        data.splits[split] = records
        unused = {p.stem for p in (folder / "annotations").glob("*.txt")} - {Path(r.name).stem for r in records}
        if unused:
            data.drop(split, "annotation file without an image", len(unused))
    return data
