"""What killed exports left goes with the next one, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from yolotiny.export import whole

HOLD = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def aged(folder, seconds=10.0):
    """Make a folder with a file in it look so old."""
    folder.mkdir()
    (folder / "best.onnx").write_bytes(b"half")
    then = time.time() - seconds
    os.utime(folder, (then, then))
    return folder


def test_what_nobody_holds_is_removed_and_what_is_younger_or_named_otherwise_stays(tmp_path):
    left, other = aged(tmp_path / ".export-left"), aged(tmp_path / "exports")
    fresh = aged(tmp_path / ".export-fresh", 0.0)
    whole.remove_left(tmp_path)
    assert not left.exists() and other.exists() and fresh.exists()


@pytest.mark.skipif(whole.fcntl is None, reason="no locks on this system")
def test_the_folder_of_an_export_that_lives_stays_and_goes_once_it_is_killed(tmp_path):
    stage = aged(tmp_path / ".export-alive")
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(stage)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == "held"
        whole.remove_left(tmp_path)
        assert stage.exists()
    finally:
        process.kill()
        process.wait()
    whole.remove_left(tmp_path)
    assert not stage.exists()


def test_where_there_are_no_locks_a_day_has_to_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "fcntl", None)
    today, old = aged(tmp_path / ".export-today", 3600.0), aged(tmp_path / ".export-old", 2 * whole.OLD_SECONDS)
    whole.remove_left(tmp_path)
    assert today.exists() and not old.exists()
