"""A teacher: a trained detector that sees the pictures of a batch larger than the student, and softens their labels.

What it finds goes into the labels of the batch and nowhere else, so heads, levels, anchors and assigners of the two
need not agree, and nothing of it is left in the student. docs/training.md says why, and why it is not ultralytics'
`distill_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from ultralytics.utils import LOGGER, RANK, IterableSimpleNamespace
from ultralytics.utils.torch_utils import unwrap_model

from .. import checkpoint
from .._compat.trainer import SeamedTrainer
from ..boxes import pairwise_iof, pairwise_iou, xywh2xyxy, xyxy2xywh
from ..checkpoint import TEACHER
from ..config.class_names import ClassOrder, few
from ..criterion import CRITERIA
from ..detector import Detector
from ..errors import InputError, did_you_mean, number, whole
from ..nn.head import family_of
from ..ops.postprocess import NMSConfig, nms

USUAL = {"file": None, "scale": 2, "weight": 0.5}
MOST = 4  # times as large
CONF = 0.1  # least score of what the teacher says; below, it would move a label by a twentieth
SAME = (
    0.3  # IoU from which a detection means a labelled object; tiny boxes that lie a pixel apart have no more than half
)
SURE = 0.3  # least score of an object that no label has
APART = 0.1  # IoU with any label up to which a detection is such an object


def teacher_section(section: Any, where: str) -> dict[str, Any]:
    """What a model file's `teacher:` asks for: the file in full, `scale` and `weight`.

    Args:
        section: a file, or a mapping with `file`.
        where: the file that says so, for messages.

    Raises:
        InputError: no such file or setting, or a value that makes no sense.
    """
    section = {"file": section} if isinstance(section, (str, Path)) else section
    if not isinstance(section, Mapping):
        raise InputError(f"teacher in {where} must be a checkpoint, or a mapping with file, not {section!r}")
    if unknown := [k for k in section if k not in USUAL]:
        raise InputError(f"teacher.{unknown[0]} in {where} is not known{did_you_mean(unknown[0], USUAL)}")
    made = USUAL | dict(section)
    if not isinstance(made["file"], (str, Path)) or not Path(made["file"]).expanduser().is_file():
        raise InputError(f"teacher={made['file']}: there is no such file; give a checkpoint, such as best.pt of a run")
    whole(made["scale"], "teacher.scale", 1, MOST, example=2)
    number(made["weight"], "teacher.weight", 0, 1, "(]", 0.5)
    return made | {"file": str(Path(made["file"]).expanduser().resolve())}


class Teacher:
    """A trained detector that looks at a batch and softens its labels.

    Args:
        section: of `teacher_section`.
        names: the student's classes.
        channels: of the pictures.
        classes: numbers of those that are trained, None for all.

    Attributes:
        scale: how many times as large as the student it sees a picture.
        weight: its share in what the student learns.

    Raises:
        InputError: no checkpoint of ours, one of other classes, or of other channels.
    """

    def __init__(self, section: Mapping[str, Any], names: Mapping[int, str], channels: int, classes: Any = None):
        self.scale, self.weight, file = section["scale"], section["weight"], section["file"]
        try:
            content = checkpoint.read(file)
        except InputError as error:
            raise InputError(f"teacher={file} is no checkpoint of yolotiny: {error}") from error
        network = content["ema"] or content["model"]
        if not isinstance(network, Detector):
            raise InputError(f"teacher={file} was made by ultralytics; train the teacher with yolotiny")
        order = ClassOrder.of(network.names, names) if len(network.names) == len(names) else None
        if order is None or order.strange:
            raise InputError(
                f"teacher={file} has the classes {few(network.names)} ({len(network.names)}), and the data "
                f"{few(names)} ({len(names)}): train the teacher on the same classes"
            )
        if network.yaml["channels"] != channels:
            raise InputError(
                f"teacher={file} takes pictures of {network.yaml['channels']} channels, the data {channels}"
            )
        self.network: nn.Module = network.float().eval().requires_grad_(False).fuse(verbose=False)
        self.grid = max(int(network.stride.max()), 32)
        self.rules = NMSConfig(CONF, 0.6, classes=classes, numbers=order.numbers if order.moves else None)

    def to(self, device: torch.device) -> Teacher:
        """Move it to a device; on a CPU it computes in channels_last, as the student does."""
        last = torch.channels_last if device.type == "cpu" else torch.preserve_format
        self.network.to(device, memory_format=last)
        return self

    @torch.no_grad()
    def teach(self, batch: dict[str, Any], pictures: Tensor) -> dict[str, Any]:
        """Soften the labels of a batch, see `softened`.

        Args:
            batch: ultralytics', ignore regions taken apart.
            pictures: (B, C, H, W) the same pictures as the teacher is to see them, 0..1.
        """
        h, w = pictures.shape[2:]
        y = self.network(pictures)
        found = nms(y[0] if isinstance(y, tuple) else y, self.rules, together=True)
        rows = torch.cat(found)
        image = torch.cat([rows.new_full((len(one),), i) for i, one in enumerate(found)])
        boxes = rows[:, :4] / rows.new_tensor([w, h, w, h])
        return batch | softened(batch, torch.cat((image[:, None], boxes, rows[:, 4:]), 1), self.weight)


def softened(batch: Mapping[str, Tensor], found: Tensor, weight: float) -> dict[str, Tensor]:
    """Labels of which `weight` is the teacher's word and the rest the annotator's.

    An object that both have: its box moves towards the teacher's by `weight` times the teacher's score, and so much of
    an object it is: `1 - weight + weight * score`. One that only the annotator has counts `1 - weight` as an object.
    One that only the teacher has, off all labels and ignore regions and with a score of .3 or more, counts
    `weight * score`, and its box and class are learnt with that weight too.

    Args:
        batch: `batch_idx` (M,), `cls` (M, 1), `bboxes` (M, 4) xywh as shares of the picture, `ignore_idx` (K,) and
            `ignore_bboxes` (K, 4).
        found: (T, 7) number of the picture, xyxy as shares of it, score, class.
        weight: from 0 to 1.

    Returns:
        `batch_idx`, `cls`, `bboxes`, and `soft_scores` and `soft_weights`, each (M + k,), in the order of pictures.

    Source: the mixture of Hinton et al. 2015 (Distilling the knowledge in a neural network), section 2, for boxes.
    """
    image, boxes, label = batch["batch_idx"], xywh2xyxy(batch["bboxes"].float()), batch["cls"].view(-1)
    t_image, t_boxes, score, t_label = found[:, 0], found[:, 1:5], found[:, 5], found[:, 6]
    overlap = pairwise_iou(boxes, t_boxes) * (image[:, None] == t_image)  # (M, T)
    agree = F.pad(overlap * (label[:, None] == t_label), (0, 1, 0, 1))  # a column and a row of nobody
    partner = agree[:-1].argmax(1)
    mutual = (agree[:-1].amax(1) >= SAME) & (agree.argmax(0)[partner] == torch.arange(len(label), device=label.device))
    share = torch.where(mutual, F.pad(score, (0, 1))[partner], 0.0) * weight  # (M,)
    boxes = boxes + share[:, None] * (F.pad(t_boxes, (0, 0, 0, 1))[partner] - boxes)

    regions = xywh2xyxy(batch["ignore_bboxes"].float())
    hidden = pairwise_iof(t_boxes, regions) * (t_image[:, None] == batch["ignore_idx"])  # (T, K)
    alone = (F.pad(overlap, (0, 0, 0, 1)).amax(0) <= APART) & (F.pad(hidden, (0, 1)).amax(1) <= 0.5) & (score >= SURE)
    image = torch.cat((image, t_image[alone].to(image)))
    order = image.argsort(stable=True)
    more = score[alone] * weight
    return {
        "batch_idx": image[order],
        "cls": torch.cat((label, t_label[alone].to(label)))[order][:, None],
        "bboxes": xyxy2xywh(torch.cat((boxes, t_boxes[alone])))[order].to(batch["bboxes"]),
        "soft_scores": torch.cat((1 - weight + share, more))[order],
        "soft_weights": torch.cat((torch.ones_like(share), more))[order],
    }


class TaughtTrainer(SeamedTrainer):
    """ultralytics' trainer with a teacher, where the model file names one.

    Pictures are loaded at the teacher's size and shrunk for the student. Where training sees tiles (`crop_train`),
    whose pixels are the file's own, they are loaded at the student's and enlarged for the teacher.

    Attributes:
        teacher: None where there is none.
    """

    teacher: Teacher | None = None

    def set_model_attributes(self) -> None:
        """What ultralytics notes in the model; and the teacher is read."""
        super().set_model_attributes()
        model = unwrap_model(self.model)
        if (section := model.yaml.get(TEACHER)) is None:
            return
        where, family = model.yaml.get("yaml_file") or "the configuration", family_of(model.model[-1])
        if not family or not CRITERIA.find(family).soft:
            raise InputError(f"teacher= is for the heads of YOLOv5 and YOLOX; {where} has another: leave it out")
        section = teacher_section(section, where)
        self.teacher = Teacher(section, self.data["names"], self.data["channels"], self.args.classes)
        self.teacher.to(self.device)
        if RANK in {-1, 0}:
            LOGGER.info(f"teacher: {section['file']}, at {self.args.imgsz * section['scale']} px")

    @property
    def enlarged(self) -> int:
        """How many times as large as the student sees them pictures of training are loaded."""
        tiles = unwrap_model(self.model).yaml.get("crop_train") is not None
        return 1 if self.teacher is None or tiles else self.teacher.scale

    def as_loaded(self, mode: str) -> tuple[Any, int]:
        """The options by which data of a mode are loaded, and how many times the usual size that is."""
        times = self.enlarged if mode == "train" else 1
        if times == 1:
            return self.args, 1
        return IterableSimpleNamespace(**vars(self.args) | {"imgsz": self.args.imgsz * times}), times

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Pictures in 0..1 on the device at the student's size, labels softened by the teacher."""
        if self.teacher is None:
            return super().preprocess_batch(batch)
        large, times = batch["img"].to(self.device).float(), self.enlarged
        batch["img"] = F.avg_pool2d(large, times)
        batch = super().preprocess_batch(batch)
        if times != self.teacher.scale:
            large = F.interpolate(large, scale_factor=float(self.teacher.scale), mode="bilinear")
        return self.teacher.teach(batch, large / 255)
