"""How sure a figure is: the same matches counted again with pictures or scenes drawn anew.

Source: the percentile interval of Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; whole
scenes are drawn where pictures of one resemble each other (the cluster bootstrap of Davison and Hinkley 1997, 3.8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from .matching import Matching
from .units import Units, units_of

SAMPLES = 500
MOST_SAMPLES = 10_000  # whose weights fit into memory
SEED = 0
LEVEL = 0.95
LEAST_UNITS = 10  # with fewer, samples are too much alike to say anything
LACKING = 0.01  # share of samples that may lack a figure: it then lies in five pictures or scenes at least
FEW = 50  # objects of a class below which one more or less found moves its AP by points
AT_ONCE = 1 << 25  # bytes of weights


def draw(units: Units, samples: int, seed: int = SEED) -> np.ndarray:
    """(S, I) how often each image is there when as many units are drawn as there are, with replacement, S samples."""
    random, share = np.random.default_rng(seed), np.full(units.count, 1 / units.count)
    return np.stack([random.multinomial(units.count, share).astype(np.int16)[units.of] for _ in range(samples)])


def resample(
    rules: Any, matching: Matching, weights: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The figures of resampled data sets.

    Args:
        rules: a protocol with `ap_of`.
        matching: what it matched.
        weights: (S, images) how often each picture is there.

    Returns:
        AP figures by name: (S, C + 1) as fractions, the classes and then the whole, NaN where a sample has no object;
        and the same of the classes with `FEW` objects or more, (S,).
    """
    enough = objects_of(matching) >= FEW
    step = max(AT_ONCE // max(8 * weights.shape[1], 1), 1)
    whole: dict[str, list[np.ndarray]] = defaultdict(list)
    others: dict[str, list[np.ndarray]] = defaultdict(list)
    for s in range(0, len(weights), step):
        share = rules.class_weights(matching, weights[s : s + step])
        for key, values in rules.ap_of(matching, weights[s : s + step]).items():
            whole[key].append(np.column_stack((values, _mean(values, share))))
            others[key].append(_mean(values, share * enough))
    return {k: np.concatenate(v) for k, v in whole.items()}, {k: np.concatenate(v) for k, v in others.items()}


def objects_of(matching: Matching) -> np.ndarray:
    """(C,) objects of each class that are to be found."""
    return np.bincount(matching.scene.gts.label[matching.objects()], minlength=len(matching.scene.names))


def _mean(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(S, C) values and their shares -> (S,) mean of what is there, NaN where nothing is."""
    share = share * ~np.isnan(values)
    total = share.sum(1)
    return np.where(total > 0, (np.nan_to_num(values) * share).sum(1) / np.maximum(total, 1e-300), np.nan)


def interval(values: np.ndarray) -> list[float] | None:
    """(S,) figures of samples -> the bounds of the middle `LEVEL` of them.

    None where too many samples lack the figure: what lies in k pictures or scenes is missing in e**-k of them, and an
    interval of one scene would be of no width.
    """
    there = ~np.isnan(values)
    if not there.any() or there.mean() < 1 - LACKING:
        return None
    return np.quantile(values[there], [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()


def plan(matching: Matching, samples: int) -> tuple[dict[str, Any], np.ndarray | None]:
    """What is drawn, for a report, and how often each image is there, (S, I); None where no interval can be given.

    Args:
        matching: its pictures are drawn.
        samples: how often.

    Returns:
        `level`, `samples`, `seed`, `resampled` ("pictures" or "scenes"), `units`, how many of them there are, and `why`
        there is no interval, None where there is one; and the weights (S, I).
    """
    units = units_of(matching.scene.pictures, matching.scene.images)
    about = {"level": LEVEL, "samples": samples, "seed": SEED, "resampled": units.kind, "units": units.count}
    why = None
    if not samples:
        why = "no interval: samples=0"
    elif units.count < LEAST_UNITS:
        some = f"{units.count} {units.kind} are" if units.count > 1 else f"{units.count} {units.kind[:-1]} is"
        why = f"no interval can be given: {some} not enough to draw from, {LEAST_UNITS} are needed"
    return about | {"why": why}, None if why else draw(units, samples)


def intervals(rules: Any, matching: Matching, samples: int) -> dict[str, Any]:
    """The intervals of a report.

    Args:
        rules: a protocol.
        matching: what it matched.
        samples: how often the data set is drawn anew.

    Returns:
        what `plan` says; `figures` {figure: [low, high]}, `per_class` {name: the same} and `others`, the same of the
        mean over classes with 50 objects or more. An interval is None where no sample has the figure.
    """
    about, weights = plan(matching, samples) if hasattr(rules, "ap_of") else (no_interval(samples), None)
    if weights is None:
        return about | {"figures": {}, "per_class": {}, "others": {}}
    whole, others = resample(rules, matching, weights)
    there = np.flatnonzero([not np.isnan(values).all() for values in next(iter(whole.values()))[:, :-1].T])
    return about | {
        "figures": {key: interval(values[:, -1]) for key, values in whole.items()},
        "per_class": {
            matching.scene.names[k]: {key: interval(values[:, k]) for key, values in whole.items()}
            for k in there.tolist()
        },
        "others": {key: interval(values) for key, values in others.items()},
    }


def no_interval(samples: int) -> dict[str, Any]:
    """What `plan` says of a protocol that counts by an algorithm of its own."""
    why = "no interval can be given: the protocol counts by an algorithm of its own"
    return {"level": LEVEL, "samples": samples, "seed": SEED, "resampled": None, "units": None, "why": why}


def few_objects(report: Mapping[str, Any]) -> dict[str, Any]:
    """Classes with fewer than 50 objects, and the AP figures of the others.

    Returns:
        `below`, 50; `classes`, those with fewer; `others`, the figures over the other classes, None without any.
    """
    few = [name for name, row in report["per_class"].items() if row["n"] < FEW]
    rows = [row for name, row in report["per_class"].items() if name not in few]
    figures = {}
    for key in [k for k in report if k.startswith("AP") and not k.endswith("_macro")]:
        known = [(row[key], row.get("images", 1)) for row in rows if row.get(key) is not None]
        total = sum(share for _, share in known)
        figures[key] = sum(value * share for value, share in known) / total if total else None
    return {"below": FEW, "classes": few, "others": figures}
