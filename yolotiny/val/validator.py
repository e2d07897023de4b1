"""Validation: ultralytics' figures and, beside them, those of the tiny-object protocols."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from ultralytics.utils import LOGGER, RANK, ops

from .._compat import alone
from .._compat.validator import SeamedValidator
from ..boxes import pairwise_iof, pairwise_iou
from ..config.class_names import ClassOrder, few
from ..config.defaults import MAX_DET
from ..distributed import gathered, gathered_by_all
from ..errors import InputError, did_you_mean
from ..files import write_text
from ..loaders.build import build_dataset
from ..loaders.dataset import TinyDataset, split_ignore
from ..loaders.trained import reader_for
from ..metrics import (
    PROTOCOLS,
    Evaluation,
    Picture,
    analysis_tables,
    evaluate_arrays,
    evaluate_scene,
    from_arrays,
    table,
)
from ..metrics.columns import COLUMNS
from ..metrics.tables import percent
from ..ops.postprocess import NMSConfig, check_metric, describe, nms, scale_for
from ..picture_names import named, relative_names
from ..predict.drawing import names_as_text
from ..report import Album, write
from ..runtime.coco_rows import rows_of
from .ground_truth import folder_of, ground_truth, ground_truth_hash
from .wanted import Wanted

PLACEHOLDER_CLASSES = 999  # class names that ultralytics makes up for a file without any
MIN_SIDE_PX = 1e-3  # a box thinner than this, once cut to the picture, lies in the padding beside it


def told_of(protocol: str) -> tuple[str, ...]:
    """The figures of a protocol that are told in every epoch; all those of a plugin's."""
    return COLUMNS[protocol] if protocol in COLUMNS else tuple(PROTOCOLS.find(protocol).figures)


