"""Which class is which, where the names of a model and those of data meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..ops.class_choice import first_of


@dataclass(frozen=True)
class ClassOrder:
    """The classes of a model among as many of a data set.

    A name counts as the same where only case, spaces, hyphens, underscores and an `s` at its end differ. Classes whose
    name the other side does not have go by their place among those. Where either side has only numbers for names, or
    the names that are made up where there are none, every class keeps its number.

    Attributes:
        numbers: of each class of the model, the number of the same class in the data.
        names: of the classes by their number in the data; the model's where the data has none.
        line: what the user is told; empty where the names agree as they stand, or one side has none.
        strange: the line says that names differ, not only their order or how they are written.
    """

    numbers: tuple[int, ...]
    names: dict[int, str]
    line: str = ""
    strange: bool = False

    @classmethod
    def of(cls, model: Mapping[int, str], data: Mapping[int, str]) -> ClassOrder:
        """Find the classes of `model` in `data`: as many names each, by number from 0."""
        ours, theirs = ([str(names[i]) for i in range(len(names))] for names in (model, data))
        same = tuple(range(len(ours)))
        if ours == theirs or _unnamed(ours) or _unnamed(theirs):
            return cls(same, dict(enumerate(ours if _unnamed(theirs) else theirs)))
        found: dict[int, int] = {}
        for key in (str, _key):
            found |= dict(_pairs(ours, theirs, key, found))
        strange = [i for i in same if i not in found]
        free = (j for j in same if j not in found.values())
        numbers = tuple(found[i] if i in found else next(free) for i in same)
        if strange:
            told = (f"{ours[i]!r} is taken for {theirs[numbers[i]]!r}" for i in strange)
            line = f"class names of the model and of the data differ: {first_of(told, len(strange))}"
            return cls(numbers, dict(enumerate(theirs)), line, True)
        moved = [i for i in same if ours[i] != theirs[numbers[i]] or i != numbers[i]]
        how = "in another order" if numbers != same else "written otherwise"
        told = (f"{i} {ours[i]} is {numbers[i]} {theirs[numbers[i]]} of the data" for i in moved)
        line = f"the data has the classes of the model {how}, they go by name: {first_of(told, len(moved))}"
        return cls(numbers, dict(enumerate(theirs)), line)

    @property
    def moves(self) -> bool:
        """Whether any class has another number in the data than in the model."""
        return self.numbers != tuple(range(len(self.numbers)))

    def back(self) -> np.ndarray:
        """(n,) of each class of the data, the number of the same class of the model."""
        return np.argsort(self.numbers)


def few(names: Mapping[int, str]) -> str:
    """The first three names."""
    return ", ".join([*list(map(str, names.values()))[:3], *(["..."] if len(names) > 3 else [])])


def _unnamed(names: Sequence[str]) -> bool:
    """Whether these are the numbers, or the names made up of them, that stand where nobody named the classes."""
    return all(re.fullmatch(rf"(class[ _-]?)?0*{i}", name) for i, name in enumerate(names))


def _key(name: str) -> str:
    """What of a name does not depend on how it is written."""
    return re.sub(r"[\s_-]+", "", name).casefold().removesuffix("s")


def _pairs(
    ours: Sequence[str], theirs: Sequence[str], key: Callable[[str], str], found: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """(i, j) of those not found yet whose names have one key, which no other of either side has."""
    by_key: dict[str, tuple[list[int], list[int]]] = {}
    for side, names, taken in ((0, ours, found.keys()), (1, theirs, set(found.values()))):
        for i, name in enumerate(names):
            if i not in taken:
                by_key.setdefault(key(name), ([], []))[side].append(i)
    yield from ((i[0], j[0]) for i, j in by_key.values() if len(i) == len(j) == 1)
