"""Mean, spread, differences over the seeds, and what was expected."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from tests.messages import assert_says
from tests.study.made import FIGURES, run, study, trained
from yolotiny.study.definition import Arm, Expected
from yolotiny.study.table import STUDENT, Row, differences, interval, rows_of, tables, write


@pytest.fixture
def three(tmp_path):
    """a and b with two seeds, c not run: b is 2 and 4 points better in AP."""
    for arm, aps in (("a", (0.10, 0.14)), ("b", (0.12, 0.18))):
        for seed, ap in enumerate(aps):
            trained(run(tmp_path, arm, seed), seconds=60 * (seed + 1), peak_mb=1000 + seed, AP=ap, AP_vt=None)
    return tmp_path


def test_known_values(three):
    asked = study("a", "b", "c", expected=(Expected("b", "a", "AP", 1.5), Expected("c", "a", "AP", 1.5)))
    text = tables(asked, rows_of(asked, three))
    assert "| arm | n | AP | AP50 | AP75 | AP_vt | AP_t | AP_s | AP_m | min | MB |" in text
    assert "| a | 2 | 12.0 (4.0) | 50.0 (0.0) | 50.0 (0.0) | - | 50.0 (0.0) |" in text
    assert "| 1.5 | 1,001 |" in text
    assert "| b | 2 | +3.0 (+2.0, +4.0) | +0.0 (+0.0, +0.0) |" in text
    assert "| b over a | AP | +1.5 | +3.0 (+2.0, +4.0) | 2 of 2 |" in text
    assert "| c over a | AP | +1.5 | - | - |" in text
    assert "Two seeds are too few for an interval" in text and "Not done yet: c-0, c-1." in text


def test_one_seed_says_that_it_says_nothing_of_the_spread(tmp_path):
    trained(run(tmp_path, "a"), AP=0.1)
    trained(run(tmp_path, "b"), AP=0.3)
    asked = study("a", "b", seeds=(0,))
    text = tables(asked, rows_of(asked, tmp_path))
    assert "| b | 1 | +20.0 |" in text and "One seed says nothing of the spread" in text


def test_differences_are_over_the_seeds_that_both_have():
    a, b = Row("a", "", {0: {"AP": 1.0}, 1: {"AP": 5.0}}, {}), Row("b", "", {1: {"AP": 6.0}, 2: {"AP": 9.0}}, {})
    assert differences(a, b, "AP") == {1: 1.0} and differences(a, b, "AP_t") == {}


def test_the_interval_needs_three_seeds_and_is_students():
    assert interval([1.0, 2.0]) is None
    low, high = interval([1.0, 2.0, 3.0])  # mean 2, deviation 1
    assert (low, high) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5))
    assert interval([1.0] * 40) == (1.0, 1.0)


def test_the_quantiles_are_those_of_students_t():
    stats = pytest.importorskip("scipy.stats")
    assert {n: round(float(stats.t.ppf(0.975, n - 1)), 3) for n in STUDENT} == STUDENT


def test_a_clear_difference_of_three_seeds_has_a_star(tmp_path):
    for seed, (a, b, c) in enumerate(((0.1, 0.2, 0.1), (0.2, 0.31, 0.3), (0.3, 0.4, 0.2))):
        for arm, ap in (("a", a), ("b", b), ("c", c)):
            trained(run(tmp_path, arm, seed), AP=ap)
    asked = study("a", "b", "c", seeds=(0, 1, 2))
    text = tables(asked, rows_of(asked, tmp_path))
    assert "| b | 3 | +10.3* (+8.9 to +11.8) |" in text and "| c | 3 | +0.0 (-24.8 to +24.8) |" in text


def test_looks_are_compared_with_the_baseline_seen_in_the_same_way(tmp_path):
    looks = {"k0": {"k": 0}, "k1": {"k": 1}}
    for arm in "ab":
        trained(run(tmp_path, arm, looks=looks), AP=0.2 if arm == "a" else 0.3)
    asked = study("a", "b", seeds=(0,), looks=looks)
    text = tables(asked, rows_of(asked, tmp_path))
    assert "| a/k0 | 1 |" in text and "| b/k1 | 1 | +10.0 |" in text


def test_files_have_every_run_with_its_command(three):
    asked = study("a", "b")
    assert write(asked, rows_of(asked, three), three) + "\n" == (three / "table.md").read_text()
    with open(three / "runs.csv", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [(row["arm"], row["seed"], row["AP"]) for row in rows][:2] == [
        ("a", "0", "10.0"),
        ("a", "1", "14.000000000000002"),
    ]
    assert set(FIGURES) | {"seconds", "peak_mb", "commit", "command"} < rows[0].keys()
    assert rows[0]["command"].startswith("yolotiny train model=yolov5n ")


def test_nothing_done_and_an_unknown_figure_are_one_line(three, tmp_path):
    empty = tmp_path / "empty"
    with assert_says(f"no run of s, profile small, is done in {empty}: run it by yolotiny study run, ", more=True):
        rows_of(study("a"), empty)
    with assert_says("s: figure 'AP_x' is not in the reports of its runs"):
        rows_of(study("a", figures=("AP", "AP_x")), three)


def test_a_figure_without_an_object_has_no_number_and_is_no_mistake(three):
    text = tables(study("a", "b", figures=("AP", "AP_vt")), rows_of(study("a", "b", figures=("AP", "AP_vt")), three))
    assert "| a | 2 | 12.0 (4.0) | - |" in text


@pytest.mark.parametrize(
    ("arm", "options", "other"),
    [
        (Arm("a", {"loss.box.type": "iou"}), {}, "loss.box.type"),
        (Arm("a", {}), {"model": "yolox-nano"}, "model"),
        (Arm("a", {"model": "yolox-nano"}), {"model": "yolov5n"}, "model"),
        (Arm("a", {}, {"insert": [{"name": "x"}]}), {}, "model"),
        (Arm("a", {}, after="b"), {}, "after"),
    ],
)
def test_runs_of_another_study_are_not_taken_for_its_own(three, arm, options, other):
    mine = replace(study("a", options=options), arms=(arm,))
    with assert_says(
        f"a-0 in {three} is no run of s ({other} is another); give the folder of that study to=", more=True
    ):
        rows_of(mine, three)


def test_what_the_command_said_instead_of_the_file_makes_no_other_study(three):
    mine = study("a", options={"model": "yolov5n", "epochs": 12, "data": "hit600.yaml"})
    assert rows_of(replace(mine, arms=(Arm("a", {"epochs": 2}),)), three)
