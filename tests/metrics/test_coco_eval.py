"""Figures against hand values and against pycocotools."""

import contextlib
import gc
import io

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from yolotiny.errors import InputError
from yolotiny.metrics import PROTOCOLS, evaluate, evaluate_arrays, table


def truth(*annotations, images=1, names=("car",)):
    """Ground truth from (category_id, bbox) or (category_id, bbox, extra keys), all in image 1."""
    rows = [{"image_id": 1, "category_id": c, "bbox": list(b), **dict(*more)} for c, b, *more in annotations]
    return {
        "images": [{"id": i} for i in range(1, images + 1)],
        "categories": [{"id": k, "name": n} for k, n in enumerate(names, 1)],
        "annotations": rows,
    }


def dets(*rows):
    """Detections of class 1 in image 1 from (bbox, score)."""
    return [{"image_id": 1, "category_id": 1, "bbox": list(b), "score": s} for b, s in rows]


A, B, FAR = (0, 0, 10, 10), (50, 50, 10, 10), (200, 200, 10, 10)


@pytest.mark.parametrize("protocol", ["coco", "aitod"])
def test_hit_miss_hit_on_two_objects_has_the_known_101_point_ap(protocol):
    report = evaluate(truth((1, A), (1, B)), dets((A, 0.9), (FAR, 0.8), (B, 0.7)), protocol)
    assert report["AP50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert report["AP50"] == pytest.approx(0.834983, abs=1e-6)
    assert report["per_class"]["car"]["AP50"] == report["AP50"]


def test_an_object_on_a_bound_belongs_to_both_sizes():
    report = evaluate(truth((1, (0, 0, 8, 8))), dets(((0, 0, 8, 8), 0.9)))
    assert report["n_gt"] == {"all": 1, "vt": 1, "t": 1, "s": 0, "m": 0}
    assert report["AP_vt"] == report["AP_t"] == pytest.approx(1.0)
    assert report["AP_s"] is None and report["AP_m"] is None


def test_an_area_of_1025_is_medium_alone_and_medium_has_no_upper_end():
    report = evaluate(truth((1, (0, 0, 41, 25)), (1, (100, 100, 500, 500))), [])
    assert report["n_gt"] == {"all": 2, "vt": 0, "t": 0, "s": 0, "m": 2}


def test_the_area_of_the_annotation_decides_the_size_not_its_box():
    assert evaluate(truth((1, (0, 0, 40, 40), {"area": 100})), [])["n_gt"]["t"] == 1


def test_detections_inside_an_ignore_region_of_all_classes_are_no_false_positives():
    inside = dets(((210, 210, 20, 20), 0.95), ((240, 240, 20, 20), 0.94), (A, 0.5))
    region = (0, (200, 200, 100, 100), {"iscrowd": 1, "ignore": 1})
    with_region = evaluate(truth((1, A), region), inside)
    assert with_region["AP"] == pytest.approx(1.0) and with_region["n_gt"]["all"] == 1
    assert evaluate(truth((1, A)), inside)["AP"] == pytest.approx(1 / 3)


def test_a_crowd_region_of_one_class_does_not_excuse_another():
    region = (2, (200, 200, 100, 100), {"iscrowd": 1})
    report = evaluate(truth((1, A), region, names=("car", "bus")), dets((FAR, 0.9), (A, 0.5)))
    assert report["per_class"]["car"]["AP"] == pytest.approx(0.5)
    assert report["classes_without_gt"] == ["bus"] and "bus" not in report["per_class"]


def test_an_ignored_object_excuses_one_detection_that_overlaps_it_by_iou():
    ignored = (1, FAR, {"ignore": 1})
    small_inside = (202, 202, 4, 4)
    assert evaluate(truth((1, A), ignored), dets((FAR, 0.9), (A, 0.5)))["AP"] == pytest.approx(1.0)
    assert evaluate(truth((1, A), ignored), dets((FAR, 0.9), (FAR, 0.8), (A, 0.5)))["AP"] == pytest.approx(0.5)
    assert evaluate(truth((1, A), ignored), dets((small_inside, 0.9), (A, 0.5)))["AP"] == pytest.approx(0.5)
    assert evaluate(truth((1, A), ignored), [])["n_gt"]["all"] == 1


def test_the_hundred_and_first_detection_counts_under_aitod_and_not_under_coco():
    rows = [((300 + 20 * i, 300, 10, 10), 0.9 - i / 1000) for i in range(100)] + [(A, 0.1)]
    assert evaluate(truth((1, A)), dets(*rows), "coco")["AP"] == 0
    assert evaluate(truth((1, A)), dets(*rows), "aitod")["AP"] == pytest.approx(1 / 101)


def test_no_predictions_at_all_score_zero():
    report = evaluate(truth((1, A)), [])
    assert report["AP"] == report["AP50"] == report["AP_t"] == report["AR@1500"] == 0
    assert report["AP_vt"] is None


def test_without_any_object_every_figure_is_none():
    report = evaluate(truth(), dets((A, 0.5)))
    assert all(report[k] is None for k in PROTOCOLS["aitod"].figures)
    assert report["per_class"] == {} and report["classes_without_gt"] == ["car"] and report["n_gt"]["all"] == 0


def scene(seed, images=12, classes=3):
    """Random crowded ground truth with crowd regions, and detections with many ties in score."""
    r = np.random.default_rng(seed)
    gt, pred = truth(images=images, names=[f"class {k}" for k in range(1, classes + 1)]), []
    for image in range(1, images + 1):
        n = int(r.integers(0, 40))
        boxes = np.c_[r.uniform(0, 300, (n, 2)), r.uniform(3, 50, (n, 2))].round()
        labels = r.integers(1, classes, n) if seed % 2 else r.integers(1, classes + 1, n)
        for b, c in zip(boxes.tolist(), labels.tolist(), strict=True):
            crowd = int(r.random() < 0.1)
            row = {"image_id": image, "category_id": c, "bbox": b, "area": b[2] * b[3], "iscrowd": crowd}
            gt["annotations"].append({**row, "id": len(gt["annotations"]) + 1})
        for _ in range(int(r.integers(0, 250)) if n else 5):
            k = int(r.integers(0, n)) if n else 0
            b = boxes[k] + r.normal(0, 1.5, 4) if n and r.random() < 0.6 else r.uniform(5, 60, 4)
            c = int(labels[k]) if n and r.random() < 0.9 else int(r.integers(1, classes + 1))
            b[2:] = b[2:].clip(1)
            pred.append(
                {"image_id": image, "category_id": c, "bbox": b.tolist(), "score": float(r.random().__round__(2))}
            )
    return gt, pred


def reference(gt, pred, protocol):
    """The same figures by pycocotools, read from its arrays."""
    p = PROTOCOLS[protocol]
    sizes = {"all": (0, 1e10), **p.sizes}
    caps = sorted({f.max_det for f in p.figures.values()})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = gt
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes([dict(row) for row in pred]), "bbox")
        run.params.areaRng, run.params.areaRngLbl = [list(v) for v in sizes.values()], list(sizes)
        run.params.maxDets = caps
        run.evaluate()
        run.accumulate()
    out = {}
    for key, f in p.figures.items():
        values = run.eval[f.kind][..., list(sizes).index(f.size), caps.index(f.max_det)]
        values = values if f.iou is None else values[[int(round((f.iou - 0.5) / 0.05))]]
        out[key] = [values] + [values[..., k] for k in range(values.shape[-1])]
    return {key: [float(v[v > -1].mean()) if (v > -1).any() else None for v in vs] for key, vs in out.items()}


