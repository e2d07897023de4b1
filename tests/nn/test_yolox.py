"""Blocks of YOLOX: shapes, names and parameter counts that the official checkpoints rely on."""

from __future__ import annotations

import pytest
import torch
from ultralytics.nn.modules import Conv

from yolotiny.coders import YOLOXCoder
from yolotiny.nn.yolox import XCSP, DWSConv, XBottleneck, YOLOXDetect, conv3


def test_a_separable_convolution_looks_at_each_channel_alone_first():
    layer = DWSConv(6, 10, 3, 2)
    assert layer(torch.zeros(1, 6, 8, 8)).shape == (1, 10, 4, 4)
    assert layer.dconv.conv.groups == 6 and layer.pconv.conv.kernel_size == (1, 1)
    weights = sum(p.numel() for n, p in layer.named_parameters() if "conv.weight" in n)
    assert weights == 6 * 9 + 6 * 10  # a full one has 6 * 10 * 9


def test_the_scale_decides_between_full_and_separable():
    assert isinstance(conv3(4, 4), Conv) and isinstance(conv3(4, 4, 1, True), DWSConv)
    assert XBottleneck(4, True, True).conv2.__class__ is DWSConv


def test_a_bottleneck_adds_its_input_only_with_a_shortcut():
    x = torch.rand(1, 4, 5, 5)
    block = XBottleneck(4, True, False).eval()
    with torch.no_grad():
        through = block.conv2(block.conv1(x))
        assert torch.equal(block(x), x + through)
        block.add = False
        assert torch.equal(block(x), through)


def test_a_csp_layer_keeps_the_official_names():
    layer = XCSP(8, 16, n=2)
    assert layer(torch.zeros(2, 8, 6, 6)).shape == (2, 16, 6, 6)
    assert {k.split(".conv.")[0].split(".bn.")[0] for k in layer.state_dict()} == {
        "conv1",
        "conv2",
        "conv3",
        "m.0.conv1",
        "m.0.conv2",
        "m.1.conv1",
        "m.1.conv2",
    }
    assert len(XCSP(8, 16, n=3).m) == 3


@pytest.mark.parametrize(("width", "depthwise"), [(1.0, False), (0.25, True)])
def test_the_head_narrows_with_the_scale(width, depthwise):
    head = YOLOXDetect(3, [16, 32], [8.0, 16.0], YOLOXCoder(), hidden=64, width=width, depthwise=depthwise)
    c = int(64 * width)
    assert head.stems[1].conv.weight.shape == (c, 32, 1, 1)
    assert isinstance(head.reg_convs[0][0], DWSConv if depthwise else Conv)
    assert {k.split(".")[0] for k in head.state_dict()} == {
        "stems",
        "cls_convs",
        "reg_convs",
        "cls_preds",
        "reg_preds",
        "obj_preds",
    }


def test_the_branches_of_classes_and_boxes_do_not_touch():
    head = YOLOXDetect(3, [16], [8.0], YOLOXCoder(), hidden=8)
    preds = head([torch.rand(1, 16, 4, 4)])
    (preds.box.sum() + preds.obj.sum()).backward()
    assert all(p.grad is None for m in (head.cls_convs, head.cls_preds) for p in m.parameters())
    assert all(p.grad is not None for m in (head.stems, head.reg_convs, head.obj_preds) for p in m.parameters())
