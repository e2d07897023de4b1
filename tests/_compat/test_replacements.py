"""The private places of ultralytics that are touched exist, and with them replaced nothing opens a socket."""

import importlib
import inspect
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

os.environ.setdefault("YOLO_OFFLINE", "1")
os.environ.setdefault("YOLO_AUTOINSTALL", "0")

from yolotiny import _compat
from yolotiny._compat.network import local_font
from yolotiny._compat.places import originals
from yolotiny._compat.replacements import ALWAYS, OFFLINE

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize(("module", "name"), [*ALWAYS, *OFFLINE, *CONSTANTS])
def test_what_is_replaced_exists_in_the_installed_ultralytics(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("place", "replacement"), [*ALWAYS.items(), *OFFLINE.items()])
def test_a_replacement_takes_the_arguments_of_the_original(place, replacement):
    original = originals.get(place) or getattr(importlib.import_module(place[0]), place[1])
    names = list(inspect.signature(inspect.unwrap(original)).parameters)
    ours = inspect.signature(replacement).parameters.values()
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in ours)
    named = [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert named[:1] == names[:1] and (takes_any or named == names)


def test_a_moved_name_stops_with_a_clear_message(monkeypatch):
    monkeypatch.setitem(OFFLINE, ("ultralytics.utils.checks", "check_gone"), local_font)
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


def test_what_torch_says_to_ultralytics_is_not_said_to_a_user():
    with warnings.catch_warnings(record=True) as seen:
        warnings.resetwarnings()
        _compat.quiet()
        for name in ("load", "script"):
            warnings.warn(f"`torch.jit.{name}` is deprecated. Please switch to `torch.export`.", FutureWarning, 1)
    assert [str(w.message).split()[0] for w in seen] == ["`torch.jit.script`"]
