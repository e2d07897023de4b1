"""A forward of ultralytics' networks goes by way of the seam of the detector."""

import pytest
import torch
from torch import nn
from ultralytics.nn.autobackend import AutoBackend

from yolotiny._compat.detector import SeamedDetector


class Recorded(SeamedDetector):
    """A single layer that doubles, and what was called."""

    def __init__(self):
        nn.Module.__init__(self)
        layer = nn.Conv2d(1, 1, 1, bias=False)
        layer.weight.data.fill_(2.0)
        layer.f, layer.i, layer.np, layer.type = -1, 0, 1, "Conv2d"
        self.model, self.save, self.seen = nn.Sequential(layer), [], []

    def run_layers(self, x, profile=False, embed=None):
        self.seen.append(("run_layers", profile, embed))
        return super().run_layers(x, profile, embed)

    def run_augmented(self, x, scales=()):
        self.seen.append(("run_augmented", *scales))
        return super().run_augmented(x)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({}, [("run_layers", False, None)]),
        ({"embed": [0]}, [("run_layers", False, [0])]),
        ({"augment": True}, [("run_augmented",), ("run_layers", False, None)]),  # no head that has augmentation
    ],
)
def test_a_forward_is_one_call_of_the_step_it_asks_for(options, seen):
    made = Recorded()
    out = made.predict(torch.ones(1, 1, 2, 2), **options)
    assert made.seen == seen
    assert [x.unique().tolist() for x in out] == [[2.0]]


def test_augment_is_handed_down_as_it_came():
    """It may hold sizes, for which ultralytics has a flag."""
    made, seen = Recorded().eval(), []
    made.names, made.stride, made.yaml = {0: "a"}, torch.tensor([32.0]), {"channels": 1}
    made.predict = lambda x, augment=False, **options: seen.append(augment)
    AutoBackend(made, device=torch.device("cpu"), fuse=False, verbose=False)(torch.ones(1, 1, 2, 2), augment=(1.0, 1.5))
    assert seen == [(1.0, 1.5)]


def test_a_layer_s_time_is_appended_in_milliseconds():
    made, times = Recorded(), []
    made.time_layer(made.model[0], torch.ones(1, 1, 2, 2), times)
    assert len(times) == 1 and 0 < times[0] < 1000


@pytest.mark.parametrize(("flip", "x"), [(None, 8.0), (3, 12.0)])
def test_boxes_of_a_scaled_and_mirrored_picture_are_brought_back(flip, x):
    y = torch.tensor([4.0, 2, 1, 1, 0.9]).view(1, 5, 1)
    out = Recorded().descale(y, flip, 0.5, (10, 20))
    assert out.flatten().tolist() == pytest.approx([x, 4, 2, 2, 0.9])