class Validator(SeamedValidator):
    """Validates with ignore regions, without a time limit, and under a protocol for tiny objects too.

    Attributes:
        protocol: the rules of the appended figures: a model's `eval.protocol`, else what the data YAML says.
        fitness: the appended figure that chooses the best epoch, None for ultralytics' own choice (mAP50-95).
        suppression: `nms_metric` and `nms_c` of the same section.
        nms_config: these and the options of the run, from `init_metrics` on.
        report: the whole report of the protocol after a run (see `yolotiny.metrics.evaluate`); `analysis` and
            `data_hash` are not counted in training, where they would be paid for in every epoch.
        wanted: what else the user asks for.
        images, pictures: of the run so far, ground truth with detections, and which file that is.
    """

    protocol = "aitod"
    fitness: str | None = None
    report: dict[str, Any] | None = None
    suppression: dict[str, Any] = {}
    wanted = Wanted()
    evaluation: Evaluation | None = None

    @names_as_text()
    def __call__(self, trainer: Any = None, model: Any = None, **kwargs: Any) -> Any:
        """Validate; the report names the model by its file where there is one."""
        self.source = self.args.model if model is None else model
        self.weights = model if isinstance(model, (str, Path)) else self.args.model
        with alone() if trainer is None and RANK > -1 else nullcontext():
            return super().__call__(trainer, model, **kwargs)

    def get_dataloader(self, dataset_path: str, batch_size: int) -> Any:
        """Batches of a split, by as many processes as the user asks for; ultralytics has none on a CPU."""
        if self.wanted.workers is not None:
            self.args.workers = self.wanted.workers
        return super().get_dataloader(dataset_path, batch_size)

    def rules(self, section: dict[str, Any], of_data: str | None = None) -> None:
        """Take `protocol`, `fitness`, `nms_metric` and `nms_c` from a configuration's `eval:` section.

        Args:
            section: what the user or the model file says.
            of_data: the protocol of the data YAML, which holds where the section names none.

        Raises:
            InputError: an unknown protocol, figure or metric.
        """
        check_metric(section)
        self.suppression = {k: section[k] for k in ("nms_metric", "nms_c") if k in section}
        if "protocol" not in section and of_data is not None:
            LOGGER.info(f"protocol: {of_data}, as the data YAML has it")
        self.protocol = section.get("protocol") or of_data or self.protocol
        PROTOCOLS.find(self.protocol)
        self.fitness = section.get("fitness")
        check_fitness(self.fitness, self.protocol)

    @property
    def columns(self) -> dict[str, str]:
        """The columns appended to results.csv, to the figure of the report that stands there."""
        return {f"metrics/{k}(B)": k for k in told_of(self.protocol)}

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> TinyDataset:
        """Data with ignore regions."""
        reader = reader_for(self.source, self.wanted.reading, self.data["channels"])
        grid = int(self.stride or 32)
        return build_dataset(self.args, img_path, self.data, mode, batch, grid, self.args.rect, reader=reader)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures in 0..1 on the device, ignore regions apart from objects."""
        return super().preprocess(split_ignore(batch, self.data["nc"]))

    def init_metrics(self, model: torch.nn.Module) -> None:
        """Fresh counters."""
        super().init_metrics(model)
        self.augment_by_scales(model)
        names = self.dataloader.dataset.data["names"]  # of a resumed run in its own order
        if not self.args.single_cls:
            check_count(self.names, names, str(self.args.data))
        self.images: list[tuple] = []
        self.pictures: list[Picture] = []
        self.numbers = {f: i for i, f in enumerate(self.dataloader.dataset.im_files)}
        if self.args.save_txt:
            check_label_names(list(self.numbers))
        self.file_names = named(self.numbers) if self.args.save_json else {}
        self.rows: list[dict[str, Any]] = []
        self.left_out: Counter[str] = Counter()
        agnostic = bool(self.args.agnostic_nms or (self.args.single_cls and self.nc > 1))
        own = {"classes": self.args.classes, "numbers": self._classes_of_data(names)}
        c = scale_for(model, self.suppression)
        self.nms_config = NMSConfig.of(self.args, multi_label=True, agnostic=agnostic, c=c, **own)

    def _classes_of_data(self, names: dict[int, str]) -> tuple[int, ...] | None:
        """Count and tell everything by the data's `names`; of each class of the model, its number among them."""
        if self.args.single_cls or len(self.names) != len(names):
            return None
        order = ClassOrder.of(self.names, names)
        if order.line and not self.training:
            (LOGGER.warning if order.strange else LOGGER.info)(order.line)
        self.names = self.metrics.names = self.confusion_matrix.names = order.names
        return order.numbers if order.moves else None

    @staticmethod
    def check_max_det(args: Any, datasets: dict[str, TinyDataset]) -> None:
        """Raise the default cap where a picture holds more objects; warn where the user's own is too low."""
        args.max_det = cap_for(max(data.most_objects for data in datasets.values()), args.max_det)

    def postprocess(self, preds: Any) -> list[dict[str, Tensor]]:
        """Suppress overlapping boxes, however long it takes -> of each picture the `columns_of` (n, 6) rows, pixels."""
        found = self._suppress(preds[0] if isinstance(preds, (list, tuple)) else preds)
        return [columns_of(x) for x in found]

    def _suppress(self, y: Tensor, of_crops: bool = False) -> list[Tensor]:
        """Network output -> (n, 6) rows per picture."""
        self.wanted.exported.check_output(y, self.names)
        return nms(y, self.nms_config, self.left_out, together=of_crops)

    def update_metrics(self, preds: list[dict[str, Tensor]], batch: dict[str, Any]) -> None:
        """Score a batch; detections in ignore regions that found no object are left out of ultralytics' figures.

        `preds` are of each picture the `columns_of` (n, 6) rows, pixels of the input.
        """
        h, w = batch["img"].shape[2:]
        size = torch.tensor([w, h, w, h], device=self.device)
        for i, pred in enumerate(preds):
            prepared = self.targets_of(i, batch)
            shape, pad = prepared["ori_shape"], prepared["ratio_pad"]
            scaled = ops.scale_boxes((h, w), pred["bboxes"].clone(), shape, pad)
            there = ((scaled[:, 2:] - scaled[:, :2]) >= MIN_SIDE_PX).all(1)
            self.left_out["outside"] += int((~there).sum())
            preds[i] = pred = {k: v[there] for k, v in pred.items()}
            known = ground_truth(self.dataloader.dataset, self.numbers[prepared["im_file"]])
            cls, kept = pred["cls"], scaled[there].cpu()
            if self.args.single_cls:
                cls, known = cls * 0, known.of_one_class()
            self.images.append(known.beside(kept, pred["conf"].cpu(), cls.cpu()))
            self.pictures.append(known.picture)
            if self.args.save_json:
                picture = self.file_names[prepared["im_file"]]
                own = torch.cat((kept, pred["conf"].cpu()[:, None], pred["cls"].cpu()[:, None]), 1)
                self.rows += rows_of(own.numpy(), picture, self.class_map)
            regions = ops.xywh2xyxy(batch["ignore_bboxes"][batch["ignore_idx"] == i]) * size
            if len(regions) and len(cls):
                gt = prepared["bboxes"].view(-1, 4)
                inside = (pairwise_iof(pred["bboxes"], regions) >= 0.5).any(1)
                if len(gt):
                    same = pred["cls"][:, None] == prepared["cls"][None]
                    inside &= ~((pairwise_iou(pred["bboxes"], gt) >= 0.5) & same).any(1)
                preds[i] = {k: v[~inside] for k, v in pred.items()}
        super().update_metrics(preds, batch)

    def gather_stats(self) -> None:
        """Collect the detections of all processes of a training run, in the order of the pictures."""
        super().gather_stats()
        if RANK > -1 and self.training:
            _gather(self)

    def get_stats(self) -> dict[str, Any]:
        """ultralytics' figures and the protocol's, under `metrics/AP_t(B)` and the like."""
        stats = super().get_stats()
        if self.training:
            self.report = evaluate_arrays(self.images, self.names, self.protocol)
        else:
            self.folder = folder_of(self.dataloader.dataset)
            short = [p._replace(file=Path(p.file).relative_to(self.folder).as_posix()) for p in self.pictures]
            self.evaluation = evaluate_scene(
                lambda: from_arrays(self.images, self.names, short),
                self.protocol,
                imgsz=self.args.imgsz,
                ground_truth_hash=ground_truth_hash(self.dataloader.dataset, self.names),
                samples=self.wanted.samples,
            )
            self.report = self.evaluation.report
        self.images, self.pictures = [], []
        stats |= {"fitness": self.report[self.fitness] or 0.0} if self.fitness else {}
        return stats | {c: self.report.get(k) or 0.0 for c, k in self.columns.items()}

    def print_results(self) -> None:
        """ultralytics' table, then one line (in training) or the tables of the protocol; those are written as well."""
        super().print_results()
        for line in describe(self.left_out, self.nms_config):
            (LOGGER.debug if self.training else LOGGER.warning)(line)  # not in every epoch
        if self.report is None:
            return
        if self.training:
            shown = "  ".join(f"{k} {percent(self.report.get(k), 1)}" for k in told_of(self.protocol))
            LOGGER.info(f"{self.protocol + ':':>22}  {shown}")
        else:
            LOGGER.info(f"{table(self.report)}\n\n{analysis_tables(self.report)}\n")
            self._write()

    def _write(self) -> None:
        """report.json in the run's folder, with `plots` the PNG files and report.html, with `save_json` detections."""
        assert self.evaluation is not None
        about = {"data": self.args.data, "model": self.weights}
        album = Album(self.folder, self.dataloader.dataset.reader)
        files = write(self.save_dir, self.evaluation, about, album, self.wanted.worst, bool(self.args.plots))
        self.evaluation = None
        if self.args.save_json:
            self.eval_json({})
        LOGGER.info(f"Report: {files[-1]}")

    def pred_to_json(self, predn: dict[str, Tensor], pbatch: dict[str, Any]) -> None:
        """Nothing: ultralytics lacks what lies in ignore regions, `rows` has all columns of (n, 6) rows, in pixels."""

    def eval_json(self, stats: dict[str, Any]) -> dict[str, Any]:
        """Write all detections, as protocols judge those in ignore regions; an empty list where there is none."""
        write_text(self.save_dir / "predictions.json", json.dumps(self.rows))
        return stats


