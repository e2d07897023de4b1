"""Tracking: prediction that follows objects from frame to frame."""

from .. import _compat

_compat.quiet()
