"""A field of results goes along with its boxes."""

import numpy as np
import torch
from ultralytics.engine.results import Results

from yolotiny._compat.results import carry


def test_a_field_is_chosen_and_moved_with_the_boxes():
    boxes = torch.tensor([[0.0, 0, 4, 4, 0.9, 0], [8, 8, 12, 12, 0.8, 0]])
    made = Results(np.zeros((16, 16, 3), np.uint8), path="a.jpg", names={0: "a"}, boxes=boxes)
    made.spread = torch.tensor([[1.0], [2.0]])
    assert not hasattr(made[1], "spread")
    carry(made, "spread")
    assert made[1].spread.tolist() == [2.0] and made[[1]].boxes.conf.tolist() == [np.float32(0.8)]
    assert isinstance(made.numpy().spread, np.ndarray)
