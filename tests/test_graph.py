"""A configuration becomes a network: ultralytics' own come out as it builds them, errors name the place."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
import ultralytics
from torch import nn
from ultralytics.nn.modules import Conv, Detect
from ultralytics.nn.tasks import DetectionModel, yaml_model_load

from tests.messages import assert_says
from yolotiny import graph
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn import MODULES
from yolotiny.structures import WithAux

THEIRS = Path(ultralytics.__file__).parent / "cfg" / "models"
SMALL = {
    "nc": 2,
    "scales": {"n": [0.5, 0.5, 64]},
    "anchors": [[4, 4, 8, 8], [16, 16, 32, 32]],
    "coder": {"type": "v5"},
    "backbone": [
        [-1, 1, "Conv", [16, 3, 2]],
        [-1, 4, "C3", [32], "c2"],
        [-1, 1, "Conv", [128, 3, 2], "c3"],
    ],
    "head": [[["c2", "c3"], 1, "AnchorDetect", ["nc", "anchors"], "detect"]],
}


def small(**changes):
    """SMALL with keys changed; `row0=[...]` changes a row of the backbone, `head=[...]` the head's rows."""
    cfg = deepcopy(SMALL)
    for key, value in changes.items():
        if key.startswith("row"):
            cfg["backbone"][int(key[3:])] = value
        else:
            cfg[key] = value
    return cfg


def build(**changes):
    return graph.build(config.load(small(**changes)))


class Doubled(nn.Module):
    """Twice its input, and a tensor for the loss."""

    def forward(self, x):
        return WithAux(x * 2, {"mean": x.mean((1, 2, 3))})


class Pair(nn.Module):
    """Reads two levels and gives both back, the first with one added."""

    def __init__(self, ch: list[int]):
        super().__init__()
        self.ch = ch

    def forward(self, x):
        return [x[0] + 1, x[1]]


@pytest.mark.parametrize(
    ("name", "scales"),
    [
        ("v5/yolov5", "ns"),
        ("v8/yolov8", "nm"),
        ("v8/yolov8-p2", "ns"),
        ("11/yolo11", "nm"),
        ("12/yolo12", "nl"),
        ("26/yolo26", "nm"),
    ],
)
def test_ultralytics_models_come_out_as_ultralytics_builds_them(name, scales):
    for scale in scales:
        file = THEIRS / f"{name}.yaml"
        official = DetectionModel(yaml_model_load(file) | {"scale": scale, "nc": 3}, verbose=False)
        ours = Detector(config.override(config.load(file), {"scale": scale}), nc=3)
        wanted = {k: v.shape for k, v in official.state_dict().items()}
        assert list(wanted.items()) == [(k, v.shape) for k, v in ours.state_dict().items()]
        assert torch.equal(ours.stride, official.stride)
        if scale != "n":
            continue
        # Same tensors, same answer: this also holds the activation inside SPPF and the flags of C3k2 and A2C2f.
        ours.load_state_dict(official.state_dict())
        x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            assert torch.equal(ours.eval()(x)[0], official.eval()(x)[0])


def test_the_cross_linked_lists_of_yolov9e_are_built_too():
    ours = Detector(THEIRS / "v9" / "yolov9e.yaml", nc=3)
    assert ours.stride.tolist() == [8, 16, 32]


@pytest.mark.parametrize("cfg", ["yolov5n.yaml", "yolo11n.yaml", "yolox-nano.yaml"])
def test_building_leaves_ultralytics_as_it_was(cfg):
    before = Conv.default_act, Detect.legacy
    Detector(config.override(config.load(cfg), {"activation": "nn.ReLU()"}), nc=2)
    assert (Conv.default_act, Detect.legacy) == before
    with pytest.raises(InputError):
        build(activation="nn.ReLU()", row0=[-1, 1, "Cnv", [16, 3, 2]])
    assert (Conv.default_act, Detect.legacy) == before


