"""A run on disk: its command, whether it is taken or done, and the seconds that it took."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.study.made import run, trained
from yolotiny.cli.main import parse
from yolotiny.study.records import Run, epochs_of

HOLDS = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
input()
"""


def test_what_is_asked_is_read_back_as_it_was_written(tmp_path):
    made = run(tmp_path, looks={"k1": {"k": 1}}, after="warm-0", measured={"srtod.threshold": "background"})
    assert Run.read(made.asked) == made


def test_its_command_line_gives_the_options_of_its_call(tmp_path):
    options = {"coder": {"type": "bins", "alpha": [2, 5]}, "crop_train": None, "val": False, "loss.box.type": "nwd"}
    made = replace(run(tmp_path, seed=3), options=options)
    words = shlex.split(made.command)
    assert words[:3] == ["yolotiny", "train", "model=yolov5n"]
    assert (
        parse(words[3:], "train")
        == made.call
        == options
        | {
            "seed": 3,
            "project": str(tmp_path),
            "name": "a-3",
            "exist_ok": True,
        }
    )


def test_one_that_starts_from_another_names_its_last_weights(tmp_path):
    assert run(tmp_path, after="warm-1").call["pretrained"] == str(tmp_path / "warm-1/weights/last.pt")


def test_it_is_done_when_it_is_trained_and_looked_at_in_each_way_as_asked_now(tmp_path):
    made = run(tmp_path, looks={"k1": {"k": 1}})
    assert not made.done and not made.begun
    trained(made)
    assert made.done and made.begun
    other = replace(made, looks={"k1": {"k": 2}})
    assert other.trained and not other.done


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_its_lock_goes_with_the_process_that_held_it_even_by_a_kill(tmp_path):
    made = run(tmp_path)
    words = [sys.executable, "-c", HOLDS, str(tmp_path / "a-0.lock")]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n" and not made.free and made.begun
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert made.free and not made.begun


def test_seconds_go_on_where_the_clock_began_anew_after_a_kill(tmp_path):
    made = run(tmp_path)
    assert epochs_of(made) == (0, 0.0)
    made.place.mkdir()
    (made.place / "results.csv").write_text("epoch,time,x\n1,10,0\n2,21,0\n3,4,0\n4,9,0\n")
    assert epochs_of(made) == (4, 21 + 9)
