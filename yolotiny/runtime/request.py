"""What one call asks for, checked once: suppression, crops, size, and the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError, did_you_mean, whole
from ..ops.suppression import IOU, MAX_DET, NWD_THRESHOLD, NMSConfig, scale_for
from ..registry import name_of
from ..slicing import SLICERS, SlicedInference
from ..slicing.settings import OPTIONS, USUAL, without_doubles
from .metadata import Metadata
from .track import ByteTrack, tracker_of

CONF, CONF_TRACKING = 0.25, 0.1  # weak detections prolong tracks
SUPPRESSION = ("conf", "iou", "max_det", "classes", "agnostic_nms", "nms_metric", "nms_c")
READING = ("bands", "stretch")
KNOWN = (*SUPPRESSION, *READING, "imgsz", "batch", "vid_stride", "tracker", *OPTIONS)


@dataclass(frozen=True)
class Request:
    """The options of a call.

    Attributes:
        nms: thresholds, caps and what is compared.
        infer: the section on crops; None without crops.
        imgsz: longer side, or (height, width), of the input, pixels; None: what the file says.
        batch: pictures of a forward; None: what suits the source.
        vid_stride: every so-manieth frame of a video.
        tracker: follows objects from frame to frame; None for none.
        reading: `bands` and `stretch`, where they are given.
    """

    nms: NMSConfig
    infer: Mapping[str, Any] | None
    imgsz: Any
    batch: int | None
    vid_stride: int
    tracker: ByteTrack | None
    reading: Mapping[str, Any]

    @classmethod
    def of(cls, options: Mapping[str, Any], file: Metadata, where: str) -> Request:
        """Read them.

        Args:
            options: as given: those of `Detector.__call__`.
            file: what the exported file says.
            where: the file, for messages.

        Raises:
            InputError: an unknown option, or an impossible value.
        """
        for key in options:
            if key not in KNOWN:
                raise InputError(f"unknown option {key!r}{did_you_mean(key, KNOWN)}")
        given = {k: v for k, v in options.items() if v is not None}
        batch = given.get("batch")
        return cls(
            nms=_suppression(given, file),
            infer=_crops(given, file, where),
            imgsz=given.get("imgsz"),
            batch=None if batch is None else whole(batch, "batch", 1),
            vid_stride=whole(given.get("vid_stride", 1), "vid_stride", 1),
            tracker=tracker_of(given["tracker"]) if "tracker" in given else None,
            reading={k: given[k] for k in READING if k in given},
        )

    def sliced(self, where: str) -> SlicedInference | None:
        """Crops for one run, which remembers what it has seen; None without them."""
        return None if self.infer is None else SlicedInference.from_config(self.infer, where)


def _crops(given: Mapping[str, Any], file: Metadata, where: str) -> dict[str, Any] | None:
    section = section_of(file.infer, given, where)
    if section is None or "merge" in given or not given.get("tracker"):
        return section
    return without_doubles(section)


def _suppression(given: Mapping[str, Any], file: Metadata) -> NMSConfig:
    rules = dict(file.rules)
    if given.get("nms_metric") == "iou":
        rules.pop("nms_c", None)
    rules |= {k: given[k] for k in ("nms_metric", "nms_c") if k in given}
    return NMSConfig(
        conf=given.get("conf", CONF_TRACKING if given.get("tracker") else CONF),
        iou=given.get("iou", NWD_THRESHOLD if rules.get("nms_metric") == "nwd" else IOU),
        max_det=given.get("max_det", MAX_DET),
        agnostic=bool(given.get("agnostic_nms", False)),
        classes=given.get("classes"),
        c=scale_for(file.training.known(), rules),
    )


def section_of(own: Mapping[str, Any] | None, given: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """The section on crops that holds for a call; None without crops.

    Args:
        own: that of the file. A user's other `crops=` sets it aside: its settings belong to its own crops.
        given: the options of the call.
        where: the file, for messages.

    Raises:
        InputError: a setting of crops without crops.
    """
    own = dict(own or {})
    crops = given.get("crops", own.get("crops"))
    kind = name_of(crops or "none")
    settings = {k: v for k, v in given.items() if k in OPTIONS and k != "crops"}
    if kind == "none":
        if settings:
            raise InputError(f"{next(iter(settings))}= is read with crops only; say which: crops={', '.join(SLICERS)}")
        return None
    if not own or kind != name_of(own.get("crops")):
        own = {"crops": {"type": kind} | USUAL.get(kind, {})}
    slicer = {"type": kind} | (dict(own["crops"]) if isinstance(own["crops"], Mapping) else {})
    slicer |= dict(crops) if isinstance(crops, Mapping) else {}
    section = own | {"crops": slicer}
    for key, value in settings.items():
        head, _, part = OPTIONS[key].partition(".")
        section[head] = section[head] | {part: value} if part else value
    return section
