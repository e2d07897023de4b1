"""`yolotiny benchmark`: formats beside the checkpoint, and what is not there is named."""

from __future__ import annotations

import json

import pytest

from tests.export.conftest import as_checkpoint
from yolotiny import YOLO
from yolotiny.analysis import formats
from yolotiny.cli.main import main
from yolotiny.data.scenes import write_demo
from yolotiny.errors import InputError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    as_checkpoint("yolov5n-p2p3.yaml", folder)
    return folder, write_demo(folder / "demo", train=1, val=2, imgsz=128)


@pytest.mark.slow
def test_formats_are_measured_side_by_side_and_what_is_absent_is_named(place, monkeypatch, capsys):
    folder, data = place
    monkeypatch.setattr(formats, "missing", lambda kind, to_run: "ncnn" if kind == "ncnn" else "")
    line = f"benchmark model={folder / 'best.pt'} data={data} imgsz=128 formats=torchscript,onnx,ncnn,coreml rounds=2"
    assert main([*line.split(), f"to={folder / 'out'}"]) == 0
    shown = capsys.readouterr().out
    content = json.loads((folder / "out" / "benchmark.json").read_text())
    rows = {row["format"]: row for row in content["rows"]}
    assert list(rows) == ["pytorch", "torchscript", "onnx", "ncnn", "coreml"] and content["imgsz"] == 128
    for kind in ("torchscript", "onnx"):
        assert rows[kind]["figures"] == pytest.approx(rows["pytorch"]["figures"], abs=0.2)
        assert rows[kind]["milliseconds"] > 0 and rows[kind]["megabytes"] > 1
        assert (folder / f"best.{kind}").is_file()
    assert {"AP", "AP_vt", "AP_t", "AP_s", "AP_m"} <= rows["pytorch"]["figures"].keys()
    assert "not run here: ncnn (pip install ncnn)" in shown and "not run here: coreml (needs its hardware)" in shown
    assert [w for w in ("pytorch", "torchscript", "onnx") if w not in shown] == []


@pytest.mark.slow
def test_a_format_that_fails_is_named_and_the_others_go_on(place, monkeypatch, tmp_path):
    folder, data = place
    model = YOLO(folder / "best.pt")

    def fail(**options):
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr(model, "export", fail)
    found = model.benchmark(str(data), tmp_path, imgsz=128, formats=["torchscript"], rounds=1)
    assert [(r.format, r.note) for r in found.rows] == [("pytorch", ""), ("torchscript", "failed: no such operator")]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("formats=onx", "unknown export format 'onx'; did you mean 'onnx'"),
        ("rounds=0", "rounds=0"),
        ("imgsz=-1", "imgsz=-1"),
        ("format=onnx", "unknown option 'format' of benchmark"),
    ],
)
def test_a_wrong_option_is_one_line(options, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["benchmark", "model=yolov5n.yaml", "data=data.yaml", options]) == 2
    assert says in capsys.readouterr().err


def test_an_exported_file_has_nothing_to_export(tmp_path):
    (tmp_path / "best.onnx").write_bytes(b"\x08\x0a")
    with pytest.raises(InputError, match="^benchmark needs a checkpoint or a model file"):
        YOLO(tmp_path / "best.onnx").benchmark("data.yaml", tmp_path)
