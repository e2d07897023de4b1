"""What ultralytics would fetch or send is done with what lies on this machine."""

import pytest

from yolotiny._compat import network
from yolotiny.errors import InputError


def test_the_font_is_a_file_on_this_machine():
    from PIL import ImageFont

    assert ImageFont.truetype(network.local_font("Arial.Unicode.ttf"), 12).getbbox("ä")[2] > 0


def test_weights_that_are_not_here_are_an_error_and_not_a_download(tmp_path):
    (tmp_path / "yolov5n.pt").write_bytes(b"x")
    assert network.local_weights(tmp_path / "yolov5n.pt") == str(tmp_path / "yolov5n.pt")
    with pytest.raises(InputError, match="yolo11n-none.pt.*YOLOTINY_ONLINE=1"):
        network.local_weights("yolo11n-none.pt")
