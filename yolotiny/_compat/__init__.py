"""The border with ultralytics: all that touches what it keeps private, and what it would do unasked.

Left alone, ultralytics 8.4 reports every run to an analytics service, asks the package index for newer versions,
fetches a font at each dataset check and weights for its mixed-precision check, installs missing packages with pip and
streams training to any logging service whose client is installed. `quiet` turns that off; the environment variable
`YOLOTINY_ONLINE=1` leaves it on. A data set's own `download:` entry is not run in either case: it comes with the file,
not from the user. Nothing here writes the settings file of ultralytics.

Checkpoints are read without unpickling an object of theirs (`yolotiny.checkpoint`); nothing switches that off.

The steps inside its classes that are done otherwise here have public names in `trainer.py`, `detector.py`, `model.py`,
`validator.py`, `tracker.py`, `reader.py` and `results.py` (see `seams.py`); those files import ultralytics and are
imported by the room that builds on them. What is named below imports nothing that is not of Python.
"""

from .amp import slow_bfloat16
from .checkpoints import build_theirs, read_checkpoints_by
from .environment import cpu_threads, need_folder, offline, online, prepare, several_processes
from .processes import alone, shared_on_cpu
from .replacements import quiet

__all__ = [
    "alone",
    "build_theirs",
    "cpu_threads",
    "need_folder",
    "offline",
    "online",
    "prepare",
    "quiet",
    "read_checkpoints_by",
    "several_processes",
    "shared_on_cpu",
    "slow_bfloat16",
]
