"""The engine of one machine: each picture once, whoever is killed and when."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bulk.looks import load, plan_of, rows_in
from tests.tiny_data import ROOT
from yolotiny.bulk.work import Engine, work
from yolotiny.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")


def rows(out: Path) -> list[dict]:
    """All rows of all shards."""
    return [row for file in sorted((out / "shards").iterdir()) for row in pq.read_table(file).to_pylist()]


def each_once(out: Path, pictures: list[str]) -> None:
    assert Counter(row["picture"] for row in rows(out)) == Counter(pictures)
    for row in rows(out):
        expected = rows_in(int(Path(row["picture"]).stem))
        assert (
            row["error"] is None and row["boxes"] == expected[:, :4].tolist() and row["scores"] == [0.5] * len(expected)
        )


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_picture_has_one_row_and_what_is_done_is_not_done_again(tmp_path):
    pictures = [f"/p/{i}.png" for i in range(50)]
    plan, log, told = plan_of(tmp_path / "out", pictures), tmp_path / "log", []
    found = work(plan, partial(load, log=log), Engine(workers=2), lambda *said: told.append(said))
    each_once(tmp_path / "out", pictures)
    boxes = sum(i % 3 for i in range(50))
    assert (found.pictures, found.failed, found.boxes, found.shards, found.new) == (50, 0, boxes, 4, 50)
    assert told[-1] == ("pictures", 50, 50) and len(told) == 4
    gone = next((tmp_path / "out" / "shards").iterdir())
    there = pq.read_metadata(gone).num_rows
    gone.unlink()
    again = work(plan_of(tmp_path / "out", pictures), partial(load, log=log), Engine(workers=2))
    each_once(tmp_path / "out", pictures)
    assert again.new == there and len(log.read_text().split()) == 50 + there
    assert work(plan_of(tmp_path / "out", pictures), partial(load, log=log), Engine()).new == 0


def test_a_picture_that_kills_and_one_that_raises_are_rows_of_failed_and_the_others_are_done(tmp_path):
    names = [*map(str, range(20)), "kills-it", "broken", "raises"]
    pictures = [f"/p/{name}.png" for name in names]
    found = work(plan_of(tmp_path, pictures), load, Engine(workers=1))
    assert (found.pictures, found.failed, found.new) == (23, 3, 23)
    failed = {Path(row["picture"]).stem: row for row in pq.read_table(tmp_path / "failed.parquet").to_pylist()}
    assert {name: row["error"] for name, row in failed.items()} == {
        "kills-it": "the process that looked at it was ended 2 times (signal 9)",
        "broken": "it does not decode",
        "raises": "this one does not agree with it",
    }
    assert all((tmp_path / "shards" / f"{row['shard']}.parquet").is_file() for row in failed.values())
    assert Counter(row["picture"] for row in rows(tmp_path)) == Counter(pictures)
    assert not (tmp_path / "tmp").exists()


def test_workers_that_all_die_or_raise_end_the_run_with_one_line_and_leave_what_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr("yolotiny.bulk.keeper.MOST", 0)
    for name, says in (
        ("kills", r"workers end before they are through with a shard \(signal 9\)"),
        ("raises", "no picture could"),
    ):
        pictures = [f"/p/{name}{i}.png" for i in range(16)] + [f"/p/{i}.png" for i in range(16)]
        with pytest.raises(InputError, match=says) as caught:
            work(plan_of(tmp_path / name, pictures[::-1]), load, Engine(workers=1))
        assert "\n" not in str(caught.value)
        assert len(rows(tmp_path / name)) == 16


def broken_load(number: int) -> None:
    raise InputError("model.pt holds no detector")


def test_a_model_that_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(InputError, match="^model.pt holds no detector$"):
        work(plan_of(tmp_path, ["/p/1.png"]), broken_load, Engine(workers=1))


def killed(tmp_path: Path, count: int, pause: float) -> None:
    """Kill a worker three times, then the driver, then let the rest be done."""
    import subprocess

    out, log = tmp_path / "out", tmp_path / "log"
    words = [sys.executable, "-m", "tests.bulk.looks", out, log, count, pause]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen([str(w) for w in words], cwd=ROOT, env=environment)
    looked = lambda: log.read_text().split() if log.exists() else []  # noqa: E731
    for share in (0.05, 0.15, 0.3):
        wait_for(lambda: len(looked()) > share * count)  # noqa: B023
        with suppress(ProcessLookupError):
            os.kill(int(looked()[-1]), signal.SIGKILL)
    wait_for(lambda: len(looked()) > 0.5 * count)
    assert driver.poll() is None
    driver.kill()
    driver.wait()
    workers = set(map(int, looked()))
    assert len(workers) >= 4
    found = work(plan_of(out, []), partial(load, log=log), Engine(workers=2))
    each_once(out, [f"/pictures/{i}.png" for i in range(count)])
    assert found.pictures == count and 0 < found.new < count
    assert not [pid for pid in workers if alive(pid)]  # they end by themselves when their driver has gone


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes by /proc")
def test_a_worker_killed_three_times_and_the_driver_once_leave_each_picture_once(tmp_path):
    killed(tmp_path, 200, 0.01)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes by /proc")
def test_the_same_of_two_thousand_pictures(tmp_path):
    killed(tmp_path, 2000, 0.004)


def test_boxes_come_back_as_they_were(tmp_path):
    from yolotiny.bulk.shard import Found, as_bytes, table_of

    found = [Found("a", (3, 2), rows_in(2)), Found("b", error="no"), Found("\udcff", (1, 1), rows_in(1))]
    (tmp_path / "t.parquet").write_bytes(as_bytes(table_of(found)))
    table = pq.read_table(tmp_path / "t.parquet").to_pydict()
    assert table["picture"] == ["a", "b", "\\udcff"] and table["error"] == [None, "no", None]
    assert (table["width"], table["height"]) == ([3, None, 1], [2, None, 1])
    assert [len(b) for b in table["boxes"]] == [2, 0, 1] and np.allclose(table["boxes"][0], rows_in(2)[:, :4])
