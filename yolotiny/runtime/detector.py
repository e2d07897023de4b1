"""`Detector`: boxes from pictures with an exported file, as the full package finds them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..ops.class_choice import class_numbers
from ..ops.letterbox import Letterbox
from ..ops.suppression import describe, suppress
from ..pictures.reader import PictureReader
from ..slicing import CoarsePass, TileBatcher, from_map, from_rows
from ..slicing.batching import CPU_PIXELS, GPU_PIXELS
from .inputs import whole_strides
from .metadata import SIZE
from .network import Network
from .reader import Frame, Reader
from .request import Request
from .results import Detections
from .sources import usual_batch

logger = logging.getLogger(__name__)


class Detector:
    """A detector from an exported file. Threads may share one: each call has its own boxes, crops and tracks.

    Args:
        path: an .onnx file, an OpenVINO folder, or the .xml in it.
        backend: onnxruntime or openvino; None: what the file asks for.
        provider: what computes: cpu, or one that the backend has (cuda, tensorrt, gpu, npu, ...).
        threads: of one forward; None for as many as the library likes.
        names: of the classes, where the file does not say them: a list, or a mapping from numbers.
        imgsz: longer side, or (height, width), of the input in pixels, for files of any size that do not say it.

    Attributes:
        network: the file, ready to run.

    Raises:
        InputError: no such file, backend, provider or library, or a file that is no detector of boxes.
    """

    def __init__(
        self,
        path: str | Path,
        backend: str | None = None,
        provider: str = "cpu",
        threads: int | None = None,
        names: Any = None,
        imgsz: Any = None,
    ):
        self.network = Network(path, backend, provider, threads, names)
        self.stride = max(self.network.file.stride, 1)
        self.imgsz = imgsz
        self.size_of(None)
        if self.network.defaults and (names is None or (imgsz is None and not self.network.fixed)):
            logger.warning(self.network.defaults)

    @property
    def names(self) -> dict[int, str]:
        """Names of the classes, by number."""
        return self.network.names

    def __call__(self, source: Any, **options: Any) -> list[Detections]:
        """What is in all pictures of a source, with the pictures; see `stream` for sources without end."""
        return list(self.stream(source, **options))

    def stream(self, source: Any, **options: Any) -> Iterator[Detections]:
        """What is in the pictures of a source, one by one.

        Args:
            source: a file, a folder, a pattern, a list in a file or in Python, an array (H, W, 3) uint8 BGR, a video,
                the number of a camera, or the address of a stream.
            options: `crops` (none, grid, lsm, auto, or a mapping with its settings) and, with crops, `k`, `top_k`,
                `tile`, `overlap`, `full`, `pixel_scale`, `merge`, `budget`, `prior`; `conf`, `iou`, `max_det`,
                `classes`, `agnostic_nms`, `nms_metric`, `nms_c`; `bands`, `stretch`; `imgsz`, `batch`, `vid_stride`;
                `tracker` (`bytetrack-nwd`, `bytetrack`, a YAML file, True). What is left out is as the file says, or as
                in `yolotiny predict`.

        Raises:
            InputError: nothing there, an unknown option, an impossible value; at the end, where no picture could be
                decoded.
        """
        run = self.prepare(**options)
        return run.through(run.open(source), usual_batch(source))

    def prepare(self, **options: Any) -> Run:
        """A call whose options are checked; see `stream`."""
        request = Request.of(options, self.network.file, str(self.network.path))
        classes = class_numbers(request.nms.classes, self.names, str(self.network.path))
        return Run(self, replace(request, nms=replace(request.nms, classes=classes)))

    def size_of(self, imgsz: Any) -> tuple[int, int]:
        """(height, width) of the input in pixels for `imgsz` of a call.

        Raises:
            InputError: no size, or another than the only one that the file takes.
        """
        fixed, wanted = self.network.fixed, self.imgsz if imgsz is None else imgsz
        if fixed is None:
            return whole_strides((self.network.file.size or SIZE) if wanted is None else wanted, self.stride)
        if wanted is not None and whole_strides(wanted, self.stride) != fixed:
            only = f"{self.network.path} takes {fixed[1]}x{fixed[0]} pixels only"
            raise InputError(f"{only}: leave imgsz out, or export with dynamic=True")
        return fixed


class Run:
    """One call: what it asks for, and what it has seen so far of sizes and tracks.

    Args:
        detector: whose network is shared.
        request: the options.

    Attributes:
        sliced: looks at tiles again, or None.
        size: (height, width) of the input, or of the largest, pixels.
    """

    def __init__(self, detector: Detector, request: Request):
        self.network, self.stride, self.request = detector.network, detector.stride, request
        self.size = detector.size_of(request.imgsz)
        self.sliced = request.sliced(str(self.network.path))
        if self.sliced is not None:
            self.sliced.start(self.network.file.training, suppress=request.nms.suppression)
        self.sequence: str | None = None

    def open(self, source: Any) -> Reader:
        """The frames of a source, read as the call asks, or as the model's training read its pictures; see `Reader`."""
        return Reader(source, self.pictures(), self.request.vid_stride)

    def pictures(self) -> PictureReader:
        """Decodes pictures as the call asks, or as the model's training read them."""
        return PictureReader.of(self.request.reading, self.network.file.pictures, self.network.channels)

    def through(self, frames: Iterable[Frame], batch: int = 1) -> Iterator[Detections]:
        """What is in frames, one by one.

        Args:
            frames: of a reader.
            batch: pictures, or frames of one video, of a forward, where the options of the call do not say it.
        """
        batch = self.request.batch or batch
        waiting: list[Frame] = []
        for frame in frames:
            if waiting and (len(waiting) >= batch or _video(frame) != _video(waiting[0])):
                yield from self.detect(waiting)
                waiting = []
            waiting.append(frame)
            if len(waiting) >= batch:
                yield from self.detect(waiting)
                waiting = []
        if waiting:
            yield from self.detect(waiting)

    def detect(self, frames: list[Frame]) -> list[Detections]:
        """What is in the frames of a batch."""
        images = [frame.image for frame in frames]
        if self.sliced is None or self.sliced.full:
            y, heat, letterboxes = self._whole(images)
            rows = self._suppress(y)
        else:
            y, heat, rows = None, None, [np.zeros((0, 6), np.float32)] * len(frames)
            letterboxes = [Letterbox.of(image.shape[:2], self.size) for image in images]
        rows = [np.concatenate((b.to_image(r[:, :4]), r[:, 4:]), 1) for r, b in zip(rows, letterboxes, strict=True)]
        crops = [np.zeros((0, 4), np.float32)] * len(frames)
        if self.sliced is not None:
            rows, crops = self._slice(images, rows, y, heat, letterboxes)
        return [self._made(*each) for each in zip(frames, rows, crops, strict=True)]

    def _whole(self, images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None, list[Letterbox]]:
        """The pass over whole pictures: raw output, the file's own map, and how each lies in the input."""
        start = time.perf_counter()
        if self.network.fixed is None and len({image.shape for image in images}) == 1:
            drawn = [Letterbox.tight(image.shape[:2], self.size, self.stride).draw(image) for image in images]
        else:
            drawn = [Letterbox.of(image.shape[:2], self.size).draw(image) for image in images]
        y, heat = self.network(drawn)
        if self.sliced is not None and self.sliced.budget is not None:
            h, w = drawn[0].shape[:2]
            self.sliced.budget.coarse_pass((time.perf_counter() - start) / len(images), h * w)
        return y, heat, [Letterbox.of(i.shape[:2], d.shape[:2]) for i, d in zip(images, drawn, strict=True)]

    def _suppress(self, y: np.ndarray) -> list[np.ndarray]:
        """Raw output -> rows of each picture, in pixels of the input; says what a cap removed."""
        left_out: Counter[str] = Counter()
        found = suppress(y, self.request.nms, left_out)
        for line in describe(left_out, self.request.nms):
            logger.warning(line)
        return found

    def _slice(
        self,
        images: list[np.ndarray],
        rows: list[np.ndarray],
        y: np.ndarray | None,
        heat: np.ndarray | None,
        letterboxes: list[Letterbox],
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Rows of the pass over whole pictures, in their pixels -> rows of both passes, and where was looked twice."""
        assert self.sliced is not None
        coarse = []
        for i, (found, box) in enumerate(zip(rows, letterboxes, strict=True)):
            seen = None
            if self.sliced.needs_heatmap:
                assert y is not None
                seen = from_rows(y[i], box, self.sliced.least_score) if heat is None else from_map(heat[i], box)
            coarse.append(CoarsePass(found, seen, box.ratio))
        pixels = CPU_PIXELS if self.network.provider.lower() == "cpu" else GPU_PIXELS
        batcher = TileBatcher(self._canvases, max(self.stride, 32), self.network.fixed, pixels)
        both = self.sliced.run(images, coarse, batcher, self.size, self.request.nms.conf)
        return [x.rows[: self.request.nms.max_det] for x in both], [x.tiles for x in both]

    def _canvases(self, canvases: np.ndarray) -> list[np.ndarray]:
        """(N, H, W, C) uint8 canvases -> for each (n, 6) rows in its pixels."""
        return suppress(self.network(list(canvases))[0], self.request.nms, capped=False)

    def _made(self, frame: Frame, rows: np.ndarray, crops: np.ndarray) -> Detections:
        """The result of a frame, with tracks where objects are followed."""
        tracker, ids = self.request.tracker, None
        if tracker is not None:
            if self.sequence not in (None, frame.sequence):
                tracker.reset()
            self.sequence = frame.sequence
            tracks = tracker.update(rows)
            rows, ids = tracks[:, [0, 1, 2, 3, 5, 6]], tracks[:, 4].astype(int)
            h, w = frame.image.shape[:2]
            rows[:, :4] = np.clip(
                rows[:, :4], 0, np.array([w, h, w, h], np.float32)
            )  # motion may lead out of the picture
        said = frame.path, frame.image, self.network.names
        return Detections(*said, rows, crops, ids, frame.number, frame.fps, frame.name)


def _video(frame: Frame) -> str:
    """The video that a frame is of; "" for a picture."""
    return "" if frame.number is None else frame.path
