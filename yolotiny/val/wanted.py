"""What a user asks of a validation beside ultralytics' options and the rules of the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config.exported import ExportedFile
from ..metrics import SAMPLES
from ..report import WORST


@dataclass(frozen=True)
class Wanted:
    """One validation; without anything said, as at the end of an epoch.

    Attributes:
        reading: `bands` and `stretch` as the user has them, over those of the training.
        workers: processes that load pictures, where the user says so.
        worst: images on the page that `plots=True` writes.
        samples: drawn data sets for the intervals of AP; in training there are none.
        exported: what an exported file says of itself.
    """

    reading: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    worst: int = WORST
    samples: int = SAMPLES
    exported: ExportedFile = field(default_factory=ExportedFile)
