"""Transformer prediction heads: CSP layers whose bottlenecks are transformer encoders inside windows.

Source: Zhu et al. 2021 (TPH-YOLOv5, arXiv 2108.11539), section 3.2. Attention over a whole map at stride 4 (25,600
cells of a 640-px picture) would need gigabytes, so cells attend within windows, as in Swin (Liu et al. 2021).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.nn.modules import C3

WIDTH = 32  # channels of an attention head
NEVER = -1e4  # in place of -inf, which a window without any real cell turns into NaN


class WindowEncoder(nn.Module):
    """Self-attention among the cells of a window, then a perceptron, both residual.

    Args:
        c: channels.
        window: side of a window, cells.
        shifted: move the windows by half of their side; padding outside the map is not attended to.
    """

    def __init__(self, c: int, window: int = 8, shifted: bool = False):
        super().__init__()
        self.heads, self.window, self.shift = max(c // WIDTH, 1), window, window // 2 if shifted else 0
        self.norm1, self.norm2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.qkv, self.proj = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.mlp = nn.Sequential(nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))
        self.place = nn.Parameter(torch.zeros(self.heads, window**2, window**2))  # bias by where two cells lie

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) -> same shape."""
        h, w = x.shape[2:]
        s, k = self.shift, self.window
        pad = (s, (-(w + s)) % k, s, (-(h + s)) % k)
        real = F.pad(torch.ones_like(x[:1, :1]), pad)
        hidden = self._split((1 - real) * NEVER)[0].flatten(1)  # (windows, k * k)
        tokens = self._split(F.pad(x, pad))  # (B, windows, k * k, c)
        tokens = tokens + self._attend(self.norm1(tokens), hidden)
        tokens = tokens + self.mlp(self.norm2(tokens))
        rows, cols = real.shape[2] // k, real.shape[3] // k
        y = tokens.unflatten(2, (k, k)).unflatten(1, (rows, cols)).permute(0, 5, 1, 3, 2, 4)
        return y.flatten(4, 5).flatten(2, 3)[:, :, s : s + h, s : s + w]

    def _split(self, x: Tensor) -> Tensor:
        """(B, c, H, W), sides whole windows -> (B, windows, cells, c)."""
        k = self.window
        x = x.unflatten(3, (-1, k)).unflatten(2, (-1, k))  # (B, c, rows, k, cols, k)
        return x.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)

    def _attend(self, x: Tensor, hidden: Tensor) -> Tensor:
        """(B, windows, N, c) and (windows, N) -> (B, windows, N, c)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        bias = self.place + hidden[:, None, None]  # (windows, heads, N, N)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(y.transpose(2, 3).flatten(3))


class C3Window(C3):
    """ultralytics' C3 with `n` pairs of window encoders, plain and shifted, in place of its bottlenecks.

    Weights of a C3 load into its three convolutions.
    """

    def __init__(self, c1: int, c2: int, n: int = 1, window: int = 8):
        super().__init__(c1, c2, 0)
        c = c2 // 2
        self.m = nn.Sequential(*(WindowEncoder(c, window, shifted) for _ in range(n) for shifted in (False, True)))
