"""Files that are whole or not there: written beside their place and moved to it, and one line where they cannot be."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import InputError


def cannot_write(path: str | Path, error: BaseException, done: str = "") -> InputError:
    """The one line for a file that cannot be written, be the disk full, a quota reached or a right missing.

    Args:
        path: the file.
        error: what was raised.
        done: what was written before, in words.
    """
    reason = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
    return InputError(f"cannot write {path}: {reason}" + (f"; {done}" if done else ""))


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Give a place beside `path` to write a file or a folder to; it is moved there when all of it is written.

    The place has the suffix of `path`, which tells many writers the format. Where writing fails, what was at `path`
    before stays.

    Raises:
        InputError: the system cannot write it.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(part)  # of a run that was killed
        yield part
        move(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            _remove(part)


def move(source: Path, to: Path) -> None:
    """Put a file or a folder in the place of one that may be there, on the same disk."""
    if source.is_dir():  # a folder can be moved to an empty place only
        _remove(to)
    os.replace(source, to)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        InputError: the system cannot write it.
    """
    with whole(path) as part:
        part.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; the name of a file that is no text keeps its bytes in it.

    Raises:
        InputError: the system cannot write it.
    """
    write_bytes(path, text.encode("utf-8", "surrogateescape"))
