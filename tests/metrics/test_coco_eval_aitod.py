"""The AI-TOD figures against the AI-TOD authors' evaluator, and the definitions where that one has none."""

import pytest

from tests.metrics.aitod_reference import OLRP, reference
from tests.metrics.test_coco_eval import FAR, A, B, dets, scene, truth
from yolotiny.metrics import PROTOCOLS, evaluate

KEYS = [*PROTOCOLS["aitod"].figures, *OLRP]


@pytest.fixture(scope="module")
def library():
    """The reference evaluator, where it is installed."""
    reason = "needs faster-coco-eval-aitod, which compiles C++: pip install faster-coco-eval-aitod==1.0.2"
    return pytest.importorskip("faster_coco_eval_aitod", reason=reason)


def assert_equal(report, expected, names):
    for key in KEYS:
        total, *classes = expected[key]
        assert report[key] == pytest.approx(total, abs=1e-9), key
        for name, value in zip(names, classes, strict=True):
            assert report["per_class"].get(name, {}).get(key) == pytest.approx(value, abs=1e-9), (key, name)


@pytest.mark.parametrize("seed", range(6))
def test_random_scenes_with_crowds_and_ties(library, seed):
    gt, pred = scene(seed)
    assert_equal(evaluate(gt, pred), reference(library, gt, pred), [c["name"] for c in gt["categories"]])


def test_regions_of_every_class_are_a_crowd_row_for_each_class_there(library):
    gt, pred = scene(7)
    region = {"image_id": 2, "bbox": [100, 100, 120, 120], "area": 14400, "iscrowd": 1}
    theirs = gt | {
        "annotations": [*gt["annotations"], *(region | {"category_id": k, "id": 9000 + k} for k in (1, 2, 3))]
    }
    ours = gt | {"annotations": [*gt["annotations"], region | {"category_id": 0, "ignore": 1}]}
    with_region = evaluate(ours, pred)
    assert_equal(with_region, reference(library, theirs, pred), [c["name"] for c in gt["categories"]])
    assert with_region["AP"] != evaluate(gt, pred)["AP"]


# Two classes on two pictures: hits tight and loose, one object found twice, a false alarm, one alarm in a crowd region
# that does not count, a very tiny object missed. The figures are those of faster-coco-eval-aitod 1.0.2.
SMALL = (
    {
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 1, "name": "ship"}, {"id": 2, "name": "vehicle"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 8, 8], "area": 64, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [40, 40, 12, 10], "area": 120, "iscrowd": 0},
            {"id": 3, "image_id": 1, "category_id": 2, "bbox": [80, 10, 30, 20], "area": 600, "iscrowd": 0},
            {"id": 4, "image_id": 2, "category_id": 1, "bbox": [5, 5, 6, 6], "area": 36, "iscrowd": 0},
            {"id": 5, "image_id": 2, "category_id": 2, "bbox": [50, 50, 40, 40], "area": 1600, "iscrowd": 0},
            {"id": 6, "image_id": 2, "category_id": 2, "bbox": [100, 0, 60, 60], "area": 3600, "iscrowd": 1},
        ],
    },
    [
        {"image_id": 1, "category_id": 1, "bbox": [10, 10, 8, 8], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [11, 10, 8, 8], "score": 0.8},
        {"image_id": 1, "category_id": 1, "bbox": [40, 41, 12, 10], "score": 0.7},
        {"image_id": 1, "category_id": 2, "bbox": [80, 12, 30, 20], "score": 0.9},
        {"image_id": 2, "category_id": 1, "bbox": [60, 60, 9, 9], "score": 0.6},
        {"image_id": 2, "category_id": 2, "bbox": [110, 10, 20, 20], "score": 0.95},
        {"image_id": 2, "category_id": 2, "bbox": [51, 51, 40, 38], "score": 0.5},
    ],
)
FROZEN = {
    "AP": 0.6198019801980198,
    "AP50": 0.7772277227722773,
    "AP75": 0.7772277227722773,
    "AP_vt": 0.504950495049505,
    "AP_t": 0.7359735973597359,
    "AP_s": 0.7,
    "AP_m": 0.9,
    "AR@1": 0.3416666666666666,
    "AR@100": 0.6833333333333333,
    "AR@1500": 0.6833333333333333,
    "oLRP": 0.4339826839826839,
    "oLRP_loc": 0.11471861471861466,
    "oLRP_fp": 0.16666666666666666,
    "oLRP_fn": 0.16666666666666666,
}


def test_the_small_case_has_the_reference_values_written_here():
    report = evaluate(*SMALL)
    assert {key: report[key] for key in KEYS} == pytest.approx(FROZEN, abs=1e-12)


def test_the_values_written_here_are_those_of_the_reference(library):
    assert {key: reference(library, *SMALL)[key][0] for key in KEYS} == pytest.approx(FROZEN, abs=1e-12)


def test_nothing_right_leaves_the_localisation_error_undefined():
    """A mean over no hit is no zero: a class without one would make the boxes of the others look tighter."""
    report = evaluate(truth((1, A)), dets((FAR, 0.5), (B, 0.4)))
    assert [report[key] for key in OLRP] == [1.0, None, 1.0, 1.0]


def test_no_detection_leaves_the_share_of_false_alarms_undefined_too():
    report = evaluate(truth((1, A), (2, B), names=("car", "bus")), dets(((0, 0, 10, 8), 0.5)))
    assert [report["per_class"]["bus"][key] for key in OLRP] == [1.0, None, None, 1.0]
    assert [report[key] for key in OLRP] == pytest.approx([(0.4 + 1) / 2, 0.2, 0.0, 0.5])


def test_a_hit_of_half_overlap_is_counted_although_its_error_is_1():
    report = evaluate(truth((1, A)), dets(((0, 0, 10, 5), 0.5)))
    assert [report[key] for key in OLRP] == pytest.approx([1.0, 0.5, 0.0, 0.0])
