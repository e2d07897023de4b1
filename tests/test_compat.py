"""The private places of ultralytics that are touched exist, and with them replaced nothing opens a socket."""

import importlib
import inspect
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "0")

from yolotiny import _compat
from yolotiny.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
CONSTANTS = [(m, c) for m in ("ultralytics.utils", "ultralytics.utils.checks") for c in ("ONLINE", "AUTOINSTALL")]
# Turns every way out into an error, and reports what was tried.
GUARD = """
import socket, sys
tried = []
def refuse(*args, **kwargs):
    tried.append(args); raise OSError("no network here")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = socket.socket.connect_ex = refuse
"""


def python(code, **env):
    """Run code in a fresh interpreter with its own, empty settings folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO", "ULTRALYTICS"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture
def quieted():
    """ultralytics with our replacements, which the other tests find in place too."""
    _compat.quiet()
    yield
    _compat.quiet()


@pytest.mark.parametrize(("module", "name"), [*_compat.ALWAYS, *_compat.OFFLINE, *CONSTANTS])
def test_what_is_replaced_exists_in_the_installed_ultralytics(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("place", "replacement"), [*_compat.ALWAYS.items(), *_compat.OFFLINE.items()])
def test_a_replacement_takes_the_arguments_of_the_original(place, replacement):
    original = _compat._originals.get(place) or getattr(importlib.import_module(place[0]), place[1])
    names = list(inspect.signature(inspect.unwrap(original)).parameters)
    ours = inspect.signature(replacement).parameters.values()
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in ours)
    named = [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert named[:1] == names[:1] and (takes_any or named == names)


def test_a_moved_name_stops_with_a_clear_message(monkeypatch):
    monkeypatch.setitem(_compat.OFFLINE, ("ultralytics.utils.checks", "check_gone"), _compat.local_font)
    with pytest.raises(RuntimeError, match=r"ultralytics\.utils\.checks\.check_gone"):
        _compat.quiet()


def test_checking_a_data_set_and_building_a_trainer_open_no_socket(tmp_path):
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
    (tmp_path / "data.yaml").write_text(json.dumps(dict(path=str(tmp_path), train="train", val="val", names=["ä"])))
    (tmp_path / "config").mkdir()
    code = f"""{GUARD}
from yolotiny import _compat
_compat.quiet()
import torch
from ultralytics.data.utils import check_det_dataset
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import checks, AUTOINSTALL, ONLINE
data = {str(tmp_path / "data.yaml")!r}
check_det_dataset(data)
trainer = DetectionTrainer(overrides=dict(model="yolov5n.yaml", data=data, device="cpu", project={str(tmp_path)!r}))
names = [f.__module__ for fs in trainer.callbacks.values() for f in fs]
assert not checks.check_pip_update_available() and not checks.check_requirements("no-such-package-here")
assert not any("events" in n or "platform" in n or "mlflow" in n for n in names), names
assert not ONLINE and not AUTOINSTALL and not tried, tried
print("silent")"""
    assert python(code, YOLO_CONFIG_DIR=str(tmp_path / "config"), ULTRALYTICS_API_KEY="ul_0") == "silent"


def test_ultralytics_imported_first_is_silenced_as_well(tmp_path):
    code = f"""{GUARD}
import ultralytics.utils.checks as checks
checks.ONLINE = True
from yolotiny import _compat
_compat.quiet()
tried.clear()
checks.check_pip_update_available()
print(checks.ONLINE, checks.AUTOINSTALL, tried)"""
    assert python(code, YOLO_CONFIG_DIR=str(tmp_path)) == "False False []"


def test_yolotiny_online_leaves_ultralytics_as_it_is():
    code = """
