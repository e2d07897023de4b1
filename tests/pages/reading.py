"""What a page of the documentation shows: its blocks and its command lines, in the order of the page."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from tests.tiny_data import ROOT

FOLDERS = ("docs", "cfg", "packaging")
PAGES = [ROOT / "README.md", *sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
PARTS = re.compile(r"^ *```(?P<language>\S*).*?\n(?P<block>.*?)^ *```$|(?<!`)`(?P<span>[^`]+)`(?!`)", re.M | re.S)
INLINE = {"yolotiny", "yolotiny-run", "make", "pip", "python"}  # what begins a command in the middle of a text
MODULES = {"yolotiny": "yolotiny", "yolotiny.runtime": "yolotiny-run", "pytest": "pytest", "pip": "pip"}
ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.S)


@dataclass(frozen=True)
class Part:
    """A fenced block, or the text between two backticks.

    Attributes:
        line: where it begins in the page.
        language: of the fence; `span` between backticks.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command line.

    Attributes:
        words: of the command, variables of the page put in.
        set: variables that stand before it, or all of the line.
    """

    part: Part
    words: list[str]
    set: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`detector/bin/yolotiny-run` -> `yolotiny-run`, `python3` -> `python`."""
        return re.sub(r"^(python|pip)3?$", r"\1", PurePath(self.words[0]).name)

    @property
    def text(self) -> str:
        return " ".join([self.kind, *self.words[1:]])


def parts(page: Path) -> Iterator[Part]:
    """Blocks and spans of a page."""
    text = page.read_text(encoding="utf-8")
    for found in PARTS.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["span"] is not None:
            yield Part(page, line, "span", " ".join(found["span"].split()))
        else:
            yield Part(page, line, found["language"], textwrap.dedent(found["block"]))


def commands(part: Part, variables: dict[str, str]) -> Iterator[Command]:
    """Command lines of a part; what a line sets for those behind it is put into `variables`."""
    if part.language == "bash":
        for line in part.text.replace("\\\n", " ").splitlines():
            yield from _of_line(part, line, variables)
    elif part.language == "span" and part.text.split("=")[0].split()[0] in INLINE and " " in part.text:
        yield from _of_line(part, part.text, variables)


def _of_line(part: Part, line: str, variables: dict[str, str]) -> Iterator[Command]:
    """A line at its `&&`, `|` and `;`. What `$(...)` would give stays unknown."""
    line = re.sub(r"\$\([^)]*\)", "$(...)", line)
    line = re.sub(r"\$(\w+)", lambda name: variables.get(name[1], name[0]), line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, "&&"]:
        if set(word) - set("&|;"):
            words.append(word)
            continue
        set_: dict[str, str] = {}
        while words and (assigned := ASSIGNED.fullmatch(words[0])):
            set_[assigned[1]] = assigned[2]
            del words[0]
        if words and "python" in words[0] and words[1:2] == ["-m"] and words[2] in MODULES:
            words[:3] = [MODULES[words[2]]]
        if words:
            yield Command(part, words, set_)
        else:
            variables |= set_
        words = []
