"""Files that are no pictures, of every kind that a folder may hold, and a disk that is full after so many bytes."""

from __future__ import annotations

import os
import resource
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np


def png(width: int, height: int) -> bytes:
    """A grey PNG that says it has so many pixels, and holds next to none."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    chunks = [struct.pack(">I", len(x)) + kind + x + struct.pack(">I", zlib.crc32(kind + x)) for kind, x in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_bad(folder: Path) -> dict[str, str]:
    """Write bad pictures, and return by name what is to be said of each."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for suffix in ("jpg", "png", "tif", "bmp", "webp"):
        content = cv2.imencode(f".{suffix}", noise)[1].tobytes()
        (folder / f"half.{suffix}").write_bytes(content[: len(content) // 2])
    (folder / "cut.jpg").write_bytes(cv2.imencode(".jpg", noise)[1].tobytes()[:-200])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    (folder / "._mac.jpg").write_bytes(b"\0\5\26\7" + bytes(100))
    (folder / "wide.png").write_bytes(png(36000, 30000))
    (folder / "flat.png").write_bytes(png(0, 10))
    (folder / "folder.jpg").mkdir()
    (folder / "link.jpg").symlink_to(folder / "nowhere.jpg")
    said = dict.fromkeys((f"half.{s}" for s in ("jpg", "png", "bmp")), "does not decode") | {"cut.jpg": "not decode"}
    said |= {"half.tif": "", "half.webp": "", "flat.png": "", "empty.jpg": "an empty file", "text.jpg": "no picture"}
    said |= {"wide.png": "OPENCV_IO_MAX_IMAGE_PIXELS=1080000000", "._mac.jpg": "no picture"}
    return said | {"folder.jpg": "is a directory", "link.jpg": "no such file"}


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """A disk, or a quota, that takes no file of more than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def listing(folder: Path) -> list[str]:
    """All names below a folder, hidden ones too."""
    return sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, files in os.walk(folder) for f in files)
