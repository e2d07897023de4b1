"""Parts of your own under a name, without a change to this package.

    from yolotiny.plugins import register

    register("loss", "mine", MineLoss)

in a file `my_parts.py`, and `plugins=my_parts.py` with any command or `YOLO(..., plugins="my_parts.py")`: from there on
a YAML uses `mine` as it uses ours. `KINDS` says what there is to register; docs/own_parts.md has an example of each.

    kinds      what can be registered, and what such a part has to bring
    parts      `register`, and what was registered so far
    loading    `load`: files and modules that the user named, and those of installed packages
    origins    where the parts of a model came from: a text, for messages
"""

from .kinds import KINDS
from .loading import failed, load, more
from .origins import hint, note, parts_from
from .parts import Part, listing, register

__all__ = ["KINDS", "Part", "failed", "hint", "listing", "load", "more", "note", "parts_from", "register"]
