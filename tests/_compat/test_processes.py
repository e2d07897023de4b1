"""What ultralytics takes for granted of a process among several is set right for a while."""

import importlib
import inspect

import pytest
import torch
from torch import nn

from yolotiny import _compat
from yolotiny._compat.processes import RANKS


def test_validation_alone_knows_of_no_other_process(monkeypatch):
    modules = [importlib.import_module(name) for name in RANKS]
    for module in modules:
        monkeypatch.setattr(module, "RANK", 1)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with _compat.alone():
        assert [m.RANK for m in modules] == [-1, -1] and not torch.distributed.is_initialized()
    assert [m.RANK for m in modules] == [1, 1] and torch.distributed.is_initialized()


def test_a_model_is_wrapped_on_a_cpu_as_ultralytics_asks_for_it(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    kind = nn.parallel.DistributedDataParallel
    try:
        with pytest.raises(ValueError, match="device_ids"):  # why a replacement is needed
            kind(nn.Linear(1, 1), device_ids=[None])
        with _compat.shared_on_cpu(True):
            made = nn.parallel.DistributedDataParallel(nn.Linear(1, 1), device_ids=[torch.device("cpu").index])
        assert isinstance(made, kind) and nn.parallel.DistributedDataParallel is kind
        assert made(torch.ones(1, 1)).shape == (1, 1)
    finally:
        torch.distributed.destroy_process_group()


def test_the_loss_of_several_processes_is_multiplied_by_their_number_as_distributed_counts_on():
    from ultralytics.engine.trainer import BaseTrainer

    assert "self.loss *= self.world_size" in inspect.getsource(BaseTrainer._do_train)
