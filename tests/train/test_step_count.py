"""Schedules that are too short to learn anything are told, with what would help."""

from __future__ import annotations

import pytest

from yolotiny.train.step_count import few_steps


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ((12, 4, 16, 20), "the optimizer takes 60 in all, one every 16 pictures; nbs=4 takes 240"),
        ((13, 4, 16, 20), "takes 65 in all"),  # what is left of an epoch goes into the next
        ((3, 16, 16, 20), "takes 60 in all, one every 16 pictures; a smaller batch, or more epochs, takes more"),
        ((3, 32, 16, 20), "one every 32 pictures"),
        ((38, 16, 16, 12), None),
        ((12, 4, 4, 20), None),
    ],
)
def test_few_steps_are_told(schedule, says):
    lines = few_steps(*schedule)
    assert (lines == []) if says is None else (len(lines) == 1 and says in lines[0])
