"""The network of an exported file: what it takes, checked against what the file says, and batches through it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, whole
from .backends import BACKENDS
from .inputs import to_input
from .metadata import SIZE, Metadata, read_metadata

HEATMAP = "heatmap"  # name of the output in which a file brings its own map of objects


class Network:
    """A file, ready to run; any number of threads may call it.

    Args:
        path: an .onnx file, an OpenVINO folder or the .xml in it.
        backend: onnxruntime or openvino; None: what the file asks for.
        provider: what computes; see the backends.
        threads: of one forward; None for as many as the library likes.
        names: of the classes, where the file does not say them, or says others.

    Attributes:
        file: what it says of itself.
        provider: what computes.
        names: of the classes, by number.
        channels: of an input.
        fixed: (height, width) of the only input it takes, pixels; None for any.
        defaults: what was taken because nobody says, in words; empty where the file says all.

    Raises:
        InputError: no such file, backend, provider or library, or a file that is no detector.
    """

    def __init__(
        self,
        path: str | Path,
        backend: str | None = None,
        provider: str = "cpu",
        threads: int | None = None,
        names: Any = None,
    ):
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"there is no file {path}; give an exported model, such as best.onnx")
        kind = backend or ("onnxruntime" if self.path.suffix.lower() == ".onnx" else "openvino")
        made = BACKENDS.find(str(kind))
        if self.path.suffix.lower() not in (".onnx", ".xml") and not self.path.is_dir():
            raise InputError(f"{path} is no exported model that the runtime reads: .onnx, or a folder of OpenVINO")
        if threads is not None:
            whole(threads, "threads", 1)
        self.own = threading.local()  # the last input of each thread, to be written over
        self.file = Metadata.of(read_metadata(self.path), self.path)
        self.backend, self.provider = made(self.path, provider, threads), provider
        takes = self.backend.signature
        self.fixed, self.outputs = takes.size, list(takes.outputs)
        self.channels = takes.channels or self.file.channels or 3
        self.names = self._names(names, takes.outputs[self.outputs[0]])
        self.most = takes.batch or (self.file.batch if self.file.suppressed else None)
        self.exactly = takes.batch
        self.defaults = "" if self.file.there else self._said()

    def __call__(self, images: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
        """A forward.

        Args:
            images: (H, W, C) uint8 of one size, which the network takes.

        Returns:
            (B, 4 + classes, A) xywh pixels of the input and scores, or (B, N, 6) xyxy, score, class; and the file's own
            map of objects, (B, h, w) in 0..1, where it has one.
        """
        step = self.most or len(images)
        parts = [self._forward(images[i : i + step]) for i in range(0, len(images), step)]
        outputs = parts[0] if len(parts) == 1 else [np.concatenate(x) for x in zip(*parts, strict=True)]
        heat = None
        if HEATMAP in self.outputs[1:]:
            heat = np.asarray(outputs[self.outputs.index(HEATMAP)], np.float32)
            heat = heat.max(1) if heat.ndim == 4 else heat
        return np.asarray(outputs[0], np.float32), heat

    def _forward(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """One batch, filled up where the file takes a batch of one size."""
        filled = [*images, *[images[0]] * ((self.exactly or 0) - len(images))]
        buffer = getattr(self.own, "buffer", None)
        x = to_input(filled, self.backend.signature.dtype, buffer)
        self.own.buffer = x if x.dtype == np.float32 else None
        return [out[: len(images)] for out in self.backend(x)]

    def _names(self, given: Any, shape: tuple[int | None, ...]) -> dict[int, str]:
        """Names of the classes, seen to go with the shape of the first output."""
        pairs = given.items() if isinstance(given, Mapping) else enumerate(given or ())
        names = {int(k): str(v) for k, v in pairs} or self.file.names
        rank3 = len(shape) == 3
        if rank3 and shape[2] == 6:  # boxes that come suppressed
            if not names:
                raise InputError(f"{self.path} does not say its classes; give names=")
            return names
        channels = shape[1] if rank3 else None
        if rank3 and names and channels in (None, 4 + len(names)):
            return names
        # A detector has more boxes than classes; other programs have the two sides the other way round.
        if channels is None or channels < 5 or (not names and channels > (shape[2] or channels)):
            gives = ", ".join("?" if side is None else str(side) for side in shape)
            raise InputError(
                f"{self.path} is no detector of ours: it gives ({gives}), not (B, 4 + classes, N) or (B, N, 6)"
            )
        if names:
            raise InputError(f"{self.path} gives scores of {channels - 4} classes, and there are {len(names)} names")
        return {i: f"class{i}" for i in range(channels - 4)}

    def _said(self) -> str:
        """What was taken where the file says nothing."""
        size = self.fixed or (SIZE, SIZE)
        named = f"{len(self.names)} classes by number (names=)" if self.file.names is None else "its names"
        sized = "" if self.fixed else " (imgsz=)"
        return f"{self.path} has no metadata: taken are {named}, stride {self.file.stride}, {size[1]}x{size[0]}{sized}"
