"""Runs side by side: the order, failures, what another process has, a kill of all."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.study.made import run
from tests.tiny_data import start, write_tiny
from yolotiny.study import driver as module
from yolotiny.study.bar import Bar
from yolotiny.study.driver import Driver

WORKS = """
import json, pathlib, sys
place = pathlib.Path(sys.argv[1][: -len(".json")])
with open(place.parent / "order", "a") as file:
    file.write(place.name + "\\n")
if place.name.startswith("bad"):
    sys.exit("error: no such thing")
place.mkdir(exist_ok=True)
(place / "study.json").write_text(json.dumps({"seconds": 1}))
"""


@pytest.fixture
def drive(monkeypatch):
    """A driver whose processes train nothing."""
    monkeypatch.setattr(module, "PAUSE", 0.02)
    monkeypatch.setattr(Driver, "command", lambda self, run: [sys.executable, "-S", "-c", WORKS, str(run.asked)])
    return lambda runs, jobs=1: Driver(runs, jobs, io.StringIO())


def begun(folder):
    return (folder / "order").read_text().split()


def test_runs_come_in_their_order_once_each_and_the_second_time_not_at_all(drive, tmp_path):
    runs = [run(tmp_path, arm, seed) for seed in (0, 1) for arm in "ab"]
    assert drive(runs).run() == "" and begun(tmp_path) == ["a-0", "b-0", "a-1", "b-1"]
    again = drive(runs)
    assert again.run() == "" and len(begun(tmp_path)) == 4
    assert again.screen.getvalue().startswith("[########################] 4/4 runs, 8/8 epochs")


def test_no_more_than_jobs_run_at_once(drive, tmp_path):
    made = drive([run(tmp_path, arm) for arm in "abc"], jobs=2)
    made.step()
    assert list(made.alive) == ["a-0", "b-0"]
    module.end(made.alive.values())


def test_cores_are_shared_among_jobs_unless_the_user_has_said_how_many_threads(drive, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 8)
    told = "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'])"
    monkeypatch.setattr(Driver, "command", lambda self, run: [sys.executable, "-S", "-c", told])
    for own, jobs, threads in ((None, 3, "2"), ("5", 3, "5"), (None, 20, "1")):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if own:
            monkeypatch.setenv("OMP_NUM_THREADS", own)
        made = drive([run(tmp_path)], jobs)
        made.run()
        assert made.failed == {"a-0": threads}


def test_a_run_that_fails_is_told_with_its_last_words_and_the_others_go_on(drive, tmp_path):
    runs = [run(tmp_path, "bad"), run(tmp_path, "later", after="bad-0"), run(tmp_path, "good")]
    made = drive(runs)
    assert made.run() == (
        f"2 of 3 runs failed: bad-0: no such thing; see {tmp_path}/*.log, and give the same command again for what is "
        "left"
    )
    assert made.failed["later-0"] == "it starts from bad-0, which failed"
    assert begun(tmp_path) == ["bad-0", "good-0"] and runs[2].done


def test_a_run_waits_for_the_one_that_it_starts_from(drive, tmp_path):
    runs = [run(tmp_path, "later", after="warm-0"), run(tmp_path, "warm")]
    assert drive(runs, jobs=2).run() == "" and begun(tmp_path) == ["warm-0", "later-0"]


def test_a_run_that_another_process_has_is_left_to_it(drive, tmp_path):
    runs = [run(tmp_path, "a"), run(tmp_path, "b")]
    made = drive(runs)
    lock = runs[0].lock
    with lock:
        for _ in range(500):
            made.step()
            if runs[1].done and not made.alive:
                break
            time.sleep(0.02)
        assert begun(tmp_path) == ["b-0"] and made.step()
        assert "1 in other processes" in made.bar.line(0, 1)
    assert made.run() == "" and begun(tmp_path) == ["b-0", "a-0"]


def test_a_run_that_a_signal_ended_says_which(tmp_path):
    assert module.last_line(run(tmp_path), -9) == "it was ended by SIGKILL"


def test_the_bar_counts_epochs_and_says_how_long_the_rest_will_take(tmp_path):
    runs = [run(tmp_path, "a", epochs=4), run(tmp_path, "b", epochs=4)]
    bar = Bar(runs, io.StringIO())
    assert "0/2 runs, 0/8 epochs, time left unknown until an epoch is done" in bar.line()
    runs[0].place.mkdir()
    (runs[0].place / "results.csv").write_text("epoch,time\n1,10\n2,20\n")
    bar.pace.begun -= 100  # two epochs in 100 s, six are left
    assert bar.line(1) == "[######------------------] 0/2 runs, 2/8 epochs, 0:05:00 left, 1 failed"


STUDY = """# two arms, long enough to be killed
options: {model: yolov5n}
arms: {a: {}, b: {lr0: 0.001}}
looks: {plain: {}}
profiles: {toy: {epochs: 6, seeds: [0]}}
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_study_goes_on_after_a_kill_of_all_and_trains_no_epoch_twice(tmp_path):
    (tmp_path / "s.yaml").write_text(STUDY)
    data = write_tiny(tmp_path / "data", train=4, val=2)
    words = ("study", "run", f"file={tmp_path / 's.yaml'}", "profile=toy", f"to={tmp_path / 'to'}", f"data={data}")
    first = start(*words, "jobs=2")
    lasts = [tmp_path / "to" / f"{arm}-0" / "weights" / "last.pt" for arm in "ab"]
    until = time.monotonic() + 300
    while not all(p.exists() for p in lasts) and first.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)  # its runs go on without it
    first.wait()
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout.splitlines()
    workers = [int(line.split()[0]) for line in listed if f"study.worker {tmp_path}" in line and "-0.json" in line]
    if workers:
        os.kill(workers[0], signal.SIGKILL)
    out, err = start(*words, "jobs=2").communicate(timeout=300)
    assert err == "" and "2/2 runs, 12/12 epochs" in out
    for arm in "ab":
        rows = (tmp_path / "to" / f"{arm}-0" / "results.csv").read_text().splitlines()[1:]
        assert [int(row.split(",")[0]) for row in rows] == [1, 2, 3, 4, 5, 6]
        came = json.loads((tmp_path / "to" / f"{arm}-0" / "study.json").read_text())
        assert came["epochs"] == 6 and came["seconds"] > 0 and came["peak_mb"] > 100 and came["version"]
    assert "| a/plain | 1 |" in out and "| b/plain | 1 |" in out
