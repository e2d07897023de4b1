"""Reading checkpoints: every layout in use, and nothing in them is ever run."""

import collections
import os
import pickle
import sys
import types
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "0")

from yolotiny.errors import InputError
from yolotiny.weights import match, read_tensors, rename

DATA = Path(os.environ.get("YOLOTINY_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture
def yolov5_model(monkeypatch):
    """A model of a class `models.yolo.Model`, and a call that makes that module disappear again."""
    module = types.ModuleType("models.yolo")

    class Model(nn.Module):
        def __init__(self, fill=1.0):
            super().__init__()
            self.model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
            nn.init.constant_(self.model[0].weight, fill)
            self.register_buffer("scratch", torch.zeros(3), persistent=False)
            self.names = ["car", "boat"]
            self.yaml = {"nc": 2, "where": Path("x/y")}

    Model.__module__, Model.__qualname__ = "models.yolo", "Model"
    module.Model = Model
    monkeypatch.setitem(sys.modules, "models", types.ModuleType("models"))
    monkeypatch.setitem(sys.modules, "models.yolo", module)

    def forget():
        monkeypatch.delitem(sys.modules, "models.yolo")
        monkeypatch.delitem(sys.modules, "models")

    return Model, forget


def saved(tmp_path, payload, name="w.pt", **options):
    torch.save(payload, tmp_path / name, **options)
    return tmp_path / name


def message(path):
    with pytest.raises(InputError) as error:
        read_tensors(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def test_a_yolov5_checkpoint_is_read_without_its_classes(tmp_path, yolov5_model):
    Model, forget = yolov5_model
    model = Model(fill=7.0)
    expected = {k: v.clone() for k, v in model.state_dict().items()}
    path = saved(tmp_path, {"epoch": 3, "model": model.half(), "ema": None, "date": "2022"})
    forget()
    weights = read_tensors(path)
    assert weights.origin == "yolov5 checkpoint" and weights.names == {0: "car", 1: "boat"}
    assert list(weights.tensors) == list(expected)
    assert weights.tensors["model.0.weight"].dtype == torch.float32
    assert weights.tensors["model.0.weight"].unique().tolist() == [7.0]
    assert weights.tensors["model.1.num_batches_tracked"].dtype == torch.int64
    assert "models.yolo" not in sys.modules


def test_the_average_is_preferred_to_the_model(tmp_path, yolov5_model):
    Model, forget = yolov5_model
    path = saved(tmp_path, {"model": Model(fill=1.0), "ema": Model(fill=2.0)})
    forget()
    assert read_tensors(path).tensors["model.0.weight"].unique().tolist() == [2.0]


def test_a_yolox_checkpoint_is_known_by_its_names(tmp_path):
    tensors = {"backbone.backbone.stem.conv.conv.weight": torch.ones(2, 3), "head.cls_preds.0.bias": torch.zeros(4)}
    weights = read_tensors(saved(tmp_path, {"start_epoch": 5, "model": tensors, "optimizer": {}}, "yolox_s.pth"))
    assert weights.origin == "yolox checkpoint" and weights.names is None
    assert list(weights.tensors) == list(tensors)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "ema"])
def test_a_state_dict_is_read_alone_or_under_its_usual_names(tmp_path, wrapper):
    state = nn.Linear(2, 3).state_dict()
    weights = read_tensors(saved(tmp_path, {wrapper: state} if wrapper else state))
    assert weights.origin == "state dict"
    assert all(torch.equal(weights.tensors[k], state[k]) for k in ("weight", "bias")) and len(weights.tensors) == 2


def test_the_prefix_of_a_data_parallel_wrapper_is_dropped(tmp_path):
    state = nn.Sequential(collections.OrderedDict(module=nn.Linear(2, 3))).state_dict()
    assert list(read_tensors(saved(tmp_path, state)).tensors) == ["weight", "bias"]


def test_a_file_in_the_format_before_torch_1_6_is_read(tmp_path):
    path = saved(tmp_path, {"w": torch.arange(3.0)}, _use_new_zipfile_serialization=False)
    assert read_tensors(path).tensors["w"].tolist() == [0, 1, 2]


def test_a_shared_storage_keeps_each_tensors_own_part(tmp_path):
    whole = torch.arange(6.0)
    weights = read_tensors(saved(tmp_path, {"a": whole[:2], "b": whole.view(2, 3).T, "c": nn.Parameter(whole[4:])}))
    assert weights.tensors["a"].tolist() == [0, 1] and weights.tensors["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert weights.tensors["c"].tolist() == [4, 5] and not weights.tensors["c"].requires_grad


def test_a_checkpoint_of_ultralytics_gives_the_state_dict_of_its_model(tmp_path):
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel("yolov5n.yaml", nc=3, verbose=False)
    model.names = {0: "a", 1: "b", 2: "c"}
    weights = read_tensors(saved(tmp_path, {"epoch": -1, "model": model, "ema": None, "train_args": {"lr0": 0.1}}))
    expected = model.state_dict()
    assert weights.origin == "ultralytics checkpoint" and weights.names == {0: "a", 1: "b", 2: "c"}
    assert list(weights.tensors) == list(expected) and len(expected) > 300
    assert all(torch.equal(weights.tensors[k], v) for k, v in expected.items())


class Trap:
    """Pickles as a call that would write a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_call_hidden_in_a_file_is_never_made(tmp_path, zipped):
    marker = tmp_path / "executed"
    path = saved(tmp_path, {"model": Trap(marker)}, _use_new_zipfile_serialization=zipped)
    assert "holds no named tensors" in message(path)
    assert not marker.exists()


def test_tensors_beside_a_hidden_call_are_still_read(tmp_path):
    marker = tmp_path / "executed"
    path = saved(tmp_path, {"w": torch.ones(1), "hook": Trap(marker)})
    assert list(read_tensors(path).tensors) == ["w"] and not marker.exists()


class Nested:
    """Pickles a second, unguarded torch file inside the first."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.content,)


def test_a_file_inside_the_file_is_not_opened(tmp_path):
    marker = tmp_path / "executed"
    inner = saved(tmp_path, Trap(marker), "inner.pt").read_bytes()
    assert list(read_tensors(saved(tmp_path, {"w": torch.ones(1), "x": Nested(inner)})).tensors) == ["w"]
    assert not marker.exists()


def test_a_truncated_file_is_said_to_be_damaged(tmp_path):
    whole = saved(tmp_path, nn.Linear(50, 50).state_dict()).read_bytes()
    for share in (0.1, 0.6, 0.95):
        (tmp_path / "cut.pt").write_bytes(whole[: int(share * len(whole))])
        assert "cut short or damaged" in message(tmp_path / "cut.pt")


def test_a_damaged_pickle_is_one_line(tmp_path):
    path = saved(tmp_path, {"w": torch.ones(3)}, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:60])
    assert "damaged or of another kind" in message(path)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "empty"),
        (b"nc: 80\nscales:\n", "text"),
        (b"\n<!DOCTYPE html><html>Not Found", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (pickle.dumps({"a": 1}), "torch.save did not write"),
        (bytes(range(256)), "binary data"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named_for_what_it_is(tmp_path, content, looks):
    (tmp_path / "w.pt").write_bytes(content)
    assert looks in message(tmp_path / "w.pt")


def test_a_torchscript_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/x.py"):
            archive.writestr(f"w/{name}", b"")
    assert "TorchScript" in message(tmp_path / "w.pt")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    assert "do not exist" in message(tmp_path / "none.pt")
    assert "is a folder" in message(tmp_path)


def test_match_keeps_tensors_of_equal_name_and_shape():
    source = {"a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1)}
    target = {"a": torch.zeros(2), "b": torch.zeros(4), "d": torch.zeros(1)}
    assert {k: v.tolist() for k, v in match(source, target).items()} == {"a": [1, 1]}


def test_rename_takes_the_longest_prefix_and_keeps_the_rest():
    tensors = dict.fromkeys(["backbone.stem.w", "backbone.dark2.w", "head.w"])
    names = rename(tensors, {"backbone.": "model.", "backbone.stem.": "model.0."})
    assert list(names) == ["model.0.w", "model.dark2.w", "head.w"]


@pytest.mark.real
@pytest.mark.skipif(not (DATA / "weights").is_dir(), reason=f"no real weights in {DATA}")
def test_the_public_yolov5n_weights_are_read_whole():
    weights = read_tensors(DATA / "weights" / "yolov5n_coco_v6_state_dict.pt")
    assert weights.origin == "state dict" and len(weights.tensors) == 349
    assert weights.tensors["model.0.conv.weight"].shape == (16, 3, 6, 6)
    assert weights.tensors["model.24.anchors"].shape == (3, 3, 2)
