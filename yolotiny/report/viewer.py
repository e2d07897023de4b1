"""The images of the page: their list, the switches of the kinds, and the data that page.js draws."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from .markup import section
from .pictures import Shown

KINDS = {  # as the page names them, and whether they are drawn at first
    "missed": ("missed", True),
    "localisation": ("localisation", True),
    "class": ("class", True),
    "duplicate": ("duplicate", True),
    "background": ("background", True),
    "hit": ("hits", True),
    "truth": ("objects", False),
    "ignored": ("ignored", True),
}
DASHED = {"missed", "background", "ignored"}
TOOLS = {"-": ("\N{MINUS SIGN}", "zoom out"), "+": ("+", "zoom in"), "0": ("fit", "whole picture")}
TOOLS |= {"e": ("next error", "zoom to the next error"), "n": ("next image", "show the next image")}


def viewer(shown: Sequence[Shown], images: int) -> str:
    """The images, their list, the switches of the kinds."""
    if not shown:
        return section("Worst images", "No image with an error, or none was asked for.", "")
    count = {kind: sum(b["kind"] == kind for s in shown for b in s.boxes) for kind in KINDS}
    toggles = "".join(
        f'<label class="{kind}"><input type="checkbox" value="{kind}"{" checked" if on else ""}>'
        f"<i{' data-dash' if kind in DASHED else ''}></i>{name} {count[kind]:,}</label>"
        for kind, (name, on) in KINDS.items()
        if count[kind]
    )
    buttons = "".join(
        f"<button>{escape(s.file)}<small>{s.missed} missed, {s.false} false{'' if s.source else ', no picture'}"
        "</small></button>"
        for s in shown
    )
    tools = "".join(
        f'<button data-key="{key}" title="{title} ({key})">{text}</button>' for key, (text, title) in TOOLS.items()
    )
    words = (
        f"The {len(shown)} of {images:,} images with most misses and false alarms, at each class's best confidence."
        " Wheel or + and - zoom, drag or arrow keys move, 0 fits, e goes to the next error, n and p change the image."
        " Point at a box to read what it is."
    )
    stage = (
        '<div id="stage" tabindex="0" aria-label="image with boxes"><svg xmlns="http://www.w3.org/2000/svg">'
        f'<g id="scene"></g></svg><div id="tools">{tools}</div><div id="said" role="status"></div></div>'
    )
    body = f'<div id="toggles">{toggles}</div><div id="viewer"><div id="list">{buttons}</div>{stage}</div>'
    return section("Worst images", words, body)


def data(shown: Sequence[Shown]) -> str:
    """What the script draws."""
    rows = json.dumps([asdict(s) for s in shown]).replace("<", "\\u003c")  # no file name may end the element
    return f'<script type="application/json" id="pictures">{rows}</script>'