@pytest.mark.parametrize("protocol", ["coco", "aitod", "mmdet", "soda"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_scenes_with_crowds_agree_with_pycocotools(seed, protocol):
    gt, pred = scene(seed)
    expected, report = reference(gt, pred, protocol), evaluate(gt, pred, protocol)
    for key, (total, *classes) in expected.items():
        assert report[key] == pytest.approx(total, abs=1e-9), key
        for category, value in zip(gt["categories"], classes, strict=True):
            if category["name"] in report["classes_without_gt"]:
                assert value is None
            else:
                assert report["per_class"][category["name"]][key] == pytest.approx(value, abs=1e-9), key
    assert seed % 2 == 0 or report["classes_without_gt"] == ["class 3"]


def xyxy(boxes):
    return [[x, y, x + w, y + h] for x, y, w, h in boxes]


def test_arrays_and_files_give_the_same_report():
    gt, pred = scene(4)
    region = [120.0, 120.0, 90.0, 90.0]
    gt["annotations"] = [a for a in gt["annotations"] if not a["iscrowd"]]
    images = []
    for image in range(1, 13):
        g = [a for a in gt["annotations"] if a["image_id"] == image]
        d = [a for a in pred if a["image_id"] == image]
        images.append(
            (
                torch.tensor(xyxy(a["bbox"] for a in g), dtype=torch.float64).reshape(-1, 4),
                torch.tensor([a["category_id"] - 1 for a in g]),
                np.array(xyxy([region])) if image == 1 else [],
                np.array(xyxy(a["bbox"] for a in d)),
                [a["score"] for a in d],
                np.array([a["category_id"] - 1 for a in d]),
            )
        )
    gt["annotations"].append({"image_id": 1, "category_id": 0, "bbox": region, "iscrowd": 1, "ignore": 1})
    # x2 - x1 rounds in the last bit, so the boxes differ by that much
    expected, names = evaluate(gt, pred), [c["name"] for c in gt["categories"]]
    report = evaluate_arrays(images, names)
    assert {k: report[k] for k in PROTOCOLS["aitod"].figures} == pytest.approx(
        {k: expected[k] for k in PROTOCOLS["aitod"].figures}, abs=1e-6
    )
    assert report["n_gt"] == expected["n_gt"]
    assert evaluate_arrays(iter(images), dict(enumerate(names))) == report


def test_detections_that_are_not_numbers_are_dropped_from_arrays():
    box = [[0.0, 0.0, 10.0, 10.0]]
    bad = (box * 3, [float("nan"), 0.4, 0.3], [0, 0, 0])
    bad[0][1] = [0.0, 0.0, float("inf"), 10.0]
    assert evaluate_arrays([(box, [0], [], *bad)], ["car"])["AP"] == pytest.approx(1.0)


def test_the_table_has_a_line_per_class_and_names_classes_without_objects():
    text = table(evaluate(truth((1, A), names=("car", "awning-tricycle")), dets((A, 0.9))))
    title, header, total, car, rest = text.splitlines()
    assert title.startswith("aitod, up to 1500 detections")
    assert header.split()[:-4] == ["class", "n", *PROTOCOLS["aitod"].figures]
    assert header.split()[-4:] == ["oLRP", "oLRP_loc", "oLRP_fp", "oLRP_fn"]
    assert total.split()[:4] == ["all", "1", "100.00", "100.00"] and "-" in total.split()
    assert car.split()[0] == "car" and len(header) == len(total) == len(car)
    assert rest == "no ground truth: awning-tricycle"


def test_evaluation_prints_nothing(capsys):
    evaluate(truth((1, A)), dets((A, 0.9)))
    assert capsys.readouterr() == ("", "")


def test_the_garbage_collector_is_on_again_after_success_and_after_an_error(tmp_path):
    (tmp_path / "pred.json").write_text("[]")
    evaluate(truth((1, A)), tmp_path / "pred.json")
    assert gc.isenabled()
    (tmp_path / "pred.json").write_text("[")
    with pytest.raises(InputError):
        evaluate(truth((1, A)), tmp_path / "pred.json")
    assert gc.isenabled()
