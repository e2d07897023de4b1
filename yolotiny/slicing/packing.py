"""Small tiles beside each other on few canvases: one forward pass instead of many."""

from __future__ import annotations

from collections.abc import Sequence

Place = tuple[int, int, int]  # canvas, x, y


def pack(sizes: Sequence[tuple[int, int]], most: tuple[int, int]) -> tuple[list[Place], list[tuple[int, int]]]:
    """Place rectangles on canvases, the highest first, each where it comes to lie lowest (the skyline rule).

    Args:
        sizes: (height, width) of each; none exceeds `most`.
        most: (height, width) of a canvas.

    Returns:
        For each rectangle (canvas, x, y), and for each canvas the (height, width) that its rectangles take.

    Source: bottom-left placement on a skyline (Jylänki 2010, "A thousand ways to pack the bin", section 2.5).
    """
    places: list[Place] = [(0, 0, 0)] * len(sizes)
    skylines: list[list[list[int]]] = []  # of each canvas: segments (x, width, height reached)
    taken: list[tuple[int, int]] = []
    for i in sorted(range(len(sizes)), key=lambda i: (-sizes[i][0], -sizes[i][1])):
        h, w = sizes[i]
        spots = ((n, _lowest(skyline, w, most[1])) for n, skyline in enumerate(skylines))
        fits = ((n, *spot) for n, spot in spots if spot is not None and spot[1] + h <= most[0])
        number, x, y = next(fits, (len(skylines), 0, 0))
        if number == len(skylines):
            skylines.append([[0, most[1], 0]])
            taken.append((0, 0))
        places[i] = number, x, y
        skylines[number] = _raised(skylines[number], x, w, y + h)
        taken[number] = max(taken[number][0], y + h), max(taken[number][1], x + w)
    return places, taken


def _lowest(skyline: list[list[int]], width: int, most: int) -> tuple[int, int] | None:
    """Where a rectangle of this width lies lowest, leftmost of equals: (x, y), or None where it is too wide."""
    best = None
    for i, (x, _, _) in enumerate(skyline):
        if x + width > most:
            break
        y, end = 0, x
        for start, across, height in skyline[i:]:
            if start >= x + width:
                break
            y, end = max(y, height), start + across
        if end >= x + width and (best is None or y < best[1]):
            best = x, y
    return best


def _raised(skyline: list[list[int]], x: int, width: int, height: int) -> list[list[int]]:
    """The skyline with a rectangle on it."""
    out = []
    for start, across, reached in skyline:
        if start < x:
            out.append([start, min(across, x - start), reached])
        if start + across > x + width:
            begin = max(start, x + width)
            out.append([begin, start + across - begin, reached])
    out.append([x, width, height])
    return sorted(out)
