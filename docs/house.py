"""Draws docs/house.svg: the rooms of the package and which may import which, from the rules that the tests hold.

python -m docs.house
"""

from __future__ import annotations

import ast
import re
from html import escape
from pathlib import Path

from tests.test_architecture import FILES, LINES, PACKAGE, TORCH, USES_TORCH, room_of, short, uses

PICTURE = Path(__file__).with_name("house.svg")
WIDTH, HEIGHT = 92, 22  # of a room, pixels
STEP, GAP = 29, 6  # from line to line, between rooms of a line
LEFT, TOP = 40, 64
KINDS = {"none": "imports neither", "torch": "imports torch", "ultralytics": "imports ultralytics"}
# A page's light or dark counts for the pictures in it, also where its reader has chosen.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #263238; text-anchor: middle; dominant-baseline: central }
.said { text-anchor: start; fill: #546e7a }
path { stroke: #78909c; stroke-width: 1.5; fill: none }
.none { fill: #d9f0ec; stroke: #00897b }
.torch { fill: #eceff1; stroke: #78909c }
.ultralytics { fill: #fdebd3; stroke: #c77700 }
@media (prefers-color-scheme: dark) {
  text { fill: #eceff1 }
  .said { fill: #b0bec5 }
  .none { fill: #16413c; stroke: #4db6ac }
  .torch { fill: #37434a; stroke: #90a4ae }
  .ultralytics { fill: #4a3617; stroke: #e0a040 }
}
"""


def kinds() -> dict[str, str]:
    """Of each room, what its files import; those that the tests list as exceptions do not count."""
    found: dict[str, str] = {}
    for path in FILES:
        file, tree = short(path), ast.parse(path.read_text(encoding="utf-8"))
        if uses(tree, file, "ultralytics"):
            found[room_of(file)] = "ultralytics"
        elif uses(tree, file, *TORCH) and file not in USES_TORCH:
            found.setdefault(room_of(file), "torch")
    return found


def about(room: str) -> str:
    """What a room says of itself, in its first sentence."""
    file = next(f for f in (PACKAGE / room / "__init__.py", PACKAGE / f"{room}.py") if f.is_file())
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return escape(re.split(r"[.](?:\s|$)", " ".join(said.split()))[0].replace("`", ""))


def box(x: float, y: float, kind: str, text: str, width: float = WIDTH) -> str:
    """A room, or a sample of its colour."""
    rect = f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" rx="3"/>'
    return f'{rect}<text x="{x + width / 2:g}" y="{y + HEIGHT / 2:g}">{text}</text>'


def house() -> str:
    """The picture as SVG: a line of rooms for each line of the rules, the first on top."""
    kind = kinds()
    across = max(len(line) for line in LINES) * (WIDTH + GAP) - GAP
    w, h = LEFT + across + 8, TOP + len(LINES) * STEP + 4
    parts = ['<text class="said" x="8" y="14">A room may import the rooms above its line. Its own files:</text>']
    parts += [box(LEFT + 190 * i, 26, k, said, 170) for i, (k, said) in enumerate(KINDS.items())]
    for i, line in enumerate(LINES):
        y = TOP + i * STEP
        parts += [box(LEFT + j * (WIDTH + GAP), y, kind.get(r, "none"), r) for j, r in enumerate(sorted(line))]
        if len(line) == 1:
            parts.append(f'<text class="said" x="{LEFT + WIDTH + 12}" y="{y + HEIGHT / 2:g}">{about(*line)}</text>')
    parts.append(f'<path d="M16 {h - 8}V{TOP + 6}m-6 9 6-9 6 9"/>')
    title = "<title>The rooms of the package, and the direction of their imports</title>"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:g} {h:g}">'
    return "\n".join([svg, title, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


if __name__ == "__main__":
    PICTURE.write_text(house(), encoding="utf-8")
