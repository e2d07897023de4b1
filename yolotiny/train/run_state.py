"""What a run depends on beside weights, average and optimizer: order of pictures, random numbers, waiting gradients."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler
from ultralytics.utils import RANK
from ultralytics.utils.torch_utils import unwrap_model


class EpochOrder(Sampler[int]):
    """A new random order of a data set each epoch, the same whether the run was cut off before or not.

    Args:
        data: the data set.
        seed: of the run.
        batch: pictures of a batch; where the data set shows batches in shapes of their own (`rect`), it is made of
            pictures of one shape, and these are others in each epoch. A batch that is not full comes last.

    Attributes:
        epoch: the one that the next order is for.
    """

    def __init__(self, data: Any, seed: int, batch: int = 1):
        self.data, self.seed, self.batch, self.epoch = data, seed, batch, 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        self.epoch += 1
        if not getattr(self.data, "rect", False):
            yield from torch.randperm(len(self.data), generator=generator).tolist()
            return
        shapes = torch.as_tensor(self.data.batch_shapes[self.data.batch])  # (n, 2)
        shape = torch.unique(shapes, dim=0, return_inverse=True)[1]
        mixed = torch.randperm(len(shape), generator=generator)
        batches = [b for i in range(int(shape.max()) + 1) for b in mixed[shape[mixed] == i].split(self.batch)]
        order = torch.randperm(len(batches), generator=generator).tolist()
        for i in sorted(order, key=lambda i: len(batches[i]) < self.batch):
            yield from batches[i].tolist()

    def __len__(self) -> int:
        return len(self.data)


def mend(average: torch.nn.Module, live: torch.nn.Module) -> None:
    """Put live values into tensors of the average that a single bad step has made infinite for good."""
    source = live.state_dict()
    for k, v in average.state_dict().items():
        if not torch.isfinite(v).all() and torch.isfinite(source[k]).all():
            v.copy_(source[k])


def state_of(trainer: Any) -> dict[str, Any]:
    """What the next step depends on beside weights, average and optimizer."""
    kind, keys, *rest = np.random.get_state()
    model = unwrap_model(trainer.model)
    data = trainer.train_loader.dataset
    return {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(trainer.device) if trainer.device.type == "cuda" else None,
        "waiting": trainer.waiting,
        "gradients": {k: p.grad for k, p in model.named_parameters() if trainer.waiting and p.grad is not None},
        "mosaic": list(getattr(data, "buffer", ())) if not trainer.train_loader.num_workers else [],
    }


def restore(trainer: Any, run: dict[str, Any]) -> None:
    """Go back to where `state_of` was taken."""
    parameters = dict(unwrap_model(trainer.model).named_parameters())
    for k, gradient in run["gradients"].items():
        parameters[k].grad = gradient.to(parameters[k])
    trainer.waiting = run["waiting"]
    if RANK > 0:  # random numbers are those of the first of several processes
        return
    data = trainer.train_loader.dataset
    if run["mosaic"] and max(run["mosaic"]) < len(data) and not trainer.train_loader.num_workers:
        for i in run["mosaic"]:  # pictures that mosaics are made of, oldest first
            data.load_image(i)
    version, keys, following = run["python"]
    random.setstate((version, tuple(keys), following))
    np.random.set_state(tuple(run["numpy"]))
    torch.set_rng_state(run["torch"])
    if run["cuda"] is not None and trainer.device.type == "cuda":
        torch.cuda.set_rng_state(run["cuda"], trainer.device)
