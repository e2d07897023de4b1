"""Options that make no sense beside each other: what one of them would do, another one takes away.

Only what a user wrote counts; a default that another option outweighs is no mistake. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError

EPOCHS = 100  # of a training where nothing is said
MIXES = ("mosaic", "mixup", "cutmix")
OF_SUPPRESSION = ("conf", "iou", "agnostic_nms")
EIGHT_BIT = (8, "8", "int8", "w8a8", "w8a16", "w8a32")


def check_together(mode: str, plain: Mapping[str, Any]) -> None:
    """Raise InputError for options of which one is not read because of another, or not in this mode.

    Args:
        mode: one of MODES.
        plain: a user's options, each of them checked by itself.
    """
    if mode == "train":
        _check_training(plain)
    elif isinstance(batch := plain.get("batch", 1), (int, float)) and (batch < 1 or batch != int(batch)):
        raise InputError(f"batch={batch}: {mode} takes a whole number from 1 up; training finds one by itself")
    if mode in ("train", "val") and isinstance(plain.get("imgsz"), (list, tuple)) and len(plain["imgsz"]) > 1:
        height, width = plain["imgsz"]
        raise InputError(
            f"imgsz=[{height},{width}]: {mode} takes one side, such as imgsz={max(height, width)}; "
            "rect=True keeps the pictures' aspect"
        )
    if mode == "predict" and "workers" in plain:
        raise InputError(
            "workers= of predict is for many pictures: give out=DIR too, in Python to yolotiny.bulk.predict"
        )
    if plain.get("save_conf") and not plain.get("save_txt"):
        raise InputError("save_conf=True writes scores into label files: give save_txt=True too")
    if mode == "val" and plain.get("plots") is False and "worst" in plain:
        raise InputError("worst= is of the page that plots=False leaves out: leave one of them out")
    if mode in ("val", "predict", "track") and str(plain.get("quantize")).lower() in map(str, EIGHT_BIT):
        raise InputError(f"quantize={plain['quantize']}: a file has 8 bit from its export; give it to export")
    if mode == "export" and not plain.get("nms") and (unread := [k for k in OF_SUPPRESSION if k in plain]):
        raise InputError(f"export reads {unread[0]}= where the file has suppression in it: give nms=True too")


def _check_training(plain: Mapping[str, Any]) -> None:
    epochs = plain.get("epochs", EPOCHS)
    if plain.get("val") is False and (unread := [k for k in ("patience", "fitness") if k in plain]):
        raise InputError(f"{unread[0]}= needs a validation after each epoch: leave val=False out")
    going_on = plain.get("resume") or plain.get("time")  # how many epochs there are is not known here
    if not going_on and plain.get("close_mosaic", 0) > epochs:
        raise InputError(
            f"close_mosaic={plain['close_mosaic']} of epochs={epochs}: no epoch has a mosaic; write mosaic=0 for that"
        )
    if plain.get("save") is False and plain.get("save_period", -1) > 0:
        raise InputError("save_period= keeps checkpoints, and save=False does not: leave one of them out")
    if plain.get("rect") and (mixed := [k for k in MIXES if plain.get(k)]):
        raise InputError(f"rect=True shows each picture in its own aspect, alone: leave {mixed[0]}= out")
    if str(plain.get("optimizer")).lower() == "auto" and (unread := [k for k in ("lr0", "momentum") if k in plain]):
        raise InputError(f"optimizer=auto chooses {unread[0]} itself: name an optimizer, such as optimizer=SGD")
