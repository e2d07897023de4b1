"""How sure a figure is: counting again with weights is evaluating a data set with pictures repeated."""

from dataclasses import replace

import numpy as np
import pytest

from tests.metrics.test_coco_eval import FAR, A, B, dets, scene, truth
from yolotiny.metrics import PROTOCOLS, Picture, evaluate, evaluate_scene, read, table
from yolotiny.metrics.bootstrap import draw, interval, intervals, resample
from yolotiny.metrics.scene import rows_at
from yolotiny.metrics.units import Units


def crowded(seed):
    """Crowds, an ignore region, an ignored object, and scores without ties: repeated pictures would order them anew."""
    gt, pred = scene(seed)
    gt["annotations"].append({"image_id": 1, "category_id": 0, "bbox": [100, 100, 90, 90], "iscrowd": 1, "ignore": 1})
    gt["annotations"].append({"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "ignore": 1})
    scores = np.random.default_rng(seed).permutation(len(pred)) / len(pred)
    return read(gt, [row | {"score": s} for row, s in zip(pred, scores.tolist(), strict=True)])


def repeated(made, times):
    """A scene with each picture so many times, one after the other."""
    source = np.repeat(np.arange(made.images), times)

    def rows(of):
        at = [np.flatnonzero(of.image == i) for i in source]
        image = np.repeat(np.arange(len(source)), list(map(len, at)))
        return rows_at(of, np.concatenate(at).astype(int))._replace(image=image)

    gts, dets, regions = map(rows, (made.gts, made.dets, made.regions))
    pictures = [made.pictures[i] for i in source]
    return replace(made, images=len(source), gts=gts, dets=dets, regions=regions, pictures=pictures)


@pytest.mark.parametrize("protocol", ["aitod", "coco", "mmdet", "visdrone", "soda", "tinyperson"])
def test_whole_weights_give_the_figures_of_the_data_set_with_pictures_repeated(protocol):
    made, rules = crowded(3), PROTOCOLS[protocol]
    weights = draw(Units("pictures", made.images, np.arange(made.images)), 6)
    drawn, _ = resample(rules, rules.match(made), weights)
    for s, times in enumerate(weights):
        report = rules(repeated(made, times))
        for key, values in drawn.items():
            classes = [report["per_class"].get(name, {}).get(key) for name in made.names]
            expected = [np.nan if v is None else v for v in [*classes, report[key]]]
            assert values[s] == pytest.approx(expected, abs=1e-12, nan_ok=True), (s, key)


def test_weights_of_one_give_the_report_and_so_does_any_division_into_parts(monkeypatch):
    made, rules = crowded(4), PROTOCOLS["aitod"]
    report, matching = rules(made), rules.match(made)
    ones, drawn = np.ones((1, made.images), int), draw(Units("pictures", 12, np.arange(12)), 30)
    whole = resample(rules, matching, ones)[0]
    assert {k: v[0, -1] for k, v in whole.items()} == pytest.approx({k: report[k] for k in whole}, abs=1e-12)
    before = resample(rules, matching, drawn)
    monkeypatch.setattr("yolotiny.metrics.bootstrap.AT_ONCE", 1)
    monkeypatch.setattr("yolotiny.metrics.accumulate.AT_ONCE", 1)
    after = resample(rules, matching, drawn)
    for one, other in zip(before, after, strict=True):
        assert all(np.array_equal(one[k], other[k], equal_nan=True) for k in one)


def test_scenes_are_drawn_whole_and_as_many_as_there_are():
    weights = draw(Units("scenes", 3, np.array([0, 1, 1, 2])), 50)
    assert (weights[:, 1] == weights[:, 2]).all() and (weights[:, [0, 1, 3]].sum(1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5
    assert (draw(Units("scenes", 3, np.array([0, 1, 1, 2])), 50) == weights).all()  # the seed is fixed


def test_an_interval_is_the_middle_95_percent_of_what_is_known():
    assert interval(np.append(np.arange(201) / 200, np.nan)) == pytest.approx([0.025, 0.975])
    assert interval(np.array([np.nan])) is None


def pictures(n, found, name="{}.jpg"):
    """A picture with one object each; the first `found` are found."""
    gt = truth(images=n)
    gt["images"] = [{"id": i, "file_name": name.format(i)} for i in range(1, n + 1)]
    gt["annotations"] = [{"image_id": i, "category_id": 1, "bbox": list(A)} for i in range(1, n + 1)]
    return gt, [{"image_id": i, "category_id": 1, "bbox": list(A), "score": 0.9} for i in range(1, found + 1)]


def report(gt, pred, samples=200):
    return evaluate_scene(lambda: read(gt, pred), samples=samples).report


def test_known_value_the_interval_of_a_share_is_that_of_the_binomial():
    """AP of perfect boxes is the share found: .7 of 100, whose standard error is .046."""
    low, high = report(*pictures(100, 70), samples=2000)["intervals"]["figures"]["AP"]
    assert low == pytest.approx(0.7 - 1.96 * 0.0458, abs=0.015) and high == pytest.approx(
        0.7 + 1.96 * 0.0458, abs=0.015
    )


def test_fewer_than_ten_units_give_no_interval_and_the_report_says_why():
    found = report(*pictures(9, 5))
    assert found["intervals"]["figures"] == {} and "9 pictures" in found["intervals"]["why"]
    assert "no interval can be given: 9 pictures" in table(found)
    frames = report(*pictures(40, 20, "clip{0}_{0:04d}.jpg"))  # each a clip of its own
    assert frames["intervals"]["resampled"] == "pictures" and frames["intervals"]["why"] is None
    tiles = report(*pictures(40, 20, "scene__{}_0.jpg"))
    assert "1 scene is" in tiles["intervals"]["why"] and tiles["intervals"]["units"] == 1


def test_frames_of_few_clips_are_less_sure_than_as_many_pictures():
    gt, pred = pictures(200, 100)
    wide, narrow = gt | {"images": []}, gt
    wide["images"] = [{"id": i, "file_name": f"clip{(i - 1) // 10}_{i:04d}.jpg"} for i in range(1, 201)]
    ends = [report(g, pred)["intervals"] for g in (wide, narrow)]
    assert [e["units"] for e in ends] == [20, 200] and [e["resampled"] for e in ends] == ["scenes", "pictures"]
    spans = [high - low for low, high in (e["figures"]["AP"] for e in ends)]
    assert spans[0] > 2 * spans[1]


def test_a_class_below_50_objects_is_marked_and_the_mean_of_the_others_stands_beside():
    gt, pred = pictures(60, 60)
    gt["categories"].append({"id": 2, "name": "bus"})
    gt["annotations"].append({"image_id": 1, "category_id": 2, "bbox": list(FAR)})
    found = report(gt, pred)
    assert found["AP"] == 0.5 and found["few"] == evaluate(gt, pred)["few"]
    assert found["few"]["classes"] == ["bus"] and found["few"]["others"]["AP"] == 1.0
    assert found["intervals"]["others"]["AP"] == [1.0, 1.0]
    assert found["intervals"]["figures"]["AP"][0] == pytest.approx(0.5)
    text = table(found)
    assert "bus (few)" in text and "classes with at least 50" in text and "95 % intervals, from 200 samples" in text
    assert "classes with at least" not in table(report(*pictures(12, 6)))  # no class has so many


def test_a_class_that_a_sample_lacks_counts_in_no_mean_of_it():
    gt, pred = pictures(20, 20)
    gt["categories"].append({"id": 2, "name": "bus"})
    gt["annotations"].append({"image_id": 20, "category_id": 2, "bbox": list(B)})
    ends = report(gt, pred)["intervals"]
    assert ends["figures"]["AP"] == pytest.approx([0.5, 1.0]) and ends["per_class"]["bus"]["AP"] is None


def test_without_samples_there_are_no_intervals():
    assert "intervals" not in report(*pictures(20, 10), samples=0)
    assert "intervals" not in evaluate(truth((1, A)), dets((A, 0.9)))


def test_a_protocol_with_an_algorithm_of_its_own_says_so():
    matching = PROTOCOLS["aitod"].match(crowded(0))
    assert "algorithm of its own" in intervals(object(), matching, 10)["why"]


def test_names_of_files_are_those_that_val_gives():
    made = replace(crowded(0), pictures=[Picture(f"a/clip{i % 2}_{i:03d}.jpg") for i in range(12)])
    found = intervals(PROTOCOLS["aitod"], PROTOCOLS["aitod"].match(made), 10)
    assert found["units"] == 2 and "2 scenes" in found["why"]
