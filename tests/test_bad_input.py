"""Mistakes of a user: one line on stderr that says what is wrong and where, exit code 2, and nothing lost."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, add_picture, trained, write_tiny
from yolotiny.cli import main as cli

GREY = np.full((64, 64, 3), 90, np.uint8)
QUICK_WORDS = [f"{k}={v}" for k, v in QUICK.items()]


class Stdout:
    """Whatever sys.stdout is at the moment: pytest puts a new one there for every part of a test."""

    def write(self, text):
        return sys.stdout.write(text)

    def flush(self):
        sys.stdout.flush()


@pytest.fixture(autouse=True)
def log_where_it_is_read(monkeypatch):
    """Ultralytics logs to the stdout of its import; here that must be the one that the test reads."""
    for handler in LOGGER.handlers:
        if type(handler) is logging.StreamHandler:  # not one of pytest's
            monkeypatch.setattr(handler, "stream", Stdout())


@pytest.fixture
def data(tmp_path):
    return write_tiny(tmp_path / "data", train=4, val=2)


@pytest.fixture
def fails(capsys, tmp_path):
    """Run a command line that must fail with code 2; return its one line on stderr."""

    def run(*words, code=2):
        capsys.readouterr()
        assert cli.main([str(w) for w in words]) == code
        out, err = capsys.readouterr()
        assert err.count("\n") == 1 and "Traceback" not in out + err
        assert err.startswith("yolotiny: error: ")
        return err.removeprefix("yolotiny: error: ").rstrip()

    return run


@pytest.fixture
def train(fails, tmp_path, data):
    """A training that must fail: `train("epochs=abc")`, on good data unless said otherwise."""

    def run(*words, file=data):
        names = {w.split("=")[0] for w in words}
        usual = ["model=yolov5n", f"data={file}", f"project={tmp_path / 'runs'}", *QUICK_WORDS]
        line = fails("train", *(w for w in usual if w.split("=")[0] not in names), *words)
        left = tmp_path / "runs"
        assert not left.exists() or list(left.rglob("last.pt"))  # a run that began stays, one that was refused does not
        return line

    return run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["epoch=3"], "unknown option 'epoch'; did you mean 'epochs'"),
        (["loss.bx.weight=3"], "cannot set 'loss.bx.weight' in yolov5n.yaml: 'loss' has no 'bx'; did you mean 'box'?"),
        (["los.box.weight=3"], "cannot set 'los.box.weight' in yolov5n.yaml: there is no section 'los'; did you mean"),
        (["loss.box.weigth=3"], "weigth"),
        (["loss.box.type=ndw"], "unknown box loss 'ndw'"),
        (["model=yolov5nn"], "unknown model 'yolov5nn.yaml'; did you mean 'yolov5n'"),
        (["model=nowhere.pt"], "model file 'nowhere.pt' does not exist"),
        (["data=nowhere.yaml"], "data file 'nowhere.yaml' does not exist"),
        (["split=test"], "names no split 'test'"),
        (["recipe=fast"], "unknown recipe 'fast'; "),
        (["epochs=abc"], "epochs=abc: give a whole number from 1 up"),
        (["epochs=0"], "epochs=0 is below 1"),
        (["imgsz=-1"], "imgsz=-1 is below 1"),
        (["imgsz=big"], "imgsz=big: give a whole number from 1 to 65,536 or a list of them"),
        (["batch=0"], "batch=0: give a whole number from 1 up"),
        (["batch=many"], "batch=many"),
        (["lr0=fast"], "lr0=fast: give a number from 0 to 1"),
        (["mosaic=2"], "mosaic=2 is above 1"),
        (["optimizer=SDG"], "optimizer=SDG: give auto, SGD, MuSGD, Adam"),
        (
            ["distill_model=x.pt"],
            "train does not read distill_model=: write teacher=FILE.pt",
        ),
        (["quantize=8"], "train does not read quantize=: use it in val, predict, track and export"),
        (["nms=False"], "train does not read nms=: use it in val, predict, track and export"),
        (["end2end=True"], "this detector has no head without NMS"),
        (["nc=3"], "the data YAML names the classes"),
        (["classes=[5]"], "classes: there is no class 5 in"),
        (["freeze=99"], "freeze=99: the model has 25 layers, and one has to learn"),
        (["freeze=a"], "freeze=a: no layer of that name has weights"),
        (["freeze=[0,23.cv9]"], "freeze=23.cv9: no layer of that name has weights"),
        (["resume=nowhere.pt"], "resume: nowhere.pt does not exist"),
        (["assigner.k=3"], "takes no argument 'k'"),
        (["crop_train=tiles"], "unknown crop_train 'tiles'"),
        (["crop_train=grid", "crop_train.tile=100", "crop_train.scale=2"], "tile=100 at scale=2 is 200 px and imgsz"),
        (["fitness=AP_tiny"], "fitness 'AP_tiny' is no figure of protocol aitod"),
    ],
)
def test_a_mistaken_option_is_one_line(train, words, says):
    assert says in train(*words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model=yolc-n", "nms_metric=nwd"], "nms_metric=nwd: boxes of this detector need no suppression"),
        (["assigner.type=gaussian_center"], "assigner in yolov5n.yaml is for heads with a heat map, and this is none"),
        (["model=yolc-n", "assigner.type=simota"], "is for heads without a heat map, and this is none; write gaussian"),
        (["model=yolo11n", "assigner=rka"], "assigner in yolo11n.yaml: Detect is a head of ultralytics, which brings"),
        (["model=yolo11n", "coder=bins"], "'coder' in yolo11n.yaml is asked for by no layer"),
        (["model=yolox-nano", "anchors=auto"], "'anchors' in yolox-nano.yaml is asked for by no layer"),
    ],
)
def test_what_a_model_cannot_do_is_told_before_the_data_are_scanned(train, data, words, says):
    assert says in train(*words)
    assert not list(data.parent.rglob("*.cache"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_device_that_is_not_there_is_one_line(train):
    assert "Invalid CUDA 'device=0' requested" in train("device=0")


def test_a_mistyped_key_of_a_model_file_is_named_with_its_file(train, tmp_path):
    (tmp_path / "mine.yaml").write_text("base: yolov5n.yaml\nlos: {box: {weight: 1}}\n")
    assert train(f"model={tmp_path / 'mine.yaml'}").startswith(
        f"unknown key 'los' in {tmp_path / 'mine.yaml'}; did you"
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0 40 30 10 10", "box outside the picture"),
        ("2 0.5 0.5 0.1 0.1", "class 2 is none of the 2 classes of the data YAML"),
        ("0 nan 0.5 0.1 0.1", "NaN"),
        ("0 0.5 0.5 0.1", "4 values; expected 5"),
        ("car 0.5 0.5 0.1 0.1", "is not numbers"),
    ],
)
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_bad_label_is_named_by_file_and_row(train, data, row, says, split):
    file = data.parent / "labels" / split / "1.txt"
    file.write_text(f"0 0.5 0.5 0.1 0.1\n{row}\n")
    line = train()
    assert line.startswith(f"{file}, row 2: ") and says in line
    assert file.read_text().endswith(f"{row}\n")


def test_a_bad_ignore_region_is_named_by_file_and_row(train, data):
    file = data.parent / "ignore/train/1.txt"
    file.parent.mkdir(parents=True)
    file.write_text("0.5 0.5 1\n")
    assert train().startswith(f"{file}, row 1: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("train: images/train\nnames: [a, b]\n", "names no split 'val'"),
        ("train: images/train\nval: images/none\nnames: [a, b]\n", "val: there is no folder or list"),
        ("train: images/none\nval: images/val\nnames: [a, b]\n", "train: there is no"),
        ("train: images/train\nval: images/val\n", "'names' must list the classes"),
        ("train: [\n", "is not readable YAML"),
    ],
)
def test_a_bad_data_file_is_one_line_and_leaves_no_run_behind(train, data, tmp_path, text, says):
    data.write_text(text)
    line = train()
    assert line.removeprefix("data ").startswith(str(data)) and says in line
    assert not (tmp_path / "runs").exists()


def test_an_empty_label_file_is_background(data, tmp_path):
    (data.parent / "labels/train/0.txt").write_text("")
    (data.parent / "labels/train/1.txt").unlink()
    assert cli.main(["train", "model=yolov5n", f"data={data}", f"project={tmp_path / 'runs'}", *QUICK_WORDS]) == 0


def test_data_without_any_box_is_one_line(train, data):
    for file in (data.parent / "labels/train").glob("*.txt"):
        file.write_text("")
    assert "no box in any of the 4 training images" in train()
    shutil.rmtree(data.parent / "labels/train")
    assert "no label file for any of the 4 training images" in train()


def test_an_image_that_does_not_decode_is_skipped_counted_and_named(data, tmp_path, capsys):
    (data.parent / "images/train/2.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    words = ["train", "model=yolov5n", f"data={data}", f"project={tmp_path / 'runs'}", "name=r", *QUICK_WORDS]
    assert cli.main(words) == 0
    assert "1 of 4 images cannot be read and are left out: 2.png" in capsys.readouterr().out
    assert (tmp_path / "runs/r/weights/best.pt").exists()


def test_a_folder_of_broken_images_is_one_line(train, fails, data):
    for file in (data.parent / "images/train").glob("*.png"):
        file.write_bytes(b"zzz")
    folder = data.parent / "images/train"
    assert train() == f"none of the 4 images of {folder} can be read"
    assert "none of the 4 pictures" in fails("predict", f"model={trained().best}", f"source={folder}", "save=False")


def test_sixteen_bit_and_grey_images_train_and_predict(tmp_path, capsys):
    data = write_tiny(tmp_path / "data", train=2, val=1)
    rows = [(0, 0.5, 0.5, 0.1, 0.1)]
    for i, image in enumerate((GREY.astype(np.uint16) << 8, GREY[..., 0], GREY[..., 0].astype(np.uint16) << 8)):
        for split in ("train", "val"):
            add_picture(tmp_path / "data", split, f"odd{i}.png", image, rows)
    words = ["train", "model=yolov5n", f"data={data}", f"project={tmp_path}", "name=r", *QUICK_WORDS]
    assert cli.main(words) == 0
    words = [f"model={tmp_path}/r/weights/best.pt", f"source={tmp_path}/data/images/val", f"project={tmp_path}"]
    assert cli.main(["predict", *words, "name=p"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"4 pictures, results saved to {tmp_path}/p"
    saved = [cv2.imread(str(f)) for f in sorted((tmp_path / "p").glob("odd*"))]
    assert len(saved) == 3 and all(abs(int(np.median(image)) - 90) <= 2 for image in saved)


def test_an_image_with_three_thousand_boxes_trains_and_validates(tmp_path, capsys):
    data = write_tiny(tmp_path / "data", train=3, val=1)
    crowd = [(0, (x + 1) / 256, (y + 1) / 256, 2 / 256, 2 / 256) for y in range(0, 240, 4) for x in range(0, 200, 4)]
    for split in ("train", "val"):
        add_picture(tmp_path / "data", split, "crowd.png", np.full((256, 256, 3), 90, np.uint8), crowd)
    words = ["train", "model=yolov5n", f"data={data}", f"project={tmp_path}", "name=r", *QUICK_WORDS, "imgsz=128"]
    assert cli.main([w for w in words if w != "imgsz=64"]) == 0
    assert "a picture holds 3000 objects: max_det raised from 1500 to 3000" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "pickle"])
@pytest.mark.parametrize("command", ["train", "pretrained", "val", "predict", "export", "resume"])
def test_a_checkpoint_that_is_none_is_one_line_that_names_it(train, fails, data, tmp_path, kind, command):
    file = tmp_path / "broken.pt"
    whole = trained().best.read_bytes()
    file.write_bytes({"text": b"I am a text file\n", "empty": b"", "cut": whole[:5000], "pickle": b"\x80\x02N."}[kind])
    before = file.read_bytes()
    line = {
        "train": lambda: train(f"model={file}"),
        "pretrained": lambda: train(f"pretrained={file}"),
        "val": lambda: fails("val", f"model={file}", f"data={data}"),
        "predict": lambda: fails("predict", f"model={file}", f"source={data.parent}/images/val"),
        "export": lambda: fails("export", f"model={file}"),
        "resume": lambda: train(f"resume={file}"),
    }[command]()
    assert str(file) in line and file.read_bytes() == before
    assert not (tmp_path / "runs").exists()


def test_a_checkpoint_in_which_nothing_matches_is_refused(train, tmp_path):
    torch.save({"some.weight": torch.zeros(3, 7)}, tmp_path / "other.pt")
    line = train(f"pretrained={tmp_path / 'other.pt'}")
    assert line.startswith("no tensor of ") and "yolov5n" in line


def test_a_checkpoint_with_hidden_code_is_refused_and_the_code_does_not_run(fails, train, tmp_path, data):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    assert str(tmp_path / "evil.pt") in fails("val", f"model={tmp_path / 'evil.pt'}", f"data={data}")
    assert str(tmp_path / "evil.pt") in train(f"pretrained={tmp_path / 'evil.pt'}")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", ["train", "val", "predict"])
def test_a_folder_that_cannot_be_written_is_one_line(train, fails, tmp_path, data, monkeypatch, command):
    (tmp_path / "file").write_text("keep me")
    run = {
        "train": lambda p: train(f"project={p}"),
        "val": lambda p: fails("val", f"model={trained().best}", f"data={data}", f"project={p}"),
        "predict": lambda p: fails(
            "predict", f"model={trained().best}", f"source={data.parent}/images", f"project={p}"
        ),
    }[command]
    assert "cannot be made: " in run(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "keep me"
    trained()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "is read-only" in run(tmp_path / "locked")


def test_a_full_disk_keeps_the_checkpoint_before(train, tmp_path, monkeypatch):
    write = Path.write_bytes
    last = tmp_path / "runs/r/weights/last.pt"

    def full(self, content):
        if last.exists():
            write(self, content[:100])
            raise OSError(28, "No space left on device", str(self))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    line = train("epochs=2", "name=r")
    assert line == f"cannot write {last}: No space left on device; the checkpoint before it is kept"
    assert [p.name for p in sorted(last.parent.iterdir())] == ["best.pt", "last.pt"]
    monkeypatch.undo()
    assert cli.main(["train", f"resume={last}"]) == 0
    assert len((tmp_path / "runs/r/results.csv").read_text().splitlines()) == 3


def test_a_run_is_never_written_over_unless_asked(data, tmp_path):
    words = ["train", "model=yolov5n", f"data={data}", f"project={tmp_path}", "name=r", *QUICK_WORDS]
    assert cli.main(words) == 0
    before = (tmp_path / "r/weights/best.pt").read_bytes()
    assert cli.main(words) == 0
    assert (tmp_path / "r/weights/best.pt").read_bytes() == before
    (second,) = tmp_path.glob("r?*/args.yaml")
    assert yaml.safe_load(second.read_text())["name"] == second.parent.name


@pytest.mark.parametrize(
    ("source", "says"), [("nowhere", "source 'nowhere' does not exist"), ("empty", "No images or videos found in")]
)
def test_a_source_without_pictures_is_one_line(fails, tmp_path, monkeypatch, source, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert says in fails("predict", f"model={trained().best}", f"source={source}")


def test_an_export_that_is_not_known_is_one_line(fails):
    assert "unknown export format 'onx'; did you mean 'onnx'" in fails(
        "export", f"model={trained().best}", "format=onx"
    )


def test_an_export_that_cannot_be_is_one_line_before_the_network_is_traced(fails, monkeypatch):
    assert fails("export", "model=yolc-n", "format=onnx", "opset=11").startswith("opset=11: this model needs opset=16")
    assert fails("export", "model=yolov5n", "format=onnx", "opset=999") == "opset=999 is above 20"
    monkeypatch.setitem(sys.modules, "ncnn", None)
    assert fails("export", f"model={trained().best}", "format=ncnn", "imgsz=64").endswith(": pip install ncnn")
