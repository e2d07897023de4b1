"""Thin subclasses of ultralytics: data, trainer, validator, predictor.

Subprocesses of distributed training import only this room, so the quieting of ultralytics happens here.
"""

from .. import _compat

_compat.quiet()
