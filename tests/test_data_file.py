"""Data YAMLs as people have them: every command sees the same pictures, or says the same line."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from ultralytics.cfg import get_cfg
from ultralytics.data import utils

from yolotiny import _compat
from yolotiny.config.run_files import find_data
from yolotiny.data import Conversion, check, convert, stats
from yolotiny.data.formats.yolo import read_yolo
from yolotiny.data.quality.listing import read_listing
from yolotiny.data_file import find_file, read_data_file
from yolotiny.errors import InputError
from yolotiny.image_files import IMAGES, list_images
from yolotiny.loaders.build import build_dataset
from yolotiny.pictures.files import decode, image_size
from yolotiny.pictures.reader import PictureReader

_compat.quiet()
NAMES = "names: [car, ship]\n"
USUAL = {"images/train": "ab", "images/val": "c"}


def write(root: Path, folders: dict[str, str], **texts: str) -> Path:
    """Pictures a.png, b.png, ... with a label each in these folders, and text files by their names; the data YAML."""
    for i, (folder, stems) in enumerate(folders.items()):
        for j, stem in enumerate(stems):
            image = root / folder / f"{stem}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(image), np.random.default_rng((i, j)).integers(0, 255, (32, 32, 3), np.uint8))
            label = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(f"{i % 2} 0.5 0.5 0.5 0.5\n")
    for name, text in texts.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("ROOT", str(root)))
    return root / "data.yaml"


def lists(rows: str = "images/{}.png", where: str = "") -> dict[str, str]:
    """A train and a val list."""
    text = {"train": "".join(rows.format(s) + "\n" for s in "ab"), "val": rows.format("c") + "\n"}
    return {f"{where}{split}": text[split] for split in text}


FOLDERS = "train: images/train\nval: images/val\n"
OF_LISTS = "train: train.txt\nval: val.txt\n"
LAYOUTS = {
    "folders beside the file": (USUAL, {"data": FOLDERS + NAMES}),
    "an absolute path": (USUAL, {"data": f"path: ROOT\n{FOLDERS}{NAMES}"}),
    "a path of one dot": (USUAL, {"data": f"path: .\n{FOLDERS}{NAMES}"}),
    "a path seen from here": (
        {"here/set/images/train": "ab", "here/set/images/val": "c"},
        {"data": f"path: set\n{FOLDERS}{NAMES}"},
    ),
    "a path in datasets/": (
        {"here/datasets/set/images/train": "ab", "here/datasets/set/images/val": "c"},
        {"data": f"path: set\n{FOLDERS}{NAMES}"},
    ),
    "Roboflow": (
        {"train/images": "ab", "valid/images": "c"},
        {"data": f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n{NAMES}"},
    ),
    "two dots that are meant": (USUAL, {"data": f"path: images\ntrain: ../images/train\nval: val\n{NAMES}"}),
    "rows from the list": ({"images": "abc"}, {"data": OF_LISTS + NAMES} | lists()),
    "rows with a dot": ({"images": "abc"}, {"data": OF_LISTS + NAMES} | lists("./images/{}.png")),
    "rows from the path": (
        {"images": "abc"},
        {"data": f"train: sets/train.txt\nval: sets/val.txt\n{NAMES}"} | lists(where="sets__"),
    ),
    "rows going up": (
        {"images": "abc"},
        {"data": f"train: sets/train.txt\nval: sets/val.txt\n{NAMES}"} | lists("../images/{}.png", "sets__"),
    ),
    "absolute rows": ({"images": "abc"}, {"data": OF_LISTS + NAMES} | lists("ROOT/images/{}.png")),
    "a folder and a list": (
        {"images/one": "a", "images/two": "b", "images/val": "c"},
        {"data": f"train: [images/one, more.txt]\nval: images/val\n{NAMES}", "more": "images/two/b.png\n\n"},
    ),
    "folders in folders": (
        {"images/train/x": "a", "images/train/y/z": "b", "images/val": "c"},
        {"data": FOLDERS + NAMES},
    ),
    "names numbered by strings": (USUAL, {"data": f"{FOLDERS}nc: '2'\nnames: {{'0': car, '1': ship}}\n"}),
    "names in another order": (USUAL, {"data": f"{FOLDERS}names: {{1: ship, 0: car}}\n"}),
    "validation": (USUAL, {"data": f"train: images/train\nvalidation: images/val\n{NAMES}"}),
    "with companions": (
        USUAL,
        {"data": FOLDERS + NAMES, "images__train__._a": "x", "images__train__.ipynb_checkpoints__d": "x"},
    ),
}


@pytest.fixture
def lay_out(tmp_path, monkeypatch):
    """Write a layout, and stand in a folder where another data set lies."""

    def make(folders: dict[str, str], texts: dict[str, str]) -> Path:
        here = tmp_path / "root/here"
        write(here, {"images/train": "x", "images/val": "y"})
        monkeypatch.chdir(here)
        hidden = {k: v for k, v in texts.items() if "." in k}
        file = write(tmp_path / "root", folders)
        suffixed = {f"{k}.{'yaml' if k == 'data' else 'txt'}": v for k, v in texts.items() if k not in hidden}
        write(tmp_path / "root", {}, **suffixed, **{f"{k}.png": v for k, v in hidden.items()})
        return file

    return make


def of_training(file: Path, split: str, mode: str) -> list[str]:
    """The pictures that a run reads."""
    data = utils.check_det_dataset(find_data(file, "train", "val"), split="val")
    assert data["nc"] == 2 and data["names"] == {0: "car", 1: "ship"} and data["channels"] == 3
    dataset = build_dataset(get_cfg(overrides={"imgsz": 32}), data[split], data, mode, 1, 32, False)
    assert all(len(label["cls"]) == 1 for label in dataset.labels)
    return dataset.im_files


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_command_sees_the_same_pictures(lay_out, tmp_path, name):
    file = lay_out(*LAYOUTS[name])
    converted, listed, report = read_yolo(file), read_listing(file), check(file, 32)
    summary = convert(Conversion("yolo", file), tmp_path / "out")
    for split, mode, stems in (("train", "train", "ab"), ("val", "val", "c")):
        trained = of_training(file, split, mode)
        assert [Path(f).stem for f in trained] == list(stems)
        assert sorted(map(str, listed.splits[split])) == trained
        assert sorted(str(r.image) for r in converted.splits[split]) == trained
        assert sorted(str(s.image) for s in stats(file, 32, split).samples) == trained
        assert report.pictures[split] == summary.splits[split].images == len(stems)
    assert report.errors == 0 and report.boxes == 3
    assert listed.names == converted.names == ["car", "ship"]
    assert report.left_out.total() == (name == "with companions")


def test_a_test_split_that_is_not_there_is_told_and_stops_no_training(lay_out, tmp_path):
    file = lay_out(*LAYOUTS["Roboflow"])
    (problem,) = (p for p in check(file, 32).problems if p.kind != "class gap")  # one split has cars, one ships
    assert (problem.kind, problem.note) == ("no test", f"test: there is no folder or list {file.parent}/../test/images")
    summary = convert(Conversion("yolo", file), tmp_path / "out")
    assert f"note: left out: {file} test: there is no folder or list" in str(summary)
    file.write_text(f"test: ../test/images\n{NAMES}")
    for line in said_by(lambda: find_data(file, "test"), lambda: read_yolo(file), lambda: stats(file, split="test")):
        assert line.startswith(f"{file} test: there is no folder or list")


BAD = {
    "names with a gap": (f"{FOLDERS}names: {{0: a, 2: b}}\n", "'names' must list the classes, or number them from 0"),
    "one number twice": (f"{FOLDERS}names: {{0: a, '0': b}}\n", "'0' is there twice"),
    "one number in two ways": (f"{FOLDERS}names: {{0: a, '00': b}}\n", "'names' must list the classes"),
    "names of no kind": (f"{FOLDERS}names: car\n", "'names' must list the classes"),
    "mixed numbers": (f"{FOLDERS}names: {{0: a, x: b, null: c}}\n", "'names' must list the classes"),
    "a class without a name": (f"{FOLDERS}names: [a, ~]\n", "'names' gives class 1 no name but None"),
    "nc that disagrees": (f"{FOLDERS}nc: 3\n{NAMES}", "nc is 3, but 'names' has 2"),
    "half a class": (f"{FOLDERS}nc: 1.5\n", "nc is 1.5; expected a whole number from 1 to 100,000"),
    "no classes": (FOLDERS, "'names' must list the classes"),
    "no split": (NAMES, "names no split: expected train, val or test"),
    "no train folder": (f"train: gone\nval: images/val\n{NAMES}", "train: there is no folder or list {root}/gone"),
    "no path": (f"path: /gone\n{FOLDERS}{NAMES}", "there is no folder '/gone' (its path), neither beside the file"),
    "a number as split": (f"train: 3\nval: images/val\n{NAMES}", "train: 3 is no folder of pictures"),
    "a list of labels": (f"train: images/x.txt\nval: images/val\n{NAMES}", "row 1: 'words' is no picture"),
    "a picture as list": (f"train: images/val/c.png\nval: images/val\n{NAMES}", "c.png: not a UTF-8 text file"),
    "a key twice": (f"{FOLDERS}{NAMES}train: images/val\n", "'train' is there twice, line 4"),
}


def said_by(*doors) -> list[str]:
    """The one line of each."""
    lines = []
    for door in doors:
        with pytest.raises(InputError) as error:
            door()
        lines.append(str(error.value))
        assert "\n" not in lines[-1]
    return lines


@pytest.mark.parametrize("name", BAD)
def test_every_command_says_the_same_line(lay_out, name):
    text, says = BAD[name]
    file = lay_out(USUAL, {"data": text, "images__x": "words\n"})
    lines = said_by(
        lambda: find_data(file, "train", "val"), lambda: check(file), lambda: read_yolo(file), lambda: stats(file)
    )
    assert (
        len(set(lines)) == 1 and says.replace("{root}", str(file.parent)) in lines[0] and str(file.parent) in lines[0]
    )


BROKEN = {
    "a row without a picture": (
        {"images": "abc"},
        {"data": OF_LISTS + NAMES, "train": "images/a.png\nimages/no.png\n", "val": "images/c.png\n"},
        "absent",
        "train.txt row 2: there is no image {root}/images/no.png",
    ),
    "an empty folder": (
        {"images/val": "c"},
        {"data": FOLDERS + NAMES, "images__train__._a": "x"},
        "no pictures",
        "data.yaml train: no image in it (1 left out: hidden file, such as ._*);"
        " files with these suffixes are read: .avif",
    ),
    "an empty list": (
        {"images": "abc"},
        {"data": OF_LISTS + NAMES, "train": "\n", "val": "images/c.png\n"},
        "no pictures",
        "data.yaml train: no image in it; files",
    ),
    "two pictures with one label file": (
        USUAL,
        {"data": FOLDERS + NAMES, "copy": ""},
        "shared",
        "images/train/a.jpg and a.png share the label file {root}/labels/train/a.txt; rename or remove one",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_check_calls_an_error_stops_every_other_command(lay_out, tmp_path, name):
    folders, texts, kind, says = BROKEN[name]
    file = lay_out(folders, texts)
    if "copy" in texts:
        cv2.imwrite(str(file.parent / "images/train/a.jpg"), np.full((32, 32, 3), 90, np.uint8))
    lines = said_by(
        lambda: find_data(file, "train", "val"),
        lambda: convert(Conversion("yolo", file), tmp_path / "out"),
        lambda: stats(file),
    )
    assert len(set(lines)) == 1 and says.replace("{root}", str(file.parent)) in lines[0]
    assert kind in {p.kind for p in check(file, 32).problems}


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_check_wants_the_splits_that_training_needs(lay_out, split):
    file = lay_out(USUAL, {"data": FOLDERS.replace(f"{split}: ", "test: ") + NAMES})
    (problem,) = (p for p in check(file, 32).problems if p.kind != "class gap")  # one split has cars, one ships
    assert (problem.kind, problem.note) == ("no pictures", f"it names no split {split!r}")
    assert said_by(lambda: find_data(file, "train", "val"))[0].startswith(
        f"{file} names no split {split!r}; there are: "
    )


def test_one_label_file_for_pictures_of_two_splits_is_refused(lay_out):
    file = lay_out({"images": "ac"}, {"data": OF_LISTS + NAMES, "train": "images/a.png\n", "val": "images/a.jpg\n"})
    (file.parent / "images/c.png").rename(file.parent / "images/a.jpg")
    lines = said_by(lambda: find_data(file, "train", "val"), lambda: read_yolo(file))
    assert lines[0].startswith(f"{file}: {file.parent}/images/a.png and a.jpg share the label file")
    assert lines[0] == lines[1] and [p.kind for p in check(file, 32).problems].count("shared") == 1


def test_a_picture_that_is_listed_twice_trains_twice_and_is_converted_once(lay_out, tmp_path):
    texts = {"data": OF_LISTS + NAMES, "train": "images/a.png\nimages/b.png\nimages/a.png\n", "val": "images/c.png\n"}
    file = lay_out({"images": "abc"}, texts)
    assert [Path(f).stem for f in of_training(file, "train", "train")] == ["a", "a", "b"]
    train = convert(Conversion("yolo", file), tmp_path / "out").splits["train"]
    assert train.images == 2 and train.dropped["picture that is listed twice"] == 1


def test_nc_alone_numbers_the_classes(lay_out):
    file = lay_out(USUAL, {"data": f"{FOLDERS}nc: 2.0\n"})
    assert read_listing(file).names == read_yolo(file).names == ["class_0", "class_1"]
    assert utils.check_det_dataset(find_data(file, "train", "val"))["names"] == {0: "class_0", 1: "class_1"}


def test_a_path_from_another_machine_says_what_to_do(lay_out):
    file = lay_out(USUAL, {"data": f"path: /content/set\n{FOLDERS}{NAMES}"})
    assert said_by(lambda: read_data_file(file))[0].endswith("; the pictures lie beside the file: take out path")


def test_links_are_followed_and_labels_lie_where_the_data_set_names_them(lay_out, tmp_path):
    file = lay_out({"images/val": "c"} | {"store/pictures": "ab"}, {"data": FOLDERS + NAMES})
    root = file.parent
    (root / "images/train").mkdir()
    (root / "images/train/deep").symlink_to(root / "store/pictures")
    (root / "images/train/deep/round").symlink_to(root / "images/train")  # would never end
    (root / "labels/train").mkdir()
    (root / "labels/train/deep").symlink_to(root / "store/pictures")
    assert of_training(file, "train", "train") == [f"{root}/images/train/deep/{s}.png" for s in "ab"]
    assert check(file, 32).errors == 0


def test_a_folder_that_cannot_be_read_is_named(lay_out, monkeypatch):
    file = lay_out(USUAL, {"data": FOLDERS + NAMES})

    def denied(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(InputError, match=r"cannot read the folder .*images/train: Permission denied"):
        list_images(file.parent / "images/train")


@pytest.mark.parametrize("suffix", sorted(IMAGES))
def test_what_counts_as_a_picture_opens_in_every_reader(tmp_path, suffix):
    file = tmp_path / f"A{suffix.upper()}"
    kind = {".mpo": ".jpg"}.get(suffix, suffix)  # a camera's JPEG
    assert cv2.imwrite(str(tmp_path / f"x{kind}"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / f"x{kind}").rename(file)
    assert list_images(tmp_path) == [file]
    assert image_size(file) == (64, 48) and decode(file).shape == PictureReader().read(file).shape == (48, 64, 3)


def test_pictures_of_other_kinds_are_counted(lay_out):
    file = lay_out(USUAL, {"data": FOLDERS + NAMES})
    for name in ("x.heic", "y.HEIC", "z.txt", "a.npy"):
        (file.parent / "images/train" / name).write_bytes(b"x")
    report = check(file, 32)
    assert report.left_out == {"picture in .heic, which is not read": 2}
    assert "2 left out: picture in .heic, which is not read" in str(report)


def test_a_name_means_a_file_of_ours_or_of_ultralytics():
    assert find_file("hit-uav").name == find_file("hit-uav.yaml").name == "hit-uav.yaml"
    assert find_file("coco8.yaml").parts[-4:] == ("ultralytics", "cfg", "datasets", "coco8.yaml")
    with pytest.raises(InputError, match="data file 'visdron' does not exist; did you mean 'visdrone'"):
        find_file("visdron")
