"""Who found what, against the COCO evaluator; oLRP and TinyPerson by hand."""

import tracemalloc

import numpy as np
import pytest

from tests.metrics.test_coco_eval import FAR, A, B, dets, scene, truth
from yolotiny.errors import InputError
from yolotiny.metrics import evaluate
from yolotiny.metrics.coco_eval import COCO_IOUS
from yolotiny.metrics.inputs import read
from yolotiny.metrics.matching import Matching
from yolotiny.metrics.pairs import pairs_within


def match(scene, ious, max_det=None):
    """The matches of each class."""
    return Matching.of(scene, ious, max_det=max_det).at(*ious)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_highest_recall_per_class_is_that_of_the_coco_evaluator(seed):
    gt, pred = scene(seed)
    report = evaluate(gt, pred, "aitod")
    for (name, row), found in zip(
        report["per_class"].items(), [m for m in match(read(gt, pred), COCO_IOUS, 1500) if len(m.objects)], strict=True
    ):
        recall = (found.gt >= 0).sum(1) / len(found.objects)
        assert recall.mean() == pytest.approx(row["AR@1500"], abs=1e-9), name


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_101_point_precision_of_the_matches_is_that_of_the_coco_evaluator(seed):
    gt, pred = scene(seed)
    report = evaluate(gt, pred, "aitod")
    for k, found in enumerate(match(read(gt, pred), [0.5], 1500), 1):
        if not len(found.objects):
            continue
        right = (found.gt[0] >= 0)[~found.skip[0]]
        tp = right.cumsum()
        precision = np.maximum.accumulate((tp / np.arange(1, len(tp) + 1))[::-1])[::-1]
        at = np.searchsorted(tp / len(found.objects), np.linspace(0, 1, 101))
        ap = np.append(precision, 0)[at.clip(max=len(precision))].mean()
        assert ap == pytest.approx(report["per_class"][f"class {k}"]["AP50"], abs=1e-9)


def test_each_object_is_found_once_and_the_overlap_is_that_of_the_pair():
    (found,) = match(read(truth((1, A)), dets((A, 0.5), ((1, 0, 10, 10), 0.9))), [0.5, 0.9])
    assert found.scores.tolist() == [0.9, 0.5]
    assert found.gt.tolist() == [[0, -1], [-1, 0]]
    assert found.overlap[0, 0] == pytest.approx(9 / 11) and found.overlap[1, 1] == 1


def test_olrp_of_one_loose_hit_one_false_alarm_and_one_miss():
    """Down to the hit: (.2 / .5 + 0 + 1) / 2 = .7; with the false alarm behind it 2.4 / 3 = .8; nothing at all: 1."""
    loose = (0, 0, 10, 8)
    report = evaluate(truth((1, A), (1, B)), dets((loose, 0.9), (FAR, 0.5)))
    assert report["oLRP"] == pytest.approx(0.7)
    assert report["oLRP_loc"] == pytest.approx(0.2) and report["oLRP_fp"] == 0 and report["oLRP_fn"] == 0.5
    assert report["per_class"]["car"]["oLRP"] == report["oLRP"]


@pytest.mark.parametrize(("rows", "error"), [([(A, 0.9)], 0.0), ([], 1.0), ([(FAR, 0.9)], 1.0)])
def test_olrp_is_0_for_perfect_and_1_for_nothing_right(rows, error):
    assert evaluate(truth((1, A)), dets(*rows))["oLRP"] == error


def test_olrp_without_objects_is_none_and_coco_does_not_report_it():
    assert evaluate(truth(), dets((A, 0.9)))["oLRP"] is None
    assert "oLRP" not in evaluate(truth((1, A)), [], "coco")


def test_tinyperson_scores_thresholds_apart():
    loose = (0, 0, 10, 4)  # IoU .4
    report = evaluate(truth((1, A)), dets((loose, 0.9)), "tinyperson")
    assert report["AP25_tiny"] == pytest.approx(1.0) and report["AP50_tiny"] == report["AP75_tiny"] == 0
    assert report["AP50_tiny2"] == 0 and report["AP50_tiny1"] is None
    assert report["n_gt"] == {"all": 1, "tiny": 1, "tiny1": 0, "tiny2": 1, "tiny3": 0, "small": 0, "reasonable": 0}


@pytest.mark.parametrize("flag", ["ignore", "uncertain"])
def test_tinyperson_excuses_detections_by_the_share_inside_an_ignored_object(flag):
    ignored = (1, (200, 200, 100, 100), {flag: 1})
    rows = dets(((210, 210, 10, 10), 0.95), ((240, 240, 10, 10), 0.94), (A, 0.5))
    assert evaluate(truth((1, A), ignored), rows, "tinyperson")["AP50_tiny"] == pytest.approx(1.0)
    assert evaluate(truth((1, A), ignored), rows, "aitod")["AP50"] == pytest.approx(1 / 3)


def test_mmdet_takes_ap_at_100_detections_and_the_rest_at_1000():
    rows = [((300 + 20 * i, 300, 10, 10), 0.9 - i / 1000) for i in range(100)] + [(A, 0.1)]
    report = evaluate(truth((1, A)), dets(*rows), "mmdet")
    assert report["AP"] == 0 and report["AP50"] == pytest.approx(1 / 101)
    assert report["AR@100"] == 0 and report["AR@300"] == report["AR@1000"] == 1


