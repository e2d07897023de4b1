"""How well a picture was rebuilt from features.

Source: Cao et al. 2024 (SR-TOD, arXiv 2405.11276), whose mean counts padding too.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..distributed import world_sum


def masked_mse(made: Tensor, wanted: Tensor, valid: Tensor) -> Tensor:
    """Mean squared error over the pixels that count; in several processes, this one's share of it.

    Args:
        made, wanted: (B, C, H, W) in 0..1.
        valid: (B, 1, H, W), 1 or True where a pixel counts.
    Returns:
        scalar; zero when no pixel counts.
    """
    error = (made.float() - wanted.float()).square() * valid
    return error.sum() / world_sum(valid.sum() * made.shape[1]).clamp(min=1)


class ReconstructionLoss:
    """`masked_mse` of a layer's `recon` and the picture it was made from; `weight` multiplies it in the total."""

    def __init__(self, weight: float = 1.0):
        self.weight = weight

    def __call__(self, aux: Mapping[str, Tensor], image: Tensor) -> Tensor:
        """The layer's `recon` (B, C, H, W) and `valid` (B, 1, H, W), and the network input, as `recon` -> a scalar.

        Pictures have values in 0..1.
        """
        return masked_mse(aux["recon"], image, aux["valid"])
