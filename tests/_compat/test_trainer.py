"""The steps of ultralytics' training are called when the seam of the trainer says they are."""

import ast
import inspect
import textwrap
from functools import partial

import pytest
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny._compat.trainer import UNSHUFFLED, SeamedTrainer, unsaid


def steps(function):
    """Methods of its own with an underscore that a method calls, in the order of the source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    own = [c for c in calls if ast.unparse(c.value) == "self" and f"{c.attr}" in vars(SeamedTrainer)]
    return [c.attr for c in sorted(own, key=lambda c: (c.lineno, c.col_offset)) if c.attr.startswith("_")]


def test_a_run_comes_to_each_step_once_and_in_order(tmp_path, monkeypatch):
    seen = []

    def record(name, step, self, *args):
        seen.append(name)
        return step(self, *args)

    for name in [n for n in vars(SeamedTrainer) if not n.startswith("_")]:
        step = partial(record, name, getattr(SeamedTrainer, name))
        monkeypatch.setattr(SeamedTrainer, name, lambda self, *args, step=step: step(self, *args))
    write_tiny(tmp_path, train=4, val=1)
    made, events = YOLO("yolov5n.yaml"), ("on_pretrain_routine_end", "on_train_epoch_start", "on_train_end")
    for event in events:
        made.add_callback(event, lambda trainer, event=event: seen.append(event))
    options = QUICK | {"epochs": 2, "close_mosaic": 1, "project": str(tmp_path), "data": str(tmp_path / "data.yaml")}
    made.train(**options)
    start, epoch, end = events
    assert seen == [
        *("run_training", "set_up", "build_pipeline", start),
        *(epoch, "begin_epoch"),
        *(epoch, "begin_epoch", "close_mosaic"),
        end,
    ]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (BaseTrainer.train, ["_do_train"]),
        # Several processes are joined before all; a smaller batch builds the pipeline anew.
        (
            BaseTrainer._do_train,
            ["_setup_ddp", "_setup_train", "_model_train", "_close_dataloader_mosaic", "_build_train_pipeline"],
        ),
        (BaseTrainer._setup_train, ["_build_train_pipeline"]),
        (BaseTrainer.resume_training, ["_load_checkpoint_state"]),
        (BaseTrainer._handle_nan_recovery, ["_model_train", "_load_checkpoint_state"]),
    ],
)
def test_what_only_happens_now_and_then_is_called_from_where_it_was(method, expected):
    assert steps(method) == expected


def test_several_processes_are_joined_where_there_are_several():
    assert "if self.world_size > 1:\n            self._setup_ddp()" in inspect.getsource(BaseTrainer._do_train)


def test_freeing_memory_needs_nothing_and_does_nothing_on_a_cpu():
    trainer = object.__new__(SeamedTrainer)
    trainer.device = type("Device", (), {"type": "cpu"})()
    assert trainer.free_memory() is None


def test_the_warning_that_is_put_right_is_that_of_ultralytics_and_others_are_heard(caplog):
    assert f'LOGGER.warning("{UNSHUFFLED}' in inspect.getsource(DetectionTrainer.get_dataloader)
    caplog.clear()
    with unsaid(UNSHUFFLED):
        LOGGER.warning(UNSHUFFLED + ", setting shuffle=False")
        LOGGER.warning("heard")
    LOGGER.warning(UNSHUFFLED)
    assert [record.getMessage() for record in caplog.records] == [f"WARNING ⚠️ {text}" for text in ("heard", UNSHUFFLED)]
