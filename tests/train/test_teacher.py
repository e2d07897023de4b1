"""A teacher: whose word counts how much, at which size it looks, and that nothing of it stays."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import tensor

from tests.tiny_data import QUICK, trained, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.train.teacher import Teacher, softened, teacher_section
from yolotiny.train.trainer import Trainer

NAMES = {0: "a", 1: "b"}


def labels(*rows, regions=()):
    """A batch of (picture, class, x, y, w, h) and regions (picture, x, y, w, h), all shares of a picture."""
    rows, regions = torch.tensor(rows).reshape(-1, 6), torch.tensor(regions).reshape(-1, 5)
    batch = {"batch_idx": rows[:, 0], "cls": rows[:, 1:2], "bboxes": rows[:, 2:]}
    return batch | {"ignore_idx": regions[:, 0], "ignore_bboxes": regions[:, 1:]}


def found(*rows):
    """Detections of (picture, x1, y1, x2, y2, score, class)."""
    return torch.tensor(rows).reshape(-1, 7)


def test_an_object_that_both_have_moves_towards_the_teacher_as_far_as_it_is_sure():
    """The teacher's box is .04 further right; a weight of .5 and a score of .8 are two fifths of the way."""
    made = softened(labels((0, 1, 0.5, 0.5, 0.2, 0.2)), found((0, 0.44, 0.4, 0.64, 0.6, 0.8, 1)), 0.5)
    assert torch.allclose(made["bboxes"], tensor([[0.516, 0.5, 0.2, 0.2]]))
    assert torch.allclose(made["soft_scores"], tensor([0.9])) and made["soft_weights"].tolist() == [1]


def test_an_object_that_the_teacher_does_not_see_keeps_its_box_and_is_less_of_one():
    batch = labels((0, 1, 0.5, 0.5, 0.2, 0.2))
    others = [(0, 0.4, 0.4, 0.6, 0.6, 0.9, 0), (1, 0.4, 0.4, 0.6, 0.6, 0.29, 1)]  # another class, another picture
    for seen in (found(), found(*others)):
        made = softened(batch, seen, 0.25)
        assert torch.allclose(made["bboxes"], batch["bboxes"]) and made["soft_scores"].tolist() == [0.75]


def test_an_object_that_no_label_has_is_learnt_with_the_weight_of_the_teachers_word():
    made = softened(labels((1, 0, 0.5, 0.5, 0.2, 0.2)), found((0, 0.1, 0.1, 0.3, 0.2, 0.6, 1)), 0.5)
    assert made["batch_idx"].tolist() == [0, 1] and made["cls"].tolist() == [[1], [0]]  # in the order of pictures
    assert torch.allclose(made["bboxes"][0], tensor([0.2, 0.15, 0.2, 0.1]))
    assert torch.allclose(made["soft_scores"], tensor([0.3, 0.5])) and torch.allclose(
        made["soft_weights"], tensor([0.3, 1])
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((0, 0.7, 0.1, 0.9, 0.2, 0.2, 1), "it is not sure"),
        ((0, 0.5, 0.5, 0.7, 0.7, 0.9, 1), "it overlaps a label"),
        ((0, 0.0, 0.8, 0.2, 1.0, 0.9, 1), "it lies in an ignore region"),
    ],
)
def test_what_only_the_teacher_has_is_left_out_where(row, why):
    batch = labels((0, 0, 0.5, 0.5, 0.2, 0.2), regions=[(0, 0.1, 0.9, 0.2, 0.2)])
    assert len(softened(batch, found(row), 0.5)["cls"]) == 1, why
    assert len(softened(labels(), found(row[:5] + (0.9,) + row[6:]), 0.5)["cls"]) == 1


def test_one_detection_speaks_for_one_object():
    batch = labels((0, 0, 0.5, 0.5, 0.2, 0.2), (0, 0, 0.52, 0.5, 0.2, 0.2))
    made = softened(batch, found((0, 0.4, 0.4, 0.6, 0.6, 0.8, 0)), 0.5)
    assert torch.allclose(made["soft_scores"], tensor([0.9, 0.5]))


