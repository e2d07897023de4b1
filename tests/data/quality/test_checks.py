import json

import cv2
import numpy as np
import pytest

from yolotiny.data import Conversion, check, convert
from yolotiny.data.quality.checks import ERRORS, KINDS, WARNINGS
from yolotiny.errors import InputError


@pytest.fixture
def data(tmp_path, text):
    """Four different pictures of 96x64 px, two a split, a box each."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in "ab":
            image = cv2.resize(rng.integers(0, 255, (8, 12, 3), dtype=np.uint8), (96, 64))
            (tmp_path / "images" / split).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "images" / split / f"{split}-{name}.png"), image)
            text(tmp_path / "labels" / split / f"{split}-{name}.txt", "0 0.5 0.5 0.2 0.3\n")
    text(tmp_path / "data.yaml", "path: .\ntrain: images/train\nval: images/val\nnames: [car]\n")
    return tmp_path


def kinds(report):
    return {p.kind: p.file.name for p in report.problems}


def test_a_clean_data_set_has_no_problem(data):
    report = check(data, 96)
    assert report.problems == [] and report.errors == report.warnings == 0
    assert report.pictures == {"train": 2, "val": 2} and report.boxes == 4
    assert str(report).splitlines()[-1] == "0 errors, 0 warnings (boxes at imgsz=96)"


def test_everything_is_found_at_once_and_nothing_is_changed(data, text):
    images, labels = data / "images", data / "labels"
    whole = (images / "train" / "train-a.png").read_bytes()
    (images / "train" / "half.png").write_bytes(whole[: len(whole) // 2])
    (images / "val" / "leak.png").write_bytes(whole)
    (images / "val" / "val-b.jpg").write_bytes((images / "val" / "val-b.png").read_bytes())
    text(labels / "val" / "ghost.txt", "0 0.5 0.5 0.2 0.3\n")
    text(labels / "train" / "train-b.txt", "1 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.01 0.5\n0 0.5\n0 0.2 0.2 0.2 0.2\n" * 2)
    text(data / "ignore" / "train" / "train-b.txt", "nothing\n")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in data.rglob("*") if p.is_file()}
    report = check(data, 96)
    assert kinds(report) == {
        "unreadable": "half.png",
        "row": "train-b.txt",
        "class": "train-b.txt",
        "ignore row": "train-b.txt",
        "shared": "val-b.png",
        "leak": "leak.png",
        "twin": "val-b.png",
        "no labels": "leak.png",
        "no picture": "ghost.txt",
        "duplicate": "train-b.txt",
        "below 2 px": "train-b.txt",
    }
    assert report.errors == 8 and report.warnings == 7
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in data.rglob("*") if p.is_file()} == before


def test_the_report_names_file_and_row_and_at_most_three_of_a_kind(data, text):
    text(data / "labels" / "val" / "val-a.txt", "3 0.5 0.5 0.1 0.1\n" * 5)
    lines = str(check(data)).splitlines()
    assert lines[1].split() == ["error", "5", *"classes that the data.yaml does not name".split()]
    assert (
        lines[2].strip()
        == "labels/val/val-a.txt row 1: class 3 is none of the 1 classes of the data YAML, 0..0: 3 0.5 0.5 0.1 0.1"
    )
    assert lines[4].split()[2] == "3:" and lines[5].strip() == "..." and lines[6].startswith("5 errors, 0 warnings")


def test_the_json_has_all_of_them(data, text):
    text(data / "labels" / "val" / "val-a.txt", "3 0.5 0.5 0.1 0.1\n" * 5)
    found = json.loads(json.dumps(check(data).to_dict()))
    assert found["errors"] == len(found["problems"]) == 5
    assert found["problems"][4].items() >= {"kind": "class", "level": "error", "row": 5}.items()


def test_a_list_with_absent_pictures(data, text):
    text(data / "train.txt", "images/train/train-a.png\nimages/train/gone.png\n")
    text(data / "data.yaml", "train: train.txt\nval: images/val\nnames: [car]\n")
    (problem,) = check(data).problems
    assert (problem.kind, problem.file.name, problem.row) == ("absent", "train.txt", 2)


def test_what_convert_writes_is_clean(data, text, tmp_path):
    text(data / "ignore" / "val" / "val-a.txt", "0.8 0.8 0.2 0.2\n")
    convert(Conversion("yolo", data), tmp_path / "out")
    assert check(tmp_path / "out", 96).problems == []


def test_a_split_without_an_object_is_told_with_its_reason(data, text):
    for name in "ab":
        text(data / "labels" / "val" / f"val-{name}.txt", "")
    (problem,) = check(data).problems
    assert (problem.kind, problem.note) == ("background", "val: 2 pictures whose label files hold no box")
    (data / "labels").rename(data / "label")
    first, second = (p for p in check(data).problems if p.kind in ("no objects", "background"))
    assert first.note.startswith("train: no label file for any of the 2 images; expected ")
    assert f"is {data / 'label'} meant?" in second.note


def test_classes_that_one_split_alone_has_are_told(data, text):
    text(data / "data.yaml", "train: images/train\nval: images/val\nnames: [car, bus, van]\n")
    text(data / "labels" / "val" / "val-a.txt", "1 0.5 0.5 0.2 0.3\n")
    (problem,) = check(data).problems  # of vans there are none at all, which is no mistake
    assert (problem.kind, problem.note) == ("class gap", "objects in val or test, none in train: not learned: bus (1)")


def test_crops_tiles_and_copies_in_two_splits_are_told(data, text):
    rng = np.random.default_rng(3)
    scene = cv2.resize(rng.integers(0, 255, (30, 60, 3), dtype=np.uint8), (400, 200))
    names = {"train": ["t__0_0", "x_jpg.rf.aaaaaaaaaaaa"], "val": ["t__100_0", "x_jpg.rf.bbbbbbbbbbbb"]}
    for split, (tile, copy) in names.items():
        x = int(tile.split("__")[1].split("_")[0])
        cv2.imwrite(str(data / "images" / split / f"{tile}.png"), scene[:, x : x + 200])
        cv2.imwrite(str(data / "images" / split / f"{copy}.png"), rng.integers(0, 255, (64, 96, 3), dtype=np.uint8))
        for name in (tile, copy):
            text(data / "labels" / split / f"{name}.txt", "0 0.5 0.5 0.2 0.3\n")
    assert {p.kind: p.file.name for p in check(data).problems} == {
        "overlap": "t__100_0.png",
        "scene overlap": "t__100_0.png",
        "copy": "x_jpg.rf.bbbbbbbbbbbb.png",
    }


def test_progress_is_told_for_each_picture(data):
    calls = []
    check(data, progress=lambda *args: calls.append(args))
    assert calls == [("train", 1, 2), ("train", 2, 2), ("val", 1, 2), ("val", 2, 2)]


def test_every_kind_is_an_error_or_a_warning():
    assert not ERRORS.keys() & WARNINGS.keys() and list(KINDS) == [*ERRORS, *WARNINGS]


@pytest.mark.parametrize("imgsz", [0, "big", [640, 480]])
def test_a_size_that_is_no_number_of_pixels_is_refused(data, imgsz):
    with pytest.raises(InputError, match="imgsz=.*whole number of pixels"):
        check(data, imgsz)


@pytest.mark.real
def test_hit_uav_has_neighbouring_frames_in_both_splits(real_data, tmp_path):
    convert(Conversion("hit-uav", real_data / "hit-uav"), tmp_path / "hit-uav")
    report = check(tmp_path / "hit-uav", 640)
    near = [p for p in report.problems if p.kind == "near leak"]
    assert report.errors == 0 and len(near) == 81
    for p in near:  # all of them from the same series: "1_60_70_0_00636" and "1_60_70_0_00633"
        series = p.file.stem.rpartition("_")[0]
        assert f"/{series}_" in p.note
    part = [p for p in report.problems if p.kind == "overlap"]
    flight = [p for p in part if f"/{p.file.stem[:4]}" in p.note]  # time of day and height, which change slowly
    assert len(part) > 60 and flight == part