def test_depth_and_width_scale_repeats_and_channels():
    layers, _ = build()
    shapes = [layers[1](layers[0](torch.zeros(1, 3, 32, 32))).shape, layers[0](torch.zeros(1, 3, 32, 32)).shape]
    assert shapes == [(1, 16, 16, 16), (1, 8, 16, 16)]
    assert len(layers[1].m) == 2  # 4 repeats at depth 0.5
    assert layers[2].conv.out_channels == 32  # 128 is cut to 64 before it is halved
    layers, _ = build(scales={"n": {"depth": 1.0, "width": 2.0}})
    assert len(layers[1].m) == 4 and layers[2].conv.out_channels == 256


def test_an_activation_in_the_yaml_reaches_every_convolution():
    layers, _ = build(activation="nn.LeakyReLU(0.1)")
    found = [m.act for m in layers.modules() if isinstance(m, Conv)]
    assert found and all(isinstance(a, nn.LeakyReLU) and a.negative_slope == 0.1 for a in found)


def test_a_mapping_gives_arguments_by_name():
    layers, _ = build(row0=[-1, 1, "Conv", {"c2": 16, "s": 2, "k": 5}])
    assert layers[0].conv.kernel_size == (5, 5) and layers[0].conv.stride == (2, 2)


def test_torch_modules_and_their_channel_names_are_known():
    layers, _ = build(row0=[-1, 1, "nn.Conv2d", [16, 3, 2, 1]])
    assert isinstance(layers[0], nn.Conv2d) and (layers[0].in_channels, layers[0].out_channels) == (3, 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"row0": [-1, 1, "Cnv", [16, 3, 2]]},
            "unknown module 'Cnv' in the configuration, row 0; did you mean 'Conv' or",
        ),
        (
            {"row0": [-1, 1, "nn.ReLu", []]},
            "unknown module 'nn.ReLu' in the configuration, row 0; did you mean 'nn.ReLU'",
        ),
        ({"row0": [-1, 1, "autopad", [3]]}, "unknown module 'autopad'"),  # a function is no layer
        (
            {"row1": [-1, 4, "C3", [32], "c2", {"shortcuts": True}]},
            "C3 in the configuration, row c2 takes no argument 'shortcuts'; did you mean 'shortcut'?",
        ),
        (
            {"row0": [-1, 1, "Conv", [16, 3, 2, 1, 1, 1, True, 9]]},
            "Conv in the configuration, row 0 takes 7 arguments ['c2', 'k', 's', 'p', 'g', 'd', 'act'], got [16, 3, ",
        ),
        ({"row0": [-1, 1, "Conv", []]}, "Conv in the configuration, row 0 needs c2"),
        ({"row0": [-1, 1, "Conv", ["wide"]]}, "Conv in the configuration, row 0: 'wide' is no number of channels"),
        (
            {"row0": [-1, 1, "Conv", [16, 3, 2, None, 5]]},
            "Conv in the configuration, row 0 cannot be built with c1=3, c2=8, k=3, s=2, p=None, g=5: in_channels must",
        ),
        (
            {"row2": [["c2", "image"], 1, "Concat", [1], "c3"]},
            "the configuration, row c3: the layer does not fit its input: Sizes of tensors must match",
        ),
        ({"row2": [["c2", 0], 1, "Conv", [16], "c3"]}, "the configuration, row c3: the layer does not fit its input"),
        (
            {"activation": "nn.Relu()"},
            "activation: 'nn.Relu()' is no torch.nn activation; write for example 'nn.SiLU()'",
        ),
        ({"activation": "__import__('os')"}, "activation: "),
        (
            {"scales": {"n": [1, 1, 64, 2]}},
            "scale n in the configuration is [1, 1, 64, 2]; expected [depth, width, max_",
        ),
        ({"scales": {"n": ["a", 1]}}, "scale n in the configuration is "),
        (
            {"scales": {"n": {"dept": 1}}},
            "'dept' in scale n of the configuration is asked for by no layer; did you mean 'depth'",
        ),
        ({"reg_max": 8}, "'reg_max' in the configuration is asked for by no layer"),
        ({"anchors": [[4, 4, 8, 8]]}, "anchors: 1 rows for 2 levels"),
        (
            {"anchors": [[4, 4, 8], [4, 4, 8]]},
            "anchors: expected 'auto' or a row of w,h pairs per level, above 0, not [[4",
        ),
        ({"anchors": [[4, 0], [4, 4]]}, "anchors: expected 'auto' or"),
        ({"anchors": "aut"}, "anchors: expected 'auto' or a row of w,h pairs per level, above 0, not 'aut'"),
        ({"coder": {"type": "v6"}}, "unknown coder 'v6' in the configuration: coder"),
    ],
)
def test_a_mistake_in_a_row_is_named_with_its_place_in_one_line(changes, message):
    with assert_says(message, more=True):
        build(**changes)


