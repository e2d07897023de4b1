"""Thin subclasses of ultralytics: data, trainer, validator, predictor.

Subprocesses of distributed training import only this room, so the quieting of ultralytics happens here, and what reads
checkpoints is put in its place.
"""

from .. import _compat
from . import checkpoint

_compat.read_checkpoints_by(checkpoint.read)
_compat.quiet()
