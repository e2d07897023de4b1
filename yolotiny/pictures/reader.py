"""The one reader of pictures: for training, validation, prediction, conversion and checks alike.

A picture of eight bits is decoded as ever. How the values of any other become eight bits is decided for a source as a
whole, by `survey`, so that all its pictures look alike, and by `Depth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from .depth import Depth, Unclear, chosen_bands
from .files import Unreadable, decode
from .raw import Header, header_of, read_raw
from .tiff import is_tiff

PHONES = {".avif", ".heic", ".heif"}  # formats that OpenCV may not have
EIGHT_BITS = {".jpg", ".jpeg", ".bmp", ".webp", ".mpo", *PHONES}  # formats without anything else
HEADERS, DECODED = 256, 16  # pictures of a source that are looked at, and of them those whose values are
DARK = 8  # times that the brightest of 99.9 % of the values fit into the range


class PictureReader:
    """Decodes pictures to eight bits.

    Args:
        depth: bands and stretch.
        channels: of the network.
        why: what to add where it is said how pictures are read, such as " as the model was trained".

    Attributes:
        depth: with what a `survey` found.
    """

    def __init__(self, depth: Depth | None = None, channels: int = 3, why: str = ""):
        self.depth, self.channels, self.why = depth or Depth(), channels, why

    @classmethod
    def of(
        cls, given: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None, channels: int = 3
    ) -> PictureReader:
        """A reader for a run.

        Args:
            given: `bands` and `stretch` as the user names them.
            own: what the model was trained with, see `Depth.known`.
            channels: of the network.
        """
        trained = Depth.of_section(own)
        depth = trained.under(given or {})
        if depth == trained:
            return cls(depth, channels, " as the model was trained" if trained.known() else "")
        named = Depth(trained.bands, trained.stretch).known()
        other = " ".join(f"{k}={v}".replace(" ", "") for k, v in named.items())
        return cls(depth, channels, f", while the model was trained with {other}" if other else "")

    @property
    def tag(self) -> str:
        """What tells files of decoded pictures of one setting from those of others; "" for pictures of eight bits."""
        known = self.depth.known()
        bands = "-".join(map(str, known.pop("bands", ())))
        return ".".join(filter(None, [bands and f"b{bands}", *(f"{k}{v}" for k, v in known.items())]))

    def read(self, path: str | Path) -> np.ndarray:
        """Decode a picture to (H, W, channels) uint8, blue first where there are three.

        Raises:
            Unreadable: it cannot be read or decoded, or nobody can tell how, with the reason.
        """
        header = header_of(path)
        if self.usual(path, header):
            return self._plain(path)
        try:
            return self._made(read_raw(path, header, self.stacked), header)
        except Unclear as error:
            raise Unreadable(path, str(error)) from None

    def usual(self, path: str | Path, header: Header) -> bool:
        """Whether a file is decoded as ever: of eight bits, and nothing else is asked for."""
        if self.depth.asked or self.channels not in (1, 3):
            return False
        return header.plain or (header.dtype == np.uint8 and not is_tiff(path))

    def of_array(self, image: np.ndarray) -> np.ndarray:
        """(H, W) or (H, W, n) values of any depth -> (H, W, channels) uint8.

        Without `bands` three and four are in OpenCV's order, blue first; with `bands` their numbers are those of the
        last axis.

        Raises:
            Unclear: nobody can tell what they mean.
        """
        return self._made(*self._array(image))

    def takes(self, values: np.ndarray) -> bool:
        """Whether an array (H, W) or (H, W, n) is for `of_array`, and not eight bits of a picture as ever."""
        odd = values.ndim == 3 and values.shape[2] > 4 and values.shape[2] != self.channels
        return values.ndim in (2, 3) and bool(values.size) and (self.depth.asked or values.dtype != np.uint8 or odd)

    @property
    def stacked(self) -> bool:
        """Whether grey pages of a TIFF are bands."""
        return bool(self.depth.bands) or self.channels not in (1, 3)

    def header(self, item: str | Path | np.ndarray) -> Header | None:
        """What a file or an array (H, W, n) says of itself; None where it is for nobody, or for others."""
        try:
            if isinstance(item, str | Path):
                return header_of(item)
            return self._array(item)[1] if isinstance(item, np.ndarray) and self.takes(item) else None
        except Unreadable:
            return None

    def _array(self, image: np.ndarray) -> tuple[np.ndarray, Header]:
        """(H, W, n) values in the order of a file, and what they are."""
        values = image if image.ndim == 3 else image[..., None]
        n = values.shape[2]
        if n in (3, 4) and not self.depth.bands:
            values = values[..., [2, 1, 0, *range(3, n)]]
        alpha = n == 4 and self.channels != 4 and not self.depth.bands
        return values, Header(n - alpha, values.dtype, alpha)

    def chosen(self, item: str | Path | np.ndarray, header: Header) -> np.ndarray:
        """The bands of a file or an array (H, W, n) that are seen, as they are -> (H, W, k).

        Raises:
            Unclear: nothing says which these are.
            Unreadable: it does not decode.
        """
        values = self._array(item)[0] if isinstance(item, np.ndarray) else read_raw(item, header, self.stacked)
        return values[..., self.numbers(values.shape[2], header)]

    def numbers(self, n: int, header: Header) -> list[int]:
        """Which of the `n` bands of a picture are seen, from 0 on."""
        alpha = header.alpha and n == header.samples
        return chosen_bands(self.depth.bands, n - alpha, alpha, self.channels)

    def _made(self, values: np.ndarray, header: Header) -> np.ndarray:
        """(H, W, n) all bands in the order of a file -> (H, W, channels) as networks read them."""
        return arranged(
            self.depth.to_bytes(values[..., self.numbers(values.shape[2], header)], header.nodata), self.channels
        )

    def _plain(self, path: str | Path) -> np.ndarray:
        """A picture of eight bits, as OpenCV and ultralytics decode it."""
        if Path(path).suffix.lower() in PHONES and (found := _by_pillow(path, self.channels)) is not None:
            return found
        picture = decode(path, cv2.IMREAD_GRAYSCALE if self.channels == 1 else cv2.IMREAD_COLOR)
        return picture if picture.ndim == 3 else picture[..., None]


def arranged(made: np.ndarray, channels: int) -> np.ndarray:
    """(H, W, n) uint8 chosen bands, red first -> (H, W, channels) uint8 as networks read them, blue first."""
    if channels in (1, 3) and made.shape[2] == 3:
        made = np.ascontiguousarray(made[..., ::-1])
        if channels == 1:
            made = cv2.cvtColor(made, cv2.COLOR_BGR2GRAY)[..., None]
    elif made.shape[2] == 1 and channels > 1:
        made = np.repeat(made, channels, 2)
    return np.ascontiguousarray(made)


def _by_pillow(path: str | Path, channels: int) -> np.ndarray | None:
    """A format that OpenCV may not have, turned upright; None where Pillow does not read it either."""
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if channels == 1:
                return np.asarray(picture.convert("L"))[..., None]
            return cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR)
    except Exception:  # what Pillow raises for a damaged file has no bounds
        return None
