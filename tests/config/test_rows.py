"""The layers of a model YAML in build order."""

import pytest
import yaml

from tests.messages import assert_says
from tests.small_yaml import V5
from yolotiny.config import lookup
from yolotiny.config.load import find, load, rows


def small():
    return yaml.safe_load(V5) | {"yaml_file": "small.yaml"}


def order(cfg):
    return [(r.key, r.source) for r in rows(load(cfg))]


def test_references_by_distance_number_and_name_are_resolved():
    assert order(small()) == [
        ("0", "image"),
        ("1", "0"),
        ("2", "1"),
        ("3", "2"),
        ("4", "3"),
        ("5", ("4", "1")),
        ("6", ("1", "5", "3")),
    ]


def test_a_row_keeps_what_it_says():
    row = rows(load(small()))[1]
    assert (row.repeats, row.module, row.args, row.kwargs, row.name, row.takes) == (3, "C3", (32,), {}, "c3", ())
    assert rows(load(small()))[4].args == ("None", 2, "nearest")


def test_a_single_insert_is_read_in_place_of_what_it_follows():
    cfg = small() | {"insert": [{"name": "x", "after": "c3", "module": "X", "repeats": 2, "args": [4], "k": 1}]}
    assert order(cfg) == [
        ("0", "image"),
        ("1", "0"),
        ("x", "1"),
        ("2", "x"),
        ("3", "2"),
        ("4", "3"),
        ("5", ("4", "x")),
        ("6", ("x", "5", "3")),
    ]
    x = rows(load(cfg))[2]
    assert (x.repeats, x.args, x.kwargs, x.name, x.takes) == (2, (4,), {"k": 1}, "x", ("1",))


def test_a_list_insert_comes_after_the_last_and_gives_one_output_for_each():
    cfg = small() | {"insert": [{"name": "sarl", "after": ["c3", 3], "module": "SARL"}]}
    assert order(cfg)[2:] == [
        ("2", "1"),  # built before the insert: reads the original
        ("3", "2"),
        ("sarl", ("1", "3")),
        ("4", "sarl.1"),
        ("5", ("4", "sarl.0")),
        ("6", ("sarl.0", "5", "sarl.1")),
    ]
    assert rows(load(cfg))[4].takes == ("1", "3")


def test_several_inserts_after_one_row_keep_their_order_and_read_each_other():
    inserts = [{"name": n, "after": "c3", "module": n.upper()} for n in "ab"]
    cfg = small() | {"insert": [*inserts, {"name": "c", "after": "a", "module": "C", "from": ["a", "image", "b"]}]}
    cfg["insert"][2]["takes"] = ["b"]
    got = order(cfg)
    assert got[2:6] == [("a", "1"), ("b", "a"), ("c", ("a", "image", "b")), ("2", "c")]
    assert got[-2] == ("5", ("4", "c"))


def test_an_insert_after_an_insert_takes_over_its_readers():
    cfg = small() | {"insert": [{"name": n, "after": a, "module": "M"} for n, a in (("a", "c3"), ("b", "a"))]}
    assert order(cfg)[2:5] == [("a", "1"), ("b", "a"), ("2", "b")]
    listed = {"name": "l", "after": ["c3", "c4"], "module": "L"}
    cfg = small() | {"insert": [listed, {"name": "m", "after": "l.1", "module": "M"}]}
    assert order(cfg)[4:] == [
        ("l", ("1", "3")),
        ("m", "l.1"),
        ("4", "m"),
        ("5", ("4", "l.0")),
        ("6", ("l.0", "5", "m")),
    ]


def test_an_insert_that_takes_nothing_is_reached_by_its_name_alone():
    cfg = small() | {"insert": [{"name": "x", "after": "c3", "module": "X", "takes": []}]}
    cfg["head"][1] = [[-1, "x"], 1, "Concat", [1]]
    assert order(cfg)[2:] == [
        ("x", "1"),
        ("2", "1"),
        ("3", "2"),
        ("4", "3"),
        ("5", ("4", "x")),
        ("6", ("1", "5", "3")),
    ]


