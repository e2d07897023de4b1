"""Read pictures to their end, in several threads, and keep their fingerprints."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ...pictures.files import Unreadable, too_large
from ...pictures.raw import header_of
from ...pictures.reader import PictureReader
from ...pictures.tiff import is_tiff, tiff_size
from ..writer import Progress
from .leaks import Fingerprint, fingerprint
from .samples import Problem

Decoded = tuple[tuple[int, int], Fingerprint]


def decode_all(
    images: Sequence[Path], split: str, progress: Progress | None = None, reader: PictureReader | None = None
) -> Iterator[Decoded | Problem]:
    """Decode every picture; yield ((width, height), fingerprint), or what is wrong with it, in the order given.

    A file that ends early is an error here, while OpenCV, and with it the training loader, fills up with grey.

    Args:
        images: the files.
        split: their split.
        progress: called with (split, done, total) after each picture.
        reader: decodes pictures of other kinds than eight bits, as training does.
    """
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # satellite scenes are large
    try:
        with warnings.catch_warnings(), ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
            warnings.simplefilter("ignore")  # what they say of a damaged file is in its problem
            for done, found in enumerate(pool.map(partial(_decode, split, reader or PictureReader()), images), 1):
                yield found
                if progress:
                    progress(split, done, len(images))
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _decode(split: str, reader: PictureReader, image: Path) -> Decoded | Problem:
    """One picture; its size is what a viewer shows, as a camera's rotation tag may swap the sides."""
    if image.exists() and not image.is_file():
        return Problem("unreadable", image, None, "a folder, a device or a pipe")
    try:
        content = image.read_bytes()
        made = None if reader.usual(image, header_of(image)) else reader.read(image)  # training cannot either
        if made is not None and is_tiff(image):  # Pillow does not know all kinds
            size, (steps, thumb) = made.shape[1::-1], fingerprint(Image.fromarray(made.max(2)))
            return size, _print(image, split, content, steps, thumb)
        with Image.open(io.BytesIO(content)) as picture:
            if reason := too_large(picture.size):  # training cannot open it either
                return Problem("unreadable", image, None, reason)
            size = tiff_size(image) if is_tiff(image) else picture.size
            size = size[::-1] if not is_tiff(image) and picture.getexif().get(274) in (5, 6, 7, 8) else picture.size
            picture.draft("L", (64, 64))  # a JPEG is decoded at an eighth of its size: as thorough, and faster
            steps, thumb = fingerprint(picture)
    except Unreadable as error:
        return Problem("unreadable", image, None, error.reason)
    except UnidentifiedImageError:
        return Problem("unreadable", image, None, "empty file" if not content else "no picture of a known format")
    except Exception as e:  # what Pillow raises for a damaged file has no bounds
        text = getattr(e, "strerror", None) or str(e) or type(e).__name__
        return Problem("unreadable", image, None, " ".join(text.split()))
    return size, _print(image, split, content, steps, thumb)


def _print(image: Path, split: str, content: bytes, steps: np.ndarray, thumb: np.ndarray) -> Fingerprint:
    return Fingerprint(image, split, hashlib.blake2b(content, digest_size=16).digest(), steps, thumb)
