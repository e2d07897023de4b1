"""Prediction that follows objects from frame to frame: ultralytics' trackers over whatever the predictor finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors

from .crop_results import CropResults
from .predictor import Predictor
from .trackers import make_tracker


class TrackResults(CropResults):
    """Results whose boxes have ids, drawn so that tiny objects stay visible."""

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """The picture with boxes in the colour of their track and its number beside them.

        With `line_width=` it is ultralytics' own drawing, with classes and scores, which hides objects this small.
        """
        if args or kwargs.get("line_width") or self.boxes.id is None:
            return super().plot(*args, **kwargs)
        labels = kwargs.get("labels", True)
        drawn = super().plot(**kwargs | {"labels": False, "conf": False, "line_width": 1, "color_mode": "instance"})
        if not (labels and kwargs.get("boxes", True) and isinstance(drawn, np.ndarray)):
            return drawn
        drawn = np.ascontiguousarray(drawn)
        for (x1, y1, _, _), number in zip(self.boxes.xyxy.tolist(), self.boxes.id.int().tolist(), strict=True):
            place = int(x1), max(int(y1) - 2, 8)
            for colour, width in (((0, 0, 0), 2), (colors(number, True), 1)):
                cv2.putText(drawn, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, width, cv2.LINE_AA)
        return drawn


class TrackPredictor(Predictor):
    """Gives `Results` whose boxes have ids, with crops or without.

    A video has tracks of its own, and so has each stream, each folder of pictures (its frames, in the order of their
    names) and each list of arrays.

    Attributes:
        settings: of the tracker, see `read_tracker`.
        persist: tracks go on with the next video and the next call.
        trackers: one, or one for each of several streams.
        ids: how many tracks were seen since they began.
    """

    def __init__(self, *args: Any, settings: dict[str, Any] | None = None, persist: bool = False, **kwargs: Any):
        self.settings, self.persist = settings or {}, persist
        self.trackers: list[Any] = []
        self.made_with: dict[str, Any] = {}
        super().__init__(*args, **kwargs)

    def setup_source(self, *args: Any, **kwargs: Any) -> None:
        """Fresh trackers, unless those of the last call are to go on."""
        super().setup_source(*args, **kwargs)
        self.streams = self.dataset.mode == "stream"
        count = self.dataset.bs if self.streams else 1
        if not self.persist or self.made_with != self.settings or len(self.trackers) != count:
            self.trackers = [make_tracker(self.settings, self.device) for _ in range(count)]
            self.made_with = dict(self.settings)
            self.seen_ids: set[tuple[str, int, int]] = set()
        self.sequences: list[str | None] = [None] * count

    @property
    def ids(self) -> int:
        """How many tracks there were."""
        return len(self.seen_ids)

    def postprocess(self, *args: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per frame, with those boxes alone that belong to a track."""
        return [self._follow(i, result) for i, result in enumerate(super().postprocess(*args, **kwargs))]

    def _follow(self, i: int, result: Results) -> Results:
        """Bring the tracks up to date with a frame, number `i` of its batch."""
        slot = i if self.streams else 0
        tracker, path = self.trackers[slot], Path(result.path)
        sequence = str(path if self.streams or self.dataset.mode == "video" else path.parent)
        if self.sequences[slot] not in (None, sequence) and not self.persist:
            tracker.reset()
        self.sequences[slot] = sequence
        tracks = tracker.update(result.boxes.cpu().numpy(), result.orig_img)
        made = TrackResults(result.orig_img, path=result.path, names=result.names, boxes=result.boxes.data[:0])
        made.crops = getattr(result, "crops", made.crops)
        if len(tracks):
            made.update(boxes=torch.as_tensor(tracks[:, :-1], device=result.boxes.data.device))
            name = "" if self.persist else sequence
            self.seen_ids |= {(name, slot, int(number)) for number in tracks[:, 4]}
        return made
