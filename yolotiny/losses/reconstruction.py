"""How well a picture was rebuilt from features."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..distributed import world_sum


def masked_mse(made: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over the pixels that count; in several processes, this one's share of it.

    Args:
        made, wanted: (B, C, H, W) in 0..1.
        valid: (B, 1, H, W), 1 or True where a pixel counts; zero is returned when none does.
    """
    error = (made.float() - wanted.float()).square() * valid
    return error.sum() / world_sum(valid.sum() * made.shape[1]).clamp(min=1)


class ReconstructionLoss:
    """`masked_mse` of a layer's `recon` and the picture it was made from; `weight` multiplies it in the total."""

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, aux: Mapping[str, Tensor], image: Tensor) -> Tensor:
        """`recon` and `valid` of the layers, and the network input (B, 3, H, W) in 0..1 -> a scalar."""
        return masked_mse(aux["recon"], image, aux["valid"])
