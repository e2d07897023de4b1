"""Training: the loop, and what is measured before it.

Subprocesses of distributed training import only a room like this, so the quieting of ultralytics happens here.
"""

from .. import _compat

_compat.quiet()
