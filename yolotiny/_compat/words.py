"""What ultralytics says to its own users, said to ours: hints name our command, and none its web pages."""

from __future__ import annotations

import re

COMMAND = re.compile(
    r"\byolo (train|val|predict|track|export)\b(?: task=\w+)?(?P<resume> resume model=)?"
    r"(?: model=yolo26n\.\w+(?=[\w =]*'))?"  # their model in a quoted example, not a file of that name
)
PAGE = re.compile(
    r"""
    [\s(]*(?:💡\s)?  # what leads to the sentence
    (?:For|See|Learn|Visit|Visualize|Verify|Request|Export\ to)\b[\w\s]*:?\s+  # how it begins
    '?https?://[^\s)]+\)?  # the page
    (?:\ (?:for|to)\ [^.\n]*)?\.?  # what is to be found there
    """,
    re.VERBOSE,
)
SETTINGS = re.compile(r"[^\n]*'yolo (?:settings|login|cfg|checks|solutions)\b[^\n]*\n?")


def in_our_words(text: str) -> str:
    """A message of ultralytics without its web pages, and with our command where it names its own."""
    if "yolo " not in text and "://" not in text:
        return text
    return COMMAND.sub(_command, SETTINGS.sub("", PAGE.sub("", text)))


def _command(found: re.Match[str]) -> str:
    word = found[1]
    if found["resume"]:
        return f"yolotiny {word} resume="
    return f"yolotiny {word} source=FOLDER" if word in ("predict", "track") else f"yolotiny {word}"
