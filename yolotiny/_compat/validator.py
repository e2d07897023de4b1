"""The seam of the validator: what ultralytics does with a batch and the number of objects, under public names."""

from __future__ import annotations

from typing import Any

from ultralytics.models.yolo.detect import DetectionValidator

from .seams import seam


@seam("_prepare_batch")
class SeamedValidator(DetectionValidator):
    """ultralytics' validator, which calls `check_max_det` before it validates outside of training.

    Attributes:
        scales: sizes that augmentation looks at, which the network gets as its `augment`; () where the user names none.
    """

    scales: tuple[float, ...] = ()

    def augment_by_scales(self, model: Any) -> None:
        """Let the backend of a run be asked for `scales` where ultralytics passes True."""
        if self.scales:
            run = model.forward  # of the backend that this run has made for itself
            model.forward = lambda *args, augment=False, **rest: run(*args, augment=self.scales, **rest)

    @staticmethod
    def check_max_det(args: Any, datasets: dict[str, Any]) -> None:
        """See that `args.max_det` leaves room for all objects of the fullest picture of data sets by split."""
        DetectionValidator._check_max_det(args, datasets)

    def targets_of(self, index: int, batch: dict[str, Any]) -> dict[str, Any]:
        """One picture of a batch.

        Returns:
            `cls` (n,), `bboxes` (n, 4) xyxy in pixels of the input, `ori_shape` (height, width) of the picture, `imgsz`
            that of the input, `ratio_pad` as the letterbox has it, `im_file`.
        """
        return self._prepare_batch(index, batch)

    @classmethod
    def _check_max_det(cls, args: Any, datasets: dict[str, Any]) -> None:
        cls.check_max_det(args, datasets)
