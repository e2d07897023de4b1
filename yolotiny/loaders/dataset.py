"""Training and validation data: ultralytics' YOLO dataset with ignore regions and without its traps for tiny boxes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.data.utils import check_file_speeds, img2label_paths
from ultralytics.utils import LOGGER

from ..data.labels import as_objects, ignore_file, read_ignore, read_rows
from ..data.records import TOLERANCE
from ..errors import InputError
from ..ignore import from_index, is_region, to_index
from ..image_files import find, labels_expected
from ..pictures.files import Unreadable
from ..pictures.reader import PictureReader
from ..pictures.survey import survey
from ..text import printable
from . import label_cache
from .augmenting import OwnAugmentations
from .decoding import DecodedDataset
from .pasting import Paste
from .perspective import spare_tiny


def scan(args: tuple[str, str], nc: int, read: Callable[[str], np.ndarray], single: bool) -> tuple:
    """Read one picture and its labels, as ultralytics' scan asks for it; no file is changed.

    Args:
        args: picture file, label file.
        nc: number of classes.
        read: decodes a picture, as training does.
        single: class numbers do not matter.

    Returns:
        (label dict or None for a picture that does not decode, missing, found, empty, corrupt, message).
    """
    image, label = args
    rows = read_rows(Path(label), sys.maxsize if single else nc).checked(label)
    try:
        picture = read(image)
    except Unreadable as error:
        return None, 0, 0, 0, 1, str(error)
    objects = as_objects(rows)
    once = list(dict.fromkeys(map(tuple, objects.tolist())))  # ordered, without duplicates
    kept = objects if len(once) == len(objects) else np.array(once, np.float32)
    found = os.path.isfile(label)
    boxes = {
        "im_file": image,
        "shape": picture.shape[:2],
        "cls": kept[:, :1],
        "bboxes": kept[:, 1:],
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
        "duplicates": len(objects) - len(kept),
        "over_edge": rows.over_edge(*picture.shape[1::-1]),
    }
    return boxes, int(not found), int(found), int(found and not len(objects)), 0, ""


class TinyDataset(DecodedDataset):
    """YOLO labels and, from a sibling folder `ignore/`, regions in which nothing counts.

    The regions travel through augmentation as boxes of extra classes from `nc` on, so mosaic and flips move them with
    the picture; `split_ignore` takes them out of the batch again.

    Attributes:
        steps: augmentations of the model file, see `data.augment`.
        reader: decodes pictures, by what the first look at them settles.
        paste: up to so many objects of other pictures are pasted into one, see `Paste`.
        sizes: (height, width) of each picture by its file.
    """

    def __init__(
        self,
        *args: Any,
        hyp: Any,
        steps: Sequence[tuple[str, Any]] = (),
        reader: PictureReader | None = None,
        paste: int = 0,
        **kwargs: Any,
    ):
        self.reader = copy(reader) if reader else PictureReader()
        self.runs = getattr(hyp, "project", None)  # for the scan of labels beside which nothing can be written
        self.steps, self.paste = steps, paste
        super().__init__(*args, hyp=hyp, **kwargs)

    def get_img_files(self, img_path: str | list[str]) -> list[str]:
        """The pictures of the folders and lists of a split, by name, cut to `fraction`; see `image_files`.

        Raises:
            InputError: there are none, a listed one is missing, or two share a label file.
        """
        places = [Path(p) for p in (img_path if isinstance(img_path, list) else [img_path])]
        found = find(places, Path(self.data.get("path") or "")).check(str(img_path))
        if found.left_out:
            LOGGER.info(f"{self.prefix}{found.why_left_out()}")
        files = sorted(map(str, found.images))
        count = self.fraction if isinstance(self.fraction, int) else max(1, round(len(files) * self.fraction))
        check_file_speeds(files[:count], prefix=self.prefix)
        for line in survey(self.reader, files[:count]):
            LOGGER.info(f"{self.prefix}{line}")
        return files[:count]

    def scanned(self) -> list[dict[str, Any]]:
        """Labels of the pictures that can be read: as an earlier run found them, else scanned now."""
        files = list(zip(self.im_files, self.get_label_files(), strict=True))
        # names, sizes and dates of the files, and how they are read
        key = " ".join(filter(None, [str(self.cv2_flag), self.reader.tag, self.get_cache_hash()]))
        folder = Path(files[0][1]).parent
        spots = list(label_cache.places(folder, self.runs))
        nc = sys.maxsize if self.single_cls else self.nc
        kept = next(filter(None, (label_cache.read(p, key, len(files), nc) for p in spots)), None)
        found = kept or self._scan(files)
        if kept is None and not any(label_cache.write(p, key, found) for p in spots):
            LOGGER.info(f"{self.prefix}the scan cannot be kept; the next run scans again")
        LOGGER.info(f"{self.prefix}{len(found.index)} images, {found.found} with a label file in {folder}")
        return found.labels(self.im_files)

    def _scan(self, files: list[tuple[str, str]]) -> label_cache.Scan:
        """Read every picture and its labels."""
        if not any(os.path.isfile(label) for _, label in files):
            what = f"{len(files)} {'training' if self.augment else 'validation'} images of {self.img_path}"
            said = f"no label file for any of the {what}; {labels_expected(Path(files[0][0]))}"
            if self.augment:
                raise InputError(said)
            LOGGER.warning(f"{self.prefix}{said}")
        work = partial(scan, nc=self.nc, read=self.reader.read, single=self.single_cls)
        found = label_cache.scan_all(work, files, f"{self.prefix}Scanning {printable(self.img_path)}")
        if not len(found.index):
            raise InputError(f"none of the {len(files)} images of {self.img_path} can be read")
        return found

    def get_labels(self) -> list[dict[str, Any]]:
        """Labels of all images as their files have them; logs what was left out or cut."""
        wanted = list(self.im_files)
        labels = self.scanned()
        self.im_files = [x["im_file"] for x in labels]
        kept = set(self.im_files)
        self._tell(
            "{n} of {of} images cannot be read and are left out", {f: 1 for f in wanted if f not in kept}, wanted
        )
        doubled = {x["im_file"]: n for x in labels if (n := x.pop("duplicates"))}
        self._tell("{n} duplicate label rows are left out", doubled, wanted)
        over = {x["im_file"]: n for x in labels if (n := x.pop("over_edge"))}
        self._tell(f"{{n}} boxes reach over the edge by more than {TOLERANCE:g} px and are cut there", over, wanted)
        self.sizes = {x["im_file"]: x["shape"] for x in labels}  # rectangular batches take it out of the labels
        return labels

    def _tell(self, what: str, counts: dict[str, int], of: list[str]) -> None:
        """Log what was left out, with the first few files by name."""
        if counts:
            shown = ", ".join(printable(Path(f).name) for f in list(counts)[:5]) + (", ..." if len(counts) > 5 else "")
            LOGGER.warning(f"{self.prefix}{what.format(n=sum(counts.values()), of=len(of))}: {shown}")

    @property
    def nc(self) -> int:
        """Number of classes, from which on class indices mean ignore regions."""
        return len(self.data["names"])

    def class_counts(self) -> dict[str, int]:
        """Objects by class name, regions left out."""
        cls = np.concatenate([x["cls"].ravel() for x in self.labels]).astype(int)
        counts = np.bincount(cls[cls < self.nc], minlength=self.nc).tolist()
        return dict(zip(map(str, self.data["names"].values()), counts, strict=True))

    @property
    def most_objects(self) -> int:
        """Objects in the most crowded picture."""
        return max((int((~is_region(x["cls"], self.nc)).sum()) for x in self.labels), default=0)

    def update_labels(self, include_class: int | list[int] | None) -> None:
        """Keep the objects of the chosen classes, with `single_cls` call them all 0, and append the ignore regions.

        Classes have other numbers than in the files where `data` says so: `class_numbers` (nc,).
        """
        numbers = self.data.get("class_numbers")
        for label in self.labels if numbers is not None else ():
            label["cls"] = numbers[label["cls"].astype(int)].astype(np.float32)
        super().update_labels(None if include_class is None else np.ravel(include_class).tolist())
        if self.augment and not any(len(x["cls"]) for x in self.labels):
            of = "" if include_class is None else f" of classes {include_class}"
            raise InputError(f"no box{of} in any of the {len(self.labels)} training images of {self.img_path}")
        regions = 0
        for label, file in zip(self.labels, img2label_paths(self.im_files), strict=True):
            extra = read_ignore(ignore_file(file), sys.maxsize if self.single_cls else self.nc)
            if numbers is not None:
                extra[:, 4] = np.where(extra[:, 4] < 0, extra[:, 4], numbers[extra[:, 4].astype(int)])
            regions += len(extra)
            label["bboxes"] = np.concatenate((label["bboxes"], extra[:, :4]))
            label["cls"] = np.concatenate((label["cls"], to_index(extra[:, 4:], self.nc).astype(np.float32)))
        if regions:
            LOGGER.info(f"{self.prefix}{regions} ignore regions: no loss and no false alarm inside")

    def build_transforms(self, hyp: Any) -> Any:
        """ultralytics' augmentations with our rule for which boxes survive, then the model file's."""
        transforms = super().build_transforms(hyp)
        spare_tiny(transforms, self.nc)
        if self.augment and self.paste:
            step = Paste(self.labels, self.lend, self.paste, self.imgsz, self.nc)
            transforms.insert(1, OwnAugmentations([("paste", step)], self.nc))  # the first makes the mosaic
        if self.augment and self.steps:
            transforms.insert(-1, OwnAugmentations(self.steps, self.nc))  # the last one formats
        return transforms

    def close_mosaic(self, hyp: Any) -> None:
        """The last epochs show pictures as they are: without mosaic, and with nothing pasted into them."""
        self.paste = 0
        super().close_mosaic(hyp)

    def lend(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A picture that objects are taken from, at the size of the input and not augmented.

        Returns:
            (H, W, C) uint8, (n, 4) xyxy pixels and (n,) classes, those of ignore regions among them.
        """
        label = self.labels[index]
        return on_picture(self.at_input(index), label["bboxes"], label["cls"])


