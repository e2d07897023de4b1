"""Vector files of a raster are scored as the same boxes in COCO JSON are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.raster_files import METRE, UTM, WGS84
from yolotiny import metrics
from yolotiny.cli import main as cli
from yolotiny.errors import InputError
from yolotiny.metrics.vector_files import as_coco
from yolotiny.rasters import vectors
from yolotiny.rasters.place import Place, between

PLACE = Place(tuple(METRE)[:6], UTM)
NAMES = np.array(["car", "van"], object)


def write(path: Path, boxes: np.ndarray, kinds: np.ndarray, scores=None, crs: str = UTM, field: str = "class") -> Path:
    columns = {field: NAMES[kinds]} | ({} if scores is None else {"score": scores})
    shapes = between(PLACE.polygons(boxes), UTM, crs)
    vectors.write(path, vectors.Features(shapes, columns, crs), {} if scores is None else {"place": PLACE.as_dict()})
    return path


@pytest.fixture
def boxes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(400, 4) objects, also across the borders of cells, (400,) classes, and (400, 4) what was found of them."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 4000, (400, 2))
    low[:20] = np.round(low[:20] / 1024) * 1024 - 5
    truth = np.concatenate((low, low + rng.uniform(6, 20, (400, 2))), 1)
    return truth, rng.integers(0, 2, 400), truth + rng.normal(0, 1.5, (400, 4))


@pytest.mark.parametrize(("crs", "suffix"), [(UTM, "gpkg"), (WGS84, "geojson")])
def test_figures_are_those_of_the_same_boxes_in_one_picture(boxes, crs, suffix, tmp_path):
    truth, kinds, found = boxes
    scores = np.linspace(0.1, 0.99, 400)
    gt = write(tmp_path / f"gt.{suffix}", truth, kinds, crs=crs)
    pred = write(tmp_path / f"pred.{suffix}", found, kinds, scores, crs)
    got = metrics.evaluate(str(gt), str(pred), "aitod")
    one = metrics.evaluate_arrays([(truth, kinds, [], found, scores, kinds)], list(NAMES), "aitod")
    assert 0.1 < one["AP"] < 0.9 and got["images"] > 1
    for key in ("AP", "AP50", "AP_vt", "AP_t", "AP_s"):
        assert got[key] == pytest.approx(one[key], abs=1e-3)


def test_boxes_that_overlap_share_a_cell_and_far_ones_do_not(tmp_path):
    truth = np.array([[1020, 10, 1030, 20], [1022, 12, 1034, 22], [3000, 10, 3010, 20]], float)
    gt = write(tmp_path / "gt.gpkg", truth[:1], np.array([0]))
    pred = write(tmp_path / "pred.gpkg", truth[1:], np.array([0, 0]), np.array([0.9, 0.8]))
    content, rows = as_coco(gt, pred)
    assert content["annotations"][0]["image_id"] == rows[0]["image_id"] != rows[1]["image_id"]
    assert rows[0]["bbox"] == pytest.approx([1022, 12, 12, 10], abs=1e-3)


def test_the_command_takes_vector_files_and_names_the_field(boxes, tmp_path, capsys):
    truth, kinds, found = boxes
    gt = write(tmp_path / "gt.gpkg", truth, kinds, field="kind")
    pred = write(tmp_path / "pred.gpkg", found, kinds, np.full(400, 0.5))
    words = ["eval", f"gt={gt}", f"pred={pred}", "protocol=aitod", "samples=0"]
    assert cli.main(words) == 2
    assert "gt.gpkg has no field 'class'; there are: kind" in capsys.readouterr().err
    assert cli.main([*words, "class_field=kind"]) == 0
    assert "car" in capsys.readouterr().out


def test_nothing_found_and_another_class_are_no_errors(tmp_path):
    truth = np.array([[10, 10, 20, 20]], float)
    gt = write(tmp_path / "gt.gpkg", truth, np.array([0]))
    for suffix in ("gpkg", "geojson"):
        nothing = write(tmp_path / f"none.{suffix}", truth[:0], np.array([], int), np.zeros(0), WGS84)
        assert metrics.evaluate(str(gt), str(nothing), "coco")["AP"] == 0
    other = write(tmp_path / "other.gpkg", truth, np.array([1]), np.array([0.9]))
    assert metrics.evaluate(str(gt), str(other), "coco")["AP"] == 0


def test_what_cannot_be_compared_is_told_in_one_line(tmp_path):
    truth, kinds = np.array([[10, 10, 20, 20]], float), np.array([0])
    gt = write(tmp_path / "gt.gpkg", truth, kinds)
    pred = write(tmp_path / "pred.gpkg", truth, kinds, np.array([0.9]))
    (tmp_path / "gt.json").write_text(json.dumps({}))
    nowhere = vectors.Features(Place().polygons(truth), {"class": NAMES[kinds], "score": np.ones(1)})
    vectors.write(tmp_path / "nowhere.gpkg", nowhere, {})
    for call, says in (
        (lambda: metrics.evaluate(str(tmp_path / "gt.json"), str(pred)), "gt.json is no vector file, as its pair is"),
        (lambda: metrics.evaluate(str(pred), str(gt)), "gt.gpkg has no field 'score'"),
        (lambda: metrics.evaluate(str(gt), str(tmp_path / "nowhere.gpkg")), "nowhere.gpkg has no coordinate system"),
        (lambda: metrics.read(str(tmp_path / "gt.json"), [], "kind"), "class_field=kind is of vector files"),
        (lambda: metrics.compare(str(gt), str(pred), str(pred)), "eval compare reads COCO JSON, not .*gt.gpkg"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            call()
        assert "\n" not in str(caught.value)
