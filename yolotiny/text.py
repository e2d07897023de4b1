"""Names from files as text: nothing in them moves a cursor, ends a line, or leaves a folder."""

from __future__ import annotations

import re
import unicodedata

ACTS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidirectional), surrogates, ends of lines and paragraphs
SPELLING = "\u200c\u200d"  # joiners, which Persian and Indic words and emoji are written with
LONGEST = 200  # bytes of a file name; file systems take 255, and a suffix follows
COLOUR = re.compile(r"(\x1b\[[\d;]*m)")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)  # devices on Windows, in any folder


def printable(text: object) -> str:
    r"""Return `text` in one line on which no terminal acts: a control character is spelled out (`\x1b`)."""
    return "".join(c if _plain(c) else c.encode("unicode_escape").decode() for c in str(text))


def printable_lines(text: object) -> str:
    """Return a text of several lines, each of them `printable`."""
    return "\n".join(map(printable, str(text).split("\n")))


def without_codes(text: str) -> str:
    """Return a log message with its colours, lines and tabs, and anything else that a terminal acts on spelled out."""
    return "".join(p if COLOUR.fullmatch(p) else _lines_kept(p) for p in COLOUR.split(text))


def file_name(text: str, index: int) -> str:
    """Return a name for a file or folder inside another: `text` where it can be one, else what can be kept of it.

    Args:
        text: a name from a file, such as a class.
        index: put behind a name that was changed, so that no two become one.
    """
    name = re.sub(r'[/\\:*?"<>|]', "_", printable(text)).strip(" .")
    name = name.encode()[:LONGEST].decode(errors="ignore")
    return text if name and name == text and not RESERVED.match(name) else f"{name or 'class'}-{index}"


def _lines_kept(text: str) -> str:
    return "".join(c if c in "\n\r\t" else printable(c) for c in text)


def _plain(c: str) -> bool:
    return c in SPELLING or unicodedata.category(c) not in ACTS
