"""Numbers of categories in a source, and the classes that they became: told where they are not the same."""

from __future__ import annotations

from collections.abc import Mapping

Categories = Mapping[str, Mapping[int, tuple[str, int]]]  # see `records.Dataset.categories`
SHOWN = 12  # categories in the line of a summary


def renumbered(categories: Categories) -> dict[str, list[str]]:
    """What became of each number, by the splits that agree on it; empty where the JSON that is written has the same."""
    found: dict[tuple, list[str]] = {}
    for split, table in categories.items():
        if any(label >= 0 and label + 1 != number for number, (_, label) in table.items()):
            found.setdefault(tuple(table.items()), []).append(split)
    return {", ".join(splits): [_line(*row) for row in table] for table, splits in found.items()}


def as_note(categories: Categories) -> list[str]:
    """A line of a summary for each numbering."""
    lines = []
    for splits, rows in renumbered(categories).items():
        more = f", and {len(rows) - SHOWN} more (all are in data.yaml)" if rows[SHOWN:] else ""
        head = f"category ids of {splits} are numbered anew (id there -> class in labels; the JSON counts from 1)"
        lines.append(f"{head}: {', '.join(rows[:SHOWN])}{more}")
    return lines


def as_comment(categories: Categories) -> str:
    """The lines of comment that a data.yaml begins with."""
    text = ""
    for splits, rows in renumbered(categories).items():
        text += f"# category ids of {splits} in the source -> class here (ids in annotations/ are one more):\n"
        text += "".join(f"#   {row}\n" for row in rows)
    return text


def _line(number: int, of: tuple[str, int]) -> str:
    name, label = of
    return f"{number} -> {label if label >= 0 else 'ignore region'} {name}"
