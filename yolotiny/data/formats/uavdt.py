"""UAVDT (the M sequences): drone videos of traffic, a text file of nine columns for each sequence."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from ...errors import InputError
from ...image_files import list_images
from ..records import EVERY, Dataset, existing_folder, record_of
from .reading import whole_numbers

NAMES = ["car", "truck", "bus"]  # categories 1, 2, 3
COLUMNS = "frame,target_id,x,y,w,h,out_of_view,occlusion,category"
IGNORED = "frame,id,x,y,w,h,1,-1,-1"
# The 20 sequences of M_attr/test; the other 30 are for training.
TEST = {
    *("M0203", "M0205", "M0208", "M0209", "M0403", "M0601", "M0602", "M0606", "M0701", "M0801"),
    *("M0802", "M1001", "M1004", "M1007", "M1009", "M1101", "M1301", "M1302", "M1303", "M1401"),
}


def _rows(sequence: str, folder: Path, data: Dataset, split: str) -> dict[int, list[tuple]]:
    """Objects and regions of a sequence by frame number."""
    rows: dict[int, list[tuple]] = defaultdict(list)
    path = folder / f"{sequence}_gt_whole.txt"
    for i, (frame, _, x, y, w, h, _, _, category) in whole_numbers(path, COLUMNS):
        if not 1 <= category <= len(NAMES):
            raise InputError(f"{path} row {i}: unknown class {category}; there are 1 car, 2 truck, 3 bus")
        if w < 0 or h < 0:
            raise InputError(f"{path} row {i}: width and height must not be negative, found {w} and {h}")
        rows[frame].append((x, y, x + w, y + h, category - 1, False))
    path = folder / f"{sequence}_gt_ignore.txt"
    if not path.is_file():
        data.drop(split, "gt_ignore file missing, so a sequence without ignore regions")
        return rows
    for _, (frame, _, x, y, w, h, *_) in whole_numbers(path, IGNORED):
        rows[frame].append((x, y, x + w, y + h, EVERY, True))
    return rows


def read_uavdt(source: str | Path) -> Dataset:
    """Read UAVDT.

    Classes are those of `_gt_whole.txt`; rectangles of `_gt_ignore.txt` are ignore regions for every class. The split
    is that of the authors, by sequence; there is no val split. Sizes are those of the pictures (1024x540, mostly).

    Args:
        source: the folder that holds `UAV-benchmark-M/M0101/img000001.jpg` and the like, and
            `UAV-benchmark-MOTD_v1.0/GT/M0101_gt_whole.txt` and `M0101_gt_ignore.txt`.

    Raises:
        InputError: a folder or annotation file is missing, a picture without a frame number, a malformed row.
    """
    source = existing_folder(source, "UAVDT source")
    videos = existing_folder(source / "UAV-benchmark-M", "UAVDT pictures")
    folder = existing_folder(source / "UAV-benchmark-MOTD_v1.0" / "GT", "UAVDT annotations")
    data = Dataset(list(NAMES), {"train": [], "test": []})
    for place in sorted(p for p in videos.iterdir() if p.is_dir()):
        split = "test" if place.name in TEST else "train"
        rows = _rows(place.name, folder, data, split)
        for image in list_images(place):
            number = re.search(r"\d+$", image.stem)
            if number is None:
                raise InputError(f"{image}: no frame number at the end of its name, as in img000001.jpg")
            name = image.relative_to(videos).as_posix()
            data.splits[split].append(record_of(image, name, rows.pop(int(number[0]), [])))
        data.drop(split, "row of a frame without an image", sum(map(len, rows.values())))
    if not any(data.splits.values()):
        raise InputError(f"no images in {videos}: expected M0101/img000001.jpg and the like")
    return data
