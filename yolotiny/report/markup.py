"""The few pieces of HTML the page is made of; text from outside is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

TOTALS = ("all", "all, one confidence")  # rows that stand out


def section(title: str, words: str, body: str) -> str:
    """A titled part of the page; `words` is text, `body` is HTML."""
    return f"<section><h2>{title}</h2><p>{escape(words)}</p>{body}</section>"


def plot(plots: Mapping[str, bytes], name: str) -> str:
    """A PNG inside the page."""
    source = base64.b64encode(plots[name]).decode()
    return f'<figure><img alt="{name.replace("_", " ")}" src="data:image/png;base64,{source}"></figure>'


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; a cell is a value, or [value, small print]."""

    def cell(value: Any) -> str:
        top, *small = value if isinstance(value, list) else [value]
        top = f"{top:,}" if isinstance(top, int) else str(top)
        under = "".join(f"<small>{escape(s)}</small>" for s in small)
        return f"<td{' class=none' if top == '-' else ''}>{escape(top)}{under}</td>"

    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    marks = [" class=all" if row[0] in TOTALS else "" for row in rows]
    body = "".join(f"<tr{mark}>{''.join(map(cell, row))}</tr>" for mark, row in zip(marks, rows, strict=True))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
