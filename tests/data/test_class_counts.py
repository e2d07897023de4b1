from yolotiny.data.class_counts import empty_splits, gaps

NAMES = ["car", "bus", "van"]


def test_nothing_to_tell():
    full = dict.fromkeys(NAMES, 3)
    assert gaps({"train": full, "val": full}, NAMES) == {} and empty_splits({"train": full}) == []


def test_each_class_is_told_once():
    found = gaps({"train": {"car": 5, "bus": 0}, "val": {"bus": 2}}, NAMES)
    assert found == {
        "nowhere": "no object in any split: van",
        "untrained": "objects in val or test, none in train: not learned: bus (2)",
        "unjudged": "objects in train, none in val: no figure says anything of them: car (5)",
    }


def test_a_split_that_is_empty_or_absent_says_nothing_of_classes():
    counts = {"train": {"car": 5, "bus": 1, "van": 1}, "val": {"car": 0}}
    assert empty_splits(counts) == ["val"] and gaps(counts, NAMES) == {}
    assert gaps({"train": {}}, NAMES) == {}


def test_many_classes_are_counted():
    names = [f"c{i}" for i in range(9)]
    assert gaps({"train": {"c0": 1}}, names)["nowhere"].endswith("c1, c2, c3, c4, c5, and 3 more classes")