def test_the_last_row_must_be_a_head():
    with assert_says("the last row of the configuration is Conv, which is no detection head", more=True):
        Detector(small(anchors=None, coder=None, head=[["c3", 1, "Conv", [16], "detect"]]))


def test_an_insert_is_a_named_child_and_the_base_keeps_its_keys(monkeypatch):
    monkeypatch.setitem(MODULES, "Doubled", Doubled)
    plain, _ = build()
    layers, save = build(insert=[{"name": "twice", "after": "c2", "module": "Conv", "args": [32, 1]}])
    assert [k for k, _ in layers.named_children()] == ["0", "1", "twice", "2", "3"]
    assert plain.state_dict().keys() < layers.state_dict().keys()
    assert layers[3].f == "twice" and layers[4].f == ("twice", "2")  # later readers of c2 read the insert
    assert "twice" in save


def test_an_insert_after_several_rows_gives_each_reader_its_own_output(monkeypatch):
    monkeypatch.setitem(MODULES, "Pair", Pair)
    layers, _ = build(insert=[{"name": "pair", "after": ["c2", "c3"], "module": "Pair"}])
    assert [k for k, _ in layers.named_children()] == ["0", "1", "2", "pair", "3"]
    assert layers.pair.ch == [16, 32] and layers.pair.f == ("1", "2")
    assert layers[4].f == ("pair.0", "pair.1")
    assert graph.gather(("pair.1", "1"), {"pair": ["a", "b"], "1": "c"}) == ["b", "c"]


def test_a_row_can_be_replaced_without_moving_the_others():
    base = config.load("yolov5n.yaml")
    cfg = config.load({"base": "yolov5n.yaml", "nc": 80, "replace": [{"name": "c5", "module": "SPP", "args": [1024]}]})
    layers, _ = graph.build(cfg)
    assert type(layers[9]).__name__ == "SPP"
    assert [k for k, _ in layers.named_children()] == [k for k, _ in graph.build(base)[0].named_children()]


def test_the_picture_can_be_read_by_its_name():
    layers, save = build(
        head=[["image", 1, "Conv", [8, 3, 4], "eye"], [["eye", "c3"], 1, "AnchorDetect", ["nc", "anchors"]]]
    )
    assert layers[3].conv.in_channels == 3 and layers[3].f == "image"
    assert layers[4].stride.tolist() == [4, 4]
    assert "image" in save


def test_tensors_for_the_loss_travel_beside_the_features_to_the_predictions(monkeypatch):
    monkeypatch.setitem(MODULES, "Doubled", Doubled)
    detector = Detector(small(insert=[{"name": "twice", "after": "c3", "module": "Doubled"}]))
    x = torch.rand(2, 3, 32, 32)
    assert detector(x).aux["mean"].shape == (2,)
    y, preds = detector.eval()(x)
    assert preds.aux["mean"].shape == (2,) and y.shape == (2, 6, 16 * 16 * 2 + 8 * 8 * 2)
