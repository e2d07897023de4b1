"""What a model file may ask for: rows that fetch nothing, layers that fit into memory. Hostile files: tests/hostile."""

from __future__ import annotations

import socket

import pytest
import torch
from torch import nn
from ultralytics.utils import LOGGER

from tests.messages import assert_says
from tests.tiny_data import start
from yolotiny import graph
from yolotiny.config import load as config
from yolotiny.limits import check_layer, numbers
from yolotiny.nn.timm_features import TimmFeatures

X = torch.zeros(1, 8, 16, 16)


def test_numbers_are_found_wherever_they_stand():
    assert list(numbers({"a": [1, (2.5, "3", None, True)], "b": {"c": -4}, "d": float("inf")})) == [1, 2.5, -4]


@pytest.mark.parametrize(
    ("target", "kwargs", "repeats", "says"),
    [
        (nn.Conv2d, {"in_channels": 8, "out_channels": 70_000}, 1, "out_channels=70000 is more than a layer can have"),
        (nn.Linear, {"in_features": 60_000, "out_features": 60_000}, 1, "it would have 3,600,060,000 parameters"),
        (
            nn.Conv2d,
            {"in_channels": 8, "out_channels": 8, "kernel_size": 1},
            101,
            "a row is repeated at most 100 times",
        ),
        (
            nn.MaxPool2d,
            {"kernel_size": 60_001, "padding": 30_000},
            1,
            "kernel_size=60001 is more than a layer can have",
        ),
        (nn.Upsample, {"scale_factor": 2_000}, 1, "its output would have 8,192,000,000 numbers"),
        (nn.Transformer, {"d_model": 16, "num_encoder_layers": 101}, 1, "num_encoder_layers=101 is more than"),
    ],
)
def test_a_layer_is_weighed_before_it_is_built(target, kwargs, repeats, says):
    with assert_says(f"m.yaml, row 1: {says}", more=True):
        check_layer(target, kwargs, repeats, X, "m.yaml, row 1")


def test_layers_of_usual_size_are_not_held_up():
    check_layer(nn.Conv2d, {"in_channels": 8, "out_channels": 1_280, "kernel_size": 3}, 12, X, "")
    check_layer(nn.Upsample, {"scale_factor": 4}, 1, X, "")


def test_a_row_of_torchvision_takes_random_weights():
    rows = {
        "backbone": [["image", 1, "TorchVision", ["resnet18", None, True, 2]]],
        "head": [[[-1], 1, "Detect", ["nc"]]],
    }
    layers, _ = graph.build(config.load(rows) | {"nc": 2})
    assert sum(p.numel() for p in layers[0].parameters()) == 11_176_512  # ResNet-18 without its classifier


def test_a_name_that_timm_does_not_have_is_told_without_importing_it():
    code = """
import sys
from yolotiny.nn.timm_features import TimmFeatures, shipped_models
for wrong in ("resnet51", "hf-hub:a/b", 7):
    try:
        TimmFeatures(wrong)
    except ValueError as error:
        assert str(error).startswith(f"timm has no model {wrong!r}"), error
assert "timm" not in sys.modules
known = shipped_models()
import timm
assert known == sorted(timm.list_models())
"""
    done = start(code=code)
    assert (done.communicate()[1], done.returncode) == ("", 0)


def test_weights_of_timm_that_are_not_here_are_not_fetched(monkeypatch, tmp_path):
    def forbidden(*args, **kwargs):
        raise SystemExit(f"the network was asked for: {args}")

    said: list[str] = []
    monkeypatch.setattr(LOGGER, "warning", said.append)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.delenv("YOLOTINY_ONLINE", raising=False)
    TimmFeatures("resnet18", pretrained=True)
    assert said == [
        "resnet18 starts from random weights: timm's could not be had (they are not on this machine); "
        "YOLOTINY_ONLINE=1 fetches them"
    ]
