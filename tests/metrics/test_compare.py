"""Two sets of detections: the difference, its interval, and what is said of it."""

import json

import cv2
import pytest

from tests.metrics.test_bootstrap import pictures
from tests.metrics.test_coco_eval import scene
from yolotiny.cli import main as cli
from yolotiny.errors import InputError
from yolotiny.metrics import compare, comparison_lines, evaluate


def test_the_figures_are_those_of_evaluate_and_the_difference_is_b_minus_a():
    gt, pred = scene(1)
    some = pred[::2]
    found, one, two = compare(gt, pred, some, samples=20), evaluate(gt, pred), evaluate(gt, some)
    for key, row in found["figures"].items():
        assert (row["a"], row["b"]) == (one[key], two[key]) and key.startswith("AP")
        assert row["difference"] is None or row["difference"] == pytest.approx(two[key] - one[key])
    for name, of in found["per_class"].items():
        assert of["AP"]["a"] == one["per_class"][name]["AP"] and of["n"] == one["per_class"][name]["n"]
    assert found["data_hash"] == one["data_hash"]


def test_equal_detections_differ_by_nothing_and_that_is_not_called_sure():
    gt, pred = pictures(40, 20)
    row = compare(gt, pred, pred)["figures"]["AP"]
    assert row["difference"] == 0 and row["interval"] == [0, 0] and row["clear"] is False


def test_pairing_tells_a_small_difference_that_two_intervals_hide():
    """Of 100 pictures 50 are found by both and 6 by b alone: apart, each interval is .2 wide."""
    gt, pred = pictures(100, 50)
    _, more = pictures(100, 56)
    row = compare(gt, pred, more)["figures"]["AP"]
    assert row["clear"] and 0.01 < row["interval"][0] < 0.06 < row["interval"][1] < 0.12
    lines = comparison_lines(compare(gt, pred, more), "a.json", "b.json")
    assert lines[:2] == ["a: a.json", "b: b.json"] and "100 pictures" in lines[2]
    assert "over all classes: b is better in AP, AP50, AP75, AP_t" in lines


def test_one_picture_more_is_no_difference_that_can_be_told():
    gt, pred = pictures(100, 50)
    found = compare(gt, pred, pictures(100, 51)[1])
    assert not found["figures"]["AP"]["clear"]
    assert "over all classes: no difference can be told in AP, AP50, AP75, AP_t" in comparison_lines(found, "a", "b")


def test_few_pictures_give_differences_without_intervals():
    found = compare(*pictures(9, 5), [])
    assert found["figures"]["AP"]["interval"] is None and found["figures"]["AP"]["clear"] is None
    assert any(
        "cannot be said: no interval can be given: 9 pictures" in line for line in comparison_lines(found, "a", "b")
    )


def test_what_is_to_be_known_of_a_file_is_said_here_too():
    gt, pred = pictures(40, 20)
    found = compare(gt, pred, [*pred, pred[0] | {"bbox": [5, 5, 0, 3]}])
    says = "predictions: 1 of 21 boxes have no width or no height and are left out, the first in row 21"
    assert found["notes"] == [says]
    assert "notes" not in compare(gt, pred, pred)


def test_an_unknown_protocol_is_refused():
    with pytest.raises(InputError, match="unknown protocol"):
        compare(*pictures(9, 5), [], protocol="x")


def test_the_command_prints_and_writes_table_json_and_drawing(tmp_path, capsys):
    gt, pred = pictures(60, 30)
    files = {"gt": gt, "a": pred, "b": pictures(60, 45)[1]}
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    words = [f"{name}={tmp_path / name}.json" for name in files]
    assert cli.main(["eval", "compare", *words, f"to={tmp_path / 'out'}", "samples=100"]) == 0
    said = capsys.readouterr().out
    assert "b is better in AP" in said and "100 samples of 60 pictures" in said and "compare.png" in said
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["about"]["a"].endswith("a.json") and found["figures"]["AP"]["clear"] is True
    assert cv2.imread(str(tmp_path / "out" / "compare.png")).std() > 5


@pytest.mark.parametrize(
    ("word", "said"),
    [("samples=-1", "samples=-1 is below 0"), ("pred=x.json", "unknown option 'pred'"), ("a=", "needs a=")],
)
def test_mistakes_get_one_line(tmp_path, capsys, word, said):
    for name, content in zip("gpb", (*pictures(3, 2), []), strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    words = {"gt": f"gt={tmp_path}/g.json", "a": f"a={tmp_path}/p.json", "b": f"b={tmp_path}/b.json"}
    words[word.split("=")[0]] = word
    assert cli.main(["eval", "compare", *words.values(), f"to={tmp_path}/out"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_eval_alone_still_scores_one_file(tmp_path, capsys):
    for name, content in zip("gp", pictures(30, 20), strict=True):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    words = ["eval", f"gt={tmp_path}/g.json", f"pred={tmp_path}/p.json", "protocol=aitod"]
    assert cli.main([*words, "samples=50"]) == 0
    assert "95 % intervals, from 50 samples of 30 pictures" in capsys.readouterr().out
    assert cli.main([*words, "samples=0"]) == 0
    assert "intervals" not in capsys.readouterr().out
