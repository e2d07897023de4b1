"""How sure a detector of distributions (coder `bins`) is of each box: in results, in the picture, in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from ultralytics.engine.results import Results
from ultralytics.utils import ops

from .._compat.results import carry
from ..errors import InputError
from ..files import write_text
from ..nn.center_head import CenterHead
from ..nn.head import DenseDetect
from ..nn.rcnn_head import RCNNDetect
from ..pictures.files import save_picture
from ..structures import Preds
from .drawing import TinyResults
from .predictor import Predictor

FILE = "uncertainty.json"


class UncertainResults(TinyResults):
    """Results that know how far each box may be off.

    Attributes:
        spread: (n, 4) standard deviation of centre x, centre y, width and height, pixels of the picture.
    """

    def __init__(self, *args: Any, spread: Tensor | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.spread = spread
        carry(self, "spread")

    @property
    def uncertainty(self) -> Tensor:
        """(n,) one number for each box: the root of the mean square of its spread, pixels of the picture."""
        return torch.as_tensor(self.spread).square().mean(1).sqrt()

    def new(self) -> UncertainResults:
        """The same picture without detections."""
        return UncertainResults(orig_img=self.orig_img, path=self.path, names=self.names, speed=self.speed)

    def summary(self, normalize: bool = False, decimals: int = 5) -> list[dict[str, Any]]:
        """ultralytics' rows with `uncertainty` and `spread` (cx, cy, w, h), as shares of the picture when asked."""
        rows = super().summary(normalize, decimals)
        h, w = self.orig_shape if normalize else (1, 1)
        spread = torch.as_tensor(self.spread).cpu() / torch.tensor([w, h, w, h])
        for row, values in zip(rows, spread, strict=True):
            row["uncertainty"] = round(float(values.square().mean().sqrt()), decimals)
            row["spread"] = {k: round(float(v), decimals) for k, v in zip(("cx", "cy", "w", "h"), values, strict=True)}
        return rows

    def plot(
        self, *args: Any, show: bool = False, save: bool = False, filename: str | None = None, **kwargs: Any
    ) -> np.ndarray:
        """The drawing of `TinyResults`, (H, W, 3) uint8, with a cross in each box: how far its centre may be off.

        Raises:
            InputError: it is to be saved and cannot be written.
        """
        picture = np.ascontiguousarray(super().plot(*args, **kwargs))
        boxes = torch.as_tensor(self.boxes.xywh).cpu().tolist() if self.boxes is not None else []
        for (cx, cy, *_), (dx, dy, *_) in zip(boxes, torch.as_tensor(self.spread).tolist(), strict=True):
            ends = [[(cx - dx, cy), (cx + dx, cy)], [(cx, cy - dy), (cx, cy + dy)]]
            for a, b in ends:
                start, stop = ((round(16 * x), round(16 * y)) for x, y in (a, b))
                cv2.line(picture, start, stop, (0, 255, 255), 1, cv2.LINE_AA, shift=4)
        if save:
            save_picture(filename or f"results_{Path(self.path).name}", picture)
        if show:
            cv2.imshow(str(self.path), picture)
        return picture


class UncertainPredictor(Predictor):
    """Gives `UncertainResults`, and writes them to uncertainty.json where pictures are saved.

    Attributes:
        rows: what goes into the file, by picture.
    """

    rows: dict[str, list[dict[str, Any]]]

    @staticmethod
    def check(model: Any) -> None:
        """See that a network has a coder which tells how wide a distribution is.

        Args:
            model: a network, or the name of an exported file.

        Raises:
            InputError: an exported file, a detector whose boxes are no distributions, or one with a heat map or of
                two stages.
        """
        if not isinstance(model, torch.nn.Module):
            raise InputError(
                "uncertainty=True needs the checkpoint: an exported file gives boxes, not the distributions behind them"
            )
        head = model.model[-1]
        if not isinstance(head, DenseDetect) or not head.coder.is_distributional:
            raise InputError(
                "uncertainty=True needs a checkpoint whose boxes are distributions (coder bins, as in yolov5n-ugs)"
            )
        if isinstance(head, CenterHead):
            raise InputError("uncertainty=True does not go with a head that finds objects in a heat map")
        if isinstance(head, RCNNDetect):
            raise InputError("uncertainty=True does not go with a head of two stages, whose boxes start from proposals")

    def setup_model(self, model: Any, verbose: bool = True) -> None:
        """A network that passes `check`."""
        self.check(model)
        super().setup_model(model, verbose)

    def postprocess(self, preds: Any, img: Any, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `UncertainResults` per picture."""
        if not isinstance(preds, (list, tuple)) or not isinstance(preds[1], Preds):
            raise InputError("uncertainty=True does not go with augment=True")
        head = self.model.model.model[-1]  # of the network as it was set up
        chosen = head.chosen(preds[1])
        spread = head.coder.spread(chosen.box.float(), chosen.priors)  # (B, A, 4)
        found = self.suppress(preds[0], spread)
        if not isinstance(orig_imgs, list):
            orig_imgs = ops.convert_torch2numpy_batch(orig_imgs)[..., ::-1]
        plain = self.construct_results([rows[:, :6] for rows in found], img, orig_imgs, **kwargs)
        out: list[Results] = []
        for i, (rows, result) in enumerate(zip(found, plain, strict=True)):
            (h, w), (oh, ow) = img.shape[2:], result.orig_shape
            made = UncertainResults(
                result.orig_img, result.path, result.names, spread=rows[:, 6:] / min(h / oh, w / ow)
            )
            made.boxes = result.boxes
            if self.args.save:
                frame = self.frame_of(i)
                found_here = [row if frame is None else row | {"frame": frame} for row in made.summary()]
                self.rows.setdefault(str(result.path), []).extend(found_here)
            out.append(made)
        return out

    def run_callbacks(self, event: str) -> None:
        """ultralytics' callbacks; at the end uncertainty.json: file to detections, which know their frame."""
        super().run_callbacks(event)
        if event == "on_predict_start":
            self.rows = {}
        if event == "on_predict_end" and self.rows:
            write_text(self.save_dir / FILE, json.dumps(self.rows, indent=1) + "\n")
