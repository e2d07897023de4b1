"""A study file: what it says, and one line for what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.messages import assert_says
from yolotiny.shipped import cfg_dir
from yolotiny.study.definition import Expected, read

ARMS = {"a": {}, "b": {"loss.box.type": "nwd"}, "c": {"after": "a", "seeds": 1}}


@pytest.fixture
def write(tmp_path):
    """Write a study with arms a, b and c, and what is given besides; its path."""

    def made(**content) -> str:
        file = tmp_path / "mine.yaml"
        file.write_text("# a study\n" + yaml.safe_dump({"arms": ARMS} | content, sort_keys=False), encoding="utf-8")
        return str(file)

    return made


def test_options_of_a_profile_stand_over_those_of_all_and_those_of_the_command_over_both(write):
    file = write(options={"model": "x", "epochs": 1, "lr0": 0.1}, profiles={"small": {"epochs": 2, "imgsz": 64}})
    study = read(file, "small", {"imgsz": 96})
    assert study.options == {"model": "x", "epochs": 2, "lr0": 0.1, "imgsz": 96}
    assert (study.name, study.profile, study.baseline, study.seeds) == ("mine", "small", "a", (0,))
    assert [arm.options for arm in study.arms] == [{}, {"loss.box.type": "nwd"}, {}]


def test_every_study_has_a_toy_profile_which_a_file_may_change(write):
    assert read(write(), "toy").options["epochs"] == 1
    study = read(write(profiles={"toy": {"epochs": 3, "seeds": [4, 5]}}), "toy")
    assert (study.options["epochs"], study.options["imgsz"], study.seeds) == (3, 64, (4, 5))


def test_seeds_are_those_of_the_command_else_of_the_profile_and_an_arm_may_have_fewer(write):
    profiles = {"small": {"seeds": [3, 1, 2]}}
    study = read(write(profiles=profiles))
    assert [study.seeds_of(arm) for arm in study.arms] == [(3, 1, 2), (3, 1, 2), (3,)]
    assert read(write(profiles=profiles), given={"seeds": "7,8"}).seeds == (7, 8)
    assert read(write(profiles=profiles), given={"seeds": 0}).seeds == (0,)


def test_an_arm_brings_the_one_that_it_starts_from(write):
    assert [arm.name for arm in read(write(), "toy", {"only": "c"}).arms] == ["a", "c"]
    assert [arm.name for arm in read(write(), "toy", {"only": ["b"]}).arms] == ["b"]


def test_looks_make_a_row_of_each_arm_and_way_of_looking(write):
    study = read(write(looks={"k0": {"k": 0}, "k1": {"k": 1}}, expected=[expects("a/k1", "a/k0")]), "toy")
    assert study.rows[:3] == [("a", "k0"), ("a", "k1"), ("b", "k0")]
    assert study.expected == (Expected("a/k1", "a/k0", "AP", 1.5),)


def expects(arm: str, over: str) -> dict:
    return {"arm": arm, "over": over, "figure": "AP", "by": 1.5}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"arm": {}}, "unknown key 'arm' in FILE; did you mean 'arms'?"),
        ({"arms": {}}, "FILE has no arms: write arms: {a: {}, b: {loss.box.type: nwd}}"),
        ({"arms": ["a"]}, "FILE: arms must be a mapping, not ['a']"),
        ({"arms": {"a": 3}}, "FILE: arm 'a' must be a mapping, not 3"),
        ({"arms": {"../a": {}}}, "FILE: arms: '../a' is no name: take up to 60 letters, digits and . _ + -"),
        ({"arms": {"a": {"seed": 1}}}, "FILE: arm 'a' sets seed, which the study does itself; leave it out"),
        ({"options": {"project": "x"}}, "FILE: profiles.small sets project, which the study does itself; leave it out"),
        ({"arms": {"a": {"after": "b"}}}, "FILE: arm 'a': after='b' is no arm above it; there are: none"),
        (
            {"arms": {"a": {"measured": {"srtod.threshold": "background"}}}},
            "FILE: arm 'a' measures srtod.threshold and starts from no arm: write after: ARM",
        ),
        (
            {"arms": {"a": {"seeds": 1}, "b": {"after": "a"}}},
            "FILE: arm 'b' starts from 'a', which has 1 of the seeds: write seeds: 1",
        ),
        ({"arms": {"a": {"seeds": 0}}}, "FILE: arm 'a': seeds=0 must be a whole number from 1 to 100"),
        ({"baseline": "d"}, "FILE: baseline 'd' is no arm; there are: a, b, c"),
        ({"profiles": {"small": {"seeds": [1, 1]}}}, "FILE: seeds=1, 1: give from 1 to 100 numbers, each once"),
        ({"profiles": {"small": {"seeds": ["x"]}}}, "FILE: seeds='x' must be a whole number from 0 to 2,147,483,647"),
        ({"looks": {"x": {}, "y": {}}}, "FILE: looks 'x' and 'y' are the same; take one of them out"),
        ({"expected": [expects("a", "z")]}, "FILE: expected: over 'z' is no row of the table; there are: a, b, c"),
        ({"expected": [{"arm": "b"}]}, "FILE: expected needs over, as in {arm: b, over: a, figure: AP, by: 1.5}"),
        ({"expected": ["b"]}, "FILE: expected must be a mapping, not 'b'"),
    ],
)
def test_what_a_file_cannot_say_is_one_line(write, content, says):
    file = write(**{"profiles": {"small": {}}} | content)
    with assert_says(says.replace("FILE", file)):
        read(file)


@pytest.mark.parametrize(
    ("profile", "given", "says"),
    [
        ("smal", {}, "FILE has no profile 'smal'; did you mean 'small'?"),
        ("small", {"only": "d"}, "only=d: there is no such arm; there are: a, b, c"),
        ("small", {"seeds": "a"}, "FILE: seeds='a' must be a whole number from 0 to 2,147,483,647"),
    ],
)
def test_what_a_command_cannot_ask_for_is_one_line(write, profile, given, says):
    file = write(profiles={"small": {}})
    with assert_says(says.replace("FILE", file)):
        read(file, profile, given)


def test_a_study_is_found_by_its_name_among_the_shipped_ones():
    assert read("nwd-rka-frcnn", "toy").name == "nwd-rka-frcnn"
    with assert_says("unknown study 'nwd-rka-frcn'; did you mean 'nwd-rka-frcnn'", more=True):
        read("nwd-rka-frcn")


@pytest.mark.parametrize("file", sorted((cfg_dir() / "studies").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_profile_of_every_shipped_study_reads(file: Path):
    profiles = yaml.safe_load(file.read_text(encoding="utf-8"))["profiles"]
    assert "small" in profiles
    for profile in {*profiles, "toy"}:
        assert read(file.stem, profile).arms
