"""Two sets of detections on one ground truth: how far apart they are, and how sure that is.

Both are counted on the same drawn pictures, so what makes a picture hard for both does not blur the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..rasters.vectors import is_vector
from .bootstrap import SAMPLES, few_objects, interval, plan, resample
from .fingerprint import scene_hash
from .inputs import Source, read
from .protocols import PROTOCOLS
from .tables import FEW, apart, columns, least_objects, percent, resampled, signed


def compare(gt: Source, a: Source, b: Source, protocol: str = "aitod", samples: int = SAMPLES) -> dict[str, Any]:
    """The AP of two sets of detections, and the interval of their difference.

    Args:
        gt: COCO ground truth, as `evaluate` takes it.
        a, b: two sets of detections of the same pictures, as `evaluate` takes them.
        protocol: a name in `PROTOCOLS`.
        samples: how often the pictures, or scenes, are drawn anew; 0 gives no interval.

    Returns:
        `protocol`, `images`, `n_gt`, `data_hash`; `level`, `samples`, `seed`, `resampled`, `units`, `why` (see
        `bootstrap.plan`); `figures` {figure: row} and `per_class` {name: {`n` and figure: row}}, a row being `a`, `b`,
        `difference` (b minus a), `interval` [low, high] of the difference and `clear`, whether it leaves out zero;
        None where unknown. `few`: classes with fewer than 50 objects, and `others`, rows over the other classes.
        `notes`: lines on how the files were read, where there are any.

    Raises:
        InputError: an unknown protocol or one of a plugin with an algorithm of its own, or bad input.
    """
    rules = PROTOCOLS.find(protocol)
    if not hasattr(rules, "ap_of"):
        raise InputError(f"protocol {protocol} counts by an algorithm of its own, which eval compare cannot repeat")
    if vector := [x for x in (gt, a, b) if is_vector(x)]:
        raise InputError(f"eval compare reads COCO JSON, not {vector[0]}; predict writes it with save_json=True")
    scenes = [read(gt, x) for x in (a, b)]
    matchings = [rules.match(scene) for scene in scenes]
    reports = [rules.score(matching) for matching in matchings]
    about, weights = plan(matchings[0], samples)
    drawn = None
    if weights is not None:
        (one, one_others), (two, two_others) = (resample(rules, m, weights) for m in matchings)
        drawn = {k: two[k] - one[k] for k in one}, {k: two_others[k] - one_others[k] for k in one}
    few = [few_objects(report) for report in reports]
    keys = [k for k in few[0]["others"] if k in rules.figures]
    names = scenes[0].names

    def rows(one: Mapping[str, Any], two: Mapping[str, Any], part: int, column: int | None) -> dict[str, Any]:
        """A row of each figure; the samples of `drawn[part]`, of one class or of the whole."""
        samples = {} if drawn is None else {k: v if column is None else v[:, column] for k, v in drawn[part].items()}
        return {k: _row(one[k], two[k], samples.get(k)) for k in keys}

    notes = list(dict.fromkeys(note for scene in scenes for note in scene.notes))
    return {
        "protocol": protocol,
        "images": scenes[0].images,
        "n_gt": reports[0]["n_gt"],
        "data_hash": scene_hash(scenes[0]),
        **about,
        "figures": rows(reports[0], reports[1], 0, -1),
        "per_class": {
            name: {"n": row["n"]} | rows(row, reports[1]["per_class"][name], 0, names.index(name))
            for name, row in reports[0]["per_class"].items()
        },
        "few": {k: few[0][k] for k in ("below", "classes")}
        | {"others": rows(few[0]["others"], few[1]["others"], 1, None)},
        **({"notes": notes} if notes else {}),
    }


def _row(a: float | None, b: float | None, drawn: np.ndarray | None) -> dict[str, Any]:
    """Two figures, their difference and its interval."""
    if a is None or b is None:
        return {"a": a, "b": b, "difference": None, "interval": None, "clear": None}
    ends = None if drawn is None else interval(drawn)
    clear = None if ends is None else bool(ends[0] > 0 or ends[1] < 0)
    return {"a": a, "b": b, "difference": b - a, "interval": ends, "clear": clear}


def comparison_lines(found: Mapping[str, Any], a: str, b: str) -> list[str]:
    """A comparison as text for the terminal, figures in percent.

    Args:
        found: what `compare` gives.
        a, b: what the two sets are called.
    """
    rows = [("all", key, row) for key, row in found["figures"].items()]
    if _apart(found):
        rows += [(least_objects(found["few"]), key, row) for key, row in found["few"]["others"].items()]
    for name, of in found["per_class"].items():
        mark = FEW if name in found["few"]["classes"] else ""
        rows += [(f"{name}{mark}, {of['n']}", key, row) for key, row in of.items() if key != "n"]
    shown = [
        [name, key, *(percent(row[k], 2) for k in "ab"), signed(row["difference"]), _ends(row["interval"])]
        + ["*" if row["clear"] else ""]
        for name, key, row in rows
        if row["difference"] is not None
    ]
    heads = ["class", "figure", "a", "b", "b - a", f"{100 * found['level']:.0f} % interval", ""]
    return [f"a: {a}", f"b: {b}", resampled(found), *columns(heads, shown), "", *words(found)]


def _apart(found: Mapping[str, Any]) -> bool:
    """Whether the classes with enough objects have rows of their own."""
    few = found["few"]
    return apart(few | {"others": {key: row["a"] for key, row in few["others"].items()}})


def _ends(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{signed(ends[0])} to {signed(ends[1])}"


def words(found: Mapping[str, Any]) -> list[str]:
    """Which differences are sure, in words."""
    if found["why"]:
        return [f"Which differences are sure cannot be said: {found['why']}."]
    lines = []
    places = [("over all classes", found["figures"])]
    if _apart(found):
        places.append((f"over classes with at least {found['few']['below']} objects", found["few"]["others"]))
    places += [(f"of {name}", {k: v for k, v in of.items() if k != "n"}) for name, of in found["per_class"].items()]
    for place, rows in places:
        known = {k: row for k, row in rows.items() if row["clear"] is not None}
        up = [k for k, row in known.items() if row["clear"] and row["difference"] > 0]
        down = [k for k, row in known.items() if row["clear"] and row["difference"] < 0]
        rest = [k for k in known if k not in up and k not in down]
        said = [f"b is better in {_listed(up)}"] * bool(up) + [f"b is worse in {_listed(down)}"] * bool(down)
        said += [f"no difference can be told in {_listed(rest)}"] * bool(rest)
        if said:
            lines.append(f"{place}: {'; '.join(said)}")
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
