"""Prediction: ultralytics' predictor with suppression that has no time limit, and with a second look."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import LOGGER, ops

from .crop_results import CropResults
from .drawing import TinyResults
from .first_look import Fit, heat_maps
from .forwards import Forwards, finish
from .nms import describe, nms, scale_for
from .predictions import RowFile, rows_of
from .reading import Reader
from .saving import Saving
from .second_look import SecondLook
from .sharing import Lent
from .sources import items_of, reads_files

TEXTS = {"show_labels": True, "show_conf": True}  # ultralytics' own values, which say nothing of what a user asked for


class Predictor(Saving, DetectionPredictor):
    """Gives ordinary ultralytics `Results`; with a second look those that know their crops.

    Attributes:
        suppression: `nms_metric` and `nms_c`, see `scale_for`.
        second_look: looks at crops again, or None.
        multi_label: whether one box may be several detections, as in validation.
        warns: whether to say where a cap removed detections.
        texts: `show_labels` and `show_conf` as the user has them; without them the size of the objects decides.
    """

    multi_label = False
    warns = True
    texts: Mapping[str, bool] = {}

    def __init__(
        self,
        *args: Any,
        suppression: dict[str, Any] | None = None,
        second_look: SecondLook | None = None,
        texts: Mapping[str, bool] | None = None,
        **kwargs: Any,
    ):
        self.suppression, self.second_look, self.texts = suppression or {}, second_look, texts or {}
        super().__init__(*args, **kwargs)

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        """ultralytics' network, to be shared with other calls."""
        super().setup_model(model, verbose)
        self.model = Lent(self.model)

    def setup_source(self, source: Any, stride: int | None = None) -> None:
        """Sizes of objects are measured anew on each source; what cannot be decoded in it is counted."""
        if reads_files(source):
            channels = getattr(self.model, "channels", 3)
            source = Reader(items_of(source), self.args.batch, self.args.vid_stride, channels)
        super().setup_source(source, stride)
        vars(self.args).update(dict.fromkeys(TEXTS) | dict(self.texts))  # None: the objects decide
        if self.model.format == "pt" and self.model.end2end:  # ultralytics puts it into the network, for all calls
            self.model.head = {"max_det": max(self.args.max_det, 300), "agnostic_nms": self.args.agnostic_nms}
        if self.second_look is not None:
            self.second_look.know(self.model)

    @property
    def unread(self) -> int:
        """Pictures and frames that could not be decoded and were left out, once the source is through."""
        return sum(getattr(self.dataset, "unread", Counter()).values())

    def inference(self, im: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Network output; None where tiles need no look at the whole picture."""
        if self.second_look is not None and not self.second_look.full and not self.args.embed:
            return None
        start = time.perf_counter()
        with self.model.lock:  # activation maps put hooks into the network
            out = super().inference(im, *args, **kwargs)
        if self.second_look is not None and self.second_look.budget is not None:
            finish(self.device)
            took = time.perf_counter() - start
            self.second_look.budget.first_look(took / len(im), im.shape[2] * im.shape[3])
        return out

    def postprocess(self, preds: Any, img: Any, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per picture."""
        y = preds[0] if isinstance(preds, (list, tuple)) else preds
        found = self.suppress(y) if y is not None else [torch.zeros(0, 6, device=img.device)] * len(img)
        if not isinstance(orig_imgs, list):
            orig_imgs = ops.convert_torch2numpy_batch(orig_imgs)[..., ::-1]
        if self.second_look is None:
            return self.construct_results(found, img, orig_imgs, **kwargs)
        return self._look_again(found, preds, img.shape[2:], orig_imgs)

    def suppress(self, y: Tensor, extra: Tensor | None = None, of_crops: bool = False) -> list[Tensor]:
        """Network output -> rows of each picture, see `nms`; warns where a cap removed detections, not in crops."""
        left_out: Counter[str] = Counter()
        found = nms(
            y,
            len(self.model.names),
            self.args.conf,
            self.args.iou,
            self.args.max_det,
            multi_label=self.multi_label,
            agnostic=self.args.agnostic_nms,
            classes=self.args.classes,
            left_out=left_out,
            c=scale_for(self.model, self.suppression),
            extra=extra,
            together=of_crops,
        )
        for line in describe(left_out, self.args.max_det, self.args.conf) if self.warns and not of_crops else ():
            LOGGER.warning(line)
        return found

    def run_callbacks(self, event: str) -> None:
        """ultralytics' callbacks; with `save_json` the detections go to predictions.json, picture by picture."""
        super().run_callbacks(event)
        if not self.args.save_json:
            return
        if event == "on_predict_start":
            self.json = RowFile(Path(self.save_dir) / "predictions.json")
        elif event == "on_predict_postprocess_end":
            for result in self.results:
                self.json.add(self._rows(result))
        elif event == "on_predict_end":
            self.json.close()

    def _rows(self, result: Results) -> list[dict[str, Any]]:
        """Rows of predictions.json; those of a video say the frame."""
        found = {"bboxes": result.boxes.xyxy, "conf": result.boxes.conf, "cls": result.boxes.cls}
        rows = rows_of(found, str(result.path), range(1, len(result.names) + 1))
        video = getattr(self.dataset, "mode", "image") != "image"
        return [row | {"frame": self.dataset.frame} for row in rows] if video else rows

    def construct_result(self, pred: Tensor, img: Tensor, orig_img: Any, img_path: str) -> Results:
        """Rows in pixels of the input -> `TinyResults`."""
        found = super().construct_result(pred, img, orig_img, img_path)
        return TinyResults(found.orig_img, path=found.path, names=found.names, boxes=found.boxes.data)

    def _look_again(self, found: list[Tensor], preds: Any, size: Any, pictures: Any) -> list[Results]:
        """Rows of the first look at each picture, in pixels of the input -> results of both looks."""
        assert self.second_look is not None
        fits = [Fit.of(picture.shape[:2], size) for picture in pictures]
        heats = heat_maps(preds, size, fits, self.second_look.least) if self.second_look.looks else [None] * len(fits)
        coarse = [torch.cat((fit.back(rows[:, :4]), rows[:, 4:]), 1) for fit, rows in zip(fits, found, strict=True)]
        forwards = Forwards(self.model, partial(self.suppress, of_crops=True), self.args.augment)
        canvas = (self.imgsz[0], self.imgsz[1])
        looks = self.second_look(pictures, coarse, heats, [fit.ratio for fit in fits], canvas, forwards, self.args.conf)
        out: list[Results] = []
        for look, picture, path in zip(looks, pictures, self.batch[0], strict=True):
            made = CropResults(picture, path=path, names=self.model.names, boxes=look.rows[: self.args.max_det])
            made.crops = look.crops
            out.append(made)
        return out


def is_ours(kind: Any) -> bool:
    """Whether a class of predictors is one of ours, or made from one, and so takes what ours are told."""
    return isinstance(kind, type) and issubclass(kind, Predictor)
