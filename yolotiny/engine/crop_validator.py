"""Validation of exactly what is deployed: both looks at full-size pictures, on ordinary labels."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.utils import LOGGER

from .coverage import Coverage, describe
from .dataset import TinyDataset
from .first_look import Fit, heat_maps, tight_shapes
from .forwards import Forwards, finish
from .pictures import read_picture
from .second_look import SecondLook
from .validator import Validator, columns_of

TOGETHER = 4  # pictures whose crops share batches on a GPU; each is in memory at full size


class CropValidator(Validator):
    """Validates both looks, as `Predictor` runs them.

    Attributes:
        second_look: looks at crops again.
    """

    second_look: SecondLook

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> TinyDataset:
        """Data with ignore regions, padded as prediction pads pictures."""
        made = super().build_dataset(img_path, mode, batch)
        if made.rect:
            made.batch_shapes = tight_shapes(made)
        return made

    def init_metrics(self, model: torch.nn.Module) -> None:
        """Fresh counters."""
        super().init_metrics(model)
        self.network, self.coverage = model, Coverage()
        self.second_look.know(model)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures ready for the network; the clock of the first look starts."""
        batch = super().preprocess(batch)
        self.clock = time.perf_counter()
        return batch

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """The first look; heat maps are made of it once the pictures are known."""
        finish(self.device)
        self.said, self.took = preds, time.perf_counter() - self.clock
        return super().postprocess(preds)

    def update_metrics(self, preds: list[dict[str, Tensor]], batch: dict[str, Any]) -> None:
        """Look again, then score."""
        size = tuple(batch["img"].shape[2:])
        fits = [Fit(*x) for x in zip(batch["ori_shape"], [size] * len(preds), batch["ratio_pad"], strict=True)]
        if self.second_look.budget is not None:
            self.second_look.budget.first_look(self.took / len(preds), size[0] * size[1])
        heats: list[Any] = [None] * len(fits)
        if self.second_look.looks:
            heats = heat_maps(self.said, size, fits, self.second_look.least)
        step = 1 if self.device.type == "cpu" else TOGETHER
        for i in range(0, len(preds), step):
            part = slice(i, i + step)
            preds[part] = self._look_again(preds[part], heats[part], fits[part], batch["im_file"][part])
        super().update_metrics(preds, batch)

    def _look_again(
        self, preds: list[dict[str, Tensor]], heats: list[Any], fits: list[Fit], files: list[str]
    ) -> list[dict[str, Tensor]]:
        """Both looks at some pictures, in pixels of the network input; crops are cut from the files."""
        pictures, coarse = [], []
        for pred, fit, file in zip(preds, fits, files, strict=True):
            picture = read_picture(file, self.dataloader.dataset.cv2_flag)
            pictures.append(picture if picture.ndim == 3 else picture[..., None])
            rows = torch.cat((fit.back(pred["bboxes"]), pred["conf"][:, None], pred["cls"][:, None]), 1)
            coarse.append(rows if self.second_look.full else rows[:0])
        forwards = Forwards(self.network, partial(self._suppress, of_crops=True), self.args.augment)
        canvas = tuple(self.args.imgsz) if isinstance(self.args.imgsz, (list, tuple)) else (self.args.imgsz,) * 2
        looks = self.second_look(pictures, coarse, heats, [fit.ratio for fit in fits], canvas, forwards, self.args.conf)
        out = []
        for look, fit in zip(looks, fits, strict=True):
            self.coverage.add(look.crops.numpy().astype(np.float64), fit.shape)
            rows = look.rows[: self.args.max_det]
            out.append(columns_of(torch.cat((fit.there(rows[:, :4]), rows[:, 4:]), 1)))
        return out

    def get_stats(self) -> dict[str, Any]:
        """The figures, and what the second look left out, under `crops` of the report."""
        stats = super().get_stats()
        assert self.evaluation is not None and self.report is not None
        self.report["crops"] = self.coverage.figures(self.evaluation)
        return stats

    def print_results(self) -> None:
        """The tables, and what the crops cost and left out."""
        look = self.second_look
        n, first = max(look.pictures, 1), self.speed["preprocess"] + self.speed["inference"]
        assert self.report is not None
        self.report["crops"] |= {
            "seconds": round(look.seconds / n + look.full * first / 1e3, 4),
            "forwards": round(look.full + look.forwards / n, 2),
            "crops": round(look.crops / n, 2),
            "pixel_scale": round(look.last_scale, 4),
        }
        super().print_results()
        LOGGER.info(describe(self.report["crops"]))