def test_soda_means_objects_up_to_32_px_by_ap_and_counts_the_rest_apart():
    big = (100, 100, 60, 60)
    report = evaluate(truth((1, A), (1, big)), dets((A, 0.9)), "soda")
    assert report["AP"] == pytest.approx(1.0) and report["AP_eS"] == pytest.approx(1.0) and report["AP_N"] == 0
    assert report["per_class"]["car"]["n_gt"] == {"all": 2, "S": 1, "eS": 1, "rS": 0, "gS": 0, "N": 1}


def one_after_the_other(wishes, detections):
    """Each detection, best first, takes the first of its wishes that is left."""
    taken, got = set(), {}
    for d in range(detections):
        got[d] = next((g for g in wishes.get(d, ()) if g not in taken), -1)
        taken.add(got[d])
    return got


@pytest.mark.parametrize("seed", range(20))
def test_matching_all_at_once_is_the_greedy_one(seed, monkeypatch):
    """Boxes so close that nearly every detection overlaps several objects and is turned out again and again."""
    if seed % 2:  # threshold by threshold, and few pairs at a time
        monkeypatch.setattr("yolotiny.metrics.matching.AT_ONCE", 1)
        monkeypatch.setattr("yolotiny.metrics.pairs.AT_ONCE", 1)
    r = np.random.default_rng(seed)
    objects, n = np.c_[r.integers(0, 9, (30, 2)), r.integers(8, 14, (30, 2))], 60
    found = np.c_[r.integers(0, 9, (n, 2)), r.integers(8, 14, (n, 2))]
    rows = [(tuple(map(int, b)), round(1 - i / 100, 2)) for i, b in enumerate(found)]
    gt = truth(*[(1, tuple(map(int, b))) for b in objects])
    one = Matching.of(read(gt, dets(*rows)), [0.3, 0.6])
    pairs = pairs_within(found.astype(float), np.zeros(n, int), objects.astype(float), np.zeros(30, int), 0.3)
    for t, threshold in enumerate(one.ious):
        wishes = {}
        for d, g, o in sorted(zip(*map(list, pairs), strict=True), key=lambda p: (p[0], -p[2], -p[1])):
            if o >= threshold:
                wishes.setdefault(int(d), []).append(int(g))
        assert dict(enumerate(one.gt[0, t].tolist())) == one_after_the_other(wishes, n)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1e7, -1e7), (-3e6, 0.25), (1e12, 1e12)])
def test_overlaps_are_found_wherever_the_boxes_lie(x, y):
    """Coordinates beyond what the search sorts by are cut there, never the overlap."""
    box = np.array([[x, y, 10.0, 10.0], [x + 5, y, 10.0, 10.0], [x + 50, y, 10.0, 10.0]])
    found = pairs_within(box, np.array([0, 0, 0]), box, np.array([0, 0, 1]), 0.1)
    assert sorted(zip(found.det.tolist(), found.gt.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found.overlap.tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1])


@pytest.mark.parametrize("found", [0, 1])
def test_memory_does_not_grow_with_objects_that_nothing_overlaps(found):
    """The room for a match is one of each object and threshold, however few pairs there are."""
    objects = [(1, (20 * (i % 60), 20 * (i // 60), 2, 2)) for i in range(3000)]
    made = read(truth(*objects), dets(((0, 0, 2, 2), 0.9))[:found])
    tracemalloc.start()
    one = Matching.of(made, COCO_IOUS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (one.gt >= 0).sum() == 10 * found and peak < 5e6


def test_an_ignored_object_excuses_one_detection_in_olrp_as_in_ap_also_where_a_crowd_lies_beneath():
    """The first alarm takes the ignored object, which it overlaps by more than it lies in the crowd; so the second is
    wrong, in every figure."""
    ignored, crowd = (1, (200, 200, 20, 20), {"ignore": 1}), (1, (200, 200, 12, 30), {"iscrowd": 1})
    rows = dets(((200, 200, 20, 20), 0.9), ((204, 200, 20, 20), 0.8), (A, 0.5))
    report = evaluate(truth((1, A), ignored, crowd), rows)
    check = evaluate(truth((1, A), ignored, crowd), rows, backend="faster-coco-eval")
    assert report["AP50"] == pytest.approx(check["AP50"]) == pytest.approx(0.5)
    assert report["oLRP_fp"] == pytest.approx(0.5)


@pytest.mark.parametrize("protocol", ["coco", "mmdet", "aitod", "soda", "tinyperson"])
@pytest.mark.parametrize("backend", ["faster-coco-eval", "hotcoco"])
@pytest.mark.parametrize("seed", [0, 1])
def test_other_programs_give_the_same_report(seed, protocol, backend):
    pytest.importorskip(backend.replace("-", "_"))
    gt, pred = scene(seed)
    gt["annotations"].append({"image_id": 1, "category_id": 0, "bbox": [100, 100, 90, 90], "iscrowd": 1, "ignore": 1})
    gt["annotations"].append({"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "ignore": 1})
    first, second = evaluate(gt, pred, protocol), evaluate(gt, pred, protocol, backend=backend)
    assert first.keys() == second.keys() and first["per_class"].keys() == second["per_class"].keys()
    for one, other in ((first, second), *zip(first["per_class"].values(), second["per_class"].values(), strict=True)):
        numbers = {k: v for k, v in one.items() if isinstance(v, float)}
        assert numbers == pytest.approx({k: other[k] for k in numbers}, abs=1e-12) and len(numbers) > 5


def test_an_unknown_backend_and_one_for_visdrone_are_refused():
    with pytest.raises(InputError, match="hotcoco"):
        evaluate(truth((1, A)), [], backend="hotcoc")
    with pytest.raises(InputError, match="algorithm of its own"):
        evaluate(truth((1, A)), [], "visdrone", backend="hotcoco")
