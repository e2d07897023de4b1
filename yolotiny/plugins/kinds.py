"""What can be registered: one row a kind, with the tables it goes to and what a part of it has to bring."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """What can be registered under a word.

    Attributes:
        what: it is; as docs/own_parts.md has it.
        where: its name is written; the same.
        tables: where such parts stand, "module:TABLE" inside this package.
        base: the class that it comes from, "module:Class"; empty for none.
        takes: parameters that its constructor has, because they are always passed.
        has: attributes that are read of it.
        made: it is registered as an object, not as a class or function that makes one.
        others: looks among names that stand in no table of ours, "module:function".
    """

    what: str
    where: str
    tables: tuple[str, ...]
    base: str = ""
    takes: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    made: bool = False
    others: str = ""


KINDS = {
    "layer": Kind("module of the graph", "a row or an insert of a YAML", ("nn:MODULES",), others="graph:existing"),
    "head": Kind("last layer of the graph", "the last row", ("nn:MODULES",), "nn.head:Detect", others="graph:existing"),
    "criterion": Kind(
        "what a head loses in a training step",
        "`criterion` of the head",
        ("criterion:CRITERIA",),
        base="criterion:Criterion",
    ),
    "coder": Kind(
        "raw channels to boxes and back",
        "`coder: {type: NAME}`",
        ("coders:CODERS",),
        has=("channels", "decode", "encode", "sizes", "is_distributional"),
    ),
    "assigner": Kind(
        "which prior answers for which object",
        "`assigner: {type: NAME}`",
        ("assigners:ASSIGNERS",),
        has=("needs_predictions",),
    ),
    "loss": Kind(
        "loss of aligned boxes",
        "`loss: {box: {type: NAME}}`, `of: NAME`",
        ("losses:BOX_LOSSES", "losses:SIMILARITIES"),
        takes=("weight",),
        has=("weight",),
    ),
    "localisation": Kind(
        "loss of boxes as distributions",
        "`loss: {bins: {type: NAME}}`",
        ("losses:LOCALISATION",),
        takes=("weight",),
        has=("keep_iou",),
    ),
    "aux": Kind(
        "loss of what a layer hands on",
        "`loss: {TERM: {type: NAME}}`",
        ("losses:AUX_LOSSES",),
        takes=("weight",),
        has=("weight",),
    ),
    "slicer": Kind("where to look again", "`crops=NAME`", ("slicing:SLICERS",), base="slicing:Slicer"),
    "merge": Kind("how detections of picture and crops join", "`merge=NAME`", ("slicing:MERGES",)),
    "augmentation": Kind("change of a training picture", "`augmentations: [NAME]`", ("data.augment:AUGMENTATIONS",)),
    "protocol": Kind(
        "how detections are scored",
        "`protocol=NAME`",
        ("metrics:PROTOCOLS",),
        has=("figures", "caps", "sizes", "max_det", "view", "__call__"),
        made=True,
    ),
    "converter": Kind(
        "data set as downloaded",
        "`data convert format=NAME`",
        ("data.formats:CONVERTERS",),
        base="data.formats:Format",
        made=True,
    ),
}


def locate(place: str) -> Any:
    """What stands at "module:NAME" inside this package; imports the module."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"..{module}", __package__), name)
