"""Numbers of users: what is none, or lies outside its bounds, is one line in one form."""

from __future__ import annotations

import math

import pytest

from tests.messages import assert_says
from yolotiny.errors import above_zero, number, whole


@pytest.mark.parametrize(
    ("value", "options", "bounds"),
    [
        (-0.1, {}, "from 0 up"),
        (1.1, {"high": 1}, "from 0 to 1"),
        (0, {"ends": "(]"}, "above 0"),
        (0, {"high": 1, "ends": "(]"}, "above 0 and up to 1"),
        (1, {"high": 1, "ends": "[)"}, "from 0 up to below 1"),
        (1, {"high": 1, "ends": "()"}, "above 0 and below 1"),
        (True, {"high": 0.5}, "from 0 to 0.5"),
        ("1", {"low": 1, "high": 2000}, "from 1 to 2,000"),
        (None, {"example": 0.3}, "from 0 up; write for example 0.3"),
        (math.nan, {}, "from 0 up"),
        (math.inf, {}, "from 0 up"),
    ],
)
def test_what_is_no_number_within_its_bounds_is_refused(value, options, bounds):
    with assert_says(f"toy: size={value!r} must be a number {bounds}"):
        number(value, "toy: size", **options)


@pytest.mark.parametrize("value", [0.5, True, "3", math.inf, 0, 10, None])
def test_what_is_no_whole_number_within_its_bounds_is_refused(value):
    with assert_says(f"k={value!r} must be a whole number from 1 to 9; write for example 3"):
        whole(value, "k", 1, 9, example=3)


@pytest.mark.parametrize("check", [number, whole])
def test_what_has_no_bound_of_its_own_has_one_that_nothing_overflows_below(check):
    with assert_says("x=1000000001 is above 1,000,000,000"):
        check(1_000_000_001, "x")
    with assert_says(f"x={10**400} is above 1,000,000,000"):
        check(10**400, "x")


def test_what_lies_within_its_bounds_is_given_back():
    assert number(0, "x") == 0 and number(1, "x", 0, 1) == 1 and number(10**400, "x", 0, 10**401) == 10**400
    assert number(0.5, "x", 0, 1, "()") == 0.5 and above_zero(1e-9, "x", 1) == 1e-9
    assert whole(9, "k", 1, 9) == 9
