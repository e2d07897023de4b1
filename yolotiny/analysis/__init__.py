"""What is looked at beside a run: assignment, gradients, maps, settings of crops."""

from .. import _compat

_compat.quiet()
