"""Validation of exactly what is deployed: both passes over full-size pictures, on ordinary labels."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.utils import LOGGER

from ..loaders.dataset import TinyDataset
from ..loaders.pictures import read_picture
from ..metrics.coverage import Coverage, describe
from ..ops.letterbox import Letterbox
from ..predict.sliced import coarse_passes, finish, tile_batcher
from ..slicing import CoarsePass, SlicedInference
from ..training_stats import TrainingStats
from .validator import Validator, columns_of

PICTURES_AT_ONCE = 4  # whose crops share batches on a GPU; each is in memory at full size


def tight_shapes(dataset: Any) -> np.ndarray:
    """(batches, 2) heights and widths of a data set's rectangular batches without the border of validation.

    ultralytics pads rectangular batches of validation by half a stride more than pictures of prediction.
    """
    sizes = np.array([dataset.sizes[file] for file in dataset.im_files], float)
    shapes = []
    for i in range(dataset.batch[-1] + 1):
        tall = sizes[dataset.batch == i, 0] / sizes[dataset.batch == i, 1]
        shapes.append((min(tall.max(), 1.0), min(1 / tall.min(), 1.0)))
    whole = np.array(shapes) * dataset.imgsz / dataset.stride
    return np.ceil(np.round(whole, 6)).astype(int) * dataset.stride


class SlicedValidator(Validator):
    """Validates both passes, as `Predictor` runs them.

    Attributes:
        sliced: looks at tiles again.
    """

    sliced: SlicedInference

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
        self.sliced.start(TrainingStats.of(model), suppress=self.nms_config.suppression)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures ready for the network; the clock of the coarse pass starts."""
        batch = super().preprocess(batch)
        self.coarse_start = time.perf_counter()
        return batch

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """The coarse pass, see `Validator.postprocess`; heat maps are made of it once the pictures are known."""
        finish(self.device)
        self.raw_output, self.coarse_seconds = preds, time.perf_counter() - self.coarse_start
        return super().postprocess(preds)

    def update_metrics(self, preds: list[dict[str, Tensor]], batch: dict[str, Any]) -> None:
        """Look again, then score; see `Validator.update_metrics`."""
        size = tuple(batch["img"].shape[2:])
        boxes = [Letterbox(*x) for x in zip(batch["ori_shape"], [size] * len(preds), batch["ratio_pad"], strict=True)]
        if self.sliced.budget is not None:
            self.sliced.budget.coarse_pass(self.coarse_seconds / len(preds), size[0] * size[1])
        found = [torch.cat((p["bboxes"], p["conf"][:, None], p["cls"][:, None]), 1) for p in preds]
        coarse = coarse_passes(self.sliced, self.raw_output, found, boxes)
        step = 1 if self.device.type == "cpu" else PICTURES_AT_ONCE
        for i in range(0, len(preds), step):
            part = slice(i, i + step)
            preds[part] = self._slice(coarse[part], boxes[part], batch["im_file"][part])
        super().update_metrics(preds, batch)

    def _slice(
        self, coarse: list[CoarsePass], letterboxes: list[Letterbox], files: list[str]
    ) -> list[dict[str, Tensor]]:
        """Both passes over some pictures, in pixels of the network input; tiles are cut from the files."""
        pictures = []
        for file in files:
            picture = read_picture(file, self.dataloader.dataset.cv2_flag)
            pictures.append(picture if picture.ndim == 3 else picture[..., None])
        batcher = tile_batcher(self.network, partial(self._suppress, of_crops=True), self.args.augment)
        imgsz = self.args.imgsz
        canvas = (imgsz[0], imgsz[1]) if isinstance(imgsz, (list, tuple)) else (imgsz, imgsz)
        out = []
        joined = self.sliced.run(pictures, coarse, batcher, canvas, self.args.conf)
        for both, letterbox in zip(joined, letterboxes, strict=True):
            self.coverage.add(both.tiles.astype(np.float64), letterbox.image_size)
            rows = both.rows[: self.args.max_det]
            rows = np.concatenate((letterbox.to_input(rows[:, :4]), rows[:, 4:]), 1)
            out.append(columns_of(torch.from_numpy(rows).to(self.device)))
        return out

    def get_stats(self) -> dict[str, Any]:
        """The figures, and what slicing left out, under `crops` of the report."""
        stats = super().get_stats()
        assert self.evaluation is not None and self.report is not None
        self.report["crops"] = self.coverage.figures(self.evaluation)
        return stats

    def print_results(self) -> None:
        """The tables, and what the crops cost and left out."""
        stats, full = self.sliced.stats, self.sliced.full
        n, first = max(stats.images, 1), self.speed["preprocess"] + self.speed["inference"]
        assert self.report is not None
        self.report["crops"] |= {
            "seconds": round(stats.seconds / n + full * first / 1e3, 4),
            "forwards": round(full + stats.forwards / n, 2),
            "crops": round(stats.tiles / n, 2),
            "pixel_scale": round(stats.last_scale, 4),
        }
        super().print_results()
        LOGGER.info(describe(self.report["crops"]))