@pytest.mark.parametrize("name", ["yolov5n.yaml", "yolox-nano.yaml", "yolov5n-p2p3-ugs.yaml"])
def test_labels_that_all_count_in_full_are_those_without_a_teacher_and_others_are_not(name):
    torch.manual_seed(0)
    model = Detector(name, nc=2)
    batch = labels((0, 0, 0.5, 0.5, 0.2, 0.2), (1, 1, 0.3, 0.3, 0.1, 0.2)) | {"img": torch.rand(2, 3, 64, 64)}
    plain = model.loss(dict(batch))[0]
    ones = model.loss(batch | {"soft_scores": torch.ones(2), "soft_weights": torch.ones(2)})[0]
    less = model.loss(batch | {"soft_scores": torch.full((2,), 0.5), "soft_weights": torch.ones(2)})[0]
    none = model.loss(batch | {"soft_scores": torch.ones(2), "soft_weights": torch.zeros(2)})[0]
    assert torch.allclose(plain, ones) and not torch.allclose(plain, less)
    assert none[0] == 0 and plain[0] > 0 and (less[0] == plain[0])  # the box term counts by weights alone
    less.sum().backward()


def test_the_teacher_finds_its_objects_at_any_size_and_class_by_its_name():
    """Squares of two colours, which the teacher is said to find: what comes back lies on the labels of the batch."""
    section = teacher_section(trained().best, "a.yaml")
    teacher = Teacher(section, {0: "b", 1: "a"}, 3).to(torch.device("cpu"))
    rows = torch.tensor([[10.0, 20, 30, 40, 0.9, 0]])
    teacher.network.forward = lambda x: as_prediction(rows, x)
    batch = labels((0, 1, 20 / 128, 30 / 64, 20 / 128, 20 / 64))  # class 0 of the teacher is class 1 of the data
    made = teacher.teach(batch, torch.zeros(1, 3, 64, 128))
    assert torch.allclose(made["bboxes"], batch["bboxes"]) and torch.allclose(made["soft_scores"], tensor([0.95]))


def as_prediction(rows, x):
    """Rows xyxy, score, class as a network of two classes gives them."""
    x1, y1, x2, y2, score, c = rows.unbind(1)
    scores = torch.zeros(len(rows), 2)
    scores[torch.arange(len(rows)), c.long()] = score
    boxes = torch.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), 1)
    return torch.cat((boxes, scores), 1).T[None].repeat(len(x), 1, 1), None


def run(folder, seen=None, model="yolov5n.yaml", **options):
    data = options.pop("data", None) or trained().data
    made = YOLO(model)
    made.train(data=str(data), project=str(folder), name="run", **{"teacher": str(trained().best), **QUICK, **options})
    return made


@pytest.fixture
def looks(monkeypatch):
    """What the teacher is shown, and the batch it belongs to."""
    seen = []
    teach = Teacher.teach

    def watched(self, batch, pictures):
        made = teach(self, batch, pictures)
        seen.append(SimpleNamespace(student=batch["img"], teacher=pictures, made=made, dtype=pictures.dtype))
        return made

    monkeypatch.setattr(Teacher, "teach", watched)
    return seen


