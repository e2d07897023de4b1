"""Predictions, losses and figures of fixed cases are those recorded: to the last bit on a machine like that one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.detectors import assert_same_detections
from tests.golden import FILE, machine
from tests.golden.cases import CASES

RECORDED = dict(np.load(FILE))
EXACT = str(RECORDED.pop("machine")) == machine()


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", CASES)
def test_what_comes_out_is_what_came_out(name, tmp_path):
    got = CASES[name](tmp_path)
    wanted = {k.partition("/")[2]: v for k, v in RECORDED.items() if k.startswith(f"{name}/")}
    assert got.keys() == wanted.keys()
    for key, value in wanted.items():
        if EXACT or value.dtype.kind not in "f":
            np.testing.assert_array_equal(got[key], value, err_msg=key)
        elif key == "rows" and name != "convert":  # another processor rounds in another way
            assert_same_detections(torch.tensor(got[key]), torch.tensor(value))
        else:
            np.testing.assert_allclose(got[key], value, rtol=1e-2, atol=1e-3, err_msg=key)
