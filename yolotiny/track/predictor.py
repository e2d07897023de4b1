"""Prediction that follows objects from frame to frame: ultralytics' trackers over whatever the predictor finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors

from ..predict.predictor import Predictor
from ..predict.results import SlicedResults
from ..runtime.drawing import outline
from .config import make_tracker


class TrackResults(SlicedResults):
    """Results whose boxes have ids."""

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """The drawing of `SlicedResults` with boxes in the colour of their track."""
        if not args and self.boxes.id is not None:
            kwargs = {"color_mode": "instance"} | kwargs
        return super().plot(*args, **kwargs)

    def sketch(self, img: np.ndarray, boxes: np.ndarray, labels: bool | None, conf: bool | None) -> None:
        """Draw tiny boxes in the colour of their track and, unless `labels` is False, its number beside them.

        For the arguments see `TinyResults.sketch`.
        """
        if self.boxes.id is None:
            return super().sketch(img, boxes, labels, conf)
        numbers = [int(i) for i in self.boxes.id]
        words = [str(n) for n in numbers] if labels is not False else [""] * len(numbers)
        scores = [f"{s:.2f}" if conf else "" for s in self.boxes.conf.tolist()]
        kinds = [str(self.names[int(c)]) if labels else "" for c in self.boxes.cls]
        texts = [" ".join(filter(None, parts)) for parts in zip(words, kinds, scores, strict=True)]
        outline(img, boxes, [colors(n, True) for n in numbers], texts if any(texts) else None)
        return None


@dataclass
class Tracks:
    """Tracks that may go on with the next call.

    Attributes:
        trackers: one, or one for each of several streams.
        settings: what they were made with.
        seen: which tracks there were: what they are of, the stream, the number.
    """

    trackers: list[Any] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    seen: set[tuple[str, int, int]] = field(default_factory=set)


class TrackPredictor(Predictor):
    """Gives `Results` whose boxes have ids, with crops or without.

    A video has tracks of its own, and so has each stream, each folder of pictures (its frames, in the order of their
    names) and each list of arrays.

    Attributes:
        settings: of the tracker, see `read_tracker`.
        persist: tracks go on with the next video and the next call.
        tracks: of the call before, or empty.
        ids: how many tracks were seen since they began.
    """

    def __init__(
        self,
        *args: Any,
        settings: dict[str, Any] | None = None,
        persist: bool = False,
        tracks: Tracks | None = None,
        **kwargs: Any,
    ):
        self.settings, self.persist, self.tracks = settings or {}, persist, tracks or Tracks()
        super().__init__(*args, **kwargs)

    def setup_source(self, *args: Any, **kwargs: Any) -> None:
        """Fresh trackers, unless those of the last call are to go on."""
        super().setup_source(*args, **kwargs)
        self.streams = self.dataset.mode == "stream"
        count = self.dataset.bs if self.streams else 1
        if not self.persist or self.tracks.settings != self.settings or len(self.tracks.trackers) != count:
            self.tracks.trackers = [make_tracker(self.settings, self.device) for _ in range(count)]
            self.tracks.settings, self.tracks.seen = dict(self.settings), set()
        self.sequences: list[str | None] = [None] * count

    @property
    def ids(self) -> int:
        """How many tracks there were."""
        return len(self.tracks.seen)

    def postprocess(self, *args: Any, **kwargs: Any) -> list[Results]:
        """Network output -> one `Results` per frame, with those boxes alone that belong to a track."""
        return [self._follow(i, result) for i, result in enumerate(super().postprocess(*args, **kwargs))]

    def _follow(self, i: int, result: Results) -> Results:
        """Bring the tracks up to date with a frame, number `i` of its batch."""
        slot = i if self.streams else 0
        tracker, path = self.tracks.trackers[slot], Path(result.path)
        sequence = str(path if self.streams or self.dataset.mode == "video" else path.parent)
        if self.sequences[slot] not in (None, sequence) and not self.persist:
            tracker.reset()
        self.sequences[slot] = sequence
        tracks = tracker.update(result.boxes.cpu().numpy(), result.orig_img)
        made = TrackResults(result.orig_img, path=result.path, names=result.names, boxes=result.boxes.data[:0])
        if isinstance(result, SlicedResults):
            made.crops = result.crops
        if len(tracks):
            made.update(boxes=torch.as_tensor(tracks[:, :-1], device=result.boxes.data.device))
            name = "" if self.persist else sequence
            self.tracks.seen |= {(name, slot, int(number)) for number in tracks[:, 4]}
        return made
