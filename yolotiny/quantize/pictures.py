"""The pictures on which the ranges of an 8-bit file are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from ultralytics.data.utils import get_split_fraction

from ..data_file import find_file, read_data_file
from ..errors import InputError
from ..ops.letterbox import Letterbox
from ..picture_io import Unreadable
from ..pictures.reader import PictureReader
from ..pictures.survey import survey

MOST = 300  # pictures where the user names no fraction; no other figures than with 64


class CalibrationPictures(Dataset):
    """Pictures as a network sees them, a few spread evenly over a split.

    The training split where the data name one: figures of an 8-bit file on the validation pictures then stay honest.
    No label is read and nothing is written beside them.

    Args:
        options: of the export: `data`, and as far as given `split` and `fraction`.
        size: (height, width) of the network's input, pixels.
        reader: decodes pictures as the network's training did.

    Attributes:
        im_files: paths, by name.
        where: which pictures they are, in words.
        lines: how they are read, to be said.

    Raises:
        InputError: the data cannot be used.
    """

    def __init__(self, options: Mapping[str, Any], size: tuple[int, int], reader: PictureReader):
        self.im_files, self.where = self.files_of(options)
        self.size, self.reader = size, reader
        self.lines = survey(reader, self.im_files)

    @staticmethod
    def files_of(options: Mapping[str, Any]) -> tuple[list[str], str]:
        """The files that options of an export mean, and which these are, in words."""
        data = read_data_file(find_file(options["data"]))
        split = options.get("split") or next(iter(data.splits), "train")
        files = data.usable(split)[split].images
        fraction = options.get("fraction")
        if fraction is None:
            count = MOST
        else:
            share = get_split_fraction(fraction, split) if isinstance(fraction, (list, tuple)) else fraction
            count = share if isinstance(share, int) and share > 1 else max(round(len(files) * share), 1)
        count = min(count, len(files))
        return [str(files[i * len(files) // count]) for i in range(count)], f"{data.file} {split}"

    def __len__(self) -> int:
        return len(self.im_files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """`img` (C, H, W) uint8, RGB where it has colours, and `im_file`.

        Raises:
            InputError: a picture cannot be read as the network's input.
        """
        file = self.im_files[index]
        try:
            picture = self.reader.read(file)
        except Unreadable as error:
            raise InputError(f"export: {error}; remove it, or choose others by split= or fraction=") from None
        seen = Letterbox.of(picture.shape[:2], self.size).draw(picture)
        seen = seen[..., ::-1] if self.reader.channels == 3 else seen
        return {"img": torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1))), "im_file": file}


def loader_of(pictures: CalibrationPictures, batch: int) -> DataLoader:
    """Batches in the order of the pictures, all of `batch` pictures unless there are fewer."""
    batch = min(batch, len(pictures))
    return DataLoader(pictures, batch_size=batch, drop_last=True)
