"""Prediction: ultralytics' predictor with suppression that has no time limit."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import LOGGER, ops

from .nms import describe, nms, scale_for


class Predictor(DetectionPredictor):
    """Gives ordinary ultralytics `Results`.

    Attributes:
        suppression: `nms_metric` and `nms_c`, see `scale_for`.
    """

    def __init__(self, *args: Any, suppression: dict[str, Any] | None = None, **kwargs: Any):
        self.suppression = suppression or {}
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
        return self.construct_results(found, img, orig_imgs, **kwargs)

    def suppress(self, y: Tensor, extra: Tensor | None = None) -> list[Tensor]:
        """Network output -> rows of each picture, see `nms`; warns where a cap removed detections."""
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
        for line in describe(left_out, self.args.max_det, self.args.conf):
            LOGGER.warning(line)
        return found
