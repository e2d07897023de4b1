"""A first look at pictures of a source: what their values mean is decided once for all of them, and told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .depth import OPTIONS, QUANTILES, Unclear, bits_of, ends, top_of, valid
from .files import Unreadable
from .raw import Header
from .reader import EIGHT_BITS, PictureReader

HEADERS, DECODED = 256, 16  # pictures of a source that are looked at, and of them those whose values are
DARK = 8  # times that the brightest of 99.9 % of the values fit into the range


@dataclass(frozen=True)
class Seen:
    """Values of the bands of a picture that are read: "u", "i" or "f", the ends, and the 99.9 % quantile."""

    kind: str
    low: float
    high: float
    most: float


def survey(reader: PictureReader, items: Sequence[Any]) -> list[str]:
    """Look at pictures of a source, and settle how a reader reads all of it.

    Args:
        reader: gets what is found into its `depth`.
        items: files and arrays (H, W, n); evenly chosen ones are looked at.

    Returns:
        what to say of the source, a line or none.

    Raises:
        InputError: nobody can tell how to read these, and there are no others.
    """
    kinds: Counter[str] = Counter()
    odd: list[tuple[Any, Header]] = []
    sure = 0
    found = [x for x in items if not isinstance(x, str | Path) or Path(x).suffix.lower() not in EIGHT_BITS]
    found = list(items) if reader.depth.asked else found
    for item in _evenly(found, HEADERS):
        if (header := reader.header(item)) is None:
            continue
        kinds[str(header)] += 1
        if header.plain and not reader.depth.asked:
            sure += 1
        else:
            odd.append((item, header))
    seen, refused = _look(reader, _evenly(odd, DECODED))
    if refused and not seen and not sure and len(found) == len(items):
        raise refused[0]
    said = _settle(reader, seen, [header for _, header in odd]) if seen else []
    shown = ", ".join(kinds) if len(kinds) < 4 else f"{len(kinds)} kinds"
    return [f"pictures of {shown}: {'; '.join(said)}{reader.why}"] if said else []


def _look(reader: PictureReader, odd: Iterable[tuple[Any, Header]]) -> tuple[list[Seen], list[InputError]]:
    """The values of pictures, and what is wrong with those that cannot be read."""
    seen, refused = [], []
    for item, header in odd:
        try:
            seen.append(_values(reader, item, header))
        except Unclear as error:
            file = isinstance(item, str | Path)
            refused.append(Unreadable(item, str(error)) if file else InputError(f"source: {error}"))
        except Unreadable as error:
            refused.append(error)
    return seen, refused


def _values(reader: PictureReader, item: Any, header: Header) -> Seen:
    if header.dtype == np.uint8 or reader.depth.stretched:  # nothing depends on them
        reader.numbers(header.pages if reader.stacked and header.pages > 1 else header.samples, header)
        return Seen("b", 0, 255, 255)
    values = reader.chosen(item, header)
    held = valid(values, header.nodata)
    low, high = ends(values, held)
    part = (values[::4, ::4] if held is None else values[held][::16]).astype(np.float32)
    (top_of if values.dtype.kind == "f" else bits_of)(low, high)
    return Seen(values.dtype.kind, low, high, float(np.quantile(part, QUANTILES[1])) if part.size else 0.0)


def _settle(reader: PictureReader, seen: Sequence[Seen], headers: Sequence[Header]) -> list[str]:
    """Take over what the values of a source say; returns it in words."""
    said = _of_bands(reader, headers)
    if reader.depth.stretched:
        quantiles = f"its {QUANTILES[0]:.1%} and {QUANTILES[1]:.1%} quantiles"
        at = quantiles if reader.depth.stretch == "percentile" else "its smallest and greatest value"
        return [*said, f"each is stretched between {at}, all bands together"]
    if whole := [x for x in seen if x.kind in "ui"]:
        said.append(_settle_bits(reader, max(x.high for x in whole), max(x.most for x in whole)))
    if floats := [x for x in seen if x.kind == "f"]:
        high, before = max(x.high for x in floats), reader.depth.top
        top = before if before and high <= before else top_of(min(x.low for x in floats), high)
        reader.depth = replace(reader.depth, top=top)
        said.append(f"floats up to {high:g} taken as 0 to {top}")
    return said


def _settle_bits(reader: PictureReader, high: float, most: float) -> str:
    """Take over the bits that whole numbers up to `high`, nearly all up to `most`, use; returns it in words."""
    if reader.depth.stretch == "none":
        return "16 bits, of which the upper 8 are seen"
    before = reader.depth.bits
    bits = before if before and most < 2**before else bits_of(0, high)
    reader.depth = replace(reader.depth, bits=bits)
    said = f"values up to {high:g} taken as {bits} bits"
    if before and bits != before:
        reader.why = ""
        return f"{said}, while the model was trained on {before} bits; {OPTIONS}"
    if before:
        return said
    dark = f", which leaves them dark as 99.9 % lie below {most:g}" if bits > 8 and most * DARK < 2**bits else ""
    return f"{said}{dark}; stretch= changes that"


def _of_bands(reader: PictureReader, headers: Sequence[Header]) -> list[str]:
    """What is said of bands that are chosen, or left out."""
    if bands := reader.depth.bands:
        colours = {1: "grey", 3: "red, green and blue"}.get(len(bands), "channels")
        return [f"band{'s' * (len(bands) > 1)} {', '.join(map(str, bands))} read as {colours}"]
    if reader.channels not in (1, 3):
        return []
    said = ["alpha is left out"] if any(h.alpha for h in headers) else []
    if any(h.pages > 1 for h in headers):
        said.append("of several pages the first is read; with bands= they are bands")
    if any(h.bands == 4 and not h.alpha for h in headers):
        said.append("the first three bands are red, green and blue; bands= chooses others")
    return said


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of them, evenly chosen."""
    return [items[i] for i in np.unique(np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int))]
