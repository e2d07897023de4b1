"""Classes and splits without an object: what a detector cannot learn, and what figures say nothing of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHOWN = 5  # classes of a line


def empty_splits(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The splits without a single object; `counts` has objects by class name, by split."""
    return [split for split, of in counts.items() if not sum(of.values())]


def gaps(counts: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> dict[str, str]:
    """Classes without an object in train or val, a line for each kind.

    Args:
        counts: objects by class name, by split.
        names: of the classes.
    Returns:
        Lines by "nowhere" (of no split), "untrained" (val or test have them, train does not), "unjudged" (train has
        them, val does not); a split that is not there, or has no object at all, says nothing.
    """
    there = {split: of for split, of in counts.items() if sum(of.values())}
    total = {name: sum(of.get(name, 0) for of in there.values()) for name in names}
    lines = {"nowhere": [n for n in names if there and not total[n]]}
    for kind, split in (("untrained", "train"), ("unjudged", "val")):
        one = there.get(split)
        lines[kind] = [] if one is None else [n for n in names if total[n] and not one.get(n)]
    only_elsewhere = [n for n in lines["unjudged"] if not there.get("train", {}).get(n)]
    lines["unjudged"] = [n for n in lines["unjudged"] if n not in only_elsewhere]
    said = {
        "nowhere": "no object in any split",
        "untrained": "objects in val or test, none in train: not learned",
        "unjudged": "objects in train, none in val: no figure says anything of them",
    }
    return {kind: f"{said[kind]}: {_some(found, total)}" for kind, found in lines.items() if found}


def _some(names: Sequence[str], total: Mapping[str, int]) -> str:
    words = [f"{n} ({total[n]})" if total[n] else n for n in names[:SHOWN]]
    return ", ".join(words) + (f", and {len(names) - SHOWN} more classes" if names[SHOWN:] else "")
