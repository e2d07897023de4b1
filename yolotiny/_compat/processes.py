"""What ultralytics takes for granted of a process among several."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from .places import swapped

RANKS = ("ultralytics.engine.validator", "ultralytics.models.yolo.detect.val")  # that know which process they are


def alone() -> contextlib.AbstractContextManager[None]:
    """Validation in here is of this process only, on the device that its options name, and waits for no other."""
    none = ("torch.distributed", "is_initialized", lambda: False)
    return swapped(none, *((module, "RANK", -1) for module in RANKS))


@contextlib.contextmanager
def shared_on_cpu(wanted: bool) -> Iterator[None]:
    """The wrapper round a model that several processes train is given no index of a device, which a CPU has not."""
    from torch.nn.parallel import DistributedDataParallel

    class OnCPU(DistributedDataParallel):
        def __init__(self, module: Any, device_ids: Any = None, **options: Any):
            super().__init__(module, **options)

    with swapped(("torch.nn.parallel", "DistributedDataParallel", OnCPU)) if wanted else contextlib.nullcontext():
        yield
