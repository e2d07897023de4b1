"""Prediction: ultralytics' predictor with suppression that has no time limit."""

from __future__ import annotations

from typing import Any

from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import ops

from .nms import nms


class Predictor(DetectionPredictor):
    """Gives ordinary ultralytics `Results`."""

    def postprocess(self, preds: Any, img: Any, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per picture."""
        y = preds[0] if isinstance(preds, (list, tuple)) else preds
        found = nms(
            y,
            len(self.model.names),
            self.args.conf,
            self.args.iou,
            self.args.max_det,
            agnostic=self.args.agnostic_nms,
            classes=self.args.classes,
        )
        if not isinstance(orig_imgs, list):
            orig_imgs = ops.convert_torch2numpy_batch(orig_imgs)[..., ::-1]
        return self.construct_results(found, img, orig_imgs, **kwargs)
