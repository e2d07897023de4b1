"""The one reader of YAML: what it reads, and what a stranger's file cannot do to it. Hostile files: tests/hostile."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.messages import assert_says
from yolotiny import yaml_file
from yolotiny.yaml_file import LARGEST, parse_yaml, read_yaml


def test_numbers_words_and_aliases_are_read_as_yaml_has_them(tmp_path):
    (tmp_path / "x.yaml").write_text("a: &a {x: 1e-4, y: [no, 'no']}\nb: {<<: *a, z: null}\nc: !!str 7\n", "utf-8")
    assert read_yaml(tmp_path / "x.yaml", "a model") == {
        "a": {"x": 1e-4, "y": [False, "no"]},
        "b": {"x": 1e-4, "y": [False, "no"], "z": None},
        "c": "7",
    }


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfnc: 3\n")
    assert read_yaml(tmp_path / "x.yaml", "a model") == {"nc": 3}


def test_what_is_no_text_is_named_by_file_line_and_byte(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_bytes("nc: 3\nnames: [Kr\u00e4ne]\n".encode("latin-1"))
    with assert_says(f"{file}, line 2: byte 0xe4 is not UTF-8 text"):
        read_yaml(file, "a model")
    file.write_bytes("nc: 3\n".encode("utf-16"))
    with assert_says(f"{file}, line 1: byte 0xff is not UTF-8 text"):
        read_yaml(file, "a model")


@pytest.mark.parametrize("text", ["", "# nothing\n", "- 1\n", "word\n"])
def test_a_file_without_keys_is_not_what_was_asked_for(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with assert_says(f"{tmp_path / 'x.yaml'} is not a recipe: it holds no mapping of keys to values"):
        read_yaml(tmp_path / "x.yaml", "a recipe")


def test_only_files_that_end_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for place in (tmp_path / "pipe.yaml", "/dev/zero"):
        with assert_says(f"cannot read {place}: it is a device or a pipe, not a file"):
            read_yaml(place, "a model")
    with assert_says(f"cannot read {tmp_path}: it is a folder, not a file"):
        read_yaml(tmp_path, "a model")
    with assert_says(f"cannot read {tmp_path / 'none.yaml'}: No such file or directory"):
        read_yaml(tmp_path / "none.yaml", "a model")


def test_a_file_of_a_gigabyte_is_not_read(tmp_path):
    with (tmp_path / "x.yaml").open("wb") as file:
        file.truncate(1 << 30)
    with assert_says(f"{tmp_path / 'x.yaml'} has {1 << 30:,} bytes; at most {LARGEST:,} are read"):
        read_yaml(tmp_path / "x.yaml", "a model")


def test_ten_thousand_numbered_classes_are_read():
    text = "names:\n" + "".join(f"  {i}: class {i}\n" for i in range(10_000))
    assert len(parse_yaml(text, "x")["names"]) == 10_000


def test_nothing_else_in_the_package_reads_yaml():
    package = Path(yaml_file.__file__).parent
    found = {p.name for p in package.rglob("*.py") if re.search(r"\byaml\.\w*load|\bYAML\.load", p.read_text("utf-8"))}
    assert found == {"yaml_file.py"}
