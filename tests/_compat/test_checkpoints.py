"""Checkpoints are read and networks of ultralytics built without running what a file says."""

import pytest
import torch
from torch import nn

import yolotiny.predict  # noqa: F401 - puts what reads checkpoints in its place
from yolotiny import _compat
from yolotiny.errors import InputError


@pytest.fixture
def quieted():
    """ultralytics with our replacements, which the other tests find in place too."""
    _compat.quiet()
    yield
    _compat.quiet()


class Stranger(nn.Module):
    """A class of nobody we know."""


@pytest.mark.parametrize("switch", [None, "0", "1"])
def test_an_object_of_a_class_we_do_not_know_is_named_and_never_made(tmp_path, quieted, monkeypatch, switch):
    from ultralytics.nn.tasks import load_checkpoint

    if switch:
        monkeypatch.setenv("ULTRALYTICS_SAFE_LOAD", switch)
    torch.save({"model": Stranger(), "ema": None, "train_args": {}}, tmp_path / "best.pt")
    monkeypatch.setattr(Stranger, "__setstate__", lambda *_: pytest.fail("made"))
    with pytest.raises(InputError, match=r"best\.pt holds .*Stranger, which is no network of yolotiny or ultralytics"):
        load_checkpoint(tmp_path / "best.pt")


def test_a_whole_ultralytics_model_loads_safely(tmp_path, quieted):
    from ultralytics.nn.tasks import DetectionModel, load_checkpoint

    torch.save({"model": DetectionModel("yolov5n.yaml", nc=2, verbose=False), "train_args": {}}, tmp_path / "a.pt")
    assert len(load_checkpoint(tmp_path / "a.pt")[0].model) == 25


def test_a_network_of_ultralytics_is_built_without_evaluating_its_text_or_fetching_weights(monkeypatch):
    from ultralytics.nn import tasks

    act, seen = tasks.Conv.default_act, []
    monkeypatch.setattr(tasks, "TorchVision", type("TorchVision", (nn.Conv2d,), {}), raising=True)
    row = [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]]
    cfg = {"nc": 2, "backbone": row, "head": [[[0, 1, 2], 1, "Detect", ["nc"]]]}
    made = _compat.build_theirs("DetectionModel", cfg | {"activation": "nn.ReLU()"})
    assert isinstance(made.model[0].act, nn.ReLU) and tasks.Conv.default_act is act
    hostile = cfg | {"activation": "seen.append(1) or nn.ReLU()"}
    with pytest.raises(InputError, match="DetectionModel of ultralytics does not take it"):
        _compat.build_theirs("DetectionModel", hostile)
    assert not seen and not getattr(tasks._SafeLoad._local, "active", True) and tasks.Conv.default_act is act
    fetching = {"nc": 2, "backbone": [[-1, 1, "TorchVision", [8, "resnet18", "DEFAULT"]]], "head": []}
    with pytest.raises(InputError):
        _compat.build_theirs("DetectionModel", fetching)
    assert fetching["backbone"][0][3] == [8, "resnet18", None]
    with pytest.raises(InputError, match="ultralytics has no network subprocess"):
        _compat.build_theirs("subprocess", cfg)
