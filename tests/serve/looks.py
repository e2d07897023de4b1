"""Looks for tests: what is sent says what happens. No torch here, as worker processes import this."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.serve.pictures import SMALL, png
from yolotiny.errors import InputError

MARK = b"\0told "


def told(words: bytes) -> bytes:
    """A picture with words behind it."""
    return png(8, 8, SMALL) + MARK + words


class Told:
    """Does what the words behind a picture say, and tells how many bytes they, or the picture, had."""

    names = {0: "car", 1: "boat"}

    def __call__(self, content: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
        _, _, words = content.partition(MARK)
        word, _, rest = words.partition(b" ")
        if word == b"sleep":
            time.sleep(60)
        elif word == b"die":
            os._exit(1)
        elif word == b"die-once" and not Path(rest.decode()).exists():
            Path(rest.decode()).touch()
            os._exit(1)
        elif word == b"wrong":
            raise InputError("this cannot be looked at")
        elif word == b"bug":
            raise KeyError("nobody thought of this")
        box = {"box": [1, 2, 3, 4], "score": 0.5, "class": 0, "name": "car"}
        return {
            "bytes": len(words or content),
            "options": dict(options),
            "process": os.getpid(),
            "detections": [box],
            "crops": [],
        }


def load() -> Told:
    return Told()


def load_nothing() -> Told:
    raise InputError("there is no file best.onnx")


def load_and_die() -> Told:
    os._exit(1)
