"""Two processes learn what one learns from the same pictures, however unevenly the objects fall to them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import distributed as dist
from torch import multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from tests.tiny_data import room
from yolotiny import distributed
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.distributed import need_same, of_first, world_range, world_sum
from yolotiny.errors import InputError

SIDE, STEPS, FEW = 64, 20, 3
# Settings that count over the batch: SAL takes its smallest and largest object, UGS has terms of its own.
MODELS = {
    "yolov5n": {},
    "yolov5n-srtod": {"loss": {"box": {"type": "sal"}, "l1": {"weight": 0.1}}},
    "yolox-nano": {"loss": {"l1": {"always": True}}},
    "yolox-nano-ugs": {},
    "yolc-n": {},
}
FAULTY = ("yolov5n", "yolox-nano", "yolc-n")
# (class, centre x, centre y, width, height) of the objects of four pictures; two processes get two each.
UNEQUAL = [[(0, 0.3, 0.4, 0.2, 0.2), (1, 0.7, 0.6, 0.1, 0.15), (0, 0.5, 0.2, 0.3, 0.1)], [(1, 0.6, 0.6, 0.2, 0.25)]]
BATCHES = (
    [*UNEQUAL, [(0, 0.25, 0.75, 0.12, 0.1)], []],
    [*UNEQUAL, [], []],  # nothing for the second process
)


def batch_of(number, pictures):
    """The pictures of a batch with these indices; an ignore region lies in the first and in the last."""
    generator = torch.Generator().manual_seed(number)
    img = torch.rand(4, 3, SIDE, SIDE, generator=generator)[pictures]
    rows = [(i, *row) for i, p in enumerate(pictures) for row in BATCHES[number][p]]
    table = torch.tensor(rows).reshape(-1, 6)
    region = [i for i, p in enumerate(pictures) if p in (0, 3)]
    return {
        "img": img,
        "batch_idx": table[:, 0],
        "cls": table[:, 1:2],
        "bboxes": table[:, 2:],
        "ignore_idx": torch.tensor(region),
        "ignore_bboxes": torch.tensor([[0.85, 0.15, 0.2, 0.2]] * len(region)),
    }


def learn(name, steps, pictures, wrap=lambda model: model, factor=1):
    """The weights after some steps of SGD, the model as it began, and the logged losses of the last step."""
    torch.manual_seed(0)
    made = Detector(config.load(name, {"loss." + k: v for k, v in MODELS[name].get("loss", {}).items()}), nc=2)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    model = wrap(made.train())
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9)
    for step in range(steps):
        loss, items = model(batch_of(step % 2, pictures))
        (loss.sum() * factor).backward()  # the factor is that of ultralytics' trainer
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        optimizer.zero_grad()
    return made.state_dict(), before, {k: float(v) for k, v in items.items()}


def process(rank, folder):
    """One of two: every model as it should be, some with a fault; the first writes down what came of it."""
    torch.set_num_threads(1)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    mine, wrap = [2 * rank, 2 * rank + 1], partial(DistributedDataParallel, find_unused_parameters=True)
    found = {("right", name): learn(name, STEPS, mine, wrap, 2) for name in MODELS}
    together = distributed.training_together
    distributed.training_together = lambda: False
    for name in FAULTY:
        found["own counts", name] = learn(name, FEW, mine, wrap, 1)
        found["own counts, and the factor", name] = learn(name, FEW, mine, wrap, 2)
    distributed.training_together = together
    ends = world_range(torch.tensor([3.0, 5.0, 4.0] if rank else []))
    found["range"] = [float(x) for x in ends]
    found["of the first"] = of_first(["first", "second"][rank])
    need_same({"epochs": 3})
    try:
        need_same({"epochs": 3, "lr0": 0.1} if rank else {"epochs": 3})
    except InputError as error:
        found["unlike"] = str(error)
    with torch.no_grad():
        found["sum without gradients"] = world_sum(torch.tensor(7))
    if rank == 0:
        torch.save(found, Path(folder) / "found.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found():
    """What the two processes found; as they do, the test itself goes on with one thread."""
    threads = torch.get_num_threads()
    folder = room()
    mp.spawn(process, (str(folder),), nprocs=2)
    torch.set_num_threads(1)
    yield torch.load(folder / "found.pt", weights_only=True)
    torch.set_num_threads(threads)


def apart(a, b):
    """The largest difference of two sets of weights."""
    return max(float((a[k].float() - b[k].float()).abs().max()) for k in a)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_two_processes_end_with_the_weights_of_one(found, name):
    weights, before, logged = learn(name, STEPS, [0, 1, 2, 3])
    assert apart(weights, before) > 1e-3, "nothing was learnt"
    assert apart(found["right", name][0], weights) < 1e-5
    assert found["right", name][2] == pytest.approx(logged, rel=1e-4, abs=1e-6)  # what is logged is of all pictures


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["own counts", "own counts, and the factor"])
@pytest.mark.parametrize("name", FAULTY)
def test_weights_part_where_each_process_counts_for_itself(found, name, fault):
    weights, _, _ = learn(name, FEW, [0, 1, 2, 3])
    assert apart(found[fault, name][0], weights) > 1e-4


@pytest.mark.slow
def test_limits_are_those_of_all_processes_also_where_one_has_nothing(found):
    assert found["range"] == [3.0, 5.0]


@pytest.mark.slow
def test_without_gradients_a_process_counts_for_itself(found):
    assert found["sum without gradients"] == 7


@pytest.mark.slow
def test_what_another_process_has_is_known(found):
    assert found["of the first"] == "first"
    assert re.match(r"lr0 is None in process 0 \(\S+\) and 0.1 in process 1 \(\S+\); start all", found["unlike"])


def test_alone_nothing_is_exchanged_and_counts_stay_what_they_are():
    n = torch.tensor([3, 4])
    assert of_first("mine") == "mine"
    assert world_sum(n).tolist() == [3, 4] and [float(x) for x in world_range(n.float())] == [3, 4]
