from yolotiny.data.numbering import as_comment, as_note, renumbered
from yolotiny.data.records import EVERY


def test_numbers_that_the_written_json_has_too_are_not_told():
    assert renumbered({"train": {1: ("car", 0), 2: ("bus", 1)}, "val": {}}) == {}


def test_old_and_new_are_told_for_the_splits_that_agree():
    same = {0: ("car", 0), 7: ("sky", EVERY)}
    found = renumbered({"train": same, "val": same, "test": {5: ("car", 0)}})
    assert found == {"train, val": ["0 -> 0 car", "7 -> ignore region sky"], "test": ["5 -> 0 car"]}


def test_a_long_table_is_whole_in_the_comment_alone():
    table = {"train": {i: (f"c{i}", i) for i in range(20)}}
    (line,) = as_note(table)
    assert line.endswith("11 -> 11 c11, and 8 more (all are in data.yaml)")
    assert as_comment(table).splitlines()[-1] == "#   19 -> 19 c19"
    assert as_comment({}) == ""
