"""The validator: ultralytics' figures and the protocol's, ignore regions and caps, and a file that scores the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, add_picture, trained, write_tiny
from yolotiny import YOLO
from yolotiny.data import convert
from yolotiny.engine.validator import COLUMNS, Validator
from yolotiny.errors import InputError
from yolotiny.metrics import PROTOCOLS, evaluate

OPTIONS = {k: QUICK[k] for k in ("imgsz", "batch", "plots", "verbose", "device")} | {"rect": False}


class Seer(Validator):
    """Sees every object, `shift` pixels off where its number is odd, plus `extra` boxes (xyxy pixels, score, class)."""

    extra: tuple = ()
    shift = 0.83  # no overlap falls on a threshold

    def preprocess(self, batch):
        self.batch = super().preprocess(batch)
        return self.batch

    def postprocess(self, preds):
        h, w = self.batch["img"].shape[2:]
        out = []
        for i in range(len(self.batch["img"])):
            mine = self.batch["batch_idx"] == i
            cx, cy, bw, bh = (self.batch["bboxes"][mine] * torch.tensor([w, h, w, h])).unbind(1)
            cls = self.batch["cls"][mine].view(-1)
            boxes = torch.stack((cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2), 1)
            boxes[1::2] += self.shift
            conf = torch.linspace(0.9, 0.5, len(cls))
            more = torch.tensor(self.extra).view(-1, 6)
            boxes, conf, cls = (torch.cat(p) for p in ((boxes, more[:, :4]), (conf, more[:, 4]), (cls, more[:, 5])))
            out.append({"bboxes": boxes, "conf": conf, "cls": cls, "extra": boxes[:, :0]})
        return out


@pytest.fixture
def model():
    return YOLO(trained().best)


@pytest.fixture
def region(tmp_path):
    """One picture: an object at the right, an ignore region over the left half. Returns the data YAML."""
    write_tiny(tmp_path, train=1, val=0)
    picture = np.full((64, 64, 3), 90, np.uint8)
    add_picture(tmp_path, "val", "x.png", picture, [(0, 0.75, 0.5, 0.25, 0.25)], ignore=[(0.25, 0.5, 0.5, 1.0)])
    return tmp_path / "data.yaml"


def test_detections_inside_an_ignore_region_are_no_false_positives(model, region, tmp_path):
    class Sees(Seer):
        extra = ((4.0, 4.0, 14.0, 14.0, 0.99, 0.0), (20.0, 40.0, 28.0, 50.0, 0.98, 1.0))

    found = model.val(Sees, data=region, project=str(tmp_path), **OPTIONS)
    assert found.box.mp == pytest.approx(1, abs=0.02) and found.box.map50 == pytest.approx(0.995, abs=1e-3)
    assert found.report["AP"] == pytest.approx(1)
    assert found.nt_per_class.tolist() == [1, 0]


def test_detections_outside_it_still_count(model, region, tmp_path):
    class Sees(Seer):
        extra = ((40.0, 4.0, 50.0, 14.0, 0.99, 0.0),)

    found = model.val(Sees, data=region, project=str(tmp_path), **OPTIONS)
    assert found.box.map50 < 0.9 and found.report["AP"] == pytest.approx(0.5, abs=0.01)


def test_an_object_inside_a_region_can_still_be_found(model, tmp_path):
    write_tiny(tmp_path, train=1, val=0)
    picture = np.full((64, 64, 3), 90, np.uint8)
    add_picture(tmp_path, "val", "x.png", picture, [(0, 0.25, 0.5, 0.25, 0.25)], ignore=[(0.25, 0.5, 0.5, 1.0)])
    found = model.val(Seer, data=tmp_path / "data.yaml", project=str(tmp_path), **OPTIONS)
    assert found.report["AP"] == pytest.approx(1) and found.box.map50 == pytest.approx(0.995, abs=1e-3)


def test_regions_are_not_drawn_as_objects(model, region, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "ultralytics.models.yolo.detect.val.plot_images", lambda labels, **k: drawn.append(labels["cls"])
    )
    model.val(Seer, data=region, project=str(tmp_path), **(OPTIONS | {"plots": True}))
    assert [x.view(-1).tolist() for x in drawn] == [[0], [0]]


@pytest.mark.parametrize("protocol", ["aitod", "coco"])
def test_the_json_of_detections_scores_as_validation_did(model, tmp_path, protocol):
    convert("yolo", trained().data, tmp_path / "set", link=False)
    options = OPTIONS | {"imgsz": 96, "protocol": protocol, "project": str(tmp_path), "name": "v"}
    found = model.val(Seer, data=tmp_path / "set/data.yaml", save_json=True, **options)
    file = tmp_path / "v/predictions.json"
    assert {"image_id", "file_name", "category_id", "bbox", "score"} == set(json.loads(file.read_text())[0])
    again = evaluate(tmp_path / "set/annotations/val.json", file, protocol=protocol)
    assert 0.1 < found.report["AP"] < 0.95
    assert {k: v for k, v in again.items() if k.startswith("AP")} == pytest.approx(
        {k: v for k, v in found.report.items() if k.startswith("AP")}, abs=1e-3
    )


def test_a_detection_in_the_padding_is_left_out_of_figures_and_json_alike(tmp_path):
    """A picture of 96x48 px stands in the middle of a square: a box in the bars has no pixel of it."""
    write_tiny(tmp_path / "raw", train=1, val=0)
    picture = np.full((48, 96, 3), 90, np.uint8)
    add_picture(tmp_path / "raw", "val", "x.png", picture, [(0, 0.5, 0.5, 0.25, 0.25)])
    convert("yolo", tmp_path / "raw/data.yaml", tmp_path / "set", link=False)

    class Beside(Seer):
        extra = ((10.0, 1.0, 30.0, 20.0, 0.95, 0.0),)

    options = OPTIONS | {"imgsz": 96, "project": str(tmp_path), "name": "v"}
    found = YOLO(trained().best).val(Beside, data=tmp_path / "set/data.yaml", save_json=True, **options)
    assert found.report["AP50"] == pytest.approx(1.0)
    assert len(json.loads((tmp_path / "v/predictions.json").read_text())) == 1
    assert evaluate(tmp_path / "set/annotations/val.json", tmp_path / "v/predictions.json")["AP50"] == pytest.approx(1)


def test_sizes_are_judged_in_pixels_of_the_original_picture(model, tmp_path):
    """A square of 12 px in a picture of 128 px is 6 px in the network, but stays "tiny", not "very tiny"."""
    write_tiny(tmp_path, train=1, val=0)
    side = 12 / 128
    add_picture(tmp_path, "val", "x.png", np.full((128, 128, 3), 90, np.uint8), [(0, 0.5, 0.5, side, side)])
    found = model.val(Seer, data=tmp_path / "data.yaml", project=str(tmp_path), **OPTIONS)
    assert found.report["AP_t"] == pytest.approx(1) and not found.report["AP_vt"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_protocol_decides_the_appended_figures(model, tmp_path, protocol):
    found = model.val(Seer, data=trained().data, protocol=protocol, project=str(tmp_path), **OPTIONS)
    assert found.report["protocol"] == protocol
    assert set(COLUMNS[protocol]) <= found.report.keys()
    assert ("AP_vt" in found.report) == (protocol == "aitod")


def test_fitness_is_the_figure_that_was_asked_for():
    made = Validator(args={"project": str(trained().run)})
    made.rules({"protocol": "coco", "fitness": "AP50"})
    assert made.protocol == "coco" and made.fitness == "AP50"
    assert list(made.columns)[:2] == ["metrics/AP(B)", "metrics/AP50(B)"]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"fitness": "AP_tiny"}, "fitness 'AP_tiny' is no figure of protocol aitod; did you mean 'AP_"),
        ({"protocol": "coco", "fitness": "AP_vt"}, "fitness 'AP_vt' is no figure of protocol coco"),
        ({"protocol": "aitodd"}, "unknown protocol 'aitodd'; did you mean 'aitod'?"),
    ],
)
def test_an_unknown_rule_is_one_line(rules, says):
    made = Validator(args={"project": str(trained().run)})
    with pytest.raises(InputError) as error:
        made.rules(rules)
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.fixture
def warned(monkeypatch):
    lines = []
    monkeypatch.setattr(LOGGER, "warning", lambda text, *a, **k: lines.append(str(text)))
    return lines


@pytest.fixture
def crowd(tmp_path):
    """A picture with 3,000 objects of 2 px."""
    write_tiny(tmp_path, train=2, val=0)
    at = [(0, (x + 1) / 256, (y + 1) / 256, 2 / 256, 2 / 256) for y in range(0, 240, 4) for x in range(0, 200, 4)]
    add_picture(tmp_path, "val", "x.png", np.full((256, 256, 3), 90, np.uint8), at)
    assert len(at) == 3000
    return tmp_path / "data.yaml"


class Exact(Seer):
    shift = 0.0


def test_three_thousand_objects_raise_the_default_cap_and_all_count(model, crowd, tmp_path, warned):
    options = OPTIONS | {"imgsz": 256, "project": str(tmp_path)}
    found = model.val(Exact, data=crowd, **options)
    assert any("a picture holds 3000 objects: max_det raised from 1500 to 3000" in line for line in warned)
    assert found.nt_per_class.tolist() == [3000, 0] and found.box.mr == pytest.approx(1, abs=0.01)


def test_a_cap_of_the_user_stays_and_is_said(model, crowd, tmp_path, warned):
    model.val(Exact, data=crowd, max_det=100, **(OPTIONS | {"imgsz": 256, "project": str(tmp_path)}))
    assert any("a picture holds 3000 objects, more than max_det=100: recall is capped" in line for line in warned)


def test_what_the_cap_leaves_out_is_said(tmp_path, warned):
    model = YOLO(trained().best)
    many = torch.zeros(1, 6, 400)
    many[:, :2] = torch.stack((torch.arange(400) % 20 * 3.0, torch.arange(400) // 20 * 3.0))
    many[:, 2:4], many[:, 4] = 2, 0.5
    model.model._predict_once = lambda x, *a: (many.repeat(len(x), 1, 1), None)
    model.val(data=trained().data, max_det=300, project=str(tmp_path), **OPTIONS)
    assert any("max_det=300 left out the 400 weakest detections of 4 pictures" in line for line in warned)


def test_a_split_without_objects_gives_no_figures_but_no_error(model, tmp_path):
    write_tiny(tmp_path, train=1, val=0)
    add_picture(tmp_path, "val", "x.png", np.full((64, 64, 3), 90, np.uint8), [])
    found = model.val(data=tmp_path / "data.yaml", project=str(tmp_path), **OPTIONS)
    assert found.report["AP"] in (None, 0.0, -1.0) or np.isnan(found.report["AP"])


def test_validation_suppresses_by_nwd_where_asked(model, tmp_path, monkeypatch):
    used = []

    def watched(y, nc, conf, iou, *args, c=None, **kwargs):
        used.append((iou, c))
        return [torch.zeros(0, 6)] * len(y)

    monkeypatch.setattr("yolotiny.engine.validator.nms", watched)
    size = model.model.yaml["measured"]["object_size"]
    for asked in ({}, {"nms_metric": "nwd"}, {"nms_metric": "nwd", "nms_c": 5, "iou": 0.5}):
        model.val(data=trained().data, project=str(tmp_path), **OPTIONS, **asked)
    assert sorted(set(used), key=str) == sorted([(0.6, None), (0.85, size), (0.5, 5.0)], key=str)
