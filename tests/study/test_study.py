"""The shipped studies at toy size, and the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.study.made import run, trained
from yolotiny import study
from yolotiny.cli import main as cli
from yolotiny.shipped import cfg_dir
from yolotiny.study.plan import plan
from yolotiny.study.worker import work

QUICK = ("nwd-rka-yolov5",)  # of all that are run, those that are run each time
FILES = sorted((cfg_dir() / "studies").glob("*.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One for all, so that the generated pictures are written once."""
    return tmp_path_factory.mktemp("studies")


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda p: p.stem)
def test_every_arm_of_a_study_can_be_trained(file, folder):
    asked = study.read(file.stem, "toy")
    runs = plan(asked, folder / "planned" / file.stem)
    assert [run.arm for run in runs] == [arm.name for arm in asked.arms]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(p.stem, marks=[pytest.mark.slow] + [pytest.mark.long] * (p.stem not in QUICK), id=p.stem)
        for p in FILES
    ],
)
def test_a_study_runs_at_toy_size(name, folder):
    asked, to = study.read(name, "toy"), folder / name
    for one in plan(asked, to):  # in this process: what a process of its own adds is tested with the driver
        assert work(one)
    table = study.tabulate(asked, to)
    assert all(f"| {arm}{'/' * bool(look)}{look} | 1 |" in table for arm, look in asked.rows)
    assert "Not done yet" not in table
    assert study.draw(asked, to).stat().st_size > 5000


@pytest.fixture
def done(tmp_path):
    """A study with two arms that are done."""
    file = tmp_path / "mine.yaml"
    file.write_text("# a study\narms: {a: {}, b: {}}\nprofiles: {small: {seeds: [0]}}\n")
    for arm in "ab":
        trained(run(tmp_path / "to", arm), AP=0.1)
    return [f"file={file}", f"to={tmp_path / 'to'}"]


def test_table_and_plot_need_neither_data_nor_weights(done, tmp_path, capsys):
    assert cli.main(["study", "table", *done]) == 0
    assert "| b | 1 | +0.0 |" in capsys.readouterr().out
    assert cli.main(["study", "plot", *done, "figures=AP,AP_t"]) == 0
    assert capsys.readouterr().out == f"drawn: {tmp_path / 'to' / 'plot.png'}\n"
    assert (tmp_path / "to" / "plot.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["study", "run"], "study run needs file=..., as in: yolotiny study run file="),
        (["study"], "study needs a second word: run or table or plot, as in: yolotiny study run file="),
        (["study", "run", "file=nowhere"], "unknown study 'nowhere'; there are: "),
        (["study", "run", "file=gpu", "jobs=0"], "jobs=0 is below 1"),
        (["study", "run", "file=gpu", "epoch=1"], "unknown option 'epoch' of study run; did you mean 'epochs'"),
        (["study", "run", "file=gpu"], "gpu, arm 'default' has no data: give data=FILE.yaml, or write it under "),
        (["study", "table", "file=gpu", "to=nowhere"], "no run of gpu, profile small, is done in "),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(words, says, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1) and err.startswith(f"yolotiny: error: {says}")


def test_runs_that_failed_are_told_below_the_table_of_what_is_done(done, capsys, monkeypatch):
    monkeypatch.setattr(study, "run", lambda asked, folder, jobs: "1 of 3 runs failed: c-0: why")
    assert cli.main(["study", "run", *done]) == 2
    out, err = capsys.readouterr()
    assert "| b | 1 | +0.0 |" in out and err == "yolotiny: error: 1 of 3 runs failed: c-0: why\n"
