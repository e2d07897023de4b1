"""Options: sorted, refused with what to write instead, and nothing accepted that is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_data import write_tiny
from yolotiny.config.options import sort_options
from yolotiny.config.run_files import find_data, protocol_of, read_recipe, run_root
from yolotiny.errors import InputError


def test_options_are_parted_into_those_of_training_and_those_of_the_model():
    plain, changes = sort_options("train", {"epochs": 3, "loss.box.weight": 2, "protocol": "coco", "recipe": "x"}, True)
    assert plain == {"epochs": 3, "recipe": "x"}
    assert changes == {"loss.box.weight": 2, "eval.protocol": "coco"}


@pytest.mark.parametrize(
    ("mode", "options", "says"),
    [
        ("train", {"epoch": 3}, "unknown option 'epoch'; did you mean 'epochs'"),
        ("train", {"distill_model": "x.pt"}, "train does not read distill_model="),
        ("train", {"dis": 3.0}, "train does not read dis="),
        ("train", {"cls_remap": False}, "train does not read cls_remap="),
        ("train", {"profile": True}, "train does not read profile="),
        ("train", {"quantize": 8}, "train does not read quantize=: use it in val"),
        ("train", {"nms": True}, "train does not read nms="),
        ("train", {"dnn": True}, "train does not read dnn="),
        ("train", {"augment": True}, "train does not read augment="),
        ("train", {"task": "pose"}, "task=pose: give detect: yolotiny knows detection only"),
        ("train", {"box": 7.0}, "box= is not read by this detector; write loss.box.weight="),
        ("train", {"cls": 1.0}, "write loss.cls.weight="),
        ("train", {"dfl": 1.0}, "write loss.box.weight="),
        ("train", {"cls_pw": 1.0}, "cls_pw= is not read by this detector"),
        ("train", {"nc": 3}, "the data YAML names the classes"),
        ("train", {"names": ["a"]}, "the data YAML names the classes"),
        ("train", {"ch": 1}, "the data YAML names the classes"),
        ("train", {"end2end": True}, "this detector has no head without NMS"),
        ("predict", {"nms": False}, "this detector has no head without NMS"),
        ("predict", {"visualize": True}, "predict does not read visualize="),
        ("predict", {"loss.box.weight": 2}, "predict does not read loss.box.weight=: it is a setting of training"),
        ("predict", {"protocol": "coco"}, "predict does not read protocol=: use it in train and val"),
        ("val", {"assigner.anchor_t": 3}, "val does not read assigner.anchor_t="),
        ("export", {"anchors": "auto"}, "export does not read anchors="),
        ("train", {"imgsz": -1}, "imgsz=-1 is below 1"),
        ("predict", {"imgsz": [64, 0]}, "imgsz=0 is below 1"),
        ("train", {"batch": 0}, "batch=0: give a whole number from 1 up"),
        ("train", {"batch": -2}, "batch=-2: give"),
        ("train", {"batch": 1.5}, "batch=1.5: give"),
        ("train", {"workers": -1}, "workers=-1 is below 0"),
        ("train", {"lr0": -0.1}, "lr0=-0.1 is below 0"),
    ],
)
def test_what_nothing_reads_is_refused(mode, options, says):
    with pytest.raises(InputError) as error:
        sort_options(mode, options, own_head=True)
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("train", {"batch": -1}),
        ("train", {"batch": 0.7}),
        ("train", {"sarl.reduction": 8}),
        ("val", {"protocol": "coco", "augment": True, "visualize": True}),
        ("predict", {"imgsz": [64, 96]}),
    ],
)
def test_what_is_read_is_taken(mode, options):
    plain, changes = sort_options(mode, options, own_head=True)
    assert len(plain) + len(changes) == len(options)


def test_heads_of_ultralytics_read_their_own_gains():
    assert sort_options("train", {"box": 7.0, "cls": 1.0}, own_head=False)[0] == {"box": 7.0, "cls": 1.0}
    assert sort_options("predict", {"nms": False}, own_head=False)[0] == {"nms": False}


def test_a_data_file_is_found_by_path_or_among_ours(tmp_path, monkeypatch):
    file = write_tiny(tmp_path / "datasets", train=1, val=1)
    assert find_data(file, "val") == str(file)
    monkeypatch.setattr("yolotiny.data_file.cfg_dir", lambda: tmp_path)
    assert find_data("data.yaml", "val") == find_data("data", "train", "val") == str(file)


@pytest.mark.parametrize(
    ("text", "split", "says"),
    [
        ("train: images/train\nnames: [a]\n", "val", "names no split 'val'; there are: train"),
        ("train: images/train\nval: images/none\nnames: [a]\n", "val", " val: there is no folder or list "),
        ("train: images/none\nval: images/val\nnames: [a]\n", "val", "train: there is no "),
        ("train: images/train\nval: images/val\nnames: [a]\n", "test", "names no split 'test'; there are: train, val"),
        ("train: images/train\nval: images/val\n", "val", "'names' must list the classes"),
        ("train: images/train\nval: images/val\nnames: [a]\nnc: 2\n", "val", "nc is 2, but 'names' has 1"),
        ("train: [unclosed\n", "val", "data.yaml"),
        ("just words\n", "val", "data.yaml"),
    ],
)
def test_a_data_file_with_something_missing_is_one_line(tmp_path, text, split, says):
    file = write_tiny(tmp_path, train=1, val=1)
    file.write_text(text)
    with pytest.raises(InputError) as error:
        find_data(file, "train", split)
    assert says in str(error.value) and str(file) in str(error.value) and "\n" not in str(error.value)


def test_a_data_file_may_name_its_protocol(tmp_path):
    file = write_tiny(tmp_path, train=1, val=1)
    assert protocol_of(str(file)) is None
    plain = file.read_text()
    file.write_text(f"{plain}\nprotocol: visdrone\n")
    assert find_data(file, "val") == str(file) and protocol_of(str(file)) == "visdrone"
    file.write_text(f"{plain}\nprotocol: visdron\n")
    with pytest.raises(InputError, match=r"unknown protocol 'visdron' in .*data\.yaml; did you mean 'visdrone'"):
        find_data(file, "val")


def test_a_mistyped_data_file_gets_the_nearest_name():
    with pytest.raises(InputError, match="data file 'visdrome.yaml' does not exist; did you mean 'visdrone.yaml'"):
        find_data("visdrome.yaml", "val")
    with pytest.raises(InputError, match="give one data YAML"):
        find_data(["a.yaml", "b.yaml"], "val")


def test_runs_go_below_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_root(None, "train") == str(tmp_path / "runs" / "detect")
    assert run_root("mine", "train") == str(tmp_path / "mine")
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made: .*file is a file"):
        run_root(tmp_path / "file" / "runs", "train")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)
    assert run_root(tmp_path / "file" / "runs", "predict", writes=False) == str(tmp_path / "file" / "runs")
    with pytest.raises(InputError, match="cannot be written .* is read-only.; give project=DIR"):
        run_root(tmp_path / "runs", "predict")


def test_a_recipe_holds_training_options_and_changes_to_the_model(tmp_path):
    (tmp_path / "mine.yaml").write_text("lr0: 0.02\nmodel:\n  loss.obj.weight: 2\n")
    assert read_recipe(str(tmp_path / "mine.yaml")) == ({"lr0": 0.02}, {"loss.obj.weight": 2})
    assert read_recipe("none") == read_recipe(None) == ({}, {})
    assert read_recipe("yolox")[0]["optimizer"] == "SGD"


@pytest.mark.parametrize(
    ("text", "says"),
    [("lr00: 1\n", "unknown option 'lr00'; did you mean 'lr0'"), ("loss.box.weight: 1\n", "belongs under model:")],
)
def test_a_recipe_with_a_mistake_is_one_line(tmp_path, text, says):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_recipe(str(tmp_path / "mine.yaml"))
    assert says in str(error.value)
    with pytest.raises(InputError, match="unknown recipe 'yolo'"):
        read_recipe("yolo")
