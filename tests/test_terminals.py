"""Where the output goes: a pipe that closes, a full disk, a terminal without letters; and a folder that is gone."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.tiny_data import ROOT, trained
from yolotiny.cli import main as cli

PLAIN = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def shell(script: str, cwd=None, **environment: str) -> subprocess.CompletedProcess:
    """Run a line of sh in which `yolotiny` is this one."""
    script = f'yolotiny() {{ "{sys.executable}" -m yolotiny "$@"; }}; {script}'
    variables = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(["bash", "-c", script], cwd=cwd, env=variables, capture_output=True, text=True)


@pytest.mark.parametrize("reader", ["head -1", "true"])
@pytest.mark.parametrize("words", ["models", "version"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(words, reader):
    done = shell(f"yolotiny {words} | {reader}; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_is_closed_or_full_ends_without_a_traceback():
    closed = shell("yolotiny version >&-")
    assert (closed.returncode, closed.stderr) == (0, "")
    if os.path.exists("/dev/full"):
        full = shell("yolotiny version > /dev/full")
        assert (full.returncode, full.stderr) == (2, "yolotiny: error: No space left on device\n")


@pytest.mark.parametrize("words", ["help", "help train", "models"])
def test_a_terminal_without_letters_shows_what_it_can(words):
    done = shell(f"yolotiny {words}", **PLAIN)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.isascii()


def terminal(encoding: str, *words: object) -> tuple[int, str]:
    """Run a command line in a terminal of an encoding; returns its code and all that it shows."""
    from ultralytics.utils import LOGGER

    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        patch.setattr(sys, "stderr", screen)
        for handler in LOGGER.handlers:
            if type(handler) is logging.StreamHandler:
                patch.setattr(handler, "stream", screen)
        code = cli.main([str(w) for w in words])
    return code, screen.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_of_any_bytes_are_shown_and_written_on_any_terminal(tmp_path, encoding):
    model = trained().best
    (tmp_path / "in").mkdir()
    picture = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    for name in (b"a\xff\xe9.jpg", "b\u6f22.jpg".encode()):
        with open(os.path.join(os.fsencode(tmp_path / "in"), name), "wb") as file:
            file.write(picture)
    (tmp_path / "in" / "c\u6f22.jpg").write_bytes(b"")
    words = [f"model={model}", f"source={tmp_path / 'in'}", f"project={tmp_path}", "name=p", "imgsz=64"]
    code, said = terminal(encoding, "predict", *words, "save_json=True", "save_txt=True", "conf=0.0001")
    assert code == 0 and "2 pictures, 1 more cannot be read" in said and "Traceback" not in said
    assert sorted(os.listdir(os.fsencode(tmp_path / "p")))[:2] == [b"a\xff\xe9.jpg", "b\u6f22.jpg".encode()]
    assert b"udcff" in (tmp_path / "p" / "predictions.json").read_bytes()


def test_training_and_data_commands_show_their_bars_on_any_terminal(tmp_path):
    data = f"data={trained().data}"
    for words in (
        ["data", "check", data],
        ["data", "stats", data],
        ["val", f"model={trained().best}", data, "imgsz=64"],
    ):
        code, said = terminal("ascii", *words, *([f"project={tmp_path}"] if words[0] == "val" else []))
        assert code == 0 and "Traceback" not in said and "Logging error" not in said


@pytest.mark.parametrize("words", ["info model=yolov5n", "demo", "tune-crops model=yolov5n data=a.yaml"])
def test_a_folder_that_is_gone_is_one_line(tmp_path, words):
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; yolotiny {words}", cwd=tmp_path)
    said = "yolotiny: error: the current folder does not exist any more; go to another one\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_commands_that_need_no_network_work_in_a_folder_that_is_gone(tmp_path):
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; yolotiny data check data={trained().data}", cwd=tmp_path)
    assert "0 errors" in done.stdout and "Traceback" not in done.stderr