def check_count(own: Mapping[int, str], names: Mapping[int, str], data: str) -> None:
    """Raise InputError where a model has fewer or more classes than the data have `names`."""
    # An exported file that says nothing of its classes gets 999 placeholders from ultralytics.
    if len(own) not in (len(names), PLACEHOLDER_CLASSES):
        raise InputError(
            f"the model has {len(own)} classes ({few(own)}), {data} has {len(names)} ({few(names)}); "
            "give data with the model's classes, or a model trained on these"
        )


def check_fitness(fitness: str | None, protocol: str) -> None:
    """Raise InputError where the figure that chooses the best epoch is none of the protocol's."""
    if fitness is not None and fitness not in told_of(protocol):
        near = did_you_mean(fitness, told_of(protocol))
        raise InputError(f"fitness {fitness!r} is no figure of protocol {protocol}{near}")


def cap_for(most: int, max_det: int) -> int:
    """`max_det` for pictures of up to `most` objects: the default is raised, the user's own stays, with a warning."""
    if most <= max_det:
        return max_det
    if max_det == MAX_DET:
        LOGGER.warning(f"a picture holds {most} objects: max_det raised from {MAX_DET} to {most}")
        return most
    LOGGER.warning(f"a picture holds {most} objects, more than max_det={max_det}: recall is capped")
    return max_det


def check_label_names(files: Sequence[str]) -> None:
    """Raise InputError where `save_txt`, which joins folders and stem by `_`, gives two pictures one label file."""
    first: dict[str, str] = {}
    for name in relative_names(files):
        label = name.rpartition(".")[0].replace("/", "_")
        if (other := first.setdefault(label, name)) != name:
            raise InputError(
                f"save_txt: {other} and {name} would share labels/{label}.txt; rename one, or leave it out"
            )


def columns_of(rows: Tensor) -> dict[str, Tensor]:
    """(n, 6) rows, xyxy pixels, score, class -> columns (n, 4), (n,), (n,) and what follows, by ultralytics' names."""
    return {"bboxes": rows[:, :4], "conf": rows[:, 4], "cls": rows[:, 5], "extra": rows[:, 6:]}


def _gather(own: Validator) -> None:
    """What all processes of a training run have found, in the first; and losses as means over the batches of all."""
    found = (own.images, own.pictures, own.rows, own.left_out)
    images, pictures, rows, left_out = zip(*gathered(found), strict=True)
    own.images, own.pictures, own.rows = (list(chain(*x)) for x in (images, pictures, rows))
    own.left_out = sum(left_out, Counter())
    batches = gathered_by_all(len(own.dataloader))
    # ultralytics takes the mean over processes and divides it by the batches of the first; some have fewer
    share = len(batches) * batches[0] / sum(batches)
    own.loss = {k: v * share for k, v in own.loss.items()}
