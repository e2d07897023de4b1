"""What libraries send by themselves is off before any of them is imported; a user's own settings stay."""

from __future__ import annotations

import os
import sys

VARIABLES = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "0",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "NNCF_CI": "1",  # its meaning is that nothing is reported
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "DVC_NO_ANALYTICS": "1",
}


def silence() -> None:
    """Set the environment, and keep away the package by which OpenVINO reports each import; imports nothing."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    # OpenVINO knows no variable for it and does without the package where it is not installed, as this looks to it.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
