"""The fusion of levels at the finest stride."""

from __future__ import annotations

import pytest
import torch

from yolotiny.errors import InputError
from yolotiny.nn.timm_features import UpsampleConcat


def test_levels_side_by_side_are_smoothed_when_asked():
    levels = [torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4)]
    plain, smooth = UpsampleConcat([4, 6], 10, 5), UpsampleConcat([4, 6], 10, 5, smooth=True)
    smooth.conv.load_state_dict(plain.conv.state_dict())
    torch.testing.assert_close(smooth(levels), smooth.smooth(plain(levels)))
    with pytest.raises(InputError, match="UpsampleConcat: smooth must be true or false, not 3"):
        UpsampleConcat([4, 6], 10, 5, smooth=3)
