"""What comes beyond AP, counted by hand on a handful of boxes."""

import numpy as np
import pytest

from tests.metrics.test_coco_eval import FAR, A, B, dets, scene, truth
from yolotiny.metrics import KINDS, PROTOCOLS, analysis_tables, evaluate, evaluate_scene, from_arrays, read
from yolotiny.metrics.recall_size import EDGES

SHIFTED = (4, 0, 10, 10)  # IoU with A: 60 / 140 = .43
CLOSE = (1, 0, 10, 10)  # 90 / 110 = .82


def analysis(gt, pred, protocol="aitod"):
    return evaluate(gt, pred, protocol, analysis=True)["analysis"]


def kinds(gt, pred, protocol="aitod"):
    """The verdict of each detection, in the order given, "-" for one that does not count."""
    found = evaluate_scene(lambda: read(gt, pred), protocol)
    return [KINDS[k] if k >= 0 else "-" for k in found.verdicts.kind]


def test_the_best_confidence_is_where_f1_is_highest():
    """Down to each score: TP 1 FP 0 -> 2/3; FP -> 1/2; TP 2 FP 1 -> 4/5; FP -> 4/6."""
    found = analysis(truth((1, A), (1, B)), dets((A, 0.9), (FAR, 0.8), (B, 0.7), ((300, 300, 9, 9), 0.6)))
    point = found["best_f1"]["per_class"]["car"]
    assert point == {"confidence": 0.7, "f1": pytest.approx(0.8), "precision": pytest.approx(2 / 3), "recall": 1.0}
    assert found["best_f1"]["all"]["confidence"] == pytest.approx(0.7)
    assert found["best_f1"]["all"]["f1"] == pytest.approx(0.8)


def test_detections_of_equal_score_stand_or_fall_together():
    found = analysis(truth((1, A)), dets((A, 0.5), (FAR, 0.5)))
    assert found["best_f1"]["per_class"]["car"]["f1"] == pytest.approx(2 / 3)


def test_a_class_that_is_never_found_has_no_confidence_and_counts_no_detection():
    found = analysis(truth((1, A)), dets((FAR, 0.9)))
    assert found["best_f1"]["per_class"]["car"] == {"confidence": None, "f1": 0, "precision": 0, "recall": 0}
    assert found["best_f1"]["all"]["confidence"] is None
    row = found["errors"]["all"]["all"]
    assert row["missed"] == 1 and row["background"] == 0
    assert found["counting"]["all"] == {"mae": 1, "bias": -1, "rmse": 1}


def test_the_f1_curve_holds_the_values_at_its_confidences():
    found = analysis(truth((1, A), (1, B)), dets((A, 0.9), (FAR, 0.5)))["curves"]
    at = dict(zip(found["confidence"], found["f1"]["all"], strict=True))
    assert at[0.0] == at[0.5] == pytest.approx(0.5) and at[0.51] == at[0.9] == pytest.approx(2 / 3) and at[0.91] == 0
    precision = dict(zip(found["confidence"], found["precision"]["per_class"]["car"], strict=True))
    assert precision[0.5] == 0.5 and precision[0.9] == 1 and precision[0.91] is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(A, 0.9), (CLOSE, 0.9)], ["hit", "duplicate"]),
        ([(A, 0.9), (SHIFTED, 0.9)], ["hit", "localisation"]),
        ([(A, 0.9), ((9, 9, 10, 10), 0.9)], ["hit", "background"]),  # IoU 1 / 199 is below .1
        ([(A, 0.9), (FAR, 0.9)], ["hit", "background"]),
        ([(A, 0.9), (FAR, 0.1)], ["hit", "-"]),  # below the best confidence
    ],
)
def test_a_false_alarm_is_named_by_what_it_overlaps(rows, expected):
    assert kinds(truth((1, A), (1, B)), dets(*rows)) == expected