import os
os.environ.update(YOLO_OFFLINE="1")  # keeps this test itself off the network
from yolotiny import _compat
import ultralytics.engine.trainer as t, ultralytics.utils as u
before = t.check_amp
_compat.quiet()
print(t.check_amp is before, u.AUTOINSTALL)"""
    assert python(code, YOLOTINY_ONLINE="1") == "True True"


def test_the_settings_file_of_the_user_stays_as_it_was(tmp_path):
    python("import ultralytics; print()", YOLO_CONFIG_DIR=str(tmp_path), YOLO_OFFLINE="1")
    file = next(tmp_path.rglob("settings.json"))
    before = file.read_bytes()
    python("from yolotiny import _compat; _compat.quiet(); print()", YOLO_CONFIG_DIR=str(tmp_path))
    assert b'"sync": true' in before and file.read_bytes() == before


def test_the_font_is_a_file_on_this_machine():
    from PIL import ImageFont

    assert ImageFont.truetype(_compat.local_font("Arial.Unicode.ttf"), 12).getbbox("ä")[2] > 0


def test_only_switched_on_local_loggers_are_attached(monkeypatch):
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.callbacks import get_default_callbacks

    class AnyTrainer:
        callbacks = get_default_callbacks()

    fake = types.ModuleType("ultralytics.utils.callbacks.tensorboard")
    fake.callbacks = {"on_train_end": print}
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    before = SETTINGS["tensorboard"]
    try:
        for wanted in (False, True):
            dict.__setitem__(SETTINGS, "tensorboard", wanted)  # in memory only
            _compat.local_callbacks(AnyTrainer())
            assert (print in AnyTrainer.callbacks["on_train_end"]) is wanted
    finally:
        dict.__setitem__(SETTINGS, "tensorboard", before)


def test_weights_that_are_not_here_are_an_error_and_not_a_download(tmp_path):
    (tmp_path / "yolov5n.pt").write_bytes(b"x")
    assert _compat.local_weights(tmp_path / "yolov5n.pt") == str(tmp_path / "yolov5n.pt")
    with pytest.raises(InputError, match="yolo11n-none.pt.*YOLOTINY_ONLINE=1"):
        _compat.local_weights("yolo11n-none.pt")


def test_half_precision_is_not_used_on_the_cpu():
    assert _compat.local_amp_check(nn.Linear(1, 1)) is False


def test_the_half_precision_trial_passes_where_halves_are_sound_and_leaves_the_seed_alone():
    state = torch.get_rng_state()
    assert _compat.half_agrees(torch.device("cpu"), torch.bfloat16)
    assert torch.equal(state, torch.get_rng_state())


def test_the_half_precision_trial_fails_on_not_a_number(monkeypatch):
    real = torch.nn.functional.silu
    broken = lambda x: real(x) * (float("nan") if x.dtype == torch.bfloat16 else 1)  # noqa: E731
    monkeypatch.setattr(torch.nn.functional, "silu", broken)
    assert not _compat.half_agrees(torch.device("cpu"), torch.bfloat16)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_half_precision_trial_passes_on_this_gpu():
    assert _compat.half_agrees(torch.device("cuda"))


@pytest.mark.parametrize(
    ("card", "faulty"),
    [("NVIDIA GeForce GTX 1660 Ti", True), ("Tesla T4", False), ("Quadro T1000", True), ("NVIDIA H100", False)],
)
def test_cards_with_unsound_halves_are_known(card, faulty):
    assert bool(_compat.FAULTY_HALF.search(card)) is faulty


class Stranger(nn.Module):
    """A class of nobody we know."""


@pytest.mark.parametrize("switch", [None, "0", "1"])
def test_an_object_of_a_class_we_do_not_know_is_named_and_never_made(tmp_path, quieted, monkeypatch, switch):
    from ultralytics.nn.tasks import load_checkpoint

    if switch:
        monkeypatch.setenv("ULTRALYTICS_SAFE_LOAD", switch)
    torch.save({"model": Stranger(), "ema": None, "train_args": {}}, tmp_path / "best.pt")
    monkeypatch.setattr(Stranger, "__setstate__", lambda *_: pytest.fail("made"))
    with pytest.raises(InputError, match=r"best\.pt holds .*Stranger, which is no network of yolotiny or ultralytics"):
        load_checkpoint(tmp_path / "best.pt")


def test_a_whole_ultralytics_model_loads_safely(tmp_path, quieted):
    from ultralytics.nn.tasks import DetectionModel, load_checkpoint

    torch.save({"model": DetectionModel("yolov5n.yaml", nc=2, verbose=False), "train_args": {}}, tmp_path / "a.pt")
    assert len(load_checkpoint(tmp_path / "a.pt")[0].model) == 25


def test_a_network_of_ultralytics_is_built_without_evaluating_its_text_or_fetching_weights(monkeypatch):
    from ultralytics.nn import tasks

    act, seen = tasks.Conv.default_act, []
    monkeypatch.setattr(tasks, "TorchVision", type("TorchVision", (nn.Conv2d,), {}), raising=True)
    row = [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]]
    cfg = {"nc": 2, "backbone": row, "head": [[[0, 1, 2], 1, "Detect", ["nc"]]]}
    made = _compat.build_theirs("DetectionModel", cfg | {"activation": "nn.ReLU()"})
    assert isinstance(made.model[0].act, nn.ReLU) and tasks.Conv.default_act is act
    hostile = cfg | {"activation": "seen.append(1) or nn.ReLU()"}
    with pytest.raises(InputError, match="DetectionModel of ultralytics does not take it"):
        _compat.build_theirs("DetectionModel", hostile)
    assert not seen and not getattr(tasks._SafeLoad._local, "active", True) and tasks.Conv.default_act is act
    fetching = {"nc": 2, "backbone": [[-1, 1, "TorchVision", [8, "resnet18", "DEFAULT"]]], "head": []}
    with pytest.raises(InputError):
        _compat.build_theirs("DetectionModel", fetching)
    assert fetching["backbone"][0][3] == [8, "resnet18", None]
    with pytest.raises(InputError, match="ultralytics has no network subprocess"):
        _compat.build_theirs("subprocess", cfg)


def test_suppression_has_no_time_limit_when_it_is_told_infinity(monkeypatch):
    from ultralytics.utils import nms

    clock = iter(range(0, 10**6, 100))
    monkeypatch.setattr(nms.time, "time", lambda: float(next(clock)))  # every look at the clock is 100 s later
    boxes = torch.tensor([[10.0, 10, 4, 4, 0.9], [50, 50, 4, 4, 0.8]]).T.expand(2, 5, 2)
    limited = nms.non_max_suppression(boxes, 0.25, 0.45)
    free = nms.non_max_suppression(boxes, 0.25, 0.45, max_time_img=float("inf"))
    assert [len(x) for x in limited] == [2, 0] and [len(x) for x in free] == [2, 2]


@pytest.mark.parametrize(("asked", "expected"), [(None, "cores"), ("3", "3"), ("1", "1")])
def test_a_run_on_the_cpu_uses_every_core_or_what_the_user_asked_for(asked, expected, monkeypatch):
    """ultralytics leaves a core idle, half of a small machine, whatever OMP_NUM_THREADS says."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    code = (
        "from yolotiny import YOLO; import torch; from ultralytics.utils.torch_utils import select_device;"
        "select_device('cpu'); print(torch.get_num_threads())"
    )
    assert python(code, **({"OMP_NUM_THREADS": asked} if asked else {})) == {"cores": cores}.get(expected, expected)


