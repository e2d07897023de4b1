"""VisDrone2019-DET: folders of images and eight-column text files."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...image_files import list_images
from ..records import EVERY, OTHERS, Dataset, Record, by_split, existing_folder, record_of, split_of
from .reading import unused_files, whole_numbers

NAMES = ["pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor"]
COLUMNS = "x,y,w,h,score,category,truncation,occlusion"


def read_annotation(path: Path) -> list[tuple]:
    """Read one annotation file. A comma may end a row.

    Categories 1-10 are the classes 0-9. What is ignored is told apart, as the data set's own evaluation does:

    - category 0 is a region: nothing in it counts, for any class (`EVERY`);
    - score 0 marks an object of its class that may be found or missed, so it becomes a region of that class;
    - category 11 ("others") is an object of no class (`OTHERS`). Training learns nothing from it, and all protocols
      excuse detections there but the VisDrone one, which counts them as wrong, as its toolkit does.

    Returns:
        (x1, y1, x2, y2, label, ignored) of each row, in pixels.
    Raises:
        InputError: a row that is not eight whole numbers, or a score or category outside its range.
    """
    rows = []
    for i, (x, y, w, h, score, category, _, _) in whole_numbers(path, COLUMNS):
        if score not in (0, 1) or not 0 <= category <= 11:
            raise InputError(f"{path} row {i}: score must be 0 or 1 and category 0 to 11, found {score} and {category}")
        if w < 0 or h < 0:
            raise InputError(f"{path} row {i}: width and height must not be negative, found {w} and {h}")
        label = {0: EVERY, 11: OTHERS}.get(category, category - 1)
        rows.append((x, y, x + w, y + h, label, label < 0 or score == 0))
    return rows


def _record(image: Path, folder: Path) -> Record:
    path = folder / "annotations" / f"{image.stem}.txt"
    if not path.is_file():
        raise InputError(f"image {image} has no annotation file {path}")
    return record_of(image, image.name, read_annotation(path))


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
        unused = unused_files(folder / "annotations", ".txt", {r.image.stem for r in records})
        data.drop(split, "annotation file without an image", unused)
    return data
