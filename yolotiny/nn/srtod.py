"""SR-TOD: rebuild the picture from the finest feature map; where that fails, something tiny may hide.

Source: Cao et al. 2024, "Visible and Clear: Finding Tiny Objects in Difference Map" (arXiv 2405.11276). Departures:
the threshold learns (in the published code its gradient is zero), padding counts neither in the map nor in the loss,
the reconstruction head begins with half the channels or fewer, and its gate has at least eight hidden channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError, did_you_mean, number, whole
from ..structures import WithAux
from .gates import ChannelGate
from .padding import padding

THRESHOLDS, RESIZES = ("ste", "fixed", "relative", "official", "none"), ("nearest", "area", "max")
FUSIONS, DIFFERENCES = ("ea", "em", "concat", "none"), ("pixel", "fft")
WIDEST, NARROWEST = 256, 4  # channels at the input and at the output of the doublings
REDUCTION, LEAST = 16, 8  # channels per hidden channel of the gate, and how many of these it has at least
LOW = 20  # `fft` looks away from periods of more than 20 px, a tenth of the Nyquist frequency; the paper gives no value


class Doubling(nn.Sequential):
    """Twice the height and width: a transposed convolution, then two 3 x 3 convolutions with ReLU (Eq. 1)."""

    def __init__(self, c1: int, c2: int):
        refine = [layer for _ in range(2) for layer in (nn.Conv2d(c2, c2, 3, padding=1, bias=False), nn.ReLU())]
        super().__init__(nn.ConvTranspose2d(c1, c2, 4, stride=2, padding=1), *refine)


class ReconstructionHead(nn.Sequential):
    """A picture from a feature map.

    Args:
        c1: channels of the feature map.
        stride: pixels per cell, a power of two: its logarithm is the number of doublings.
        start: channels to begin with; each doubling halves them, and at least four stay.
        channels: of the picture.
    """

    def __init__(self, c1: int, stride: int, start: int, channels: int = 3):
        steps = int(math.log2(stride))
        widths = [c1, *(max(start >> (i + 1), NARROWEST) for i in range(steps))]
        doublings = [Doubling(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        super().__init__(*doublings, nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Sigmoid())


def exceeds(difference: Tensor, threshold: Tensor, slope: float | None = None) -> Tensor:
    """1 where a difference is above the threshold, 0 below, a half where equal: (sign(D - t) + 1) / 2.

    Args:
        difference: any shape.
        threshold: a scalar, or one value for each picture, (B, 1, 1, 1).
        slope: the gradient is that of sigmoid(slope * (D - t)); None leaves the sign's own, which is zero.
    Returns:
        same shape as `difference`.
    """
    above = difference - threshold
    hard = (above.sign() + 1) / 2
    if slope is None:
        return hard
    soft = (above * slope).sigmoid()
    return hard.detach() + (soft - soft.detach())


def high_pass(x: Tensor) -> Tensor:
    """Remove the frequencies below a tenth of the Nyquist frequency in both directions; (B, C, H, W) -> same shape.

    The same as zeroing that box of the discrete Fourier transform, by two matrices, which export everywhere.
    """
    return x - _low_pass(x.shape[-2], x) @ x @ _low_pass(x.shape[-1], x)


def _low_pass(n: int, like: Tensor) -> Tensor:
    """(n, n) symmetric matrix that keeps what `high_pass` removes; whole numbers only, so that exports stay dynamic."""
    kept = torch.arange(1, (n - 1) // LOW + 1, device=like.device, dtype=torch.float32)
    at = torch.arange(n, device=like.device, dtype=torch.float32)
    angle = 2 * math.pi / n * ((at[:, None] * kept) % n)  # (n, K), small enough to be exact
    return (1 + 2 * (angle.cos() @ angle.cos().T + angle.sin() @ angle.sin().T)) / n


def level_stride(strides: Sequence[float]) -> int:
    """The stride of the level that SRTOD reads, pixels; `strides` are those of the level and of the picture.

    Raises:
        InputError: no picture among them, or a stride that is no power of two.
    """
    if len(strides) != 2 or strides[1] != 1:
        raise InputError("SRTOD reads one level and the picture: write from: [p2, image]")
    stride = round(strides[0])
    if stride != strides[0] or stride < 2 or stride & (stride - 1):
        raise InputError(
            f"SRTOD doubles a level up to the picture's size; its stride {strides[0]:.3g} is no power of 2"
        )
    return stride


class SRTOD(nn.Module):
    """A reconstruction head, its difference map, and DGFE, which enhances a level where the map exceeds a threshold.

    Reads `[level, image]`, gives the level enhanced, and adds the reconstruction to the loss as `recon`.

    Args:
        ch, strides: given by the graph, of the level and of the picture.
        rh_width: share of the reconstruction head's channels, for small budgets: 0.5, 0.25.
        rh_channels: that the head begins with at most; 256 is the paper's, where a level has as many.
        threshold: initial threshold in 0..1, by default 4/255. The paper's: 4/255 on VisDrone, 3/255 on AI-TOD, 40/255
            on DroneSwarms. For "relative" a multiple of the mean difference of each picture, by default 2.
        thresh_mode: "ste" learns it through the gradient of a sigmoid in place of the sign's, "fixed" leaves it alone,
            "relative" follows how well a picture is rebuilt, which changes through training and from one data set to
            the next, "official" is the published code, where only weight decay moves it, "none" takes the map itself
            as mask.
        resize: how the mask comes down to the level: "nearest" looks at one pixel a cell, as published; "area", "max".
        fusion: "ea" is x * gate * (1 + mask), "em" x * mask, "concat" a 1x1 convolution over both; "none" leaves the
            level as it is and only adds the loss.
        gate_least: hidden channels of the gate at least, by default 8; 1 leaves narrow levels the printed sixteenth.
        diff: "pixel", or "fft" for the difference of high frequencies.
        slope: of that sigmoid, per unit of difference.
        detach: keep the gradient of detection out of the reconstruction head.

    Raises:
        InputError: no picture among the inputs, a stride that is no power of two, an unknown switch, a gate_least
            beside another fusion than "ea".
    """

    loss_terms = {"recon": {"type": "mse", "weight": 1.0}}

    def __init__(
        self,
        ch: list[int],
        strides: list[float],
        rh_width: float = 1.0,
        threshold: float | None = None,
        thresh_mode: str = "ste",
        resize: str = "nearest",
        fusion: str = "ea",
        diff: str = "pixel",
        slope: float = 50.0,
        detach: bool = True,
        rh_channels: int = 128,
        gate_least: int | None = None,
    ):
        super().__init__()
        stride = level_stride(strides)
        switches = (("thresh_mode", thresh_mode, THRESHOLDS), ("resize", resize, RESIZES))
        for name, value, known in (*switches, ("fusion", fusion, FUSIONS), ("diff", diff, DIFFERENCES)):
            if value not in known:
                raise InputError(f"SRTOD: unknown {name} {value!r}{did_you_mean(str(value), known)}")
        relative = thresh_mode == "relative"
        threshold = (2.0 if relative else 4 / 255) if threshold is None else threshold
        number(rh_width, "SRTOD: rh_width", 0, 1, "(]")
        number(threshold, "SRTOD: threshold", 0, math.inf if relative else 1)
        number(slope, "SRTOD: slope", ends="(]")
        whole(rh_channels, "SRTOD: rh_channels", NARROWEST, WIDEST, 256)
        if gate_least is not None and fusion != "ea":
            raise InputError(f"SRTOD: gate_least is of the gate, which fusion={fusion} has not; leave it out")
        least = LEAST if gate_least is None else whole(gate_least, "SRTOD: gate_least", 1, 1024, LEAST)
        c = ch[0]
        self.stride, self.resize, self.diff = stride, resize, diff
        self.thresh_mode, self.slope, self.detach = thresh_mode, slope, detach
        self.fusion = fusion
        self.head = ReconstructionHead(c, stride, round(min(c, rh_channels) * rh_width), ch[1])
        value = torch.tensor(float(threshold))
        if thresh_mode in ("ste", "official") and fusion != "none":
            self.threshold = nn.Parameter(value)
        else:
            self.register_buffer("threshold", value)  # a parameter without gradient would be thawed by the trainer
        self.gate = ChannelGate(c, max(c // REDUCTION, least)) if fusion == "ea" else None
        self.mix = nn.Conv2d(c + 1, c, 1) if fusion == "concat" else None

    def forward(self, x: list[Tensor]) -> WithAux:
        """[(B, c, H/s, W/s), (B, 3, H, W) in 0..1] -> the level, same shape, with `recon` and `valid` for the loss."""
        level, image = x
        recon, difference, valid = self.maps(level, image)
        if self.fusion != "none":
            level = self.enhance(level, self.mask(difference, valid).to(level.dtype))
        return WithAux(level, {"recon": recon, "valid": valid})

    def maps(self, level: Tensor, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the level tells of the picture, and where it is wrong.

        Args:
            level: (B, c, H/s, W/s).
            image: (B, C, H, W) in 0..1, C = 3 as a rule.
        Returns:
            Reconstruction (B, C, H, W) in 0..1, difference map (B, 1, H, W), zero in padding, and (B, 1, H, W) True
            where the picture is no padding.
        """
        valid = ~padding(image)
        recon = self.head(level)
        wrong = (recon.float() - image.float()) * valid
        if self.diff == "fft":
            wrong = high_pass(wrong)
        return recon, wrong.abs().mean(1, keepdim=True) * valid, valid

    def mask(self, difference: Tensor, valid: Tensor) -> Tensor:
        """The mask that DGFE weighs a level by.

        Args:
            difference, valid: (B, 1, H, W) each, as from `maps`.
        Returns:
            (B, 1, H/s, W/s), zero in padding: 0..1, or without a threshold the differences themselves.
        """
        if self.detach:
            difference = difference.detach()
        t = self.threshold.float()
        if self.thresh_mode == "relative":
            t = t * difference.sum((1, 2, 3), keepdim=True) / valid.sum((1, 2, 3), keepdim=True).clamp(min=1)
        if self.resize == "nearest":  # thresholding what is looked at gives the same as looking at what is above
            difference, valid = (v[..., :: self.stride, :: self.stride] for v in (difference, valid))
        if self.thresh_mode != "none":
            t = t + (t.clamp(0, 1) - t).detach()  # a threshold that has left 0..1 finds back
            difference = exceeds(difference, t, self.slope if self.thresh_mode == "ste" and self.training else None)
        m = difference * valid
        if self.resize == "nearest":
            return m
        return (F.avg_pool2d if self.resize == "area" else F.max_pool2d)(m, self.stride)

    def enhance(self, level: Tensor, m: Tensor) -> Tensor:
        """DGFE: the level (B, c, h, w) and the mask (B, 1, h, w) -> the level weighed by it, (B, c, h, w)."""
        if self.fusion == "ea":
            return level * self.gate(level) * (1 + m)
        return level * m if self.fusion == "em" else self.mix(torch.cat((level, m), 1))
