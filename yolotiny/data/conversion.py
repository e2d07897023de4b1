"""A data set as it was downloaded to the layout that training and evaluation read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError
from ..pictures.depth import Depth
from ..pictures.reader import PictureReader
from .classes import choose_classes
from .formats import CONVERTERS, Format
from .records import Dataset, leave_out, note_companions, thin_out
from .staging import check_free
from .summary import Summary
from .tiling import Tiling, tile_dataset
from .writer import Making, Progress, write


@dataclass(frozen=True)
class Conversion:
    """What to convert, and how.

    Attributes:
        format: a name in CONVERTERS.
        source: the data set as downloaded.
        link: link the images; False copies them.
        tile: cut pictures into squares of this side in pixels, 0 for whole pictures; by default as the format does.
        overlap: pixels that tiles share; by default as the format does, and a fifth of a `tile` of your own.
        keep: share of an object that must lie in a tile for it to count there, default 0.7; with less of it, an
            ignore region is left.
        every: keep every so-manieth picture of each sequence, for a smaller data set.
        bands: numbers of the bands that are red, green and blue, or of one for grey; by default those of the picture.
        stretch: how values become eight bits, see `depth.Depth`. Tiles always have eight bits, stretched with the range
            of the picture they are of; whole pictures are written anew where `bands` or a stretch is given, else linked
            as they are.
        labels: of format geo, the vector file whose polygons are the objects in the raster.
        class_field: of format geo, the field of `labels` that names their class; without one there is one class.
        classes: which classes are kept, in which order and under which names, see `classes.choose_classes`.
    """

    format: str
    source: str | Path
    link: bool = True
    tile: int | None = None
    overlap: int | None = None
    keep: float | None = None
    every: int = 1
    bands: Any = None
    stretch: Any = "auto"
    labels: str | Path | None = None
    class_field: str | None = None
    classes: Any = None

    def tiling(self, usual: Tiling | None) -> Tiling | None:
        """The user's options over those that are usual for the format; None for whole pictures."""
        if self.tile == 0 or (self.tile is None and usual is None):
            for name, value in (("overlap", self.overlap), ("keep", self.keep)):
                if value is not None:
                    raise InputError(f"{name}={value} needs tiles: give tile=SIZE too")
            return None
        base = usual if usual and self.tile in (None, usual.tile) else Tiling(*_fifth(self.tile))
        changes: dict[str, Any] = {"overlap": self.overlap, "keep": self.keep}
        return replace(base, **{k: v for k, v in changes.items() if v is not None})

    def read(self, source: Path, chosen: Format, tiling: Tiling | None) -> Dataset:
        """The records of the source, of the classes that were asked for."""
        own = {"labels": self.labels, "class_field": self.class_field}
        if unread := [k for k, v in own.items() if k not in chosen.takes and v is not None]:
            raise InputError(
                f"{unread[0]}= is of format=geo, rasters and vector files; format={self.format} does not read it"
            )
        given = own | {"tiling": tiling}
        data = choose_classes(chosen.read(source, **{k: given[k] for k in chosen.takes}), self.classes)
        data.protocol = data.protocol or chosen.protocol
        leave_out(data)
        note_companions(data, source)
        return thin_out(data, self.every)

    def about(self, source: Path, tiling: Tiling | None, reader: PictureReader) -> dict[str, Any]:
        """What tells this conversion from another one of the same source."""
        found: dict[str, Any] = {"format": self.format, "source": str(source.resolve()), "every": self.every}
        found |= asdict(tiling) if tiling else {"tile": 0}
        found |= {"pictures_read": reader.tag} if reader.tag else {}
        found |= {k: str(v) for k in ("labels", "class_field") if (v := getattr(self, k)) is not None}
        return found if self.classes is None else found | {"classes": self.classes}


def convert(asked: Conversion, to: str | Path, force: bool = False, progress: Progress | None = None) -> Summary:
    """Convert a data set to the layout that training and evaluation read.

    Writes, for every split: `images/<split>`, `labels/<split>` (rows "class cx cy w h", shares of the image; an empty
    file for an image without objects), `ignore/<split>` (rows "cx cy w h", only where there are ignore regions; a
    fifth number is the class of a region of one class, -2 an object of no class), `annotations/<split>.json` (COCO),
    and `data.yaml`. Nothing is written before the whole source has been read, and nothing is at its place before the
    data set is whole: it grows in `to/.part`, where the same call takes it up after an interruption.

    Args:
        asked: what, and how.
        to: the folder to write, new or empty.
        force: replace what an earlier run wrote in `to`; the old one stays until the new one is whole.
        progress: called with (split, done, total) after each image.

    Returns:
        Counts by split; print it.
    Raises:
        InputError: unknown format, missing folder, malformed file (named with its row), `to` not empty, an option that
            cannot be.
    """
    chosen = CONVERTERS.find(asked.format)
    source, to = Path(asked.source).expanduser(), Path(to).expanduser()
    if source.resolve() == to.resolve():
        raise InputError(f"source and to are the same folder, {to}; write to another one")
    tiling = asked.tiling(chosen.tiling)
    reader = chosen.reader(Depth.of(asked.bands, asked.stretch))
    check_free(to, force)  # before the reading, which may take minutes
    data = asked.read(source, chosen, tiling)
    data.notes += _survey(data, chosen.survey, reader, bool(tiling))
    data = tile_dataset(data, tiling) if tiling else as_png(data) if reader.depth.asked else data
    lists = source if source.is_dir() else source.parent
    making = Making(asked.link, lists, asked.about(source, tiling, reader), reader)
    return write(data, to, force, progress, making)


def _survey(data: Dataset, look: Any, reader: PictureReader, tiled: bool) -> list[str]:
    """Settle how the pictures of all splits are read; returns what to say of it."""
    files = list(dict.fromkeys(record.image for records in data.splits.values() for record in records))
    if not tiled and not reader.depth.asked:
        return []  # they are linked as they are
    written = "written as PNG of 8 bits" if not tiled else "tiles have 8 bits, in the range of the whole picture"
    return [f"{line}; {written}" for line in look(reader, files)]


def as_png(data: Dataset) -> Dataset:
    """The same records under the names of PNG files."""
    named = lambda r: replace(r, name=PurePosixPath(r.name).with_suffix(".png").as_posix())  # noqa: E731
    return replace(data, splits={split: [named(r) for r in records] for split, records in data.splits.items()})


def _fifth(tile: int | None) -> tuple[Any, Any]:
    """A tile's side and the overlap it has by default."""
    return tile, tile // 5 if isinstance(tile, int) else 0
