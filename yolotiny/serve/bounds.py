"""How much a service takes: of a picture, of pictures at once, of time."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import above_zero, whole


@dataclass(frozen=True)
class Bounds:
    """What no request can exceed.

    Attributes:
        size: bytes of an upload.
        pixels: of a picture, all pages of a TIFF together.
        queue: pictures at once: the one that is looked at, and those that wait or arrive.
        seconds: for an upload to arrive, and for the look at it.

    Raises:
        InputError: none of that.
    """

    size: int = 32 << 20
    pixels: int = 100_000_000
    queue: int = 16
    seconds: float = 60.0

    def __post_init__(self) -> None:
        whole(self.size, "max-bytes", 1, example=32 << 20)
        whole(self.pixels, "max-pixels", 1, example=100_000_000)
        whole(self.queue, "queue", 1, example=16)
        above_zero(self.seconds, "timeout", example=60)
