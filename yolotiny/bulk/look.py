"""A model as workers use it: pictures in, what was found in each out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from ..config.options import reading_of, sort_options
from ..loaders.reader import Reader
from ..loaders.trained import reader_for
from ..model import YOLO
from ..pictures.depth import Depth
from ..pictures.files import Unreadable
from ..pictures.reader import EIGHT_BITS, PictureReader
from ..pictures.survey import survey
from .shard import Found
from .sources import Fetcher
from .storage import is_bucket

SAMPLE = {True: 16, False: 256}  # pictures that are looked at first, of a bucket and of a disk


class ShardReader(Reader):
    """A reader whose pictures may lie in a bucket, and are read as was settled for all shards.

    Args:
        fetcher: gets them.
        batch: pictures of a forward.
        pictures: decodes them.
    """

    def __init__(self, fetcher: Fetcher, batch: int, pictures: PictureReader):
        self.fetcher = fetcher
        super().__init__(fetcher.pictures, batch, pictures=pictures)

    def look_ahead(self) -> None:
        """Nothing: the shards of one run are read alike."""

    def decode(self, i: int) -> np.ndarray | str:
        """Picture number `i` as (H, W, C) 0..255, or what is wrong with it."""
        if not self.fetcher.remote:
            return super().decode(i)
        try:
            with self.fetcher.file(i) as path:
                return self.pictures.read(path)
        except Unreadable as error:
            return error.reason
        except FileNotFoundError:
            return "it is not there any more"

    def leave_out(self, path: str, why: str) -> None:
        """Keep why: it is a row of the shard."""
        self.faults[path] = why

    def tell(self) -> None:
        """Nothing, for the same reason."""


class ModelLook:
    """A model with the options of a run.

    Args:
        model: a checkpoint or an exported file.
        options: of predict, checked.
        device: where it computes.
        depth: how pictures of more than eight bits are read, as `settle` gave it for the run.
    """

    def __init__(self, model: str, options: Mapping[str, Any], device: str | None, depth: Mapping[str, Any]):
        self.owner = YOLO(model)
        self.options = dict(options) | ({} if device is None else {"device": device})
        self.batch = self.options.pop("batch", 1)
        _, changes = sort_options("predict", self.options | {"batch": self.batch}, self.owner.own_head)
        self.reading, self.depth = reading_of(changes), depth

    def __call__(self, pictures: Sequence[str]) -> Iterator[Found]:
        """What is in pictures, and of those that cannot be read, why."""
        with Fetcher(pictures) as fetcher:
            reader = ShardReader(fetcher, self.batch, self._reader(Depth.of_section(self.depth)))
            for result in self.owner.predict(reader, stream=True, verbose=False, save=False, **self.options):
                height, width = result.orig_shape
                yield Found(result.path, (width, height), result.boxes.data.cpu().numpy())
            yield from (Found(path, error=why) for path, why in reader.faults.items())

    @property
    def names(self) -> dict[int, str]:
        """Those of the classes that rows have numbers of, once a picture was looked at."""
        assert self.owner.predictor is not None
        return dict(self.owner.predictor.model.names)

    def settle(self, pictures: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """How all pictures of a run are read, for `depth`, and what to say of it.

        Raises:
            InputError: nobody can tell.
        """
        reader = self._reader()
        odd = [p for p in pictures if reader.depth.asked or p[p.rfind(".") :].lower() not in EIGHT_BITS]
        most = SAMPLE[bool(odd) and is_bucket(odd[0])]
        sample = [odd[i] for i in np.unique(np.linspace(0, len(odd) - 1, min(len(odd), most)).round().astype(int))]
        said = _survey(reader, sample)
        return reader.depth.known(), said

    def _reader(self, depth: Depth | None = None) -> PictureReader:
        inside = self.owner.configuration if self.owner.model_is_module else vars(self.owner.exported.says)
        reader = reader_for(self.owner.model, self.reading, inside.get("channels"))
        reader.depth = depth or reader.depth
        return reader


def _survey(reader: PictureReader, pictures: Sequence[str]) -> list[str]:
    """Look at some pictures, see `survey`; those of a bucket are fetched for it."""
    with Fetcher(pictures) as fetcher:
        if not fetcher.remote:
            return survey(reader, [p for p in pictures if "://" not in p])
        with ExitStack() as files:
            there = []
            for i in range(len(pictures)):
                with suppress(FileNotFoundError):
                    there.append(files.enter_context(fetcher.file(i)))
            return survey(reader, there)


class OpenModel:
    """Opens the model in a worker; it is pickled as its arguments.

    Args:
        model: a checkpoint or an exported file.
        options: of predict.
        devices: where each worker computes, in turn; None for where the process is told to.
        depth: see `ModelLook`.
    """

    def __init__(self, model: str, options: Mapping[str, Any], devices: Sequence[str | None], depth: Mapping[str, Any]):
        self.model, self.options, self.devices, self.depth = model, dict(options), list(devices), dict(depth)

    def __call__(self, number: int) -> ModelLook:
        """The model of worker `number`."""
        return ModelLook(self.model, self.options, self.devices[number % len(self.devices)], self.depth)
