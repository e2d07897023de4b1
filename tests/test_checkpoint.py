"""A checkpoint is data: what is written opens anywhere, and nothing that is read makes an object or names a place."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn
from ultralytics.nn.tasks import SegmentationModel

from tests.detectors import awake
from tests.tiny_data import start, trained
from yolotiny import YOLO, checkpoint
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn import MODULES

SMALL = {
    "nc": 2,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2], "p2"], [-1, 1, "Conv", [16, 3, 2], "p3"]],
    "head": [[["p2", "p3"], 1, "AnchorDetect", ["nc", "anchors"]]],
    "anchors": [[4, 4, 8, 8], [12, 12, 24, 24]],
    "coder": {"type": "v5"},
    "assigner": {"type": "wh_ratio"},
    "loss": {"box": {"type": "ciou"}, "obj": {"weight": 1.0, "balance": [4.0, 1.0]}, "cls": {"weight": 0.5}},
}


@pytest.fixture
def small():
    torch.manual_seed(0)
    return awake(Detector(SMALL))


def seen(model):
    with torch.no_grad():
        return model.eval()(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))[0]


def old(network, file, **more):
    """A file as versions before wrote it: the pickled module."""
    torch.save({"model": network, "ema": None, "epoch": -1, "train_args": {"imgsz": 64, "task": "detect"}} | more, file)
    return file


def ours(network, file, **more):
    """A file as it is written now, with `more` put into it by hand."""
    torch.save(checkpoint.describe(network, {"imgsz": 64, "task": "detect"}) | more, file)
    return file


def test_what_is_written_is_plain_whatever_it_was():
    found = checkpoint.plain(
        {
            1: np.float64(0.5),
            "b": (np.int64(3), np.bool_(True), {2}),
            "path": Path("a/b"),
            "table": np.eye(2),
            "counts": defaultdict(int, a=1),
            "order": OrderedDict(b=2),
            "kind": torch.float32,
            "true": True,
            "tensor": nn.Parameter(torch.ones(2)),
            "odd": Namespace(a=1),
        }
    )
    tensor = found.pop("tensor")
    assert type(tensor) is torch.Tensor and not tensor.requires_grad
    assert found == {
        1: 0.5,
        "b": [3, True, [2]],
        "path": "a/b",
        "table": [[1.0, 0.0], [0.0, 1.0]],
        "counts": {"a": 1},
        "order": {"b": 2},
        "kind": "torch.float32",
        "true": True,
        "odd": "Namespace(a=1)",
    }
    assert type(found["counts"]) is type(found["order"]) is dict and type(found["b"][1]) is bool


def test_the_files_of_a_run_open_with_nothing_allowed_where_yolotiny_was_never_imported():
    run = trained()
    code = f"""
import sys, torch
for file in ({str(run.best)!r}, {str(run.last)!r}):
    content = torch.load(file, weights_only=True)
    kinds, rest = set(), [content]
    while rest:
        item = rest.pop()
        kinds.add(type(item).__name__)
        rest += [*item, *item.values()] if isinstance(item, dict) else item if isinstance(item, list) else []
    assert kinds <= {{"dict", "list", "Tensor", "str", "int", "float", "bool", "NoneType"}}, kinds
    assert content["config"]["backbone"] and content["names"] == {{0: "a", 1: "b"}} and "optimizer" not in content
    assert not any(name.partition(".")[0] in ("yolotiny", "ultralytics") for name in sys.modules)
