"""How the values of a raster become eight bits: one rule for all of it, from its statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..pictures.depth import QUANTILES, Depth, Unclear, bits_of, chosen_bands, ends, linear, top_of, valid
from ..pictures.reader import PictureReader
from .raster import Raster


@dataclass(frozen=True)
class Levels:
    """Which bands of a raster are seen, and what becomes black and white.

    Attributes:
        bands: their numbers from 0 on, red first.
        black, white: values that become 0 and 255; between them it is linear.
        bits: of whole numbers whose upper eight are seen; then black and white say nothing. 8: the values stay.
    """

    bands: tuple[int, ...]
    black: float = 0.0
    white: float = 255.0
    bits: int | None = 8

    @classmethod
    def of(cls, raster: Raster, reader: PictureReader) -> tuple[Levels, str]:
        """Those of a raster, and what to say of them, "" for nothing.

        Args:
            raster: parts of it are read.
            reader: what the user and the model's training say of bands and stretch, and the network's channels.

        Raises:
            InputError: bands that are not there, or values that nobody can tell the meaning of.
        """
        try:
            bands = chosen_bands(reader.depth.bands, raster.count, raster.alpha, reader.channels)
            made, said = cls(tuple(bands)), ""
            if raster.dtype != np.uint8 or reader.depth.stretched:
                made, said = _settled(bands, *raster.sample(bands), raster.nodata, reader.depth)
        except Unclear as error:
            raise InputError(f"raster {raster.path}: {error}") from None
        if reader.depth.bands or raster.count not in (1, 3):
            said = ", ".join(filter(None, [f"bands {', '.join(str(b + 1) for b in bands)} are seen", said]))
        kind = f"{raster.count} band{'s' * (raster.count > 1)} of {raster.dtype.name}"
        return made, f"{kind}: {said}{reader.why}" if said else ""

    def to_bytes(self, values: np.ndarray, nodata: float | None, held: np.ndarray | None) -> np.ndarray:
        """(H, W, n) values, and (H, W) whether a pixel holds any -> (H, W, n) uint8, 0 where none is."""
        if self.bits == 8 and values.dtype == np.uint8:
            out = values
        elif self.bits is not None:
            out = np.clip(values >> (self.bits - 8), 0, 255).astype(np.uint8)
        else:
            out = linear(values, valid(values, nodata), self.black, self.white)
        return out if held is None else np.where(held[..., None], out, 0).astype(np.uint8)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON, bands numbered from 1 on."""
        return asdict(self) | {"bands": [b + 1 for b in self.bands]}


def _settled(
    bands: Sequence[int], values: np.ndarray, held: np.ndarray | None, nodata: float | None, depth: Depth
) -> tuple[Levels, str]:
    """Levels of a raster by (h, w, n) a sample of its values and (h, w) which of them hold data."""
    seen = valid(values, nodata)
    if held is not None:
        seen = np.broadcast_to(held[..., None], values.shape) & (True if seen is None else seen)
    low, high = ends(values, seen)
    if depth.stretched:
        if depth.stretch == "percentile":
            part = (values.ravel() if seen is None else values[seen]).astype(np.float32)
            low, high = map(float, np.quantile(part, QUANTILES)) if part.size else (0.0, 0.0)
        return Levels(tuple(bands), low, high, None), f"stretched from {low:g} to {high:g}"
    if values.dtype.kind == "f":
        top = depth.top if depth.top and high <= depth.top else top_of(low, high)
        return Levels(tuple(bands), 0.0, float(top), None), f"floats up to {high:g} taken as 0 to {top}"
    own = bits_of(low, high)
    bits = 16 if depth.stretch == "none" else max(depth.bits or 0, own) if depth.bits else own
    return Levels(tuple(bands), bits=bits), f"values up to {high:g} taken as {bits} bits"