def test_an_insert_may_take_over_some_of_what_it_follows():
    cfg = small() | {"insert": [{"name": "x", "after": ["c3", "c4"], "module": "X", "takes": ["c4"]}]}
    assert order(cfg)[-1] == ("6", ("1", "5", "x.1"))


def test_an_insert_that_stands_later_may_take_over_an_earlier_row_for_the_readers_that_are_left():
    cfg = small() | {"insert": [{"name": "x", "after": 5, "module": "X", "from": ["c3", "image"], "takes": ["c3"]}]}
    assert order(cfg)[2:] == [
        ("2", "1"),
        ("3", "2"),
        ("4", "3"),
        ("5", ("4", "1")),  # the neck still reads the original
        ("x", ("1", "image")),
        ("6", ("x", "5", "3")),
    ]


def test_an_insert_may_follow_the_image_and_count_back():
    cfg = small() | {"insert": [{"name": "pre", "after": "image", "module": "P"}]}
    cfg["insert"].append({"name": "x", "after": "c4", "module": "X", "from": [-1, -2, "image"]})
    got = order(cfg)
    assert got[:2] == [("pre", "image"), ("0", "pre")]
    assert got[5] == ("x", ("3", "2", "pre"))


def test_a_row_may_name_each_of_its_outputs():
    cfg = {"backbone": [[-1, 1, "TimmFeatures", ["hrnet"], ["c2", "c3", "c4"]]]}
    cfg["head"] = [[["c2", "c3", "0.2"], 1, "UpsampleConcat", [384], "f"], ["f", 1, "CenterDetect", ["nc"], "detect"]]
    assert order(cfg) == [("0", "image"), ("1", ("0.0", "0.1", "0.2")), ("2", "1")]
    assert rows(load(cfg))[0].name == ("c2", "c3", "c4")
    cfg["insert"] = [{"name": "s", "after": ["c3", "c4"], "module": "S"}]
    assert order(cfg)[1:3] == [("s", ("0.1", "0.2")), ("1", ("0.0", "s.0", "s.1"))]


def test_outputs_of_a_taken_layer_are_read_from_its_successor():
    cfg = {"backbone": [[-1, 1, "Timm", []]], "insert": [{"name": "fpn", "after": 0, "module": "FPN"}]}
    cfg["head"] = [[["0.1", "0.2"], 1, "Concat", [1]]]
    assert order(cfg) == [("0", "image"), ("fpn", "0"), ("1", ("fpn.1", "fpn.2"))]


def with_row(i, row):
    cfg = small()
    part, place = ("backbone", i) if i < 4 else ("head", i - 4)
    cfg[part][place] = row
    return cfg


