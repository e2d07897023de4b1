"""Which part of a network's graph lies behind its last layers, whatever format holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LAST = (
    2  # layers with weights before the boxes that stay in float; the second reaches what has a fixed kernel behind it
)


@dataclass(frozen=True)
class Node:
    """An operation of a graph.

    Attributes:
        inputs: names of the operations it reads.
        weighted: it is a convolution or a product with weights.
    """

    inputs: tuple[str, ...]
    weighted: bool = False


def behind(graph: Mapping[str, Node], ends: Iterable[str], layers: int = LAST) -> set[str]:
    """The operations from the last `layers` weighted ones of every branch, these included, to the ends.

    Args:
        graph: operations by name; inputs that are no operation of it are passed over.
        ends: names of the operations that give the outputs.
    """
    left: dict[str, int] = {}  # weighted layers that may still come, the most of all ways to an operation
    todo = [(name, layers) for name in ends]
    while todo:
        name, more = todo.pop()
        if name not in graph or more == 0 or left.get(name, 0) >= more:
            continue
        left[name] = more
        todo += [(before, more - graph[name].weighted) for before in graph[name].inputs]
    return set(left)
