"""Prediction: ultralytics' predictor with suppression that has no time limit, and with a second look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import LOGGER, ops

from ..structures import CenterPreds
from .nms import describe, nms, scale_for
from .second_look import CropResults, SecondLook, piece_detector


class Predictor(DetectionPredictor):
    """Gives ordinary ultralytics `Results`; with a second look those that know their crops.

    Attributes:
        suppression: `nms_metric` and `nms_c`, see `scale_for`.
        second_look: looks at clusters again, or None.
    """

    def __init__(
        self,
        *args: Any,
        suppression: dict[str, Any] | None = None,
        second_look: SecondLook | None = None,
        **kwargs: Any,
    ):
        self.suppression, self.second_look = suppression or {}, second_look
        super().__init__(*args, **kwargs)

    @property
    def unread(self) -> int:
        """Pictures of a source of pictures that could not be decoded and were left out, once it is through."""
        pictures = getattr(self.dataset, "ni", 0)
        return max(0, pictures - self.seen) if pictures and not any(self.dataset.video_flag) else 0

    def postprocess(self, preds: Any, img: Any, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per picture."""
        found = self.suppress(preds[0] if isinstance(preds, (list, tuple)) else preds)
        if not isinstance(orig_imgs, list):
            orig_imgs = ops.convert_torch2numpy_batch(orig_imgs)[..., ::-1]
        maps = preds[1] if isinstance(preds, (list, tuple)) and len(preds) > 1 else None
        if self.second_look is None or not isinstance(maps, CenterPreds):
            return self.construct_results(found, img, orig_imgs, **kwargs)
        detect = piece_detector(self.model, partial(self.suppress, warn=False), self.args.augment)
        pictures = zip(found, maps.seen, orig_imgs, self.batch[0], strict=True)
        return [self._look_again(*one, img.shape[2:], detect) for one in pictures]

    def suppress(self, y: Tensor, extra: Tensor | None = None, warn: bool = True) -> list[Tensor]:
        """Network output -> rows of each picture, see `nms`; may warn where a cap removed detections."""
        left_out: Counter[str] = Counter()
        found = nms(
            y,
            len(self.model.names),
            self.args.conf,
            self.args.iou,
            self.args.max_det,
            agnostic=self.args.agnostic_nms,
            classes=self.args.classes,
            left_out=left_out,
            c=scale_for(self.model, self.suppression),
            extra=extra,
        )
        for line in describe(left_out, self.args.max_det, self.args.conf) if warn else ():
            LOGGER.warning(line)
        return found

    def _look_again(
        self, rows: Tensor, seen: Tensor, picture: Any, path: str, size: Any, detect: Callable
    ) -> CropResults:
        """The first look at one picture, its crops, and both looks merged."""
        assert self.second_look is not None
        shape = picture.shape[:2]
        coarse = torch.cat((ops.scale_boxes(size, rows[:, :4], shape), rows[:, 4:]), 1)
        crops = ops.scale_boxes(size, self.second_look.choose(seen, size), shape)
        ratio = min(size[0] / shape[0], size[1] / shape[1])
        rows = self.second_look(picture, coarse, crops, ratio, detect)[: self.args.max_det]
        made = CropResults(picture, path=path, names=self.model.names, boxes=rows)
        made.crops = crops
        return made
