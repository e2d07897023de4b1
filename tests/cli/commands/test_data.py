"""The data commands as they are typed: output, files, exit codes."""

from __future__ import annotations

import json

import pytest

from tests.tiny_data import trained, write_tiny
from yolotiny.cli import main as cli


@pytest.fixture
def data(tmp_path):
    return write_tiny(tmp_path / "set", train=3, val=2)


def test_stats_prints_the_figures_and_writes_them_where_out_is_given(data, tmp_path, capsys):
    assert cli.main(["data", "stats", f"data={data}", "imgsz=96"]) == 0
    out = capsys.readouterr().out
    assert "3 pictures, 18 objects; sizes at imgsz=96" in out and "advice\n- The median object has" in out
    assert cli.main(["data", "stats", f"data={data}", "split=val", "imgsz=96", f"out={tmp_path / 'out'}"]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["stats.json", "stats.png"]
    assert json.loads((tmp_path / "out" / "stats.json").read_text())["pictures"] == 2


@pytest.mark.parametrize(("strict", "code"), [("False", 0), ("True", 1)])
def test_a_warning_fails_only_under_strict(data, strict, code, capsys):
    for label in (data.parent / "labels").rglob("*.txt"):
        label.write_text("0 0.5 0.5 0.1 0.1\n")
    (data.parent / "labels" / "val" / "0.txt").unlink()
    assert cli.main(["data", "check", f"data={data}", f"strict={strict}", "imgsz=96"]) == code
    out, err = capsys.readouterr()
    assert out.endswith("0 errors, 1 warnings (boxes at imgsz=96)\n") and err == ""


def test_an_error_is_exit_code_1_and_out_has_them_all(data, tmp_path, capsys):
    (data.parent / "labels" / "val" / "0.txt").write_text("7 0.5 0.5 0.1 0.1\n" * 5)
    file = tmp_path / "problems.json"
    assert cli.main(["data", "check", f"data={data}", f"out={file}"]) == 1
    assert "labels/val/0.txt row 1: class 7 is none of the 2 classes of the data YAML, 0..1" in capsys.readouterr().out
    assert json.loads(file.read_text())["errors"] == 5


def test_a_data_set_goes_to_another_tool_and_back(data, tmp_path, capsys):
    there, back = tmp_path / "there", tmp_path / "back"
    words = ["data", "export", f"data={data}", "format=cvat", f"to={there}", "split=val", "classes={b: a, a: a}"]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "val: 2 images\n12 boxes: a 12\n" in out and "note: 'a' and 'b' are one class now 'a'" in out
    assert cli.main(["data", "convert", "format=cvat", f"source={there}", f"to={back}"]) == 0
    assert "val: 2 images (0 without objects), 12 boxes" in capsys.readouterr().out


def test_what_a_model_doubts_is_written_for_review(tmp_path, capsys):
    made = trained()
    words = [f"model={made.best}", f"data={made.data}", "split=val", "conf=1", "imgsz=64", f"to={tmp_path / 'review'}"]
    assert cli.main(["data", "suggest", *words]) == 0
    out = capsys.readouterr().out
    assert "4 pictures: 0 finds without a label, " in out and "pictures to review, the most doubtful first" in out
    assert len((tmp_path / "review" / "review.csv").read_text().splitlines()) > 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("data check", "data check needs data=..., as in: yolotiny data check data="),
        ("data stats data=visdron", "did you mean 'visdrone'"),
        ("data stats data={} split=test", "names no split 'test'; there are: train, val"),
        ("data stats data={} imgsz=big", "imgsz=big: give a whole number of pixels"),
        ("data export data={} format=cvta to=made", "unknown format 'cvta'; did you mean 'cvat'"),
        ("data export data={} format=cvat to=made classes=a,c", "the data has no class 'c'; there are: a, b"),
        ("data export data={} format=cvat to=made conf=.5", "conf=0.5 is for detections: give pred="),
        ("data suggest model=no.pt data={}", "no.pt"),
        ("data check data={} splt=val", "unknown option 'splt' of data check"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(data, line, says, capsys):
    assert cli.main(line.format(data).split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err
