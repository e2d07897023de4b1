"""Bands and depth: how the values of a picture become eight bits, by one rule for training and everything after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import InputError, did_you_mean

SECTION = "pictures"  # of a model's configuration
STRETCHES = ("auto", "percentile", "minmax", "none")
# What becomes black and white in stretch=percentile. Objects of a few pixels lie in the tails of a picture's values:
# 2 % at each end, as is usual for maps, would be more than all of them together.
QUANTILES = (0.001, 0.999)
SAMPLE = 1_000_000  # pixels that the quantiles are taken from
BITS = (8, 10, 11, 12, 14, 16)  # that sensors have
OVER = 0.001  # share of a picture's values that may be above the bits of its source, and are white then


class Unclear(ValueError):
    """Values that nobody can guess the meaning of; the text says what there is and which option to give."""


@dataclass(frozen=True)
class Depth:
    """Which bands are seen, and how they become eight bits.

    Attributes:
        bands: numbers of the bands, from 1 on, in the order red, green, blue; None for those that a picture shows.
        stretch: auto (by the bits that the source uses), percentile, minmax, or none (by the bits of the file).
        bits: that whole numbers of the source use, once known.
        top: of the floats of the source, 1 or 255, once known.
    """

    bands: tuple[int, ...] | None = None
    stretch: str = "auto"
    bits: int | None = None
    top: int | None = None

    @classmethod
    def of(cls, bands: Any = None, stretch: Any = "auto", bits: Any = None, top: Any = None) -> Depth:
        """From what a user or a file says.

        Raises:
            InputError: what cannot be.
        """
        numbers = bands if isinstance(bands, (list, tuple)) else [] if bands is None else [bands]
        if any(isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 1000 for n in numbers):
            raise InputError(f"bands={bands}: give the numbers of bands, from 1 on, such as bands=[4,3,2] or bands=1")
        stretch = "none" if stretch is None else stretch  # the command line reads none as nothing
        if stretch not in STRETCHES:
            raise InputError(f"unknown stretch {stretch!r}{did_you_mean(str(stretch), STRETCHES)}")
        for name, value, known in (("bits", bits, BITS), ("top", top, (1, 255))):
            if value is not None and (isinstance(value, bool) or value not in known):
                raise InputError(f"pictures.{name}={value!r}: training measures it, leave it out")
        return cls(tuple(numbers) or None, stretch, bits, top)

    @classmethod
    def of_section(cls, section: Any) -> Depth:
        """What a model's configuration says, see `known`."""
        if not isinstance(section or {}, Mapping):
            raise InputError(f"{SECTION}={section!r} is no section; write {SECTION}: {{bands: [4, 3, 2]}}")
        names = [f.name for f in fields(cls)]
        if odd := [k for k in section or {} if k not in names]:
            raise InputError(f"unknown key {SECTION}.{odd[0]}{did_you_mean(str(odd[0]), names)}")
        return cls.of(**(section or {}))

    def under(self, given: Mapping[str, Any]) -> Depth:
        """Itself with what a user gives for this run; another stretch knows no bits yet."""
        found = Depth.of(**{"bands": self.bands, "stretch": self.stretch} | dict(given))
        return replace(found, bits=self.bits, top=self.top) if found.stretch == self.stretch else found

    def known(self) -> dict[str, Any]:
        """What differs from a picture of eight bits, ready for YAML; empty for nothing."""
        found = {f.name: asdict(self)[f.name] for f in fields(self) if getattr(self, f.name) != f.default}
        return found | ({"bands": list(self.bands)} if self.bands else {})

    @property
    def asked(self) -> bool:
        """Whether even a picture of eight bits is changed."""
        return bool(self.bands) or self.stretched

    @property
    def stretched(self) -> bool:
        """Whether each picture is stretched by its own values."""
        return self.stretch in ("percentile", "minmax")

    def to_bytes(self, values: np.ndarray, nodata: float | None = None) -> np.ndarray:
        """(H, W, n) values -> (H, W, n) uint8; NaN, infinity and `nodata` are 0.

        Raises:
            Unclear: there is no way to tell what they mean.
        """
        if values.dtype == bool:
            values = values.astype(np.uint8) * 255
        held = valid(values, nodata)
        if self.stretched:
            return linear(values, held, *self._ends(values, held))
        if values.dtype == np.uint8:
            return values
        if values.dtype.kind == "f":
            low, high = ends(values, held)
            top = self.top or top_of(low, high)
            if low < 0 or high > top:
                raise Unclear(f"values from {low:g} to {high:g} among pictures of 0 to {top}; {OPTIONS}")
            return linear(values, held, 0, top)
        return self._shifted(values, held)

    def _shifted(self, values: np.ndarray, held: np.ndarray | None) -> np.ndarray:
        """Whole numbers by the bits of their source, or of the file."""
        low, high = ends(values, held)
        own = bits_of(low, high)
        bits = 16 if self.stretch == "none" else self.bits or own
        if high >= 2**bits:
            share = float((values >= 2**bits).mean())
            if share > OVER:
                raise Unclear(f"{share:.1%} of its values are above the {bits} bits that others have; {OPTIONS}")
        out = np.minimum(values >> (bits - 8), 255).astype(np.uint8)
        return out if held is None else np.where(held, out, 0)

    def _ends(self, values: np.ndarray, held: np.ndarray | None) -> tuple[float, float]:
        """What becomes black and white, over all bands together."""
        if self.stretch == "minmax":
            return ends(values, held)
        step = max(int((values.shape[0] * values.shape[1] / SAMPLE) ** 0.5), 1)
        part = values[::step, ::step].astype(np.float32)
        part = part.ravel() if held is None else part[held[::step, ::step]]
        low, high = np.quantile(part, QUANTILES) if part.size else (0.0, 0.0)
        return float(low), float(high)