"""
    process = start(code=code)
    assert process.communicate()[1] == "" and process.returncode == 0


def test_no_option_in_a_file_names_a_place_but_the_data_which_are_local(tmp_path):
    places = {k: "elsewhere" for k in checkpoint.PLACES}
    assert checkpoint.kept_options(places | {"imgsz": 64, "data": None, "stranger": 1}) == {"imgsz": 64, "data": None}
    (tmp_path / "d.yaml").write_text("")
    (tmp_path / "d.ndjson").write_text("")
    for data, kept in [
        (tmp_path / "d.yaml", str(tmp_path / "d.yaml")),
        ("https://example.com/d.yaml", None),
        ("ul://me/datasets/d", None),
        (tmp_path / "gone.yaml", None),
        (tmp_path / "d.ndjson", None),  # a list of addresses
        (f"/{tmp_path}/d.yaml", None),  # another machine, where paths of two slashes mean one
    ]:
        assert checkpoint.kept_options({"data": str(data)})["data"] == kept
    content = torch.load(trained().best, weights_only=True)["train_args"]
    assert not content.keys() & checkpoint.PLACES and content["data"] == str(trained().data.resolve())


def test_a_hand_made_file_is_cleaned_when_it_is_read(tmp_path, small):
    args = {"imgsz": 64, "data": "https://example.com/d.yaml", "save_dir": "/elsewhere", "tracker": "/t.yaml"}
    for file in (ours(small, tmp_path / "a.pt", train_args=args, modelopt={"a": 1}), old(small, tmp_path / "b.pt")):
        content = checkpoint.read(file)
        assert content["train_args"].keys() <= {"imgsz", "data", "task"} and not content["train_args"]["data"]
        assert "modelopt" not in content
    with pytest.raises(InputError, match="val needs data=FILE.yaml"):
        YOLO(tmp_path / "a.pt").val()


def test_a_recipe_in_a_file_is_one_of_ours_or_of_the_users_own_folder(tmp_path, small, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "r.yaml").write_text("lr0: 5\n")
    small.yaml["recipe"] = str(tmp_path / "far" / "r.yaml")
    with pytest.raises(InputError, match=r"unknown recipe 'r\.yaml'"):
        YOLO(ours(small, tmp_path / "a.pt")).train(data="d.yaml")


def test_older_files_of_ours_and_plain_ones_see_the_same(tmp_path, small):
    small.names = {0: "car", 1: "boat"}
    half = seen(awake(small).half().float())  # both keep half precision
    for file in (ours(small, tmp_path / "a.pt"), old(small, tmp_path / "b.pt")):
        model = YOLO(file)
        assert type(model.model) is Detector and model.names == small.names
        assert torch.equal(seen(model.model), half)
        assert model.model.yaml["loss"]["box"]["type"] == "ciou"


def test_classes_that_a_file_does_not_name_are_called_by_their_number(tmp_path, small):
    assert YOLO(ours(small, tmp_path / "a.pt", names={1: "boat", "x": "y"})).names == {0: "0", 1: "boat"}


def test_the_numbers_of_older_files_come_back_as_numbers(tmp_path, small):
    stopper = {"best_fitness": np.float64(0.25), "best_epoch": np.int64(3)}
    file = old(small, tmp_path / "a.pt", best_fitness=np.float32(0.5), stopper=stopper, train_metrics=Path("x"))
    content = checkpoint.read(file)
    assert content["best_fitness"] == 0.5 and content["stopper"] == {"best_fitness": 0.25, "best_epoch": 3}
    assert "train_metrics" not in content


def test_a_network_that_was_joined_for_speed_is_saved_and_opened_again(tmp_path, small):
    model = YOLO(ours(small, tmp_path / "a.pt"))
    model.fuse(verbose=False)
    assert model.model.is_fused()
    model.save(tmp_path / "b.pt")
    assert torch.load(tmp_path / "b.pt", weights_only=True)["format"] == "yolotiny"
    torch.testing.assert_close(seen(YOLO(tmp_path / "b.pt").model), seen(model.model), atol=0.5, rtol=0.02)


class Own(nn.Conv2d):
    """A layer of a user's own."""

    def __init__(self, c1: int, c2: int):
        super().__init__(c1, c2, 1)


def test_a_layer_of_a_users_own_is_imported_first_or_named(tmp_path, monkeypatch):
    cfg = SMALL | {"backbone": [*SMALL["backbone"][:2], [-1, 1, "Own", [16], "p3"]]}
    cfg["head"] = [[["p2", "p3"], 1, "AnchorDetect", ["nc", "anchors"]]]
    with monkeypatch.context() as patch:
        patch.setitem(MODULES, "Own", Own)
        made = Detector(cfg)
        files = [ours(made, tmp_path / "a.pt"), old(made, tmp_path / "b.pt")]
        assert all(isinstance(YOLO(f).model.model[2], Own) for f in files)
    for file in files:
        with pytest.raises(InputError, match=r"unknown module 'Own' in .*import your own layers before opening it"):
            YOLO(file)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format_version": 9}, r"written by yolotiny .*; this is .*: update it"),
        ({"config": {"nc": 2, "base": "yolov5n.yaml"}}, "names a base of its model"),
        ({"config": "yolov5n.yaml"}, "cannot be read as a checkpoint, it is damaged or of another kind"),
        ({"config": None, "names": None}, "cannot be read as a checkpoint"),
        ({"model": {}}, "does not fit the network that it describes"),
        ({"class": "os.system"}, "ultralytics has no network os.system"),
        ({"train_args": 3}, "cannot be read as a checkpoint"),
    ],
)
def test_a_file_that_contradicts_itself_is_one_line(tmp_path, small, change, says):
    file = ours(small, tmp_path / "a.pt", **change)
    with pytest.raises(InputError, match=says) as error:
        YOLO(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"model": {"a.weight": torch.ones(2)}}, "holds weights and no configuration; use them as pretrained="),
        ({"a.weight": torch.ones(2)}, "holds weights and no configuration"),
        ([1, 2], "holds weights and no configuration"),
        ({"model": nn.Conv2d(3, 3, 1)}, r"holds torch\.nn\.modules\.conv\.Conv2d, which is no network"),
    ],
)
def test_a_file_without_a_network_says_what_it_is(tmp_path, content, says):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match=says):
        YOLO(tmp_path / "a.pt")


