"""Nothing leaves this machine unless the user says so, and what a file says is not run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from .amp import autocast, local_amp_check
from .checkpoints import torch_safe_load
from .data import READING
from .environment import cpu_threads, flag, need_folder, online, prepare
from .network import LOCAL
from .places import Place, replace
from .words import in_our_words


def print_args(args: Any = None, show_file: Any = True, show_func: Any = False) -> None:
    """Print nothing of a hundred options: the run's args.yaml has them, and a line of ours what was asked for."""


ALWAYS: dict[Place, Callable] = {
    ("ultralytics.nn.tasks", "torch_safe_load"): torch_safe_load,
    ("ultralytics.engine.trainer", "autocast"): autocast,
    ("ultralytics.engine.trainer", "print_args"): print_args,
    **READING,
}
OFFLINE: dict[Place, Callable] = {**LOCAL, ("ultralytics.engine.trainer", "check_amp"): local_amp_check}


def quiet() -> None:
    """Replace what ultralytics would do on the network, and make its checkpoint loading safe. May be called repeatedly.

    Raises:
        RuntimeError: the installed ultralytics has moved one of the replaced names.
    """
    need_folder()
    prepare()
    replaced: dict[Place, Any] = ALWAYS | {("ultralytics.utils.torch_utils", "NUM_THREADS"): cpu_threads()}
    if not online():
        replaced |= OFFLINE
        # Constants, in case ultralytics was imported before yolotiny could set the environment.
        for module in ("ultralytics.utils", "ultralytics.utils.checks"):
            if flag("YOLO_OFFLINE"):
                replaced[module, "ONLINE"] = False
            replaced[module, "AUTOINSTALL"] = flag("YOLO_AUTOINSTALL", True)
    from ultralytics.utils import LOGGER

    ours = logging.getLogger("yolotiny")  # of rooms that know no ultralytics: their lines go where its own go
    ours.handlers, ours.propagate = LOGGER.handlers, LOGGER.propagate
    ours.setLevel(LOGGER.level)
    for place, value in replaced.items():
        replace(place, value)
    LOGGER.addFilter(plain_record)
    # Said to ultralytics, which opens exported files so.
    warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", FutureWarning)


def plain_record(record: Any) -> bool:
    """Let a log record pass, its message in our words and without codes for the terminal that a name may have brought.

    One of which nothing is left, such as a hint at a web page, does not pass.
    """
    from ..text import without_codes

    said = record.getMessage()
    record.msg, record.args = without_codes(in_our_words(said)), ()
    return bool(record.msg.strip() or not said.strip())
