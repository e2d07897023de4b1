"""Names from files as text: for a terminal, a page, a folder."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from yolotiny._compat.data import plain_names
from yolotiny._compat.replacements import plain_record
from yolotiny.cli.main import one_line
from yolotiny.data_file import read_data_file
from yolotiny.errors import InputError
from yolotiny.predict.drawing import TinyResults
from yolotiny.text import LONGEST, file_name, printable, printable_lines, without_codes

NAMES = ["../../x", "\x1b[2Jred", "a/b", "", "CON", "x" * 300, "a\nb", "\u202eevil", ".hidden", "/abs", "..", "a\0b"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Gr\u00fcne \u96ea \u0645\u06cc\u200c\u0634\u0648\u062f",
            "Gr\u00fcne \u96ea \u0645\u06cc\u200c\u0634\u0648\u062f",
        ),
        ("\x1b]0;title\x07\x9b2J", "\\x1b]0;title\\x07\\x9b2J"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("x\u2028y", "x\\u2028y"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_a_terminal_acts_on_is_spelled_out(text, shown):
    assert printable(text) == shown


def test_lines_of_a_report_stay_lines():
    assert printable_lines("a\n\x1b[2Jb") == "a\n\\x1b[2Jb"


def test_a_log_message_keeps_its_own_colours_only():
    assert (
        without_codes("\x1b[34m\x1b[1mtrain:\x1b[0m a\x1b[2J\n\tb\x07")
        == "\x1b[34m\x1b[1mtrain:\x1b[0m a\\x1b[2J\n\tb\\x07"
    )
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s %d", ("\x1b]0;t\x07", 3), None)
    assert plain_record(record) and record.getMessage() == "\\x1b]0;t\\x07 3"


@pytest.mark.parametrize("name", ["car", "a b", "Gr\u00fcn", "_x", "person-1", "x" * LONGEST])
def test_a_name_that_can_be_a_file_stays(name):
    assert file_name(name, 3) == name


def test_no_name_leaves_its_folder_and_no_two_become_one(tmp_path):
    made = [file_name(name, i) for i, name in enumerate([*NAMES, "a_b"])]
    assert len(set(made)) == len(made)
    for name in made:
        (tmp_path / name).mkdir()
        assert (tmp_path / name).resolve().parent == tmp_path and not name.startswith(".")
    assert file_name("../../x", 0) == "_.._x-0" and file_name("CON", 4) == "CON-4" and file_name("", 3) == "class-3"


def test_crops_of_a_class_are_a_folder_inside(tmp_path):
    boxes = torch.tensor([[4.0, 4, 20, 20, 0.9, float(i)] for i in range(len(NAMES))])
    names = dict(enumerate(NAMES))
    result = TinyResults(np.zeros((32, 32, 3), np.uint8), path="p.jpg", names=names, boxes=boxes)
    result.save_crop(tmp_path / "run" / "crops", "p.jpg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]
    assert len(list((tmp_path / "run" / "crops").glob("*/p.jpg"))) == len(NAMES)
    assert result.names == names


def test_names_of_classes_are_one_line_of_text_from_wherever_they_come(tmp_path):
    expected = [printable(name) for name in NAMES]
    assert list(plain_names(NAMES).values()) == expected
    (tmp_path / "d.yaml").write_text('names: ["\\e[2Jred", "a\\nb"]\ntrain: .\n')
    assert read_data_file(tmp_path / "d.yaml").names == ["\\x1b[2Jred", "a\\nb"]


def test_an_error_does_not_reach_the_terminal_with_codes():
    assert one_line(InputError("there is no \x1b[2J\x1b]0;x\x07file")) == "there is no \\x1b[2J\\x1b]0;x\\x07file"
