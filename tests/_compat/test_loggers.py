"""Loggers are those that the user has asked for, and what they are given stays on this machine."""

import os
import sys
import types

import pytest

from tests.tiny_data import QUICK, start, write_tiny
from yolotiny._compat import loggers
from yolotiny.errors import InputError


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """What is set of the environment ends with the test."""
    for name in (*loggers.HERE, "MLFLOW_TRACKING_URI", loggers.VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def trainer(monkeypatch):
    """A trainer without callbacks, and a TensorBoard that prints."""
    from ultralytics.utils.callbacks import get_default_callbacks

    class AnyTrainer:
        callbacks = get_default_callbacks()

    fake = types.ModuleType("ultralytics.utils.callbacks.tensorboard")
    fake.callbacks = {"on_train_end": print}
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    return AnyTrainer()


def test_only_switched_on_local_loggers_are_attached(trainer):
    from ultralytics.utils import SETTINGS

    before = SETTINGS["tensorboard"]
    try:
        for wanted in (False, True):
            dict.__setitem__(SETTINGS, "tensorboard", wanted)  # in memory only
            loggers.attach(trainer)
            assert (print in trainer.callbacks["on_train_end"]) is wanted
    finally:
        dict.__setitem__(SETTINGS, "tensorboard", before)


def test_a_user_names_them_by_a_variable(trainer, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None if name == "wandb" else name)
    monkeypatch.setenv(loggers.VARIABLE, "TensorBoard,")
    loggers.attach(trainer)
    assert trainer.callbacks["on_train_end"][-2:] == [print, loggers.tensorboard_pictures]
    for text, says in (
        ("tensorbord", "unknown logger 'tensorbord'; did you mean 'tensorboard'"),
        ("tensorboard,wandb", "wandb is not installed; pip install wandb, or leave it out"),
    ):
        monkeypatch.setenv(loggers.VARIABLE, text)
        with pytest.raises(InputError, match=says):
            loggers.attach(trainer)


def test_what_the_user_has_said_of_places_stays(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    loggers.keep_here()
    assert os.environ["WANDB_MODE"] == "online"
    assert os.environ["MLFLOW_TRACKING_URI"].startswith("file:///") and os.environ["MLFLOW_TRACKING_URI"].endswith(
        "mlflow"
    )


CODE = """import os, socket
connect = socket.socket.connect

def only_here(self, address):
    if self.family != getattr(socket, "AF_UNIX", None):
        print("the network was asked for:", address, flush=True)
        os._exit(1)
    return connect(self, address)

socket.socket.connect = only_here
os.environ.pop("PYTEST_CURRENT_TEST", None)  # under which ultralytics logs nothing
os.environ["YOLOTINY_LOGGERS"] = "{name}"
from yolotiny import YOLO
YOLO("yolov5n.yaml").train(data={data!r}, project="here", name="run", **{options!r})
"""


@pytest.fixture
def logged(tmp_path):
    """`logged(name)`: the folder in which a run of one epoch was logged, in a process that can reach nothing."""

    def train(name):
        pytest.importorskip(name)
        data = write_tiny(tmp_path / "data", train=4, val=2)
        code = CODE.format(name=name, data=str(data), options=QUICK | {"plots": True})
        process = start(code=code, cwd=tmp_path)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, f"{out}\n{err}"
        return tmp_path

    return train


@pytest.mark.slow
def test_tensorboard_has_our_columns_and_the_pictures(logged):
    folder = logged("tensorboard") / "here" / "run"  # skips where the logger is not installed
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    tags = events.Tags()
    assert {"metrics/AP_vt(B)", "metrics/AP_t(B)", "metrics/mAP50(B)", "train/box_loss"} <= set(tags["scalars"])
    assert {"results", "labels"} <= set(tags["images"])


@pytest.mark.slow
def test_mlflow_has_our_columns_and_the_pictures_in_a_folder(logged):
    root = logged("mlflow") / "runs" / "mlflow"
    names = {p.name for p in root.rglob("*") if p.is_file()}
    assert {"AP_vtB", "AP_tB", "mAP50B", "results.png", "labels.jpg", "results.csv", "best.pt"} <= names


@pytest.mark.slow
def test_wandb_writes_offline(logged):
    (folder,) = (logged("wandb") / "here" / "run" / "wandb").glob("offline-run-*")
    names = {p.name.split("_")[0] for p in (folder / "files" / "media" / "images").iterdir()}
    content = next(folder.glob("*.wandb")).read_bytes()
    assert b"AP_vt" in content and {"labels", "results"} <= names