def test_validation_alone_knows_of_no_other_process(monkeypatch):
    modules = [importlib.import_module(name) for name in _compat.RANKS]
    for module in modules:
        monkeypatch.setattr(module, "RANK", 1)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with _compat.alone():
        assert [m.RANK for m in modules] == [-1, -1] and not torch.distributed.is_initialized()
    assert [m.RANK for m in modules] == [1, 1] and torch.distributed.is_initialized()


def test_a_model_is_wrapped_on_a_cpu_as_ultralytics_asks_for_it(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    kind = nn.parallel.DistributedDataParallel
    try:
        with pytest.raises(ValueError, match="device_ids"):  # why a replacement is needed
            kind(nn.Linear(1, 1), device_ids=[None])
        with _compat.shared_on_cpu(True):
            made = nn.parallel.DistributedDataParallel(nn.Linear(1, 1), device_ids=[torch.device("cpu").index])
        assert isinstance(made, kind) and nn.parallel.DistributedDataParallel is kind
        assert made(torch.ones(1, 1)).shape == (1, 1)
    finally:
        torch.distributed.destroy_process_group()


def test_the_loss_of_several_processes_is_multiplied_by_their_number_as_distributed_counts_on():
    from ultralytics.engine.trainer import BaseTrainer

    assert "self.loss *= self.world_size" in inspect.getsource(BaseTrainer._do_train)
