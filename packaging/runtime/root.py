"""yolotiny_runtime: detectors that yolotiny exported, without torch. `from yolotiny_runtime import Detector`."""

from typing import Any

from .runtime import ByteTrack, Detections, Detector, InputError, tracker_of

__all__ = ["ByteTrack", "Detections", "Detector", "InputError", "tracker_of"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # slow, and seldom asked for

        return version("yolotiny-runtime")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
