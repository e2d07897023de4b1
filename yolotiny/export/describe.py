"""What an exported file says of itself: all that is needed to use it as its checkpoint.

Values are single ones; what has parts is JSON. ultralytics writes names, stride, imgsz, batch, channels, task, head,
end2end and args, and each format has a place for them; `runtime.metadata` reads them.

    object_size, crop_object_size, pixel_scale, crop_threshold, crop_context
                    sizes measured in training, see `TrainingStats`
    infer           the model's section on crops, as JSON
    eval            its rules: protocol, fitness, nms_metric, nms_c, as JSON
    suppression     conf, iou and max_det where nobody says anything, and what boxes are compared by, as JSON
    preprocessing   how a picture becomes an input, as JSON
    protocol        how its detections are scored
    heatmap         True where the head's own map is the second output, False where it could be; else not there
    model_yaml      the model file, from which the network can be built again
    train_imgsz     longer side of the input in training, pixels
    yolotiny        the version that wrote the file
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from .. import __version__
from ..checkpoint import plain
from ..config.defaults import DEFAULTS
from ..config.options import PREDICTION, defaults
from ..loaders.trained import as_metadata
from ..nn.center_head import CenterHead
from ..ops.letterbox import GREY
from ..training_stats import SECTION, TrainingStats
from ..val.validator import Validator

PREPROCESSING = {
    "layout": "BCHW",
    "colours": "RGB",
    "scale": 1 / 255,
    "resize": "letterbox",
    "pad_value": GREY,
    "pad": "both sides, half each",
}


def metadata_of(network: Any, heat_map: bool = False) -> dict[str, Any]:
    """What is added to ultralytics' metadata.

    Args:
        network: a detector.
        heat_map: the head's own map is the second output.
    """
    cfg = plain(network.yaml)
    rules = cfg.get("eval") or {}
    stats = replace(TrainingStats.of(network), object_areas=None).known()
    metric = {k: rules[k] for k in ("nms_metric", "nms_c") if k in rules}
    usual = {"conf": PREDICTION["conf"], "iou": defaults(rules)["iou"], "max_det": DEFAULTS["max_det"]}
    told: dict[str, Any] = {
        "description": f"yolotiny {Path(str(cfg.get('yaml_file') or 'detector')).stem}",
        "author": "yolotiny",
        "license": "AGPL-3.0",
        "yolotiny": __version__,
        "infer": json.dumps(cfg.get("infer") or {}),
        "eval": json.dumps(rules),
        "suppression": json.dumps(usual | {"nms_metric": "iou"} | metric),
        "preprocessing": json.dumps(PREPROCESSING),
        "protocol": str(rules.get("protocol") or Validator.protocol),
        "model_yaml": yaml.safe_dump({k: v for k, v in cfg.items() if k != SECTION}, sort_keys=False),
    }
    trained = (getattr(network, "args", None) or {}).get("imgsz")
    if trained:
        told["train_imgsz"] = max(trained) if isinstance(trained, (list, tuple)) else trained
    if isinstance(network.model[-1], CenterHead):
        told["heatmap"] = heat_map
    return stats | told | as_metadata(network)


@contextlib.contextmanager
def described(network: Any, started: list[Callable[[Any], None]], heat_map: bool) -> Iterator[None]:
    """While it lasts, exported files say all of this.

    Args:
        network: a detector.
        started: ultralytics' callbacks at the start of an export.
        heat_map: see `metadata_of`.
    """
    told = metadata_of(network, heat_map)
    note = lambda exporter: exporter.metadata.update(told)  # noqa: E731
    started.append(note)
    try:
        yield
    finally:
        started.remove(note)
