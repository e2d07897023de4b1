"""The VisDrone rules on cases small enough to work out by hand."""

import pytest

from yolotiny.metrics import evaluate, evaluate_arrays, table


def truth(*annotations, images=3, names=("car", "bus")):
    """Ground truth from (image, category_id, bbox) or (..., extra keys)."""
    rows = [{"image_id": i, "category_id": c, "bbox": list(b), **dict(*more)} for i, c, b, *more in annotations]
    return {
        "images": [{"id": i} for i in range(1, images + 1)],
        "categories": [{"id": k, "name": n} for k, n in enumerate(names, 1)],
        "annotations": rows,
    }


def dets(*rows):
    """Detections from (image, category_id, bbox, score)."""
    return [{"image_id": i, "category_id": c, "bbox": list(b), "score": s} for i, c, b, s in rows]


A, B, FAR = (0, 0, 10, 10), (50, 50, 10, 10), (200, 200, 10, 10)
REGION = (200, 200, 100, 100)


def score(gt, pred):
    return evaluate(gt, pred, "visdrone")


def test_hit_miss_hit_gives_the_area_under_the_envelope_and_not_the_101_point_figure():
    report = score(truth((1, 1, A), (1, 1, B)), dets((1, 1, A, 0.9), (1, 1, FAR, 0.8), (1, 1, B, 0.7)))
    assert report["AP"] == report["AP50"] == report["AP75"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert report["AR@1"] == 0.5 and report["AR@10"] == 1.0


def test_the_total_weighs_classes_by_their_images_and_the_plain_mean_stands_beside_it():
    gt = truth((1, 1, A), (2, 1, A), (3, 1, A), (1, 2, B))
    pred = dets((1, 1, A, 0.9), (2, 1, A, 0.8), (3, 1, A, 0.7), (1, 2, FAR, 0.9), (1, 2, B, 0.5))
    report = score(gt, pred)
    assert report["per_class"]["car"]["AP"] == 1.0 and report["per_class"]["bus"]["AP"] == 0.5
    assert report["AP"] == pytest.approx((3 * 1 + 0.5) / 4)
    assert report["AP_macro"] == pytest.approx(0.75)
    assert report["per_class"]["car"]["images"] == 3


@pytest.mark.parametrize(("x", "inside"), [(195, True), (194, False), (205, True)])
def test_half_inside_an_ignore_region_is_removed_object_and_detection_alike(x, inside):
    """A box of 10 px whose left edge is at 195 lies in a region that starts at 200 with exactly half of its area."""
    box = (x, 210, 10, 10)
    region = (1, 0, REGION, {"iscrowd": 1})
    report = score(truth((1, 1, A), (1, 1, box), region), dets((1, 1, A, 0.9)))
    assert report["n_gt"]["all"] == (1 if inside else 2)
    report = score(truth((1, 1, A), region), dets((1, 1, box, 0.95), (1, 1, A, 0.9)))
    assert report["AP"] == (1.0 if inside else 0.5)


def test_overlapping_regions_count_their_union_once():
    """Two regions that cover the same 40 % of a box do not add up to 80 %."""
    twice = [(1, 0, (50, 50, 4, 10), {"iscrowd": 1})] * 2
    assert score(truth((1, 1, B), *twice), dets((1, 1, B, 0.9)))["AP"] == 1.0
    both = [(1, 0, (50, 50, 4, 10), {"iscrowd": 1}), (1, 0, (56, 50, 4, 10), {"iscrowd": 1})]
    assert score(truth((1, 1, A), (1, 1, B), *both), [])["n_gt"]["all"] == 1


def test_the_cap_of_500_is_shared_by_all_classes_of_an_image():
    crowd = [(1, 2, (300 + 20 * (i % 20), 20 * (i // 20), 10, 10), 0.9 - i / 10_000) for i in range(500)]
    gt = truth((1, 1, A), (1, 2, B))
    assert score(gt, dets(*crowd, (1, 1, A, 0.1)))["per_class"]["car"]["AP"] == 0
    assert score(gt, dets(*crowd[1:], (1, 1, A, 0.1)))["per_class"]["car"]["AP"] == 1
    assert evaluate(gt, dets(*crowd, (1, 1, A, 0.1)), "coco")["per_class"]["car"]["AP"] == 1


def test_a_removed_detection_does_not_use_up_the_cap():
    region = (1, 0, (300, 0, 500, 600), {"iscrowd": 1})
    crowd = [(1, 2, (300 + 20 * (i % 20), 20 * (i // 20), 10, 10), 0.9 - i / 10_000) for i in range(500)]
    assert score(truth((1, 1, A), region), dets(*crowd, (1, 1, A, 0.1)))["AP"] == 1


def test_an_ignored_object_excuses_every_detection_inside_and_counts_in_the_denominator():
    ignored = (1, 1, REGION, {"ignore": 1})
    report = score(truth((1, 1, A), ignored), dets((1, 1, FAR, 0.9), (1, 1, (220, 220, 9, 9), 0.8), (1, 1, A, 0.5)))
    assert report["AP"] == 0.5 and report["n_gt"]["all"] == 1


def test_an_object_of_no_class_is_no_region_so_a_detection_on_it_is_wrong_here_and_excused_elsewhere():
    others = (1, 0, REGION, {"iscrowd": 1, "others": 1})
    gt, pred = truth((1, 1, A), others), dets((1, 1, FAR, 0.9), (1, 1, A, 0.5))
    assert score(gt, pred)["AP"] == 0.5 and evaluate(gt, pred, "coco")["AP"] == pytest.approx(1.0)
    beneath = truth((1, 1, A), (1, 1, FAR), others)
    assert score(beneath, [])["n_gt"]["all"] == 2  # nothing is removed
    region = (1, 0, REGION, {"iscrowd": 1})
    assert score(truth((1, 1, A), others, region), pred)["AP"] == 1.0  # a region over it still removes


def test_arrays_tell_the_kinds_of_regions_apart_as_json_does():
    """Every class, no class, the first class: what is excused for a car and for a bus in the region."""
    boxes = [[0, 0, 10, 10], [50, 50, 60, 60]], [0, 1]  # a car and a bus
    found = [[200, 200, 210, 210], [200, 200, 210, 210], [0, 0, 10, 10], [50, 50, 60, 60]], [0.9, 0.9, 0.5, 0.5]
    for kind, car, bus in ((-1, 1.0, 1.0), (-2, 0.5, 0.5), (0, 0.5, 0.5)):
        regions = [[200, 200, 300, 300, kind]]
        report = evaluate_arrays([(*boxes, regions, *found, [0, 1, 0, 1])], ["car", "bus"], "visdrone")
        extra = {-1: {"iscrowd": 1}, -2: {"iscrowd": 1, "others": 1}, 0: {"iscrowd": 1}}[kind]
        gt = truth((1, 1, A), (1, 2, B), (1, max(kind, -1) + 1, REGION, extra), images=1)
        pred = dets((1, 1, FAR, 0.9), (1, 2, FAR, 0.9), (1, 1, A, 0.5), (1, 2, B, 0.5))
        same = score(gt, pred)
        assert {k: report[k] for k in ("AP", "AP50", "AR@500")} == {k: same[k] for k in ("AP", "AP50", "AR@500")}
        assert (report["per_class"]["car"]["AP"], report["per_class"]["bus"]["AP"]) == (car, bus)


def test_no_detections_score_zero_and_no_objects_give_no_figure():
    assert score(truth((1, 1, A)), [])["AP"] == 0
    report = score(truth(), dets((1, 1, A, 0.5)))
    assert report["AP"] is None and report["classes_without_gt"] == ["car", "bus"]


def test_the_table_says_that_the_cap_is_for_all_classes():
    text = table(score(truth((1, 1, A)), dets((1, 1, A, 0.9))))
    assert text.startswith("visdrone, up to 500 detections per image over all classes") and "AP_macro" in text
