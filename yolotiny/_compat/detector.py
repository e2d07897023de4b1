"""The seam of the detector: the private steps of a forward of ultralytics' networks under public names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from .seams import seam


@seam("_profile_one_layer", "_descale_pred")
class SeamedDetector(DetectionModel):
    """ultralytics' detector, whose `predict` calls `run_layers`, or `run_augmented` with `augment=True`."""

    def run_layers(self, x: Tensor, profile: bool = False, embed: list[int] | None = None) -> Any:
        """One forward.

        Args:
            x: (B, C, H, W) pictures in 0..1.
            profile: log the time of each layer.
            embed: numbers of layers; their outputs, averaged over the picture, are given instead.
        """
        return super()._predict_once(x, profile, embed)

    def run_augmented(self, x: Tensor, scales: Sequence[float] = ()) -> Any:
        """Forwards of (B, C, H, W) pictures at several scales, joined; ultralytics' own are read by its heads alone."""
        assert not scales, "ultralytics' heads have sizes of their own"
        return super()._predict_augment(x)

    def time_layer(self, layer: nn.Module, x: Any, times: list[float]) -> None:
        """Log how long a layer takes with its input, `x` (B, C, H, W), and append the milliseconds to `times`."""
        self._profile_one_layer(layer, x, times)

    def descale(self, y: Tensor, flip: int | None, scale: float, size: Sequence[int]) -> Tensor:
        """Bring the output for a scaled and, with flip=3, mirrored picture back to the whole one; changes `y`.

        Args:
            y: (B, 4 + nc, N) boxes as centre x, centre y, width, height in pixels, and scores.
            flip: the axis that was mirrored (2 height, 3 width), or None.
            scale: side of the picture by that of the whole one.
            size: height and width of the whole one.

        Returns:
            (B, 4 + nc, N), in pixels of the whole one.
        """
        return self._descale_pred(y, flip, scale, size)

    def _predict_once(self, x: Tensor, profile: bool = False, embed: list[int] | None = None) -> Any:
        return self.run_layers(x, profile, embed)

    def _predict_augment(self, x: Tensor) -> Any:
        return self.run_augmented(x)
