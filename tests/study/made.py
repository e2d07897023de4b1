"""Runs of a study as they lie on disk, without training anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yolotiny.study.definition import Arm, Study
from yolotiny.study.records import CAME, LOOKED, Run

FIGURES = ("AP", "AP50", "AP75", "AP_vt", "AP_t", "AP_s", "AP_m")


def run(folder: Path, arm: str = "a", seed: int = 0, epochs: int = 2, **more: Any) -> Run:
    """A run that is asked for."""
    made = Run(folder, arm, seed, "yolov5n", {"epochs": epochs}, {"epochs": epochs}, more.pop("looks", {}), **more)
    folder.mkdir(parents=True, exist_ok=True)
    made.write()
    return made


def trained(made: Run, seconds: float = 60.0, peak_mb: int = 1000, **figures: float | None) -> Run:
    """The run with a report for each look, figures as shares."""
    for look in made.looks or {"": {}}:
        place = made.place / look
        place.mkdir(parents=True, exist_ok=True)
        report = {"protocol": "aitod"} | dict.fromkeys(FIGURES, 0.5) | figures
        (place / "report.json").write_text(json.dumps(report))
        if look:
            (place / LOOKED).write_text(json.dumps({"options": made.looks[look]}))
    came = {"seconds": seconds, "peak_mb": peak_mb, "command": made.command, "commit": "abc", "version": "1"}
    (made.place / CAME).write_text(json.dumps(came))
    return made


def study(*arms: str, seeds: tuple[int, ...] = (0, 1), **more: Any) -> Study:
    """A study of such arms."""
    usual: dict[str, Any] = {"looks": {}, "figures": (), "expected": (), "options": {}, "source": ""}
    made = tuple(Arm(name, {}) for name in arms)
    return Study(name="s", profile="small", arms=made, baseline=arms[0], seeds=seeds, **usual | more)
