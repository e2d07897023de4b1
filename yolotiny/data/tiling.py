"""Large pictures cut into tiles, and their boxes with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ..errors import number, whole
from ..files import write_bytes
from ..pictures.reader import PictureReader
from .records import MIN_SIDE, TOLERANCE, Dataset, Record, box_areas, clip, count_cut

PAD = 114  # grey of the padding, the one that training pads with
LOSSY = {".jpg", ".jpeg", ".webp"}
QUALITY = 95  # of tiles cut from lossy pictures


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut.

    Attributes:
        tile: side of the square tiles, pixels.
        overlap: pixels that neighbours share at least.
        keep: share of an object's area that must lie in a tile for it to count as an object there.
    """

    tile: int
    overlap: int
    keep: float = 0.7

    def __post_init__(self) -> None:
        whole(self.tile, "tile", 32, example="640, or 0 for none")
        whole(self.overlap, "overlap", 0, self.tile - 1)
        number(self.keep, "keep", 0, 1, "(]")

    def starts(self, length: int) -> list[int]:
        """Where tiles begin along a side of `length` pixels: the last one is shifted inside, none is shrunk."""
        last = max(length - self.tile, 0)
        return [*range(0, last, self.tile - self.overlap), last]


def tile_dataset(data: Dataset, tiling: Tiling) -> Dataset:
    """Replace every record by those of its tiles, row by row; tiles without objects stay.

    An object is one where `keep` of it or more lies in the tile, cut to the tile; where less of it does, an ignore
    region of its class. It counts with the size of the whole object. Ignore regions are cut likewise.
    """
    made = replace(data, splits={}, dropped={s: c.copy() for s, c in data.dropped.items()}, notes=list(data.notes))
    pictures = over = 0
    for split, records in data.splits.items():
        made.splits[split] = []
        for record in records:
            tiles, outside, torn = _tiles(record, tiling)
            made.splits[split] += tiles
            over += count_cut(record.boxes, record.width, record.height)
            made.drop(split, f"box below {MIN_SIDE:g} px inside the image", outside)
            made.drop(split, f"object of which no tile holds {tiling.keep:.0%} (an ignore region there)", torn)
        pictures += len(records)
    made.notes.append(
        f"{pictures} pictures became {sum(map(len, made.splits.values()))} tiles of {tiling.tile} px that overlap by "
        f"{tiling.overlap} px; an object counts in each tile that holds {tiling.keep:.0%} of it"
    )
    if over:
        made.notes.append(f"{over} boxes reach over the edge of a picture by more than {TOLERANCE:g} px and are cut")
    return made


def _tiles(record: Record, tiling: Tiling) -> tuple[list[Record], int, int]:
    """The tiles of a picture; how many objects have no pixel in it, and how many are whole in no tile."""
    boxes, inside = clip(record.boxes, record.width, record.height)
    areas = box_areas(record.boxes) if record.areas is None else record.areas
    boxes, labels, areas = boxes[inside], record.labels[inside], areas[inside]
    regions, _ = clip(record.ignore, record.width, record.height)
    whole = np.zeros(len(boxes), bool)
    path = PurePosixPath(record.name)
    suffix = ".jpg" if path.suffix.lower() in LOSSY else ".png"
    side = tiling.tile
    left, top = record.window or (0, 0)  # of a part of a picture
    tiles = []
    for y in tiling.starts(record.height):
        for x in tiling.starts(record.width):
            cut, held = clip(boxes - [x, y, x, y], side, side)
            kept = box_areas(cut) >= tiling.keep * box_areas(boxes)
            whole |= kept
            torn = held & ~kept
            rest, seen = clip(regions - [x, y, x, y], side, side)
            tiles.append(
                Record(
                    record.image,
                    path.with_name(f"{path.stem}__{left + x}___{top + y}{suffix}").as_posix(),
                    side,
                    side,
                    cut[kept],
                    labels[kept],
                    np.concatenate((rest[seen], cut[torn])),
                    np.concatenate((record.ignore_labels[seen], labels[torn])),
                    areas=areas[kept],
                    window=(left + x, top + y),
                )
            )
    return tiles, int((~inside).sum()), int((~whole).sum())


def cut(
    image: Path, windows: Sequence[tuple[tuple[int, int], Path]], side: int, reader: PictureReader | None = None
) -> None:
    """Cut tiles out of a picture that is decoded once; a tile that exists is complete and stays.

    Args:
        image: the picture.
        windows: left and top of each tile, and its file.
        side: of the tiles, pixels. Where the picture ends before, grey follows.
        reader: decodes it; what its bands and values become is decided by the whole picture.

    Raises:
        Unreadable: the picture cannot be decoded.
    """
    missing = [(at, file) for at, file in windows if not file.exists()]
    if not missing:
        return
    picture = (reader or PictureReader()).read(image)
    for (x, y), file in missing:
        part = picture[y : y + side, x : x + side]
        if part.shape[:2] != (side, side):
            padded = np.full((side, side, 3), PAD, np.uint8)
            padded[: part.shape[0], : part.shape[1]] = part
            part = padded
        quality = [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if file.suffix == ".jpg" else []  # OpenCV warns of it for PNG
        done, code = cv2.imencode(file.suffix, part, quality)
        assert done
        write_bytes(file, code.tobytes())
