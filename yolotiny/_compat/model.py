"""The seam of the model: how ultralytics' front door builds a network or opens a file, under public names."""

from __future__ import annotations

from ultralytics.engine.model import Model

from .seams import seam


@seam()
class SeamedModel(Model):
    """ultralytics' model.

    Its constructor calls `build_new` for a model file and `open_file` for any other; methods that look into the network
    call `only_networks` first.
    """

    def build_new(self, cfg: str, task: str | None = None, verbose: bool = False) -> None:
        """Build a network from a model file."""
        super()._new(cfg, task, verbose)

    def open_file(self, weights: str, task: str | None = None) -> None:
        """Open a checkpoint or an exported model."""
        super()._load(weights, task)

    def only_networks(self) -> None:
        """Raise for an exported file."""
        super()._check_is_pytorch_model()

    def _new(self, cfg: str, task: str | None = None, verbose: bool = False) -> None:
        self.build_new(cfg, task, verbose)

    def _load(self, weights: str, task: str | None = None) -> None:
        self.open_file(weights, task)

    def _check_is_pytorch_model(self) -> None:
        self.only_networks()