OPTIONS = "stretch=percentile or stretch=minmax makes 8 bits of each picture by its own values"


def valid(values: np.ndarray, nodata: float | None) -> np.ndarray | None:
    """Whether a value is one, and neither NaN nor infinite nor `nodata`: (H, W, n) -> (H, W, n), None where all are.

    Raises:
        Unclear: they are no numbers on a line, such as those of radar with a phase.
    """
    if values.dtype.kind not in "buif":
        raise Unclear(f"values of type {values.dtype.name}, which are no brightness")
    if values.dtype.kind != "f" and nodata is None:
        return None
    held = np.isfinite(values)
    if nodata is not None and np.isfinite(nodata):
        held &= values != nodata
    return None if held.all() else held


def ends(values: np.ndarray, held: np.ndarray | None) -> tuple[float, float]:
    """The smallest and the greatest value of (H, W, n), of those alone that are `held`, (H, W, n); 0, 0 of none."""
    values = values if held is None else values[held]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def bits_of(low: float, high: float) -> int:
    """The bits that whole numbers use.

    Raises:
        Unclear: some are negative, or beyond 16 bits.
    """
    if low < 0 or high >= 2**16:
        raise Unclear(f"whole numbers from {low:g} to {high:g}, which are no brightness of 16 bits; {OPTIONS}")
    return next(bits for bits in BITS if high < 2**bits)


def top_of(low: float, high: float) -> int:
    """What is white in floats, 1 or 255.

    Raises:
        Unclear: they fill neither 0..1 nor 0..255. A degree or a reflectance of 1.2 would be black as one of 255.
    """
    if low < 0 or high > 255 or 1 < high < 128:
        raise Unclear(f"floats from {low:g} to {high:g}, which fill neither 0 to 1 nor 0 to 255; {OPTIONS}")
    return 1 if high <= 1 else 255


def linear(values: np.ndarray, held: np.ndarray | None, low: float, high: float) -> np.ndarray:
    """Stretch `low` to `high` linearly to 0 to 255.

    Args:
        values: (H, W, n) of any type.
        held: (H, W, n) whether a value is one; None where all are. Others become 0.
        low, high: values that become 0 and 255.

    Returns:
        (H, W, n) uint8.
    """
    scale = 255 / max(high - low, 1e-9)
    out = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), 1024):  # in parts, so that the copy in floats stays small
        part = values[row : row + 1024].astype(np.float32)
        if held is not None:
            part[~held[row : row + 1024]] = low
        out[row : row + 1024] = np.clip((part - low) * scale + 0.5, 0, 255)
    if held is not None:
        out[~held] = 0
    return out


def chosen_bands(bands: Sequence[int] | None, has: int, alpha: bool, channels: int) -> list[int]:
    """Which bands of a picture are read, from 0 on: red, green and blue, one for grey, or one for each channel.

    Args:
        bands: as the user numbers them, from 1 on.
        has: bands of the picture, without alpha.
        alpha: it has alpha besides, as its last band.
        channels: of the network.

    Raises:
        Unclear: bands that are not there, or a picture that does not say which are its colours.
    """
    wanted = 3 if channels in (1, 3) else channels
    if bands is not None:
        if len(bands) not in (1, wanted):
            raise Unclear(f"bands={list(bands)}: give one band, or {wanted}")
        if max(bands) > has + alpha:
            raise Unclear(f"it has {has + alpha} bands, and bands={list(bands)} asks for number {max(bands)}")
        return [n - 1 for n in bands]
    if has == 1:
        return [0]
    if wanted != 3 and has + alpha == wanted:
        return [2, 1, 0, 3] if wanted == 4 else list(range(wanted))  # blue first, as OpenCV has it
    if wanted == 3 and has in (3, 4):
        return [0, 1, 2]
    if has < wanted != 3:
        raise Unclear(f"it has {has} bands, and the network reads {wanted}")
    such = str(list(range(wanted, 0, -1)) if has >= wanted else 1).replace(" ", "")
    what = "red, green and blue" if wanted == 3 else f"the {wanted} channels of the network"
    raise Unclear(f"it has {has} bands and nothing says which are {what}: give bands=, for example bands={such}")
