"""What a training run measured of its objects, as checkpoints and exported files carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from .errors import InputError

SECTION = "measured"  # of a model's configuration


@dataclass(frozen=True)
class TrainingStats:
    """Sizes of objects in training, each None where nobody says.

    Attributes:
        object_size: mean square root of the area of objects, pixels of the network input.
        crop_object_size: the same in tiles alone, where training saw tiles.
        pixel_scale: network pixels per pixel of the file.
        object_areas: 1st and 99th percentile of the areas of objects, network pixels squared.
        crop_threshold: score from which a detector trained so is looked at again, see `slicing.Adaptive`.
        crop_context: network pixels of context round such a place.
    """

    object_size: float | None = None
    crop_object_size: float | None = None
    pixel_scale: float | None = None
    object_areas: Sequence[float] | None = None
    crop_threshold: float | None = None
    crop_context: float | None = None

    @classmethod
    def of(cls, source: Any) -> TrainingStats:
        """Read them.

        Args:
            source: the `measured` section of a model file, a detector, ultralytics' wrapper round one, or one round an
                exported file, whose metadata are its attributes; None for nothing known.

        Raises:
            InputError: what stands there is no number.
        """
        if isinstance(source, Mapping):
            return cls(**{f.name: _read(source.get(f.name), f.name) for f in fields(cls)})
        known = cls.of_config(config_of(source) or {}).known()
        return cls(**{f.name: known.get(f.name, _read(getattr(source, f.name, None), f.name)) for f in fields(cls)})

    @classmethod
    def of_config(cls, cfg: Mapping[str, Any]) -> TrainingStats:
        """Those of a model's whole configuration; see `of`."""
        section = cfg.get(SECTION) or {}
        if not isinstance(section, Mapping):
            raise InputError(f"{SECTION}={section!r} is no section; training writes it, leave it out")
        return cls.of(section)

    def note_in(self, cfg: dict[str, Any]) -> None:
        """Write what is known into a model's configuration, where `of` finds it again."""
        cfg[SECTION] = self.known()

    @property
    def tile_object_size(self) -> float | None:
        """Mean size of objects as tiles are to show them: in tiles where training saw any, pixels of the input."""
        return self.crop_object_size or self.object_size

    def known(self) -> dict[str, Any]:
        """What is not None, by name."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def config_of(source: Any) -> Mapping[str, Any] | None:
    """The configuration of a detector, of ours or within ultralytics' wrapper; None for an exported file."""
    return getattr(source, "yaml", None) or getattr(getattr(source, "model", None), "yaml", None)


def _read(value: Any, name: str) -> Any:
    if value is None or name == "object_areas":
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{SECTION}.{name}={value!r} must be a number; training writes it, leave it out") from None
