"""ultralytics' front door builds and opens by way of the seam of the model."""

import pytest

from yolotiny._compat.model import SeamedModel


class Recorded(SeamedModel):
    def build_new(self, cfg, task=None, verbose=False):
        self.seen = ("build_new", cfg, task, verbose)

    def open_file(self, weights, task=None):
        self.seen = ("open_file", weights, task)

    def only_networks(self):
        self.asked = True
        super().only_networks()


@pytest.mark.parametrize(
    ("file", "seen"),
    [
        ("a.yaml", ("build_new", "a.yaml", "detect", True)),
        ("a.pt", ("open_file", "a.pt", "detect")),
        ("a.onnx", ("open_file", "a.onnx", "detect")),
    ],
)
def test_a_model_file_is_built_and_any_other_is_opened(file, seen):
    assert Recorded(file, task="detect", verbose=True).seen == seen


def test_methods_that_look_into_the_network_ask_whether_there_is_one():
    made = Recorded("a.onnx", task="detect")
    made.model = "a.onnx"
    for method in (made.info, made.fuse, made.reset_weights):
        made.asked = False
        with pytest.raises(TypeError, match="should be a"):
            method()
        assert made.asked
