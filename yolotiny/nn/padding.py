"""Where a network input is padding: the grey that letterboxing, mosaic and rotation leave beside a picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 8  # pixels; a power of two
GREY = 114 / 255  # what ultralytics pads with; colour augmentation makes it lighter or darker
SAME = 1e-3  # a quarter of a grey level


def padding(image: Tensor) -> Tensor:
    """Find the padding of network inputs.

    Every square of 8 x 8 pixels that have one and the same middling grey is padding: real pictures have grain. Beyond
    the border everything counts as the grey of letterboxing, so a strip of one pixel along it is found as well.

    Args:
        image: (B, C, H, W) in 0..1.

    Returns:
        (B, 1, H, W) bool, True in padding.
    """
    image = image.float()
    low, high = image.amin(1, keepdim=True), image.amax(1, keepdim=True)
    coloured = (high - low > SAME) | ((high - 0.5).abs() > 0.4)  # black and white are pictures: shadow, overexposure
    high = torch.where(coloured, torch.full_like(high, 2.0), high)  # as different from its neighbours as can be
    # The lowest grey is kept with the other sign, so one maximum serves both.
    highest = _spread(F.pad(high, [SIDE - 1] * 4, value=GREY))
    lowest = _spread(F.pad(-low, [SIDE - 1] * 4, value=-GREY))
    spread = highest + lowest
    return _spread((spread <= SAME).float()) > 0


def _spread(x: Tensor) -> Tensor:
    """The maximum over each 8 x 8 square, (B, C, H, W) -> (B, C, H - 7, W - 7), in six steps instead of 64."""
    step = 1
    while step < SIDE:
        x = torch.maximum(x[:, :, :-step], x[:, :, step:])
        x = torch.maximum(x[..., :-step], x[..., step:])
        step *= 2
    return x
