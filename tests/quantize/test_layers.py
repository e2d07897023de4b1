"""Which operations lie behind the last layers of a graph."""

from yolotiny.quantize.layers import Node, behind

# stem - a - b - act - box -+
#                 \- score -+- join
GRAPH = {
    "stem": Node(("picture",), True),
    "a": Node(("stem",), True),
    "b": Node(("a",), True),
    "act": Node(("b",)),
    "box": Node(("act",), True),
    "score": Node(("act",), True),
    "sigmoid": Node(("score",)),
    "join": Node(("box", "sigmoid")),
}


def test_one_layer_of_every_branch_with_all_behind_it():
    assert behind(GRAPH, ["join"], 1) == {"join", "sigmoid", "box", "score"}


def test_two_layers_with_what_stands_between():
    assert behind(GRAPH, ["join"], 2) == {"join", "sigmoid", "box", "score", "act", "b"}


def test_of_two_ways_to_an_operation_the_one_with_fewer_layers_counts():
    graph = GRAPH | {"join": Node(("box", "sigmoid", "act"))}
    assert behind(graph, ["join"], 2) == {"join", "sigmoid", "box", "score", "act", "b", "a"}


def test_more_layers_than_there_are_take_everything():
    assert behind(GRAPH, ["join"], 9) == GRAPH.keys()