@pytest.mark.parametrize(
    ("options", "times", "sharp"),
    [
        ({}, 2, True),
        ({"crop_train": "grid"}, 2, False),
        pytest.param({"teacher.scale": 3}, 3, True, marks=pytest.mark.slow),
        pytest.param({"teacher.scale": 1}, 1, True, marks=pytest.mark.slow),
        pytest.param({"rect": True, "mosaic": 0.0}, 2, True, marks=pytest.mark.slow),
        pytest.param({"multi_scale": 0.5, "amp": "bf16"}, 2, True, marks=pytest.mark.slow),
    ],
)
def test_it_sees_the_pictures_of_the_batch_larger_and_as_the_file_has_them(options, times, sharp, looks, tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=2, size=192)
    run(tmp_path, data=data, **options)
    for look in looks:
        assert look.teacher.shape[-1] == 64 * times and 0.5 < look.teacher.max() <= 1
        if "multi_scale" not in options:
            shrunk = torch.nn.functional.avg_pool2d(look.teacher, times)
            assert torch.allclose(shrunk, look.student, atol=1e-3) == sharp
        assert len(look.made["soft_scores"]) == len(look.made["cls"]) == len(look.made["bboxes"])
    assert looks


def test_nothing_of_it_stays_in_what_a_run_leaves(tmp_path, looks):
    made = run(tmp_path)
    for name in ("last", "best"):
        content = torch.load(tmp_path / f"run/weights/{name}.pt", weights_only=True)
        assert "teacher" not in content and "teacher" not in content["config"]
        plain = torch.load(getattr(trained(), name), weights_only=True)
        assert content["model"].keys() == plain["model"].keys()
    assert "teacher" not in made.model.yaml
    assert "teacher: {file: " in (tmp_path / "run/model.yaml").read_text()


def test_a_run_that_goes_on_has_its_teacher_and_a_weight_of_nothing_is_refused(tmp_path, looks, monkeypatch):
    save = Trainer.save_model

    def dies(self):
        save(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "save_model", dies)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, epochs=2)
    monkeypatch.setattr(Trainer, "save_model", save)
    last = tmp_path / "run/weights/last.pt"
    assert "teacher" not in torch.load(last, weights_only=True)["config"]
    best = YOLO(tmp_path / "run/weights/best.pt").model.yaml  # of the run that was cut off
    assert "teacher" not in best
    before = len(looks)
    YOLO(last).train(resume=True)
    assert len(looks) > before and torch.load(last, weights_only=True).get("teacher") is None
    with pytest.raises(InputError, match="teacher.weight=0"):
        run(tmp_path, **{"teacher.weight": 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": "gone.pt"}, "teacher=gone.pt: there is no such file"),
        ({"teacher": __file__}, "test_teacher.py is no checkpoint of yolotiny: "),
        ({"teacher.scale": 5}, "teacher.scale=5 must be a whole number from 1 to 4"),
        ({"teacher.scale": 1.5}, "teacher.scale=1.5 must be a whole number from 1 to 4"),
        ({"teacher.weigth": 0.5}, "teacher.weigth in yolov5n.yaml is not known; did you mean 'weight'?"),
        ({"model": "yolc-n.yaml"}, "teacher= is for the heads of YOLOv5 and YOLOX; yolc-n.yaml has another"),
        ({"model": "yolo11n.yaml"}, "teacher= is for the heads of YOLOv5 and YOLOX; yolo11n.yaml has another"),
        ({"data": 3}, "has the classes a, b (2), and the data a, b, c (3): train the teacher on the same classes"),
        ({"single_cls": True}, "has the classes a, b (2), and the data item (1)"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_leaves_nothing(options, message, tmp_path):
    options = dict(options)
    if options.get("data"):
        options["data"] = write_tiny(tmp_path / "data", train=2, val=2, nc=options["data"])
    with pytest.raises(InputError) as error:
        run(tmp_path, **options)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_other_names_and_other_channels_are_refused():
    section = teacher_section({"file": str(trained().best)}, "a.yaml")
    with pytest.raises(InputError, match="train the teacher on the same classes"):
        Teacher(section, {0: "boat", 1: "b"}, 3)
    with pytest.raises(InputError, match="takes pictures of 3 channels, the data 4"):
        Teacher(section, NAMES, 4)
    for section in (3, {"type": "x"}, {}):
        with pytest.raises(InputError, match="teacher"):
            teacher_section(section, "a.yaml")
