"""Prediction: pictures in, results out."""

from .. import _compat

_compat.quiet()
