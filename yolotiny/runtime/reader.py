"""Pictures, videos, cameras and streams, frame by frame; what cannot be decoded is left out, named and counted."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from ..picture_io import LIMIT, Unreadable, check_file, unopened
from .inputs import as_picture
from .sources import is_pil, is_video, items_of, reads_files

FIRST = 5  # files that are named at the end
BROKEN = 100  # frames in a row that cannot be decoded, after which a video counts as over
TRIES, PAUSE = 5, 1.0  # how often a stream that broke off is opened again, and seconds between
DECODED = {1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """A picture, or a frame of a video.

    Attributes:
        path: where it came from; `image0.jpg` and so on for arrays.
        image: (H, W, C) uint8, BGR where it has three channels.
        number: of the frame, from 1 up; None for a picture.
        fps: of the video; 30 where nobody says.
    """

    path: str
    image: np.ndarray
    number: int | None = None
    fps: float = 30.0

    @property
    def sequence(self) -> str:
        """What it is a part of: its video or stream, or the folder it lies in."""
        return self.path if self.number is not None else str(Path(self.path).parent)


class Reader:
    """The frames of a source, in order.

    Args:
        source: a file, a folder, a pattern with `*`, a .txt or .csv list, the number of a camera, the address of a
            stream, an array (H, W, C), a picture of Pillow, or a list of files, arrays and pictures.
        channels: of the network's input.
        vid_stride: every so-manieth frame of a video.

    Attributes:
        unread: pictures, frames, and videos that cannot be opened, by file.
        seen: pictures and frames that were given.

    Raises:
        InputError: there is nothing, or something of another kind.
    """

    def __init__(self, source: Any, channels: int = 3, vid_stride: int = 1):
        self.channels, self.vid_stride = channels, vid_stride
        self.items, self.live = _items(source)
        self.seen = 0
        self.unread: Counter[str] = Counter()
        self.faults: dict[str, str] = {}

    def __iter__(self) -> Iterator[Frame]:
        """All of them; InputError at the end where none could be decoded."""
        for i, item in enumerate(self.items):
            if self.live:
                frames = self._stream(item)
            elif isinstance(item, str) and is_video(item):
                frames = self._video(item)
            else:
                frames = self._picture(item, i)
            for frame in frames:
                self.seen += 1
                yield frame
        self._tell()

    def _picture(self, item: Any, i: int) -> Iterator[Frame]:
        """One picture, or none where it cannot be decoded."""
        if not isinstance(item, str):
            name = getattr(item, "filename", "") or f"image{i}.jpg"
            yield Frame(str(name), as_picture(_array(item), self.channels, f"source[{i}]"))
            return
        try:
            image = as_picture(decode(item, self.channels), self.channels, item)
        except InputError as error:
            self._leave_out(item, getattr(error, "reason", str(error)))
            return
        yield Frame(item, image)

    def _video(self, path: str) -> Iterator[Frame]:
        """The frames of a video; it goes on after those that cannot be decoded."""
        video = cv2.VideoCapture(path)
        if not video.isOpened():
            self._leave_out(path, "the video cannot be opened")
            return
        number, fps = 0, float(video.get(cv2.CAP_PROP_FPS))
        try:
            while all(self._grab(video, path) for _ in range(self.vid_stride)):
                done, image = video.retrieve()
                if not done or image is None:
                    self._broken(path, 1)
                    continue
                number += 1
                yield Frame(path, as_picture(image, self.channels, path), number, fps if fps > 0 else 30.0)
        finally:
            video.release()
        if not number:
            self._leave_out(path, "no frame of the video can be decoded")

    def _grab(self, video: cv2.VideoCapture, path: str) -> bool:
        """Go to the next frame that can be decoded; False at the end of the video."""
        for broken in range(BROKEN):
            if video.grab():
                if broken:
                    self._broken(path, broken)
                return True
        return False

    def _stream(self, address: int | str) -> Iterator[Frame]:
        """The newest frame of a camera or stream, whenever one is asked for."""
        for number, image in enumerate(newest(address), 1):
            yield Frame(str(address), as_picture(image, self.channels, str(address)), number)

    def _broken(self, path: str, count: int) -> None:
        if path not in self.unread:
            logger.warning(f"{path}: a frame cannot be decoded and is left out; the video goes on after it")
        self.unread[path] += count

    def _leave_out(self, path: str, why: str) -> None:
        logger.warning(f"{path} is left out: {why}")
        self.unread[path] += 1
        self.faults[path] = why

    def _tell(self) -> None:
        """At the end, what was left out; InputError where that was everything."""
        if not self.unread:
            return
        first = [f"{path} ({self.faults.get(path, 'broken frames')})" for path in list(self.unread)[:FIRST]]
        shown = ", ".join([*first, *(["..."] if len(self.unread) > FIRST else [])])
        if not self.seen:
            raise InputError(f"none of the {len(self.items)} pictures and videos can be read: {shown}")
        left = self.unread.total()
        logger.warning(f"{left} of {self.seen + left} pictures and frames cannot be read and are left out: {shown}")


def decode(path: str, channels: int = 3) -> np.ndarray:
    """A picture file as (H, W, C) uint8, as ultralytics decodes it; BGR where it has three channels.

    Raises:
        Unreadable: it cannot be read or decoded, with the reason.
    """
    check_file(path)
    image = None
    try:
        image = decode_content(np.fromfile(path, np.uint8), channels, path.lower().endswith((".tif", ".tiff")))
    except (OSError, ValueError, MemoryError, cv2.error) as error:
        large = f"it has more pixels than OpenCV opens; {LIMIT} raises that" if "MAX_IMAGE" in str(error) else ""
        raise Unreadable(path, unopened(path) or large or "it does not decode") from None
    if image is None or not image.size:
        raise Unreadable(path, unopened(path) or "it does not decode")
    return image


def decode_content(content: np.ndarray, channels: int, tiff: bool) -> np.ndarray | None:
    """The bytes of a picture file as (H, W, C) uint8 or uint16, or None; see `decode`.

    Args:
        content: (n,) uint8, the file.
        channels: of the network.
        tiff: whether it may have several pages: bands that were written one by one.
    """
    flags = DECODED.get(channels, cv2.IMREAD_UNCHANGED)
    if not content.size:
        return None
    if channels != 1 and tiff:
        done, pages = cv2.imdecodemulti(content, cv2.IMREAD_UNCHANGED)
        if done and pages[0].ndim == 3:
            return pages[0] if flags == cv2.IMREAD_UNCHANGED else pages[0][..., :3]
        if done and channels != 3 and len(pages) > 1 and all(p.shape == pages[0].shape for p in pages):
            return np.stack(pages, 2)
    return cv2.imdecode(content, flags)


def newest(address: int | str) -> Iterator[np.ndarray]:
    """Frames of a camera or stream, (H, W, 3) uint8 BGR: the newest each time, so that none is old.

    A stream that breaks off is opened again a few times.

    Raises:
        InputError: it cannot be opened.
    """
    capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        what = f"camera {address}" if isinstance(address, int) else address
        raise InputError(f"{what} cannot be opened; is it there, and is nobody else using it?")
    slot = _Slot(capture, address)
    thread = threading.Thread(target=slot.fill, daemon=True)
    thread.start()
    try:
        yield from slot
    finally:
        slot.over = True
        thread.join(timeout=10)
        capture.release()


class _Slot:
    """Holds the newest frame of a stream, which a thread puts there."""

    def __init__(self, capture: cv2.VideoCapture, address: int | str):
        self.capture, self.address = capture, address
        self.image: np.ndarray | None = None
        self.over = False
        self.there = threading.Condition()

    def fill(self) -> None:
        """Read until it is over, or the stream ends for good."""
        left = TRIES
        while not self.over:
            done, image = self.capture.read()
            if done:
                left = TRIES
                with self.there:
                    self.image = image
                    self.there.notify()
            elif left:
                left -= 1
                time.sleep(PAUSE)
                self.capture.open(self.address)
            else:
                logger.warning(f"{self.address} gives no more frames")
                break
        with self.there:
            self.over = True
            self.there.notify()

    def __iter__(self) -> Iterator[np.ndarray]:
        while True:
            with self.there:
                self.there.wait_for(lambda: self.image is not None or self.over)
                image, self.image = self.image, None
            if image is None:
                return
            yield image


def _items(source: Any) -> tuple[Sequence[Any], bool]:
    """The items of a source, and whether it is a camera or a stream."""
    if isinstance(source, np.ndarray) or is_pil(source):
        return [source], False
    text = str(source)
    if (isinstance(source, int) and not isinstance(source, bool)) or text.isdecimal():
        return [int(text)], True
    if text.endswith(".streams") or text == "screen":
        raise InputError(f"source {text!r} is not read by the runtime; give one camera or stream, in a process each")
    if not isinstance(source, (str, Path, list, tuple)):
        raise InputError(f"source is of type {type(source).__name__}; give a file, a folder, an array or a list")
    if not reads_files(source):
        return [text], True
    if isinstance(source, (str, Path)) and not any(c in text for c in "*?[") and not Path(source).exists():
        raise InputError(f"source {text!r} does not exist")
    if not isinstance(source, (str, Path)) and any("://" in str(i) for i in source if isinstance(i, (str, Path))):
        raise InputError("a camera or stream stands alone: give one, in a process each")
    return items_of(source), False


def _array(item: Any) -> np.ndarray:
    """A picture in memory as an array; those of Pillow become BGR, turned as their camera says."""
    if isinstance(item, np.ndarray):
        return item
    with contextlib.suppress(ImportError):
        from PIL import ImageOps

        item = ImageOps.exif_transpose(item)
    return np.ascontiguousarray(np.asarray(item.convert("RGB"))[..., ::-1])
