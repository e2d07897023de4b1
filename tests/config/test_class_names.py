"""Which class is which, where the names of a model and those of data meet."""

from __future__ import annotations

import pytest

from yolotiny.config.class_names import ClassOrder


def order(model: str, data: str) -> ClassOrder:
    return ClassOrder.of(*(dict(enumerate(names.split(","))) for names in (model, data)))


def test_the_same_names_in_another_order_go_by_name_and_that_is_said():
    found = order("ship,plane,car", "plane,car,ship")
    assert found.numbers == (2, 0, 1) and found.moves and not found.strange
    assert found.back().tolist() == [1, 2, 0] and found.names == {0: "plane", 1: "car", 2: "ship"}
    assert found.line.startswith("the data has the classes of the model in another order, they go by name: 0 ship is 2")


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("ship,plane", "ship,plane"),
        ("0,1", "plane,ship"),
        ("ship,plane", "0,1"),
        ("class0,class1", "ship,plane"),
        ("ship,plane", "class_0,class_1"),
        ("0,1", "1,0"),
    ],
)
def test_equal_names_and_numbers_in_their_place_say_nothing(model, data):
    found = order(model, data)
    assert found.numbers == (0, 1) and not found.moves and not found.line


def test_where_the_data_has_no_names_those_of_the_model_stay():
    assert order("ship,plane", "0,1").names == {0: "ship", 1: "plane"}


@pytest.mark.parametrize("data", ["Small Vehicle,Ships", "small_vehicle,ship", "SmallVehicles,SHIP "])
def test_case_spaces_hyphens_and_a_plural_make_no_other_class(data):
    there = order("small-vehicle,ship", data)
    assert there.numbers == (0, 1) and "written otherwise" in there.line and not there.strange
    assert order("ship,small-vehicle", data).numbers == (1, 0)


def test_two_classes_that_differ_in_writing_alone_are_told_apart_by_it():
    assert order("car,Car,bus", "bus,Car,car").numbers == (2, 1, 0)


def test_names_that_one_side_lacks_go_by_their_place_and_are_said():
    found = order("person,car", "pedestrian,vehicle")
    assert found.numbers == (0, 1) and found.strange
    assert found.line == (
        "class names of the model and of the data differ: 'person' is taken for 'pedestrian', 'car' is taken for "
        "'vehicle'"
    )
    mixed = order("ship,truck,plane", "plane,ship,car")
    assert mixed.numbers == (1, 2, 0) and mixed.line.endswith("differ: 'truck' is taken for 'car'")


def test_a_line_lists_a_few_of_many():
    many = ",".join(f"x{i}" for i in range(80))
    found = order(many, ",".join(reversed(many.split(","))))
    assert found.line.endswith("and 76 more") and len(found.line) < 250
