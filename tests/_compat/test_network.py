"""What ultralytics would fetch or send is done with what lies on this machine."""

import sys
import types

import pytest

from yolotiny._compat import network
from yolotiny.errors import InputError


def test_the_font_is_a_file_on_this_machine():
    from PIL import ImageFont

    assert ImageFont.truetype(network.local_font("Arial.Unicode.ttf"), 12).getbbox("ä")[2] > 0


def test_only_switched_on_local_loggers_are_attached(monkeypatch):
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.callbacks import get_default_callbacks

    class AnyTrainer:
        callbacks = get_default_callbacks()

    fake = types.ModuleType("ultralytics.utils.callbacks.tensorboard")
    fake.callbacks = {"on_train_end": print}
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    before = SETTINGS["tensorboard"]
    try:
        for wanted in (False, True):
            dict.__setitem__(SETTINGS, "tensorboard", wanted)  # in memory only
            network.local_callbacks(AnyTrainer())
            assert (print in AnyTrainer.callbacks["on_train_end"]) is wanted
    finally:
        dict.__setitem__(SETTINGS, "tensorboard", before)


def test_weights_that_are_not_here_are_an_error_and_not_a_download(tmp_path):
    (tmp_path / "yolov5n.pt").write_bytes(b"x")
    assert network.local_weights(tmp_path / "yolov5n.pt") == str(tmp_path / "yolov5n.pt")
    with pytest.raises(InputError, match="yolo11n-none.pt.*YOLOTINY_ONLINE=1"):
        network.local_weights("yolo11n-none.pt")
