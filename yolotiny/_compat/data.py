"""What ultralytics reads: data sets, class names, descriptions of exported models.

It follows addresses in them, runs what a data YAML says under `download:`, and takes any name for text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from .environment import online
from .places import Place, originals


def local_data(dataset: str | Path, autodownload: bool = True, split: str = "") -> dict[str, Any]:
    """ultralytics' check of a data set by our reader: its own follows addresses, unpacks archives, runs `download:`."""
    from ..data_file import find_file, read_data_file

    if "://" in str(dataset):
        if not online():
            raise InputError(f"data {dataset} is an address; fetch it yourself, or set YOLOTINY_ONLINE=1")
        check = originals["ultralytics.data.utils", "check_det_dataset"]
        return check(dataset, autodownload=False, split=split)
    return read_data_file(find_file(dataset)).as_ultralytics(split)


class LimitedYAML:
    """ultralytics' reader of the YAML beside an exported model, by our own, which has limits."""

    @staticmethod
    def load(file: str | Path) -> dict[str, Any]:
        """Read a file."""
        from ..yaml_file import read_yaml

        return read_yaml(file, "the description of an exported model")


def local_rows(data: Any, *args: Any, **kwargs: Any) -> Any:
    """The data set as it is named: ultralytics would fetch the pictures that an .ndjson file lists by address."""
    return data


def plain_names(names: list | dict) -> dict[int, str]:
    """ultralytics' check of class names; a name is one line of text, whatever file it comes from."""
    from ..text import printable

    return {k: printable(v) for k, v in originals["ultralytics.nn.autobackend", "check_class_names"](names).items()}


READING: dict[Place, Callable] = {
    ("ultralytics.nn.autobackend", "check_class_names"): plain_names,
    ("ultralytics.nn.backends.base", "YAML"): LimitedYAML,
    ("ultralytics.data.utils", "check_class_names"): plain_names,
    ("ultralytics.data.utils", "check_det_dataset"): local_data,
    ("ultralytics.engine.trainer", "check_det_dataset"): local_data,
    ("ultralytics.engine.validator", "check_det_dataset"): local_data,
    ("ultralytics.engine.trainer", "convert_ndjson_to_yolo_if_needed"): local_rows,
    ("ultralytics.engine.validator", "convert_ndjson_to_yolo_if_needed"): local_rows,
}
