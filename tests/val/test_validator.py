"""The validator: ultralytics' figures and the protocol's, ignore regions and caps, and a file that scores the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, add_picture, trained, write_tiny
from yolotiny import YOLO
from yolotiny.data import Conversion, convert
from yolotiny.errors import InputError
from yolotiny.metrics import PROTOCOLS, evaluate, evaluate_scene
from yolotiny.metrics.columns import COLUMNS
from yolotiny.val.validator import Validator

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


class Exact(Seer):
    shift = 0.0


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


def test_data_with_other_classes_than_the_model_are_refused(model, tmp_path):
    data = tmp_path / "data.yaml"
    write_tiny(tmp_path, train=1, val=1)
    data.write_text(data.read_text().split("names:")[0] + "names: {0: car, 1: ship, 2: bus, 3: van}\n")
    with pytest.raises(InputError, match=r"the model has \d classes .*has 4 \(car, ship, bus, ...\); give data with"):
        model.val(data=str(data), **OPTIONS)


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
    convert(Conversion("yolo", trained().data, link=False), tmp_path / "set")
    options = OPTIONS | {"imgsz": 96, "protocol": protocol, "project": str(tmp_path), "name": "v"}
    found = model.val(Seer, data=tmp_path / "set/data.yaml", save_json=True, **options)
    file = tmp_path / "v/predictions.json"
    assert {"image_id", "file_name", "category_id", "bbox", "score"} == set(json.loads(file.read_text())[0])
    again = evaluate(tmp_path / "set/annotations/val.json", file, protocol=protocol)
    assert 0.1 < found.report["AP"] < 0.95
    assert {k: v for k, v in again.items() if k.startswith("AP")} == pytest.approx(
        {k: v for k, v in found.report.items() if k.startswith("AP")}, abs=1e-3
    )


def numbered_folders(to, folders=("a/", "b/"), count=12):
    """Pictures 1.png to 12.png in each folder of the val split, with one object in a place of its own."""
    write_tiny(to, train=1, val=0)
    for k, folder in enumerate(folders):
        for kind in ("images", "labels"):
            (to / kind / "val" / folder).mkdir(parents=True, exist_ok=True)
        for n in range(1, count + 1):
            rows = [(k, (n * 7 % 50 + 7) / 64, (n + 20 * k + 6) / 64, 8 / 64, 8 / 64)]
            add_picture(to, "val", f"{folder}{n}.png", np.full((64, 64, 3), 90, np.uint8), rows)
    return to / "data.yaml"


@pytest.mark.parametrize("folders", [("",), ("a/", "b/")])
def test_detections_of_pictures_named_by_numbers_score_as_validation_did(model, tmp_path, folders):
    """On the raw data and on the converted, whose JSON numbers its pictures by order and joins folders."""
    data = numbered_folders(tmp_path / "raw", folders)
    convert(Conversion("yolo", data, link=False), tmp_path / "set")
    options = OPTIONS | {"save_json": True, "save_txt": True, "project": str(tmp_path)}
    for name, file in (("raw", data), ("set", tmp_path / "set/data.yaml")):
        found = model.val(Exact, data=file, name=f"val_{name}", **options)
        again = evaluate(tmp_path / "set/annotations/val.json", tmp_path / f"val_{name}/predictions.json")
        assert found.report["AP"] == again["AP"] == pytest.approx(1) and "notes" not in again
        assert len(list((tmp_path / f"val_{name}/labels").iterdir())) == 12 * len(folders)


def test_two_pictures_never_share_a_label_file_of_save_txt(model, tmp_path):
    data = numbered_folders(tmp_path, ("a/", "a_"), 1)
    said = "save_txt: a/1.png and a_1.png would share labels/a_1.txt; rename one, or leave it out"
    with pytest.raises(InputError, match=said):
        model.val(data=data, save_txt=True, project=str(tmp_path), **OPTIONS)


def test_the_json_of_a_run_that_found_nothing_is_an_empty_list(model, region, tmp_path):
    options = OPTIONS | {"project": str(tmp_path), "name": "v", "save_json": True}
    model.val(data=region, conf=0.999, **options)
    assert json.loads((tmp_path / "v/predictions.json").read_text()) == []


def test_a_detection_in_the_padding_is_left_out_of_figures_and_json_alike(tmp_path):
    """A picture of 96x48 px stands in the middle of a square: a box in the bars has no pixel of it."""
    write_tiny(tmp_path / "raw", train=1, val=0)
    picture = np.full((48, 96, 3), 90, np.uint8)
    add_picture(tmp_path / "raw", "val", "x.png", picture, [(0, 0.5, 0.5, 0.25, 0.25)])
    convert(Conversion("yolo", tmp_path / "raw/data.yaml", link=False), tmp_path / "set")

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


def test_the_data_file_names_the_protocol_and_what_is_asked_for_goes_first(model, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(LOGGER, "info", lambda text, *a, **k: said.append(str(text)))
    data = write_tiny(tmp_path, train=2, val=2)
    data.write_text(data.read_text() + "\nprotocol: coco\n")
    assert model.val(data=data, project=str(tmp_path), **OPTIONS).report["protocol"] == "coco"
    assert "protocol: coco, as the data YAML has it" in said
    assert any(line.startswith("coco, up to 100 detections") for line in said)
    assert model.val(data=data, protocol="mmdet", project=str(tmp_path), **OPTIONS).report["protocol"] == "mmdet"


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("aitod", {"a": 1, "b": 1 / 2}),  # b is not excused in the region of class a
        ("visdrone", {"a": 1 / 2 * 1 / 2, "b": 1 / 3}),  # "others" excuse nobody; a's region counts as missed
    ],
)
def test_regions_of_one_class_and_objects_of_none_score_alike_in_val_and_eval(tmp_path, protocol, expected):
    """A detection of each class lies on each kind of region; label files and JSON have to agree on what it is worth."""
    write_tiny(tmp_path / "raw", train=1, val=0)
    truth = [(0, 0.125, 0.25, 0.125, 0.25), (1, 0.125, 0.75, 0.125, 0.25)]
    add_picture(tmp_path / "raw", "val", "x.png", np.full((64, 64, 3), 90, np.uint8), truth)
    regions = "0.375 0.5 0.25 1.0\n0.625 0.5 0.25 1.0 0\n0.875 0.5 0.25 1.0 -2\n"
    (tmp_path / "raw/ignore/val").mkdir(parents=True)
    (tmp_path / "raw/ignore/val/x.txt").write_text(regions)
    convert(Conversion("yolo", tmp_path / "raw/data.yaml", link=False), tmp_path / "set")

    class Sees(Exact):
        extra = tuple(
            (x, 10.0, x + 10, 20.0, 0.9 + x / 1000 + c / 100, c) for x in (18.0, 34.0, 50.0) for c in (0.0, 1.0)
        )

    options = OPTIONS | {"protocol": protocol, "project": str(tmp_path), "name": "v"}
    found = YOLO(trained().best).val(Sees, data=tmp_path / "set/data.yaml", save_json=True, **options).report
    again = evaluate(tmp_path / "set/annotations/val.json", tmp_path / "v/predictions.json", protocol=protocol)
    for name, worth in expected.items():
        assert found["per_class"][name]["AP50"] == pytest.approx(worth)
        assert again["per_class"][name]["AP50"] == pytest.approx(worth)


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
    model.model.run_layers = lambda x, *a: (many.repeat(len(x), 1, 1), None)
    model.val(data=trained().data, max_det=300, project=str(tmp_path), **OPTIONS)
    assert any("max_det=300 left out the 400 weakest detections of 4 pictures" in line for line in warned)


def test_a_split_without_objects_gives_no_figures_but_no_error(model, tmp_path):
    write_tiny(tmp_path, train=1, val=0)
    add_picture(tmp_path, "val", "x.png", np.full((64, 64, 3), 90, np.uint8), [])
    found = model.val(data=tmp_path / "data.yaml", project=str(tmp_path), **OPTIONS)
    assert found.report["AP"] in (None, 0.0, -1.0) or np.isnan(found.report["AP"])


@pytest.fixture
def converted(tmp_path):
    """Pictures of 97x61 px seen at 64 px, boxes on whole pixels, one of 8x8; the data YAML."""
    write_tiny(tmp_path / "raw", train=1, val=0)
    picture = np.full((61, 97, 3), 90, np.uint8)
    for name, boxes in {"x.png": [(3, 5, 8, 8), (40, 20, 7, 13)], "sub_y.png": [(60, 31, 16, 16)]}.items():
        rows = [(1, (x + w / 2) / 97, (y + h / 2) / 61, w / 97, h / 61) for x, y, w, h in boxes]
        add_picture(tmp_path / "raw", "val", name, picture, rows, ignore=[(0.9, 0.5, 0.2, 1.0)])
    convert(Conversion("yolo", tmp_path / "raw/data.yaml", link=False), tmp_path / "set")
    return tmp_path / "set/data.yaml"


def test_val_names_its_data_by_the_hash_of_the_json_and_counts_sizes_as_eval_does(model, converted, tmp_path):
    options = OPTIONS | {"project": str(tmp_path), "name": "v", "rect": True}
    found = model.val(Seer, data=converted, save_json=True, **options)
    again = evaluate(converted.parent / "annotations/val.json", tmp_path / "v/predictions.json", analysis=True)
    assert found.report["data_hash"] == again["data_hash"]
    assert found.report["n_gt"] == again["n_gt"] == {"all": 3, "vt": 1, "t": 3, "s": 1, "m": 0}
    assert found.report["analysis"]["recall_by_size"] == again["analysis"]["recall_by_size"]
    assert found.report["analysis"]["counting"] == again["analysis"]["counting"]


def test_val_always_writes_json_and_with_plots_the_page(model, converted, tmp_path):
    options = OPTIONS | {"data": converted, "project": str(tmp_path)}
    model.val(Seer, **options, name="plain")
    report = json.loads((tmp_path / "plain/report.json").read_text())
    assert report["imgsz"] == 64 and report["about"]["data"] == str(converted)
    assert report["about"]["model"].endswith("best.pt") and report["protocol"] == "aitod"
    assert [p.name for p in (tmp_path / "plain").iterdir()] == ["report.json"]

    class Blind(Seer):
        def postprocess(self, preds):
            return [{k: v[:1] for k, v in found.items()} for found in super().postprocess(preds)]

    model.val(Blind, **(options | {"plots": True}), name="all", worst=1)
    text = (tmp_path / "all/report.html").read_text()
    assert text.count("data:image/jpeg;base64,") == 1 and "x.png" in text
    assert {"recall_by_size.png", "errors_by_size.png"} <= {p.name for p in (tmp_path / "all").iterdir()}


def test_training_counts_nothing_beyond_its_figures_and_the_best_checkpoint_gets_a_report(tmp_path, monkeypatch):
    analysed = []
    real = evaluate_scene
    monkeypatch.setattr("yolotiny.val.validator.evaluate_scene", lambda *a, **k: analysed.append(1) or real(*a, **k))
    data = write_tiny(tmp_path / "data", train=4, val=2)
    YOLO("yolov5n.yaml").train(data=str(data), project=str(tmp_path), name="r", **(QUICK | {"epochs": 2}))
    assert analysed == [1]
    found = json.loads((tmp_path / "r/report.json").read_text())
    assert found["about"]["model"].endswith("best.pt") and "2 pictures" in found["intervals"]["why"]


def test_val_gives_as_many_samples_as_asked_for_and_none_with_0(model, tmp_path):
    options = {"data": str(trained().data), "imgsz": 64, "plots": False, "workers": 0, "project": str(tmp_path)}
    for samples in (7, 0):
        found = model.val(samples=samples, name=f"s{samples}", **options).report
        assert found.get("intervals", {}).get("samples", 0) == samples and found["few"]["below"] == 50


def test_the_number_of_images_on_the_page_is_asked_of_val_alone(model):
    with pytest.raises(InputError, match="predict does not read worst="):
        model.predict(np.zeros((64, 64, 3), np.uint8), worst=3)
    with pytest.raises(InputError, match="worst=-1 is below 0"):
        model.val(data=trained().data, worst=-1)


def test_validation_suppresses_by_nwd_where_asked(model, tmp_path, monkeypatch):
    used = []

    def watched(y, config, *args, **kwargs):
        used.append((config.iou, config.c))
        return [torch.zeros(0, 6)] * len(y)

    monkeypatch.setattr("yolotiny.val.validator.nms", watched)
    size = model.model.yaml["measured"]["object_size"]
    for asked in ({}, {"nms_metric": "nwd"}, {"nms_metric": "nwd", "nms_c": 5, "iou": 0.5}):
        model.val(data=trained().data, project=str(tmp_path), **OPTIONS, **asked)
    assert sorted(set(used), key=str) == sorted([(0.6, None), (0.85, size), (0.5, 5.0)], key=str)


def test_sizes_of_augmentation_reach_the_network(model, tmp_path, monkeypatch):
    from yolotiny.detector import Detector

    seen, run = [], Detector.run_augmented
    monkeypatch.setattr(Detector, "run_augmented", lambda me, x, scales=(): seen.append(scales) or run(me, x, scales))
    said = {"data": trained().data, "project": str(tmp_path), "samples": 0, **OPTIONS}
    model.val(augment_scales=[1.5, 1], **said)
    model.val(augment=True, **said)
    assert seen[0] == (1.0, 1.5) and set(seen) == {(1.0, 1.5), ()}
    with pytest.raises(InputError, match="augment_scales=.2.: give a list of sizes beside imgsz, 1 among them"):
        model.val(augment_scales=[2], **said)
