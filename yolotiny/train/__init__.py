"""Training: the loop, and what is measured before it.

Subprocesses of distributed training import only a room like this, so the quieting of ultralytics happens here, and what
reads checkpoints is put in its place.
"""

from .. import _compat, checkpoint

_compat.read_checkpoints_by(checkpoint.read)
_compat.quiet()
