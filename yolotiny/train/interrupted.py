"""The checkpoint of an interrupted run, checked before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import checkpoint
from ..errors import InputError


def resumable(path: Any, name: str, options: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """The checkpoint of an interrupted run as it was given, after a look inside.

    Args:
        path: of the checkpoint; None where the model is none.
        name: of the model, for messages.
        options, changes: what the user says besides.

    Raises:
        InputError: no such run, or one that is finished, or options that a resumed run cannot take.
    """
    if path is None:
        raise InputError(f"{name} is no interrupted run; give resume=runs/.../weights/last.pt")
    if not Path(path).is_file():
        raise InputError(f"resume: {path} does not exist")
    if kept := [*changes, *(k for k in ("recipe",) if k in options)]:
        raise InputError(f"a resumed run keeps its model and recipe: leave {kept[0]}= out, or start a new run")
    content = checkpoint.read(path)
    if is_complete(content):
        raise InputError(f"resume: the run of {path} is finished; train further with model={path} and no resume")
    if gone := [k for k in ("project", "name") if k in options]:
        raise InputError(f"a resumed run goes on in the folder of its checkpoint: leave {gone[0]}= out")
    if Path(path).resolve().parent.name != "weights":
        raise InputError(
            f"resume: {path} does not lie in a folder RUN/weights, in which a run could go on; put it there"
        )
    best = Path(path).with_name("best.pt")
    if best.exists():
        checkpoint.read(best)  # it is validated at the end: better to hear now that it is no checkpoint
    if not content["train_args"]["data"] and not options.get("data"):
        raise InputError(f"resume: the data of {path} are not on this machine; give data=FILE.yaml")
    return str(path)


def is_complete(content: Mapping[str, Any]) -> bool:
    """Whether the run of a checkpoint that was read is over."""
    return content.get("optimizer") is None
