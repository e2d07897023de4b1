"""What training and validation write by ultralytics: a full disk ends them with one line, plots in threads too."""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..files import cannot_write

FULL = {errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextlib.contextmanager
def in_one_line(run: Any, done: Callable[[], str] = str) -> Iterator[None]:
    """Say in one line what `run` could not write, and what is `done` then.

    Args:
        run: a trainer or validator, with a `save_dir`.
        done: what was written before, in words.

    Raises:
        InputError: in the place of an OSError that tells of a full disk, also of one in a thread that draws.
    """
    failed: list[BaseException] = []
    usual = threading.excepthook

    def hook(args: Any) -> None:
        if getattr(args.exc_value, "errno", None) in FULL:
            failed.append(args.exc_value)
        else:
            usual(args)

    threading.excepthook = hook
    try:
        yield
        if failed:
            raise failed[0]
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise cannot_write(error.filename or f"the results in {run.save_dir}", error, done()) from error
    finally:
        threading.excepthook = usual
