"""yolotiny: train, run and judge detectors for objects of 2 to 32 pixels in aerial pictures.

`from yolotiny import YOLO` is the way in. Importing the package itself loads neither torch nor ultralytics.
"""

from typing import Any

from ._compat import need_folder, prepare, several_processes

__version__ = "0.3.0"
__all__ = ["YOLO", "__version__"]

prepare()  # before anything imports ultralytics, which looks at the network while it is imported


def __getattr__(name: str) -> Any:
    if name == "YOLO":
        need_folder()
        several_processes()  # says in one line what the import would fail at
        from .model import YOLO

        return YOLO
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
