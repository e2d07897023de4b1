"""State dicts under the names of mmdetection, built from its public configurations; no file of theirs was at hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet50

from tests.detectors import load_official
from yolotiny.config import load as config
from yolotiny.detector import Detector

NC = 3
MEAN, DEVIATION = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])


def layer(name: str, *shape: int) -> dict[str, Tensor]:
    """A convolution or a fully connected layer."""
    return {f"{name}.weight": torch.randn(shape), f"{name}.bias": torch.randn(shape[0])}


def rcnn(cascade: int, regressed: int) -> dict[str, Tensor]:
    """Faster R-CNN, or Cascade R-CNN of so many stages, with boxes for so many classes; R50 and FPN."""
    out = {f"backbone.{k}": v for k, v in resnet50().state_dict().items() if not k.startswith("fc.")}
    for i, c in enumerate((256, 512, 1024, 2048)):
        out |= layer(f"neck.lateral_convs.{i}.conv", 256, c, 1, 1) | layer(f"neck.fpn_convs.{i}.conv", 256, 256, 3, 3)
    out |= layer("rpn_head.rpn_conv", 256, 256, 3, 3)
    out |= layer("rpn_head.rpn_cls", 3, 256, 1, 1) | layer("rpn_head.rpn_reg", 12, 256, 1, 1)
    for stage in [f"{i}." for i in range(cascade)] if cascade > 1 else [""]:
        head = f"roi_head.bbox_head.{stage}"
        out |= layer(f"{head}shared_fcs.0", 1024, 256 * 49) | layer(f"{head}shared_fcs.1", 1024, 1024)
        out |= layer(f"{head}fc_cls", NC + 1, 1024) | layer(f"{head}fc_reg", 4 * regressed, 1024)
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("cascade", "regressed", "left_out"), [(1, NC, 2), (3, 1, 0)], ids=["faster", "cascade"])
def test_tensors_of_rcnn_find_their_places(cascade, regressed, left_out):
    """Faster R-CNN has boxes for each class, which this head has not."""
    theirs = rcnn(cascade, regressed)
    cfg = config.override(config.load("frcnn-r50.yaml"), {"detect.cascade": cascade})
    made = Detector(cfg, nc=NC).eval()
    loaded, total = load_official(made, theirs)
    assert total - loaded == left_out
    state, last = made.state_dict(), "" if cascade == 1 else f"{cascade - 1}."
    fc = theirs[f"roi_head.bbox_head.{last}fc_cls.weight"]
    assert torch.equal(state[f"model.2.cls.{cascade - 1}.weight"], torch.cat((fc[-1:], fc[:-1])))
    assert torch.equal(state["model.1.m.inner_blocks.3.0.weight"], theirs["neck.lateral_convs.3.conv.weight"])
    backbone = resnet50().eval()
    backbone.load_state_dict({k[9:]: v for k, v in theirs.items() if k.startswith("backbone.")}, strict=False)
    x, ours = torch.rand(1, 3, 32, 32), made.model[0].m
    with torch.no_grad():
        wanted = backbone.bn1(backbone.conv1((x * 255 - MEAN.view(3, 1, 1)) / DEVIATION.view(3, 1, 1)))
        found = ours.bn1(ours.conv1(x))
    inside = slice(2, -2)  # their border is grey, ours black
    assert torch.allclose(found[..., inside, inside], wanted[..., inside, inside], atol=1e-3)


@pytest.mark.slow
def test_backbone_and_neck_of_yolc_find_their_places():
    """mmdetection's HRNet and timm's come from one code and have its names."""
    made = Detector(config.override(config.load("yolc.yaml"), {"scale": "w18s"}), nc=NC)
    own = {k: torch.randn_like(v.float()) for k, v in made.state_dict().items() if v.is_floating_point()}
    back = {"model.0.m.": "backbone.", "model.1.conv.": "neck.reduction_conv.conv."}
    theirs = {b + k.removeprefix(a): v for a, b in back.items() for k, v in own.items() if k.startswith(a)}
    load_official(made, theirs)
    state = made.state_dict()
    same = "model.0.m.stage4.0.branches.3.0.conv1.weight"
    assert torch.equal(state[same], own[same]) and torch.equal(state["model.1.conv.bias"], own["model.1.conv.bias"])
    assert not torch.equal(state["model.2.heat.out.weight"], own["model.2.heat.out.weight"])
