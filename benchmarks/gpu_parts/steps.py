"""Time and memory of a training step, on a batch that lies on the device, and beside it the loader that brings one."""

from __future__ import annotations

import itertools
import tempfile
from copy import deepcopy
from typing import Any

import torch
from torch import nn
from ultralytics.cfg import get_cfg
from ultralytics.nn.tasks import DetectionModel

from benchmarks.gpu_parts.clock import mean_ms, median_ms, peak_gb
from benchmarks.gpu_parts.setting import Setting
from yolotiny.detector import Detector
from yolotiny.train.trainer import Trainer

OURS = ("yolov5s-p2p3", "yolox-s", "yolc-w32", "yolov5s-p2-sarl-srtod")
THEIRS = ("yolov5s", "yolo26s")  # of ultralytics, whose yolov5 is anchor-free
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# (batch, type, channels_last), what matters most first
CELLS = [(b, t, True) for t in ("float16", "float32", "bfloat16") for b in (16, 64)]
CELLS += [(b, t, False) for t in ("float16", "float32", "bfloat16") for b in (16, 64)]
CLASSES, OBJECTS = 10, 30  # objects a picture


def models(toy: bool) -> dict[str, nn.Module]:
    """The networks by name, on the CPU."""
    ours, theirs = (("yolov5n-p2p3",), ("yolov5n",)) if toy else (OURS, THEIRS)
    made: dict[str, nn.Module] = {name: Detector(f"{name}.yaml", nc=CLASSES) for name in ours}
    for name in theirs:
        made[f"ultralytics {name}"] = DetectionModel(f"{name}.yaml", nc=CLASSES, verbose=False)
    for model in made.values():
        model.args = get_cfg()
        model.train()
    return made


def synthetic(batch: int, size: int, device: str, channels_last: bool) -> dict[str, torch.Tensor]:
    """Noise with objects of 4 to 32 px, on the device."""
    g = torch.Generator().manual_seed(0)
    count = batch * OBJECTS
    wh = (4 + 28 * torch.rand(count, 2, generator=g)) / size
    made = {
        "img": torch.rand(batch, 3, size, size, generator=g),
        "batch_idx": (torch.arange(count) // OBJECTS).float(),
        "cls": torch.randint(CLASSES, (count, 1), generator=g).float(),
        "bboxes": torch.cat((0.05 + 0.9 * torch.rand(count, 2, generator=g), wh), 1),
    }
    made = {k: v.to(device) for k, v in made.items()}
    if channels_last:
        made["img"] = made["img"].to(memory_format=torch.channels_last)
    return made


def step(setting: Setting, model: nn.Module, batch: int, dtype: str, channels_last: bool) -> dict[str, Any]:
    """Forward, loss, backward and the optimizer's step."""
    device, size = setting.device, 64 if setting.toy else 640
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = deepcopy(model).to(device, memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    scaler = torch.amp.GradScaler(device, enabled=dtype == "float16")
    data = synthetic(batch, size, device, channels_last)

    def work() -> None:
        with torch.autocast(device, DTYPES[dtype], enabled=dtype != "float32"):
            loss = model(data)[0].sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    took = median_ms(work, device, setting.toy)
    return {"ms": took, "ms a picture": took / len(data["img"])} | peak_gb(device)


def prepared(setting: Setting, folder: str, batch: int, cache: Any) -> Trainer:
    """A trainer that is about to begin, as `yolotiny train` has it."""
    name = "yolov5n-p2p3.yaml" if setting.toy else "yolov5s-p2p3.yaml"
    args = {"imgsz": 64, "workers": 0} if setting.toy else {"imgsz": 640, "workers": 8}
    args |= {"model": name, "data": str(setting.data), "batch": batch, "cache": cache, "optimizer": "SGD"}
    args |= {"device": setting.option, "project": folder, "plots": False, "verbose": False}
    made = Trainer(overrides=args)
    made.model = made.get_model(cfg=name)
    made.set_up()
    made.model.train()
    return made


def loader(setting: Setting, batch: int, cache: Any) -> dict[str, Any]:
    """Milliseconds of the loader alone, of a step on a batch that is there, and of a step on what the loader brings."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepared(setting, folder, batch, cache)
        batches = itertools.chain.from_iterable(itertools.repeat(trainer.train_loader))

        def work(raw: dict[str, Any]) -> None:
            with torch.autocast(setting.device, torch.float16, enabled=bool(trainer.amp)):
                loss = trainer.model(trainer.preprocess_batch(dict(raw)))[0].sum()
            trainer.scaler.scale(loss).backward()
            trainer.optimizer_step()

        kept = next(batches)
        alone = mean_ms(lambda: next(batches), setting.device, setting.toy)
        both = mean_ms(lambda: work(next(batches)), setting.device, setting.toy)
        there = median_ms(lambda: work(kept), setting.device, setting.toy)
        starved = max(0.0, 1 - there / both)
        trainer.train_loader.close()
    return {"loader alone ms": alone, "step ms": there, "step with loader ms": both, "waits for pictures": starved}


def main(setting: Setting) -> None:
    """Both tables: what matters most of the steps, the loader, and the rest of the steps."""
    made = models(setting.toy)
    wanted = [(2, "float32", True), (2, "bfloat16", False)] if setting.toy else CELLS
    rows = [{"model": m, "batch": b, "type": t, "channels_last": c} for b, t, c in wanted for m in made]
    of_loader = [{"batch": b, "cache": c} for c in (False, "ram") for b in (16, 64)]
    first = 2 * len(made)

    def steps(part: list[dict[str, Any]]) -> None:
        for cell in setting.each("steps", part):
            one = lambda c=cell: step(setting, made[c["model"]], c["batch"], c["type"], c["channels_last"])  # noqa: E731
            setting.attempt("steps", cell, one)

    steps(rows[:first])
    for cell in setting.each("loader", [{"batch": 4, "cache": False}] if setting.toy else of_loader, least=15.0):
        setting.attempt("loader", cell, lambda c=cell: loader(setting, c["batch"], c["cache"]))
    steps(rows[first:])
