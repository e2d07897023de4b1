"""What a training run measured of its objects, as checkpoints and exported files carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TrainingStats:
    """Sizes of objects in training, each None where nobody says.

    Attributes:
        object_size: mean square root of the area of objects, pixels of the network input.
        crop_object_size: the same in tiles alone, where training saw tiles.
        pixel_scale: network pixels per pixel of the file.
        object_areas: areas of objects, network pixels squared, a sorted sample.
        crop_threshold: score from which a detector trained so is looked at again, see `slicing.Adaptive`.
        crop_context: network pixels of context round such a place.
    """

    object_size: float | None = None
    crop_object_size: float | None = None
    pixel_scale: float | None = None
    object_areas: Any = None
    crop_threshold: float | None = None
    crop_context: float | None = None

    @classmethod
    def of(cls, source: Any) -> TrainingStats:
        """Read them.

        Args:
            source: the `measured` section of a model file, a detector, ultralytics' wrapper round one, or one round an
                exported file, whose metadata are its attributes; None for nothing known.
        """
        cfg = getattr(source, "yaml", None) or getattr(getattr(source, "model", None), "yaml", None)
        found = source if isinstance(source, Mapping) else (cfg or {}).get("measured") or {}
        return cls(**{f.name: _read(found, source, f.name) for f in fields(cls)})

    @property
    def tile_object_size(self) -> float | None:
        """Mean size of objects as tiles are to show them: in tiles where training saw any, pixels of the input."""
        return self.crop_object_size or self.object_size

    def known(self) -> dict[str, Any]:
        """What is not None, by name."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def _read(section: Mapping[str, Any], source: Any, name: str) -> Any:
    value = section.get(name)
    if value is None and not isinstance(source, Mapping):
        value = getattr(source, name, None)
    return value if value is None or name == "object_areas" else float(value)
