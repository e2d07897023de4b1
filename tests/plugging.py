"""Plugins as tests write and forget them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from yolotiny.plugins import loading, origins, parts

PAGE = (Path(__file__).parents[1] / "docs" / "own_parts.md").read_text(encoding="utf-8")


def write_examples(folder: Path) -> None:
    """Write every file of docs/own_parts.md, by the name in its first line."""
    for name, text in re.findall(r"```(?:python|yaml)\n# ([\w.]+)\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).write_text(text)


def forget_plugins() -> None:
    """Be as a process in which no plugin was ever named."""
    known = {part.module for part in parts.PARTS.values()}
    folders = {str(Path(part.file).parent) for part in parts.PARTS.values()}
    parts.forget(list(parts.PARTS.values()))
    for module in known - {"__main__"}:
        sys.modules.pop(module, None)
    sys.path[:] = [place for place in sys.path if place not in folders]
    os.environ.pop(loading.VARIABLE, None)
    origins._noted.clear()
    loading.failed.clear()
    loading._looked = False
