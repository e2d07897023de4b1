"""Nothing goes to the network and nothing is installed: the whole main job runs where both are forbidden."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.tiny_data import QUICK, start, write_tiny
from yolotiny._compat.silence import VARIABLES, silence

GUARDED = """
import socket, subprocess, sys

def forbidden(*args, **kwargs):
    raise SystemExit(f"the network was asked for: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = forbidden
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = forbidden

class Guarded(subprocess.Popen):
    def __init__(self, args, *rest, **options):
        words = args if isinstance(args, str) else " ".join(map(str, args))
        if any(w in words for w in ("pip", "uv ", "conda", "curl", "wget", "ping")):
            raise SystemExit(f"a process was started: {words}")
        super().__init__(args, *rest, **options)

subprocess.Popen = Guarded
from yolotiny.cli.main import main
"""


def run(code: str, folder) -> str:
    """Run Python in which sockets and installers end the process; return what it printed."""
    process = start(code=GUARDED + code, cwd=folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, f"{out}\n{err}"
    return out


@pytest.mark.parametrize("code", ["import socket; socket.create_connection(('127.0.0.1', 9))", "import os, subprocess"])
def test_the_guard_ends_a_process_that_asks_for_the_network(code, tmp_path):
    if "subprocess" in code:
        code += "; subprocess.run(['pip', 'install', 'x'])"
    process = start(code=GUARDED + code, cwd=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and ("network was asked" in err or "process was started" in err)


@pytest.mark.slow
def test_training_validation_prediction_and_export_stay_on_this_machine(tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=2)
    quick = " ".join(f"{k}={v}" for k, v in QUICK.items() if k != "plots")
    out = run(
        f"""
best = "runs/detect/first/weights/best.pt"
for line in (
    "train model=yolov5n data={data} name=first plots=True {quick}",
    f"val model={{best}} data={data} imgsz=64 batch=2 plots=True save_json=True",
    f"predict model={{best}} source={data.parent}/images/val imgsz=64",
    f"export model={{best}} format=torchscript imgsz=64",
    "predict model=runs/detect/first/weights/best.torchscript source={data.parent}/images/val imgsz=64",
):
    assert main(line.split()) == 0, line
""",
        tmp_path,
    )
    assert "2 pictures, results saved to" in out
    assert (tmp_path / "runs/detect/first/results.png").exists()
    assert (tmp_path / "runs/detect/first/weights/best.torchscript").exists()


def test_a_user_who_starts_from_python_is_quiet_too(tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=2)
    run(f"from yolotiny import YOLO\nYOLO('yolox-nano').train(data={str(data)!r}, name='first', **{QUICK!r})", tmp_path)
    assert (tmp_path / "runs/detect/first/weights/best.pt").exists()


# Libraries that report or look for news by themselves, what turns that off, and what makes them do it.
TALKATIVE = {
    "albumentations": ("NO_ALBUMENTATIONS_UPDATE", "import albumentations"),
    "huggingface_hub": (
        "HF_HUB_DISABLE_TELEMETRY",
        "import huggingface_hub.constants as c; assert c.HF_HUB_DISABLE_TELEMETRY",
    ),
    "nncf": ("NNCF_CI", "import nncf"),
    "ray": ("RAY_USAGE_STATS_ENABLED", "import ray"),
    "mlflow": ("MLFLOW_DISABLE_TELEMETRY", "import mlflow"),
    "wandb": ("WANDB_ERROR_REPORTING", "import wandb"),
    "dvc": ("DVC_NO_ANALYTICS", "import dvc"),
    "ultralytics": ("YOLO_OFFLINE", "import ultralytics"),
}


@pytest.mark.parametrize("library", TALKATIVE)
def test_what_a_library_sends_by_itself_is_off_before_it_is_imported(library, tmp_path):
    variable, use = TALKATIVE[library]
    assert variable in VARIABLES
    if importlib.util.find_spec(library) is not None:
        run(f"import os\nassert os.environ[{variable!r}] == {VARIABLES[variable]!r}\n{use}", tmp_path)


def test_a_user_who_has_decided_otherwise_keeps_it(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    for name in VARIABLES.keys() - {"MLFLOW_DISABLE_TELEMETRY"}:
        monkeypatch.delenv(name, raising=False)
    silence()
    assert {name: os.environ[name] for name in VARIABLES} == VARIABLES | {"MLFLOW_DISABLE_TELEMETRY": "false"}


def test_openvino_reports_nothing_of_an_export(tmp_path):
    pytest.importorskip("openvino")
    run(
        "import openvino; from openvino.tools.ovc import telemetry; assert 'stub' in type(telemetry).__module__",
        tmp_path,
    )