class Evil:
    """Pickles as a call that makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.mark.parametrize("place", ["model", "ema", "optimizer", "train_args", "names", "config", "format"])
@pytest.mark.parametrize("form", [ours, old])
def test_nothing_in_a_file_is_called_wherever_it_lies(tmp_path, small, place, form, monkeypatch):
    monkeypatch.setenv("ULTRALYTICS_SAFE_LOAD", "0")
    file = form(small, tmp_path / "a.pt", **{place: Evil(tmp_path / "ran")})
    for use in (YOLO, lambda f: YOLO("yolov5n").train(resume=f), lambda f: YOLO(SMALL_FILE(tmp_path)).load(f)):
        try:
            use(file)
        except InputError:
            continue
    assert not (tmp_path / "ran").exists()


def SMALL_FILE(folder):
    """The small network as a model file."""
    file = folder / "small.yaml"
    file.write_text("# small\n" + yaml.safe_dump(SMALL))
    return file


def test_other_networks_of_ultralytics_open_where_it_asks_for_them(tmp_path):
    from ultralytics import YOLO as Theirs

    torch.manual_seed(0)
    theirs = SegmentationModel("yolo11n-seg.yaml", nc=2, verbose=False)
    theirs.names = {0: "a", 1: "b"}
    file = old(theirs, tmp_path / "seg.pt", train_args={"task": "segment"})
    model = Theirs(file)
    assert type(model.model) is SegmentationModel and model.task == "segment" and model.names == {0: "a", 1: "b"}
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in model.model.state_dict().items())


def test_stripping_leaves_the_average_and_is_the_same_twice(tmp_path, small):
    state = small.state_dict()
    average = {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}
    file = ours(small, tmp_path / "a.pt", model=state, ema=average, optimizer={"state": {}}, updates=3, run={})
    checkpoint.strip(file, train_results={"epoch": [1, np.int64(2)]})
    first = file.read_bytes()
    content = torch.load(file, weights_only=True)
    assert not content.keys() & set(checkpoint.TO_GO_ON) and content["train_results"] == {"epoch": [1, 2]}
    assert all(torch.equal(v, average[k].half() if v.dtype == torch.half else v) for k, v in content["model"].items())
    checkpoint.strip(file)
    assert file.read_bytes() == first and [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_a_failing_disk_leaves_what_was_there(tmp_path, small, monkeypatch):
    file = ours(small, tmp_path / "a.pt")
    before = file.read_bytes()

    def full(self, content):
        with self.open("wb") as out:
            out.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.strip(file)
    assert file.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.pt"]


def test_a_backbone_of_timm_comes_from_the_file_and_not_from_the_network(tmp_path, monkeypatch):
    timm = pytest.importorskip("timm")
    made = Detector({"base": "yolc.yaml", "scale": "r50", "nc": 2})
    make, asked = timm.create_model, []
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: asked.append(k.get("pretrained")) or make(*a, **k))
    made.yaml["backbone"][0][3] = ["resnet50", True]
    made.yaml["scales"]["r50"].pop("arch", None)
    YOLO(ours(made, tmp_path / "a.pt"))
    assert asked == [None]


def test_a_copy_of_a_run_belongs_to_the_copy(tmp_path):
    shutil.copytree(trained().run, tmp_path / "copy")
    content = torch.load(tmp_path / "copy" / "weights" / "last.pt", weights_only=True)
    assert str(trained().run) not in str({k: v for k, v in content["train_args"].items() if k != "data"})
