"""What a conversion wrote, left out and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .records import TOLERANCE


@dataclass
class SplitSummary:
    """What was written for one split; `boxes` counts by class name, `dropped` by reason, `cut` those over the edge."""

    images: int = 0
    empty: int = 0
    boxes: Counter = field(default_factory=Counter)
    ignore: int = 0
    cut: int = 0
    dropped: Counter = field(default_factory=Counter)


@dataclass
class Summary:
    """The outcome of a conversion; `print(summary)` shows it.

    Attributes:
        data: the data.yaml to train with.
        splits: counts by split.
        lists: image lists written beside data.yaml, each with its length and the number of names without an image.
        notes: what else there is to know, a line each.
        protocol: how val scores this data set when nothing else is asked for.
    """

    data: Path
    splits: dict[str, SplitSummary] = field(default_factory=dict)
    lists: dict[Path, tuple[int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    protocol: str | None = None

    def __str__(self) -> str:
        lines = []
        for split, s in self.splits.items():
            total = f"{s.boxes.total()} boxes, {s.ignore} ignore regions"
            lines.append(f"{split}: {s.images} images ({s.empty} without objects), {total}")
            lines.append("  " + ", ".join(f"{name} {n}" for name, n in s.boxes.items()))
            lines += [f"  dropped {n}: {reason}" for reason, n in s.dropped.items()]
            lines += [f"  cut {s.cut}: box over the edge of its picture by more than {TOLERANCE:g} px"] if s.cut else []
        lines += [f"list {path}: {n} images, {missing} names without one" for path, (n, missing) in self.lists.items()]
        lines += [f"note: {line}" for line in self.notes]
        if self.protocol:
            lines.append(f"protocol: {self.protocol}, unless another is asked for")
        return "\n".join([*lines, f"data: {self.data}"])
