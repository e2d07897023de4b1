"""The figures of a study's table: those of a report, and whether a protocol has them, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InputError, did_you_mean
from ..metrics import PROTOCOLS, evaluate_arrays
from ..val.validator import told_of

NOTHING = ((),) * 6  # a picture without objects and detections


def figures_of(report: dict[str, Any], chosen: Iterable[str] = ()) -> dict[str, float | None]:
    """Figures in points by name, those `chosen` or all that are told of the protocol; None where there is no object."""
    names = list(chosen) or list(told_of(report["protocol"]))
    if not chosen and "AP50" in names and "AP75" in report and "AP75" not in names:
        names.insert(names.index("AP50") + 1, "AP75")
    return {k: None if report.get(k) is None else 100 * report[k] for k in names}


def check_figures(chosen: Sequence[str], protocol: str) -> None:
    """Raise InputError for a figure that reports of a protocol do not have."""
    known = _names_of(protocol) if chosen else []
    for name in chosen:
        if name not in known:
            raise InputError(f"figure {name!r} is none of protocol {protocol}{did_you_mean(name, known)}")


def check_expected(names: Iterable[str]) -> None:
    """Raise InputError for a figure of no protocol; what a source says may be of another than that of the runs."""
    names = list(names)
    known = sorted({name for protocol in PROTOCOLS for name in _names_of(protocol)}) if names else []
    for name in names:
        if name not in known:
            raise InputError(f"expected: no protocol has a figure {name!r}{did_you_mean(name, known)}")


def _names_of(protocol: str) -> list[str]:
    """All figures that a report of a protocol has; one of a single picture tells them."""
    report = evaluate_arrays([NOTHING], ["object"], protocol)
    return list(dict.fromkeys([*told_of(protocol), *report["caps"], *(k for k in report if k.startswith("oLRP"))]))
