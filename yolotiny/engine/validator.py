"""Validation: ultralytics' figures and, beside them, those of the tiny-object protocols."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils import LOGGER, RANK, ops

from ..boxes import pairwise_iof, pairwise_iou
from ..errors import InputError, did_you_mean
from ..metrics import PROTOCOLS, evaluate_arrays, table
from .dataset import TinyDataset, split_ignore
from .nms import check_metric, describe, nms, scale_for

MAX_DET = 1500  # AI-TOD's cap; ultralytics' 300 is below the objects in one crowded picture
# Where the user and the recipe say nothing. Suppression at 0.6 is the official YOLOv5's own for validation; at
# ultralytics' 0.7 second boxes on one tiny object survive, see docs/results.md.
DEFAULTS = {"max_det": MAX_DET, "iou": 0.6}
LEAST = 1e-3  # pixels: a box thinner than this, once cut to the picture, lies in the padding beside it
COLUMNS = {  # appended to results.csv, by protocol
    "aitod": ("AP", "AP50", "AP_vt", "AP_t", "AP_s", "AP_m"),
    "coco": ("AP", "AP50", "AP_s", "AP_m", "AP_l"),
    "mmdet": ("AP", "AP50", "AP_s", "AP_m", "AP_l"),
    "visdrone": ("AP", "AP50", "AP75", "AP_macro", "AP50_macro"),
    "soda": ("AP", "AP50", "AP_eS", "AP_rS", "AP_gS", "AP_N"),
    "tinyperson": ("AP50_tiny", "AP50_tiny1", "AP50_tiny2", "AP50_tiny3", "AP50_small", "AP25_tiny", "AP75_tiny"),
}


class Validator(DetectionValidator):
    """Validates with ignore regions, without a time limit, and under a protocol for tiny objects too.

    Attributes:
        protocol: the rules of the appended figures; a model's `eval.protocol` changes it.
        fitness: the appended figure that chooses the best epoch, None for ultralytics' own choice (mAP50-95).
        suppression: `nms_metric` and `nms_c` of the same section.
        report: the whole report of the protocol after a run (see `yolotiny.metrics.evaluate`).
    """

    protocol = "aitod"
    fitness: str | None = None
    report: dict[str, Any] | None = None
    suppression: dict[str, Any] = {}
    c: float | None = None

    def rules(self, section: dict[str, Any]) -> None:
        """Take `protocol`, `fitness`, `nms_metric` and `nms_c` from a configuration's `eval:` section.

        Raises:
            InputError: an unknown protocol, figure or metric.
        """
        check_metric(section)
        self.suppression = {k: section[k] for k in ("nms_metric", "nms_c") if k in section}
        self.protocol = section.get("protocol", self.protocol)
        PROTOCOLS.find(self.protocol)
        self.fitness = section.get("fitness")
        if self.fitness is not None and self.fitness not in COLUMNS[self.protocol]:
            near = did_you_mean(self.fitness, COLUMNS[self.protocol])
            raise InputError(f"fitness {self.fitness!r} is no figure of protocol {self.protocol}{near}")

    @property
    def columns(self) -> dict[str, str]:
        """The columns appended to results.csv, to the figure of the report that stands there."""
        return {f"metrics/{k}(B)": k for k in COLUMNS[self.protocol]}

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> TinyDataset:
        """Data with ignore regions."""
        from .trainer import build_dataset

        return build_dataset(self.args, img_path, self.data, mode, batch, int(self.stride or 32), rect=self.args.rect)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures in 0..1 on the device, ignore regions apart from objects."""
        return split_ignore(super().preprocess(batch), self.data["nc"])

    def init_metrics(self, model: torch.nn.Module) -> None:
        """Fresh counters."""
        super().init_metrics(model)
        self.images: list[tuple] = []
        self.left_out: Counter[str] = Counter()
        self.c = scale_for(model, self.suppression)

    @staticmethod
    def _check_max_det(args: Any, datasets: dict[str, TinyDataset]) -> None:
        """Raise the default cap where a picture holds more objects; warn where the user's own is too low."""
        most = max(data.most_objects for data in datasets.values())
        if most <= args.max_det:
            return
        if args.max_det == MAX_DET:
            LOGGER.warning(f"a picture holds {most} objects: max_det raised from {MAX_DET} to {most}")
            args.max_det = most
        else:
            LOGGER.warning(f"a picture holds {most} objects, more than max_det={args.max_det}: recall is capped")

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """Suppress overlapping boxes; every picture gets its turn, however long it takes."""
        y = preds[0] if isinstance(preds, (list, tuple)) else preds
        found = nms(
            y,
            self.nc,
            self.args.conf,
            self.args.iou,
            self.args.max_det,
            multi_label=True,
            agnostic=self.args.single_cls or self.args.agnostic_nms,
            left_out=self.left_out,
            c=self.c,
        )
        return [{"bboxes": x[:, :4], "conf": x[:, 4], "cls": x[:, 5], "extra": x[:, 6:]} for x in found]

    def update_metrics(self, preds: list[dict[str, Tensor]], batch: dict[str, Any]) -> None:
        """Score a batch; detections in ignore regions that found no object are left out of ultralytics' figures."""
        h, w = batch["img"].shape[2:]
        size = torch.tensor([w, h, w, h], device=self.device)
        for i, pred in enumerate(preds):
            truth = self._prepare_batch(i, batch)
            kept = ops.scale_boxes((h, w), pred["bboxes"].clone(), truth["ori_shape"], truth["ratio_pad"])
            there = ((kept[:, 2:] - kept[:, :2]) >= LEAST).all(1)
            self.left_out["outside"] += int((~there).sum())
            preds[i] = pred = {k: v[there] for k, v in pred.items()}
            gt = truth["bboxes"].view(-1, 4)
            regions = ops.xywh2xyxy(batch["ignore_bboxes"][batch["ignore_idx"] == i]) * size
            boxes = (gt, regions, pred["bboxes"])
            scaled = [ops.scale_boxes((h, w), b.clone(), truth["ori_shape"], truth["ratio_pad"]).cpu() for b in boxes]
            cls = pred["cls"] * 0 if self.args.single_cls else pred["cls"]
            scores = pred["conf"].cpu(), cls.cpu()
            self.images.append((scaled[0], truth["cls"].cpu(), scaled[1], scaled[2], *scores))
            if len(regions) and len(cls):
                inside = (pairwise_iof(pred["bboxes"], regions) >= 0.5).any(1)
                if len(gt):
                    same = pred["cls"][:, None] == truth["cls"][None]
                    inside &= ~((pairwise_iou(pred["bboxes"], gt) >= 0.5) & same).any(1)
                preds[i] = {k: v[~inside] for k, v in pred.items()}
        super().update_metrics(preds, batch)

    def gather_stats(self) -> None:
        """Collect the detections of all processes."""
        super().gather_stats()
        if RANK > -1:
            world = torch.distributed.get_world_size()
            parts: list[Any] | None = [None] * world if RANK == 0 else None
            torch.distributed.gather_object(self.images, parts, dst=0)
            self.images = [x for part in parts or [] for x in part]

    def get_stats(self) -> dict[str, Any]:
        """ultralytics' figures and the protocol's, under `metrics/AP_t(B)` and the like."""
        stats = super().get_stats()
        self.report = evaluate_arrays(self.images, self.names, protocol=self.protocol)
        self.images = []
        if self.fitness:
            stats["fitness"] = self.report[self.fitness] or 0.0
        return stats | {c: self.report.get(k) or 0.0 for c, k in self.columns.items()}

    def print_results(self) -> None:
        """ultralytics' table, then one line (in training) or the table of the protocol."""
        super().print_results()
        for line in describe(self.left_out, self.args.max_det, self.args.conf):
            (LOGGER.debug if self.training else LOGGER.warning)(line)  # not in every epoch
        if self.report is None:
            return
        if self.training:
            shown = "  ".join(f"{k} {100 * (self.report.get(k) or 0):.1f}" for k in COLUMNS[self.protocol])
            LOGGER.info(f"{self.protocol + ':':>22}  {shown}")
        else:
            LOGGER.info(table(self.report))

    def pred_to_json(self, predn: dict[str, Tensor], pbatch: dict[str, Any]) -> None:
        """Detections for predictions.json, by file stem."""
        stem = Path(pbatch["im_file"]).stem
        box = ops.xyxy2xywh(predn["bboxes"])
        box[:, :2] -= box[:, 2:] / 2
        rows = zip(box.tolist(), predn["conf"].tolist(), predn["cls"].tolist(), strict=True)
        self.jdict += [
            {
                "image_id": int(stem) if stem.isnumeric() else stem,
                "file_name": Path(pbatch["im_file"]).name,
                "category_id": self.class_map[int(c)],
                "bbox": [round(x, 3) for x in b],
                "score": round(s, 5),
            }
            for b, s, c in rows
        ]
