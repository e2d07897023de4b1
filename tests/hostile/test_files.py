"""No file from elsewhere runs code, writes elsewhere, or ends in anything but one line."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from ultralytics.utils import LOGGER

from tests.hostile.files import CASES, GIGABYTE, PIPE, ROWS, Case
from tests.tiny_data import start, write_tiny
from yolotiny.cli import main as cli

LONG = 60  # seconds after which something has exploded; most end in a tenth of one


def lay_out(case: Case, at: Path) -> list[str]:
    """Write the files of a case beside a good data set; return the words of its command."""
    write_tiny(at / "data", train=2, val=1)
    (at / "good.yaml").write_text(ROWS.format(row=""))
    for name, content in case.files.items():
        file = at / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        if content is PIPE:
            os.mkfifo(file)
        elif content is GIGABYTE:
            with file.open("wb") as stream:
                stream.truncate(1 << 30)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        else:
            code = f"__import__('os').mkdir('{at}/ran')"
            file.write_text(content.replace("CODE", code).replace("AT", str(at)))
    return case.words.replace("AT", str(at)).split()


@pytest.fixture(autouse=True)
def log_where_it_is_read(monkeypatch):
    """Ultralytics logs to the stdout of its import, which is closed by now."""
    for handler in LOGGER.handlers:
        if type(handler) is logging.StreamHandler:
            monkeypatch.setattr(handler, "stream", sys.stdout)


@pytest.fixture
def in_time():
    """End what does not end by itself."""

    def stop(*_):
        raise AssertionError(f"no answer after {LONG} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONG)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_there_are_at_least_forty_and_no_two_are_the_same():
    assert len({case.what for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_a_hostile_file_is_one_line(case, tmp_path, monkeypatch, capsys, in_time):
    home = tmp_path / "inside"
    home.mkdir()
    words = lay_out(case, home)
    monkeypatch.chdir(home)
    capsys.readouterr()
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "Traceback" not in out + err
    assert re.search(case.says, err), err
    assert not (home / "ran").exists() and not (home / "runs").exists() and not (home / "converted").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["anchors that multiply to a billion values", "Python under download:", "a device as data"]
)
def test_the_command_line_itself_ends_in_one_line(what, tmp_path):
    words = lay_out(next(case for case in CASES if case.what == what), tmp_path)
    process = start(*words, cwd=tmp_path)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 2 and err.count("\n") == 1, err
    assert not (tmp_path / "ran").exists()