def with_insert(**item):
    return small() | {"insert": [item]}


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (with_row(5, ["c33", 1, "A", []]), "row 5 (A) reads unknown 'c33'; did you mean 'c3'?"),
        (with_row(5, [9, 1, "A", []]), "row 5 (A) reads row 9, but rows go from 0 to 6"),
        (with_row(1, [-4, 1, "A", []]), "row 1 (A) reads row -3, but rows go from 0 to 6"),
        (with_row(1, [[-1, 3], 1, "A", []]), "row 1 (A) reads 3, which comes later"),
        (with_row(1, ["c4", 1, "A", []]), "row 1 (A) reads 'c4', which comes later"),
        (with_row(1, [1, 1, "A", []]), "row 1 (A) reads 1, which comes later"),
        (with_row(1, [[], 1, "A", []]), "row 1 (A) reads nothing: its 'from' is empty"),
        (with_row(3, [-1, 1, "A", [], "c3"]), "row 3 (A): the name 'c3' is that of row 1 (C3) already"),
        (with_row(3, [-1, 1, "A", [], "loss"]), "row 3 (A): 'loss' cannot name a layer; take a plain word, no section"),
        (with_row(3, [-1, 0, "A", []]), "row 3 (A): repeats=0 must be a whole number from 1 up"),
        (with_row(3, [-1, 1, 5, []]), "row 3 (5): the module must be a class name, not 5"),
        (with_row(3, [-1, 1, "A", 5]), "row 3 (A): the arguments must be a list or a mapping, not 5"),
        (with_row(3, [-1, 1, "A", [], "b", 5]), "row 3 (A): the sixth item must be a mapping of arguments, not 5"),
        (
            with_row(3, [-1, 1, "A"]),
            "row 3 must be [from, repeats, module, args] and perhaps a name, not [-1, 1, 'A']",
        ),
        (with_insert(name="c3", after="c4", module="A"), "insert 'c3': the name 'c3' is that of row 1 (C3) already"),
        (
            with_insert(name="4", after="c4", module="A"),
            "insert '4': '4' cannot name a layer; take a plain word, no section",
        ),
        (
            with_insert(name="a", module="A"),
            ": an insert needs name, after and module; {'name': 'a', 'module': 'A'} has no 'after'",
        ),
        (with_insert(name="a", after="c33", module="A"), "insert 'a' reads unknown 'c33'; did you mean 'c3'?"),
        (with_insert(name="a", after=-1, module="A"), "insert 'a': after takes names or row numbers from 0, not -1"),
        (with_insert(name="a", after=[], module="A"), "insert 'a': after takes names or row numbers from 0, not []"),
        (
            with_insert(name="a", after="c3", module="A", takes=["c4"]),
            "insert 'a' takes over '3', which is not among what it comes after",
        ),
        (with_insert(name="a", after="c3", module="A", takes="c3"), "insert 'a': takes must be a list, not 'c3'"),
        (with_insert(name="a", after="c3", module="A", **{"from": "c4"}), "insert 'a' reads 'c4', which comes later"),
    ],
)
def test_a_bad_layer_gives_one_clear_line(cfg, message):
    with assert_says(("small.yaml" if message[0] == ":" else "small.yaml, ") + message):
        load(cfg)


def test_lists_of_outputs_are_checked():
    cfg = small() | {"insert": [{"name": "s", "after": ["c3", "c4"], "module": "S"}]}
    cfg["head"][1] = ["s.2", 1, "A", []]
    with assert_says("small.yaml, row 5 (A) reads 's.2', but 's' has 2 outputs, from 0"):
        load(cfg)
    cfg["head"][1] = ["s", 1, "A", []]
    cfg["insert"].append({"name": "t", "after": "s", "module": "T"})
    with assert_says("small.yaml, insert 't': 's' has several outputs; name those it comes after, of s.0, s.1"):
        load(cfg)
    cfg["insert"][1]["after"] = "s.0"
    with assert_says("small.yaml, row 5 (A) reads all of 's', parts of which are taken over; name them one by one"):
        load(cfg)
    cfg["insert"] = cfg["insert"][::-1]
    with assert_says("small.yaml, insert 't' comes after 's', which is not listed before it"):
        load(cfg)


@pytest.mark.parametrize("name", ["yolov5n", "yolov5s-p6", "yolov8n", "yolov8x-p2", "yolo11m", "yolo12l", "yolo26s"])
def test_ultralytics_models_load_and_their_references_are_plain_arithmetic(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(lookup, "cfg_dir", lambda: tmp_path)  # theirs, not ours of the same name
    cfg = load(name)
    raw = yaml.safe_load(find(name)[0].read_text("utf-8"))
    written = raw["backbone"] + raw["head"]

    def key(i, ref):
        n = i + ref if ref < 0 else ref
        return "image" if n < 0 else str(n)

    got = rows(cfg)
    assert [r.key for r in got] == [str(i) for i in range(len(written))]
    for i, (row, (ref, repeats, module, args)) in enumerate(zip(got, written, strict=True)):
        assert row.source == (tuple(key(i, r) for r in ref) if isinstance(ref, list) else key(i, ref))
        assert (row.repeats, row.module, row.args) == (repeats, module, tuple(args))
    assert cfg["scale"] in raw["scales"] and load(cfg) == cfg