def on_picture(picture: np.ndarray, boxes: np.ndarray, cls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with its labels in pixels.

    Args:
        picture: (H, W, C), 0..255.
        boxes: (n, 4) xywh as shares of it.
        cls: (n, 1) class.

    Returns:
        The picture (H, W, C), boxes (n, 4) xyxy pixels, and classes (n,).
    """
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    pixels = np.concatenate((centre - half, centre + half), 1) * np.tile(picture.shape[1::-1], 2)
    return picture, pixels.astype(np.float32), cls[:, 0]


def split_ignore(batch: dict[str, Any], nc: int) -> dict[str, Any]:
    """Take the ignore regions (class `nc` and above) out of a batch's objects.

    Adds to the batch `ignore_bboxes` (K, 4) normalised xywh, `ignore_idx` (K,), and `ignore_cls` (K,), the label of a
    region (see `ignore.IgnoreKind`).
    """
    cls: Tensor = batch["cls"].view(-1)
    region = is_region(cls, nc)
    batch["ignore_bboxes"], batch["ignore_idx"] = batch["bboxes"][region], batch["batch_idx"][region]
    batch["ignore_cls"] = from_index(cls[region], nc)
    if torch.any(region):
        for k in ("cls", "bboxes", "batch_idx"):
            batch[k] = batch[k][~region]
    return batch
