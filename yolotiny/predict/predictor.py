"""Prediction: ultralytics' predictor with suppression that has no time limit, and with slicing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import LOGGER, ops

from ..config.class_names import ClassOrder, few
from ..config.exported import ExportedFile
from ..errors import InputError
from ..loaders.reader import Reader, tell_of
from ..loaders.trained import reader_for
from ..ops.class_choice import class_numbers
from ..ops.letterbox import Letterbox
from ..ops.postprocess import NMSConfig, describe, nms, scale_for
from ..pictures.depth import Unclear
from ..pictures.memory import in_bytes
from ..runtime.coco_rows import RowFile, rows_of
from ..runtime.sources import items_of, reads_files
from ..slicing import SlicedInference
from ..text import printable
from ..training_stats import TrainingStats
from .drawing import TinyResults
from .results import SlicedResults
from .saving import Saving
from .sharing import Lent
from .sliced import coarse_passes, finish, tile_batcher

TEXTS = {"show_labels": True, "show_conf": True}  # ultralytics' own values, which say nothing of what a user asked for


class Predictor(Saving, DetectionPredictor):
    """Gives ordinary ultralytics `Results`; with slicing those that know their crops.

    Attributes:
        suppression: `nms_metric` and `nms_c`, see `scale_for`.
        nms_config: these and the options of a call, from `setup_source` on.
        sliced: looks at tiles again, or None.
        multi_label: whether one box may be several detections, as in validation.
        warns: whether to say where a cap removed detections.
        pictures: `bands` and `stretch` as the user has them, over those of the training.
        texts: `show_labels` and `show_conf` as the user has them; without them the size of the objects decides.
        names: of the classes in the data YAML that the user gave, whose numbers results have then; None without.
        exported: what an exported file says of itself.
    """

    multi_label = False
    warns = True
    texts: Mapping[str, bool] = {}
    exported = ExportedFile()

    def __init__(
        self,
        *args: Any,
        suppression: dict[str, Any] | None = None,
        sliced: SlicedInference | None = None,
        texts: Mapping[str, bool] | None = None,
        names: Mapping[int, str] | None = None,
        pictures: Mapping[str, Any] | None = None,
        exported: ExportedFile | None = None,
        **kwargs: Any,
    ):
        self.suppression, self.sliced, self.texts, self.names = suppression or {}, sliced, texts or {}, names
        self.pictures, self.exported = pictures or {}, exported or self.exported
        super().__init__(*args, **kwargs)

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        """ultralytics' network, to be shared with other calls."""
        with self.exported.in_one_line():
            super().setup_model(model, verbose)
        self.model = Lent(self.model)

    def setup_source(self, source: Any, stride: int | None = None) -> None:
        """Sizes of objects are measured anew on each source; what cannot be decoded in it is counted."""
        if reads_files(source):
            reader = reader_for(self.model, self.pictures)
            source = Reader(items_of(source), self.args.batch, self.args.vid_stride, reader)
        elif isinstance(source, (np.ndarray, Image.Image)):
            source = self._single(source)
        super().setup_source(source, stride)
        vars(self.args).update(dict.fromkeys(TEXTS) | dict(self.texts))  # None: the objects decide
        numbers = self._classes_of_data()
        own = {"classes": self.args.classes, "numbers": numbers}
        c = scale_for(self.model, self.suppression)
        self.nms_config = NMSConfig.of(self.args, multi_label=self.multi_label, c=c, **own)
        if self.model.format == "pt" and self.model.end2end:  # ultralytics puts it into the network, for all calls
            self.model.head = {"max_det": max(self.args.max_det, 300), "agnostic_nms": self.args.agnostic_nms}
        if self.sliced is not None:
            self.sliced.start(TrainingStats.of(self.model), self.warns, self.nms_config.suppression)

    def _classes_of_data(self) -> tuple[int, ...] | None:
        """Take the names of the data YAML, and the numbers of the classes that count.

        Returns:
            of each class of the model, its number among those of the data; None where it is its own.

        Raises:
            InputError: the model has fewer or more classes, or `classes` holds one that is not there.
        """
        own, numbers = self.model.names, None
        if self.names is not None:
            if len(self.names) != len(own):
                raise InputError(
                    f"the model has {len(own)} classes ({few(own)}), data={self.args.data} has {len(self.names)} "
                    f"({few(self.names)}); leave data= out, or give that of the model"
                )
            order = ClassOrder.of(own, self.names)
            if order.line and self.warns:
                (LOGGER.warning if order.strange else LOGGER.info)(order.line)
            self.model.names, numbers = order.names, order.numbers if order.moves else None
        of = "the model" if self.names is None else str(self.args.data)
        self.args.classes = class_numbers(self.args.classes, self.model.names, of)
        return numbers

    def _single(self, picture: Any) -> Any:
        """A picture in memory, in eight bits."""
        reader = reader_for(self.model, self.pictures)
        tell_of(reader, [picture])
        try:
            return in_bytes(picture, reader)
        except Unclear as error:
            raise InputError(f"source: {error}") from None

    @property
    def unread(self) -> int:
        """Pictures and frames that could not be decoded and were left out, once the source is through."""
        return sum(self.dataset.unread.values()) if isinstance(self.dataset, Reader) else 0

    @property
    def total(self) -> int | None:
        """How many pictures the source has, and frames of the only video; None where nobody knows."""
        if not isinstance(self.dataset, Reader):
            return None
        if self.dataset.ni == self.dataset.nf:
            return self.dataset.nf
        one = self.dataset.nf == 1 and self.dataset.frames > 0
        return -(-self.dataset.frames // self.dataset.vid_stride) if one else None

    def cut(self) -> str:
        """End the files that were begun, after an interruption; what there is, in words."""
        for video in (self.vid_writer or {}).values():
            if isinstance(video, cv2.VideoWriter):
                video.release()
        folder = Path(self.save_dir)
        if not folder.is_dir():
            return f"{self.seen} pictures done, nothing saved"
        said = f"the results of {self.seen} pictures are in {folder}"
        if self.args.save_json and hasattr(self, "json"):
            self.json.cut()
            said += f", their rows in {self.json.part}"
        return said

    @property
    def ids(self) -> int | None:
        """How many objects were followed; None in a prediction, which follows none."""
        return None

    def inference(self, im: Tensor, *args: Any, **kwargs: Any) -> Any:
        """(B, C, H, W) pictures in 0..1 -> network output; None where tiles need no pass over the whole picture."""
        if self.sliced is not None and not self.sliced.full and not self.args.embed:
            return None
        start = time.perf_counter()
        with self.model.lock, self.exported.in_one_line():  # activation maps put hooks into the network
            out = super().inference(im, *args, **kwargs)
        self.exported.check_output(out[0] if isinstance(out, (list, tuple)) else out, self.model.names)
        if self.sliced is not None and self.sliced.budget is not None:
            finish(self.device)
            took = time.perf_counter() - start
            self.sliced.budget.coarse_pass(took / len(im), im.shape[2] * im.shape[3])
        return out

    def postprocess(self, preds: Any, img: Any, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per picture."""
        y = preds[0] if isinstance(preds, (list, tuple)) else preds
        found = self.suppress(y) if y is not None else [torch.zeros(0, 6, device=img.device)] * len(img)
        if not isinstance(orig_imgs, list):
            orig_imgs = ops.convert_torch2numpy_batch(orig_imgs)[..., ::-1]
        if self.sliced is None:
            return self.construct_results(found, img, orig_imgs, **kwargs)
        return self._slice(found, preds, img.shape[2:], orig_imgs)

    def suppress(self, y: Tensor, extra: Tensor | None = None, of_crops: bool = False) -> list[Tensor]:
        """Network output -> rows of each picture, see `nms`; warns where a cap removed detections, not in crops.

        Raises:
            InputError: suppression by NWD where boxes come suppressed, or nobody knows the size of objects.
        """
        left_out: Counter[str] = Counter()
        found = nms(y, self.nms_config, left_out, extra, together=of_crops)
        for line in describe(left_out, self.nms_config) if self.warns and not of_crops else ():
            LOGGER.warning(line)
        return found

    def run_callbacks(self, event: str) -> None:
        """ultralytics' callbacks; with `save_json` the detections go to predictions.json, picture by picture."""
        if event == "on_predict_batch_start":  # lines of the log, with the names of files in them
            self.batch = (*self.batch[:2], [printable(line) for line in self.batch[2]])
        super().run_callbacks(event)
        if not self.args.save_json:
            return
        if event == "on_predict_start":
            self.json = RowFile(Path(self.save_dir) / "predictions.json")
        elif event == "on_predict_postprocess_end":
            for i, result in enumerate(self.results):
                self.json.add(self._rows(i, result))
        elif event == "on_predict_end":
            self.json.close()

    def _rows(self, i: int, result: Results) -> list[dict[str, Any]]:
        """Rows of predictions.json for number `i` of the batch; they say the frame of a video and the track."""
        found = result.boxes.cpu().numpy()
        rows = np.concatenate((found.xyxy, found.conf[:, None], found.cls[:, None]), 1)
        return rows_of(rows, self.name_of(result.path), range(1, len(result.names) + 1), self.frame_of(i), found.id)

    def construct_result(self, pred: Tensor, img: Tensor, orig_img: Any, img_path: str) -> Results:
        """(n, 6) xyxy in pixels of the input, score, class; and that, (B, C, H, W) in 0..1 -> `TinyResults`."""
        found = super().construct_result(pred, img, orig_img, img_path)
        return TinyResults(found.orig_img, path=found.path, names=found.names, boxes=found.boxes.data)

    def _slice(self, found: list[Tensor], preds: Any, size: Any, pictures: Any) -> list[Results]:
        """Rows of the coarse pass over each picture, in pixels of the input -> results of both passes."""
        assert self.sliced is not None
        letterboxes = [Letterbox.of(picture.shape[:2], size) for picture in pictures]
        coarse = coarse_passes(self.sliced, preds, found, letterboxes)
        batcher = tile_batcher(self.model, partial(self.suppress, of_crops=True), self.args.augment)
        joined = self.sliced.run(pictures, coarse, batcher, (self.imgsz[0], self.imgsz[1]), self.args.conf)
        out: list[Results] = []
        for both, picture, path in zip(joined, pictures, self.batch[0], strict=True):
            rows = torch.from_numpy(both.rows[: self.args.max_det]).to(self.device)
            made = SlicedResults(picture, path=path, names=self.model.names, boxes=rows)
            made.crops = torch.from_numpy(both.tiles)
            out.append(made)
        return out


def is_ours(kind: Any) -> bool:
    """Whether a class of predictors is one of ours, or made from one, and so takes what ours are told."""
    return isinstance(kind, type) and issubclass(kind, Predictor)
