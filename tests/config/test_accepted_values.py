"""Every option of every command, and every parameter of every shipped component, given values that make little sense.

Each is refused in one line or stands, with its meaning, in accepted_values.yaml.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from yolotiny.assigners import ASSIGNERS
from yolotiny.cli import main as cli
from yolotiny.cli.table import COMMANDS, COMMON
from yolotiny.coders import CODERS
from yolotiny.config.option_table import MODES, OPTIONS, check, read_by
from yolotiny.config.options import sort_options
from yolotiny.criterion import CRITERIA
from yolotiny.criterion.base import GIVEN, section, settable
from yolotiny.errors import InputError
from yolotiny.losses import AUX_LOSSES, BOX_LOSSES, LOCALISATION
from yolotiny.registry import build, parameters
from yolotiny.slicing import SLICERS
from yolotiny.slicing.merge import MERGES
from yolotiny.slicing.samplers import CROP_TRAIN

LISTED = yaml.safe_load((Path(__file__).parent / "accepted_values.yaml").read_text("utf-8"))
TRIED: dict[str, tuple[Any, str]] = {  # name: the value in Python, and its text on the command line
    "None": (None, "none"),
    "''": ("", ""),
    "-1": (-1, "-1"),
    "0": (0, "0"),
    "10**12": (10**12, "1000000000000"),
    "1e30": (1e30, "1e30"),
    "nan": (math.nan, ".nan"),
    "inf": (math.inf, ".inf"),
    "-inf": (-math.inf, "-.inf"),
    "[]": ([], "[]"),
    "[64, 32]": ([64, 32], "[64,32]"),
    "[[1], [2]]": ([[1], [2]], "[[1],[2]]"),
    "{}": ({}, "{}"),
    "{'a': 1}": ({"a": 1}, "{a: 1}"),
    "text": ("text", "text"),
    "True": (True, "True"),
    "False": (False, "False"),
}
NEEDS = {"model": "m.pt", "data": "d.yaml", "source": "a.jpg", "to": "t", "format": "yolo", "gt": "g", "pred": "p"}
NEEDS |= {"protocol": "coco", "a": "a.json", "b": "b.json", "file": "s.yaml", "name": "n.pt"}
MEANS = {("results", "to"): "coco"}  # where a command means something else by a name
INNER = ("torch", "numpy", "ultralytics", "Traceback", "NoneType", "object at 0x", "\n")  # never in a message
CALLS = [(mode, name) for mode in MODES for name in read_by(mode, shell=True)]
OTHERS = [(c, name) for c, command in COMMANDS.items() for name in command.options if not name.endswith("*")]
TABLES = {"": (BOX_LOSSES, LOCALISATION, AUX_LOSSES, ASSIGNERS, CODERS, MERGES), "slicer ": (SLICERS,)}
TABLES |= {"crop_train ": (CROP_TRAIN,)}
PARTS = [
    (table, name, key, f"{prefix}{name}.{key}")
    for prefix, tables in TABLES.items()
    for table in tables
    for name, target in table.items()
    for key in parameters(target)
    if key not in (*GIVEN, "weight", "nc")  # given by the detector; weights are the criterion's, see below
]
OF_DETECTOR = {"nc": 3, "coder": build({"type": "bins"}, CODERS, nc=3), "strides": [8, 16]}


def listed(entry: Any) -> set[str]:
    """The names of the values of an entry, which may be the name of a kind."""
    return {str(key) for key in (LISTED["kinds"][entry] if isinstance(entry, str) else entry or {})}


def of(command: str, name: str) -> set[str]:
    return listed(LISTED["options"][name] if command in MODES or name in COMMON else LISTED["commands"][command][name])


def taken(call: Any, name: str) -> set[str]:
    """The names of the values that `call` takes; for the others it has to raise one line that names the option."""
    found = set()
    for label, (value, _) in TRIED.items():
        try:
            call(value)
            found.add(label)
        except InputError as error:
            assert not [word for word in INNER if word in str(error)], (label, str(error))
            assert name in str(error), (label, str(error))
    return found


def label_of(value: Any) -> str:
    """The name of the value that the command line has read."""
    if isinstance(value, str) and value:
        return "text"
    return next(label for label, (tried, _) in TRIED.items() if repr(tried) == repr(value))


def words(command: str, name: str, text: str) -> list[str]:
    """A command line with one option, and what it needs besides."""
    required = [key for key in COMMANDS[command].required if key != name]
    if command == "val":  # only a checkpoint of a user's own knows its data
        required.append("model" if name == "data" else "data")
    required += ["model"] if (command, name) == ("train", "resume") else []  # True is the checkpoint that the model is
    return [f"{name}={text}", *(f"{key}={MEANS.get((command, key), NEEDS[key])}" for key in required)]


@pytest.mark.parametrize(("command", "name"), CALLS)
def test_an_option_takes_from_python_what_is_listed_and_nothing_else(command, name):
    assert taken(lambda value: check(command, {name: value}, shell=True), name) == of(command, name)


@pytest.mark.parametrize(("command", "name"), OTHERS)
def test_an_argument_takes_what_is_listed_and_nothing_else(command, name):
    values = COMMANDS[command].options[name].values
    assert taken(lambda value: values.check(name, value), name) == of(command, name)


@pytest.mark.parametrize(("command", "name"), CALLS + OTHERS)
def test_the_command_line_takes_what_is_listed_and_nothing_else(command, name):
    must = COMMANDS[command].required
    for _, text in TRIED.values():
        options = cli.parse(words(command, name, text), command)
        label = label_of(options[name])
        good = label in of(command, name) and not (label == "None" and name in must)
        try:
            cli.check(command, COMMANDS[command], options)
            assert good, f"{name}={text} is taken"
        except InputError as error:
            assert not good, f"{name}={text} is refused: {error}"
            assert name in str(error) and not [word for word in INNER if word in str(error)]


@pytest.mark.parametrize(("table", "name", "key", "entry"), PARTS, ids=[part[-1] for part in PARTS])
def test_a_component_takes_what_is_listed_and_nothing_else(table, name, key, entry):
    spec = {"type": name}
    found = taken(lambda value: build(spec | {key: value}, table, where="m.yaml", **OF_DETECTOR), "")
    assert found == listed(LISTED["components"].get(entry))


@pytest.mark.parametrize(("family", "term"), [(f, term) for f, made in CRITERIA.items() for term in made.terms])
def test_a_term_of_the_loss_takes_what_is_listed_and_nothing_else(family, term):
    terms = CRITERIA[family].terms
    for key in terms[term].keys() - {"type"} if isinstance(terms[term], dict) else [""]:
        default = terms[term][key] if key else terms[term]
        kinds = {bool: "flag", list: "list", tuple: "choice"}
        kind = kinds.get(type(default), "number")
        found = taken(lambda value: section({"loss": {term: {key: value} if key else value}}, terms), term)  # noqa: B023
        assert found == listed(LISTED["terms"][kind]), (term, key)


@pytest.mark.parametrize("key", sorted(GIVEN))
def test_what_training_measures_is_not_set_by_hand(key):
    with pytest.raises(InputError, match=rf"loss.box.{key} is not for setting"):
        settable({"type": "nwd", key: 1}, "loss.box")


@pytest.mark.parametrize("mode", ["train", "val"])
def test_rules_of_evaluation_by_their_path_are_checked_like_their_short_names(mode):
    for name in ("protocol", "nms_metric", "nms_c"):
        found = taken(lambda value: sort_options(mode, {f"eval.{name}": value}, True), name)  # noqa: B023
        assert found == of(mode, name)
    with pytest.raises(InputError, match="eval.conf is read by nothing|does not read eval.conf="):
        sort_options(mode, {"eval.conf": 0.1}, True)


def test_the_list_names_nothing_that_is_not_there():
    assert set(LISTED["options"]) == {name for name, option in OPTIONS.items() if option.modes}
    there = {(command, name) for command, options in LISTED["commands"].items() for name in options}
    assert there == set(OTHERS)
    assert set(LISTED["components"]) <= {part[-1] for part in PARTS}
    named = [*LISTED["kinds"].values(), *LISTED["options"].values(), *LISTED["components"].values()]
    assert set().union(*map(listed, named)) <= set(TRIED)
