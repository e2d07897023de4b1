"""A component is built from its name, the YAML's arguments, and what the caller knows."""

from __future__ import annotations

import pytest

from yolotiny.errors import InputError
from yolotiny.registry import Registry, build, parameters


class Ball:
    """Needs its size, knows its colour, may be told the number of classes."""

    def __init__(self, size: float, color: str = "red", nc: int = 0):
        self.size, self.color, self.nc = size, color, nc


def cube(edge: float = 1.0, **anything):
    """A function is as good as a class."""
    return edge


TOYS = Registry("toy", {"ball": Ball, "cube": cube})


def test_the_context_is_offered_by_name_and_the_yaml_wins():
    ball = build({"type": "ball", "size": 2}, TOYS, nc=10, color="blue", ch=[1, 2])
    assert (ball.size, ball.color, ball.nc) == (2, "blue", 10)
    assert build({"type": "ball", "size": 2, "color": "green"}, TOYS, color="blue").color == "green"


def test_a_bare_name_is_a_spec_and_a_spec_is_not_changed():
    assert build("cube", TOYS, edge=3) == 3
    spec = {"type": "cube", "edge": 2}
    assert build(spec, TOYS) == 2 and spec == {"type": "cube", "edge": 2}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bal", "unknown toy 'bal' in toys.yaml; did you mean 'ball'?"),
        ("train", "unknown toy 'train' in toys.yaml; there are: ball, cube"),
        ("none", "unknown toy 'none' in toys.yaml; there are: ball, cube; null takes it out"),
        ({"size": 2}, "toy in toys.yaml has no 'type'; there are: ball, cube"),
        (
            {"type": "ball", "size": 1, "colour": "red"},
            "toy 'ball' in toys.yaml takes no argument 'colour'; did",
        ),
        ({"type": "ball"}, "toy 'ball' needs size in toys.yaml"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_names(spec, message):
    with pytest.raises(InputError) as caught:
        build(spec, TOYS, where="toys.yaml")
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_place_is_named_only_where_there_is_one():
    with pytest.raises(InputError, match="^unknown toy 'bal'; did you mean"):
        TOYS.find("bal")


def test_parameters_are_the_named_ones_in_order_without_self():
    assert list(parameters(Ball)) == ["size", "color", "nc"] and list(parameters(cube)) == ["edge"]
