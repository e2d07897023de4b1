"""Validation: figures of exactly what is deployed."""

from .. import _compat

_compat.quiet()
