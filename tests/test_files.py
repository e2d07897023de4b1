"""Files that are whole or not there."""

from __future__ import annotations

import pytest

from tests.bad_files import full_after, listing
from tests.messages import assert_says
from yolotiny.errors import InputError
from yolotiny.files import whole, write_bytes, write_text


def test_a_file_that_does_not_fit_leaves_the_one_before_it(tmp_path):
    write_text(tmp_path / "a.txt", "before")
    with full_after(10), assert_says(f"cannot write {tmp_path / 'a.txt'}: File too large"):
        write_bytes(tmp_path / "a.txt", bytes(11))
    assert listing(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "before"


def test_a_folder_takes_the_place_of_one(tmp_path):
    for text in ("one", "two"):
        with whole(tmp_path / "out") as part:
            part.mkdir()
            (part / f"{text}.txt").write_text(text)
    assert listing(tmp_path) == ["out/two.txt"]


def test_what_a_killed_run_left_is_taken_away(tmp_path):
    (tmp_path / ".a.txt").write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert listing(tmp_path) == ["a.txt"]


def test_an_error_of_the_writer_itself_passes_and_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), whole(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise KeyError
    assert listing(tmp_path) == []


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write .*a.txt: "):
        write_text(tmp_path / "file" / "a.txt", "")


def test_a_name_that_is_no_text_keeps_its_bytes(tmp_path):
    write_text(tmp_path / "a.txt", b"a\xff.jpg".decode("utf-8", "surrogateescape"))
    assert (tmp_path / "a.txt").read_bytes() == b"a\xff.jpg"
