"""The former place of `yolotiny.analysis.slicing_sweep`; what the documentation named works on."""

from ..analysis.slicing_sweep import tune

__all__ = ["tune"]
