"""Prediction on many pictures: shards of a plan, done once each by processes of this machine or by Ray."""

from typing import Any

from ..errors import InputError

try:
    import pyarrow as _pyarrow  # noqa: F401
except ModuleNotFoundError:
    raise InputError("out= needs pyarrow, which is not installed: pip install 'yolotiny[bulk]'") from None

__all__ = ["predict"]


def __getattr__(name: str) -> Any:
    """`predict`, imported when it is asked for: workers begin sooner where torch can wait."""
    if name != "predict":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .run import predict

    return predict