def test_a_box_on_an_object_of_another_class_is_a_class_error_and_a_loose_one_is_background():
    gt = truth((1, A), (2, B), names=("car", "bus"))
    bus = {"image_id": 1, "category_id": 2, "bbox": list(B), "score": 0.9}
    near_b = (54, 50, 10, 10)
    assert kinds(gt, [*dets((A, 0.9), (B, 0.9)), bus]) == ["hit", "class", "hit"]
    assert kinds(gt, [*dets((A, 0.9), (near_b, 0.9)), bus]) == ["hit", "background", "hit"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_lies_in_an_ignore_region_is_no_error_and_not_counted(protocol):
    gt = truth((1, A), (0, (200, 200, 100, 100), {"iscrowd": 1}))
    found = analysis(gt, dets((A, 0.9), ((210, 210, 10, 10), 0.9)), protocol)
    assert found["errors"]["all"]["all"]["background"] == 0
    assert found["counting"]["images"] == [{"image": "", "objects": 1, "counted": 1}]


def test_an_ignored_object_is_neither_missed_nor_counted():
    found = analysis(truth((1, A), (1, B, {"ignore": 1})), dets((A, 0.9)))
    assert found["errors"]["all"]["all"] | {"objects": 1, "found": 1, "missed": 0} == found["errors"]["all"]["all"]
    assert found["counting"]["all"]["mae"] == 0


def test_an_error_has_the_size_of_its_object_and_on_background_its_own():
    """A of 10 px is tiny; a loose box of it is tiny too, whatever its own size; a background box of 40 px is medium."""
    loose = (0, 0, 20, 20)  # IoU .25
    gt, rows = truth((1, A), (1, B)), dets((A, 0.9), (loose, 0.9), ((200, 200, 40, 40), 0.9), (B, 0.9))
    found = analysis(gt, rows)["errors"]["all"]
    assert found["t"] == {
        "objects": 2, "found": 2, "missed": 0, "unseen": 0,
        "localisation": 1, "class": 0, "duplicate": 0, "background": 0,
    }  # fmt: skip
    assert found["m"]["background"] == found["all"]["background"] == 1 and found["m"]["objects"] == 0
    assert found["vt"]["objects"] == found["s"]["objects"] == 0


def test_a_missed_object_with_a_loose_box_on_it_was_seen():
    found = analysis(truth((1, A), (1, B), (1, FAR)), dets((B, 0.9), (SHIFTED, 0.9)))["errors"]
    assert found["all"]["all"]["missed"] == 2 and found["all"]["all"]["unseen"] == 1
    assert found["per_class"]["car"] == found["all"]


def test_recall_by_size_counts_every_object_in_one_bin():
    """Sides 8 (on an edge: 8-10), 9 and 200 px; the last one is found only below the best confidence."""
    eight, nine, big = (0, 0, 8, 8), (50, 50, 9, 9), (100, 100, 200, 200)
    rows = [(eight, 0.9), (FAR, 0.5), ((400, 0, 9, 9), 0.4), ((400, 50, 9, 9), 0.3), ((400, 90, 9, 9), 0.2), (big, 0.1)]
    found = analysis(truth((1, eight), (1, nine), (1, big)), dets(*rows))["recall_by_size"]
    at = {low: i for i, low in enumerate(EDGES)}
    assert found["edges"] == list(EDGES) and sum(found["all"]["n"]) == 3
    assert found["all"]["n"][at[8]] == 2 and found["all"]["n"][at[128]] == 1
    assert found["all"]["recall"][at[8]] == 0.5 and found["all"]["recall"][at[128]] == 1
    assert found["all"]["recall_at_confidence"][at[8]] == 0.5 and found["all"]["recall_at_confidence"][at[128]] == 0
    assert found["all"]["recall"][at[10]] is None
    assert found["per_class"]["car"] == found["all"]


def test_counting_errors_are_taken_per_image():
    """Image 1: 2 objects, 3 counted; image 2: 1 object, none counted; image 3: nothing. Errors +1, -1, 0."""
    gt = truth((1, A), (1, B), images=3)
    gt["annotations"].append({"image_id": 2, "category_id": 1, "bbox": list(A)})
    found = analysis(gt, dets((A, 0.9), (B, 0.9), (FAR, 0.9)))["counting"]
    assert [(i["objects"], i["counted"]) for i in found["images"]] == [(2, 3), (1, 0), (0, 0)]
    assert found["all"]["mae"] == pytest.approx(2 / 3) and found["all"]["bias"] == 0
    assert found["all"]["rmse"] == pytest.approx((2 / 3) ** 0.5) and found["per_class"]["car"] == found["all"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_object_and_every_counted_detection_appears_once(seed, protocol):
    gt, pred = scene(seed)
    report = evaluate(gt, pred, protocol, analysis=True)
    found = report["analysis"]
    total = found["errors"]["all"]["all"]
    assert total["objects"] == total["found"] + total["missed"] == sum(found["recall_by_size"]["all"]["n"])
    assert total["objects"] == report["n_gt"]["all"] and total["unseen"] <= total["missed"]
    counted = sum(i["counted"] for i in found["counting"]["images"])
    assert counted == total["found"] + sum(total[k] for k in KINDS[1:])
    for name, rows in found["errors"]["per_class"].items():
        point, row = found["best_f1"]["per_class"][name], rows["all"]
        assert row["found"] / row["objects"] == pytest.approx(point["recall"])
        assert row["found"] / (row["found"] + sum(row[k] for k in KINDS[1:])) == pytest.approx(point["precision"])


def test_the_other_figures_are_the_same_with_and_without_the_analysis():
    gt, pred = scene(0)
    plain, full = evaluate(gt, pred), evaluate(gt, pred, analysis=True)
    assert full.pop("analysis") and plain == full


def test_no_detection_and_no_object_give_an_analysis_without_figures():
    nothing = analysis(truth((1, A)), [])
    assert nothing["errors"]["all"]["all"]["unseen"] == 1 and nothing["best_f1"]["all"]["confidence"] is None
    empty = analysis(truth(), dets((A, 0.9)))
    assert empty["errors"]["all"]["all"]["background"] == 0 and empty["best_f1"]["per_class"] == {}
    assert empty["counting"]["all"]["mae"] == 0 and not any(empty["recall_by_size"]["all"]["n"])


def test_arrays_of_a_loop_are_analysed_as_the_same_boxes_in_json_are():
    box = np.array([[0, 0, 10, 10]])
    made = from_arrays([(box, [0], [], box, [0.9], [0])], ["car"])
    assert evaluate_scene(lambda: made).report["analysis"] == analysis(truth((1, A)), dets((A, 0.9))) | {
        "counting": {
            "all": {"mae": 0, "bias": 0, "rmse": 0},
            "per_class": {"car": {"mae": 0, "bias": 0, "rmse": 0}},
            "images": [{"image": 1, "objects": 1, "counted": 1}],
        }
    }


def test_the_tables_show_the_figures_with_their_counts():
    text = analysis_tables(evaluate(truth((1, A), (1, B)), dets((A, 0.9), (FAR, 0.8), (B, 0.7)), analysis=True))
    lines = [line.split() for line in text.splitlines()]
    assert ["car", "0.700", "80.0", "66.7", "100.0", "1.00", "+1.00", "1.00"] in lines
    assert ["t", "8-16", "2", "2", "0", "0", "0", "0", "0", "1"] in lines
    assert ["10-12", "2", "100.0", "(100.0)", "#" * 30] in lines
