"""ultralytics' data sets over the label files, ignore regions and crops of this package."""

from .. import _compat

_compat.quiet()
