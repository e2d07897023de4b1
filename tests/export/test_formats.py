"""What is asked for before an export begins: the format, and the library that writes it."""

from __future__ import annotations

import pytest

from yolotiny import YOLO
from yolotiny.cli.main import main
from yolotiny.errors import InputError
from yolotiny.export import formats


def test_every_format_of_ultralytics_is_known_and_no_other():
    from ultralytics.engine.exporter import export_formats

    known = set(export_formats()["Argument"][1:])
    assert {formats.format_meant(kind.upper()) for kind in known} == known
    assert set(formats.WRITES) | {"torchscript", "ascend"} == known  # those two need no library of Python
    with pytest.raises(InputError, match="^unknown export format 'onx'; did you mean 'onnx'"):
        formats.format_meant("onx")


@pytest.mark.parametrize(
    ("kind", "module", "pip"),
    [("onnx", "onnx", "'yolotiny[deploy]'"), ("openvino", "openvino", "'yolotiny[deploy]'"), ("ncnn", "ncnn", "ncnn")],
)
def test_a_library_that_is_not_there_is_one_line_with_the_command_before_anything_is_traced(
    kind, module, pip, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == module else object())
    assert main([*f"export model=yolov5n.yaml imgsz=64 format={kind}".split()]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last == f"yolotiny: error: export to {kind} needs a library that is not installed: pip install {pip}"
    assert list(tmp_path.iterdir()) == []


def test_what_runs_a_format_is_asked_for_besides_what_writes_it(monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert formats.missing("onnx") == "" and formats.missing("onnx", to_run=True) == "'yolotiny[deploy]'"


def test_a_detector_without_a_heat_map_writes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="^heatmap=True: this detector has no heat map .its head is AnchorDetect"):
        YOLO("yolov5n.yaml").export(format="onnx", heatmap=True, imgsz=64)
    with pytest.raises(InputError, match="^heatmap=True is written to onnx, openvino, torchscript, not to ncnn"):
        YOLO("yolc-n.yaml").export(format="ncnn", heatmap=True, imgsz=64)
