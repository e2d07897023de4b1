"""How far work is, in words: known times, what an earlier run did, and how often a line comes."""

from __future__ import annotations

import pytest

from yolotiny import pace
from yolotiny.pace import Pace, clock


@pytest.fixture
def now(monkeypatch):
    """A clock that the test sets."""
    time = [0.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: time[0])
    return time


def test_time_has_one_form():
    assert [clock(s) for s in (0.4, 12, 75, 3723, 360_000)] == ["0:00:00", "0:00:12", "0:01:15", "1:02:03", "100:00:00"]


def test_the_rest_takes_as_long_as_the_speed_so_far_says(now):
    made = Pace()
    now[0] = 12.0
    assert made.line(2, 4, "pictures") == "2 of 4 pictures, 0:00:12 left"


def test_what_an_earlier_run_did_took_no_time_of_this_one(now):
    made = Pace(1000)
    now[0] = 10.0
    assert made.line(1000, 1200, "windows") == "1,000 of 1,200 windows"  # nothing shows the speed yet
    assert made.line(1100, 1200, "windows") == "1,100 of 1,200 windows, 0:00:10 left"


def test_a_line_comes_now_and_then(now):
    made, told = Pace(every=10.0), []
    for now[0] in (3.0, 9.0, 10.0, 15.0, 20.5, 30.0):
        told += [now[0]] * made.due()
    assert told == [10.0, 20.5]
