"""A study file, read and checked: arms that are trained alike, on what, how often, and what is expected of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean, number, whole
from ..shipped import cfg_dir
from ..yaml_file import read_yaml

KEYS = ("source", "options", "arms", "looks", "baseline", "figures", "expected", "profiles")
OF_ARM = ("after", "measured", "seeds", "insert", "replace")  # of an arm, beside options of training
OF_EXPECTED = ("arm", "over", "figure", "by")
# What the study decides for each run, so that neither file nor profile may.
DECIDED = ("project", "name", "exist_ok", "resume", "seed", "plugins", "debug", "mode", "task", "save", "save_dir")
NAME = re.compile(r"\w[\w.+-]*")
MOST_SEEDS = 100
TOY = "toy"
# At toy size everything runs and nothing is learnt; any study has it.
TOY_OPTIONS = {"imgsz": 64, "epochs": 1, "batch": 4, "device": "cpu", "workers": 0, "amp": False, "warmup_epochs": 0.0}


@dataclass(frozen=True)
class Arm:
    """One of the things that are compared.

    Attributes:
        name: of the arm.
        options: of its training, where it differs from the other arms.
        changes: `insert` and `replace` of a model file on top of its model, where it has some.
        after: the arm whose last weights it starts from; None for `pretrained`.
        measured: what is measured on those weights, by the option that it becomes.
        seeds: how many of the seeds it is trained with; None for all.
    """

    name: str
    options: dict[str, Any]
    changes: dict[str, Any] = field(default_factory=dict)
    after: str | None = None
    measured: dict[str, str] = field(default_factory=dict)
    seeds: int | None = None


@dataclass(frozen=True)
class Expected:
    """One thing that is expected: `arm` has more of a figure than `over`, or less; in the source it has `by` more.

    Attributes:
        arm, over: two arms, each with `/LOOK` behind it where the study has looks.
        figure: of the protocol.
        by: points (0 to 100) in the source, with the sign that is expected.
    """

    arm: str
    over: str
    figure: str
    by: float


@dataclass(frozen=True)
class Study:
    """What a study file says, with one of its profiles.

    Attributes:
        name: of the file, without its suffix.
        profile: schedule, data and all else that does not belong to an arm.
        source: where the claims are from.
        arms: in their order.
        looks: ways to validate the weights of every run, by name; none for the validation that training ends with.
        baseline: what the others are compared with.
        figures: columns of the table; empty for those of the protocol.
        expected: see there.
        options: of the training of all arms, those of the profile included.
        seeds: in their order.
    """

    name: str
    profile: str
    source: str
    arms: tuple[Arm, ...]
    looks: dict[str, dict[str, Any]]
    baseline: str
    figures: tuple[str, ...]
    expected: tuple[Expected, ...]
    options: dict[str, Any]
    seeds: tuple[int, ...]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """(arm, look) of each row of the table; the look is empty where the study has none."""
        return [(arm.name, look) for arm in self.arms for look in self.looks or ("",)]

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """The seeds that an arm is trained with."""
        return self.seeds[: arm.seeds]


def read(file: str, profile: str = "small", given: Mapping[str, Any] | None = None) -> Study:
    """Read a study file.

    Args:
        file: a path, or the name of one in cfg/studies.
        profile: one of its profiles; every study has `toy`.
        given: options of training, and `seeds` and `only` (names of arms), that take the place of the profile's.

    Raises:
        InputError: no such file, profile or arm; a key, name or value that a study cannot have.
    """
    path = find(file)
    content = read_yaml(path, "a study")
    _known(content, KEYS, f"in {path}")
    given = dict(given or {})
    profiles = {TOY: {}} | _mapping(content.get("profiles"), f"{path}: profiles")
    if profile not in profiles:
        raise InputError(f"{path} has no profile {profile!r}{did_you_mean(profile, profiles)}")
    plan = _mapping(profiles[profile], f"{path}: profiles.{profile}")
    plan = (TOY_OPTIONS | {"seeds": [0]} | plan) if profile == TOY else plan
    own, asked, only = plan.pop("seeds", [0]), given.pop("seeds", None), given.pop("only", None)
    seeds = _seeds(own if asked is None else asked, str(path))
    options = _mapping(content.get("options"), f"{path}: options") | plan | given
    _not_decided(options, f"{path}: profiles.{profile}")
    arms = _arms(content, path)
    looks = _looks(content, path)
    names = [arm.name for arm in arms]
    baseline = content.get("baseline", names[0])
    if baseline not in names:
        raise InputError(f"{path}: baseline {baseline!r} is no arm{did_you_mean(str(baseline), names)}")
    rows = [f"{name}/{look}" if look else name for name in names for look in looks or ("",)]
    return Study(
        name=path.stem,
        profile=profile,
        source=str(content.get("source", "")),
        arms=_chosen(arms, only),
        looks=looks,
        baseline=baseline,
        figures=tuple(map(str, _list(content.get("figures"), f"{path}: figures"))),
        expected=tuple(_expected(row, rows, path) for row in _list(content.get("expected"), f"{path}: expected")),
        options=options,
        seeds=seeds,
    )


def find(name: str) -> Path:
    """The file that is meant by a path or by a name in cfg/studies."""
    folder = cfg_dir() / "studies"
    file = next((p for p in (Path(name), folder / name, folder / f"{name}.yaml") if p.is_file()), None)
    if file is None:
        raise InputError(f"unknown study {name!r}{did_you_mean(name, [p.stem for p in folder.glob('*.yaml')])}")
    return file


def _looks(content: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    """The looks of a file, no two of them the same."""
    found = _named(content.get("looks"), f"{path}: looks")
    looks = {name: _mapping(look, f"{path}: looks.{name}") for name, look in found.items()}
    for i, (name, look) in enumerate(looks.items()):
        if twin := next((k for k in list(looks)[:i] if looks[k] == look), None):
            raise InputError(f"{path}: looks {twin!r} and {name!r} are the same; take one of them out")
    return looks


def _arms(content: Mapping[str, Any], path: Path) -> tuple[Arm, ...]:
    """The arms of a file, each checked by itself and `after` against the others."""
    found = _named(content.get("arms"), f"{path}: arms")
    if not found:
        raise InputError(f"{path} has no arms: write arms: {{a: {{}}, b: {{loss.box.type: nwd}}}}")
    arms = []
    for name, said in found.items():
        where = f"{path}: arm {name!r}"
        said = _mapping(said, where)
        of_arm = {k: said.pop(k) for k in OF_ARM if k in said}
        _not_decided(said, where)
        if (seeds := of_arm.get("seeds")) is not None:
            whole(seeds, f"{where}: seeds", 1, MOST_SEEDS)
        after = of_arm.get("after")
        if after is not None and after not in [arm.name for arm in arms]:
            raise InputError(f"{where}: after={after!r} is no arm above it; there are: {_words(a.name for a in arms)}")
        most = next((arm.seeds for arm in arms if arm.name == after), None)
        if most is not None and (seeds is None or seeds > most):
            raise InputError(f"{where} starts from {after!r}, which has {most} of the seeds: write seeds: {most}")
        measured = _mapping(of_arm.get("measured"), f"{where}: measured")
        if measured and after is None:
            raise InputError(f"{where} measures {next(iter(measured))} and starts from no arm: write after: ARM")
        changes = {k: _list(of_arm[k], f"{where}: {k}") for k in ("insert", "replace") if k in of_arm}
        arms.append(Arm(name, said, changes, after, measured, seeds))
    return tuple(arms)


def _chosen(arms: tuple[Arm, ...], only: Any) -> tuple[Arm, ...]:
    """The arms that were asked for, and those that they start from."""
    if only is None:
        return arms
    names = [str(v).strip() for v in (only if isinstance(only, (list, tuple)) else str(only).split(","))]
    by_name = {arm.name: arm for arm in arms}
    for name in names:
        if name not in by_name:
            raise InputError(f"only={name}: there is no such arm{did_you_mean(name, by_name)}")
    for name in names:  # it grows on the way
        after = by_name[name].after
        if after and after not in names:
            names.append(after)
    return tuple(arm for arm in arms if arm.name in names)


def _expected(row: Any, rows: list[str], path: Path) -> Expected:
    """One row of `expected`."""
    where = f"{path}: expected"
    row = _mapping(row, where)
    _known(row, OF_EXPECTED, f"in {where}")
    if missing := [k for k in OF_EXPECTED if k not in row]:
        raise InputError(f"{where} needs {missing[0]}, as in {{arm: b, over: a, figure: AP, by: 1.5}}")
    for key in ("arm", "over"):
        if row[key] not in rows:
            raise InputError(f"{where}: {key} {row[key]!r} is no row of the table{did_you_mean(str(row[key]), rows)}")
    by = number(row["by"], f"{where}: by", -100, 100)
    return Expected(row["arm"], row["over"], str(row["figure"]), by)


def _seeds(value: Any, where: str) -> tuple[int, ...]:
    """Seeds as a list or as a text with commas."""
    values = value if isinstance(value, (list, tuple)) else str(value).split(",")
    seeds = [int(v) if isinstance(v, str) and v.strip().isdigit() else v for v in values]
    for seed in seeds:
        whole(seed, f"{where}: seeds", 0, 2**31 - 1)
    if len(set(seeds)) != len(seeds) or not 1 <= len(seeds) <= MOST_SEEDS:
        raise InputError(f"{where}: seeds={_words(seeds)}: give from 1 to {MOST_SEEDS} numbers, each once")
    return tuple(seeds)


def _not_decided(options: Mapping[str, Any], where: str) -> None:
    for key in options:
        if key in DECIDED:
            raise InputError(f"{where} sets {key}, which the study does itself; leave it out")


def _named(value: Any, where: str) -> dict[str, Any]:
    """A mapping by names that can be names of files."""
    found = {str(k): v for k, v in _mapping(value, where).items()}
    for name in found:
        if not NAME.fullmatch(name) or len(name) > 60:
            raise InputError(f"{where}: {name!r} is no name: take up to 60 letters, digits and . _ + -")
    return found


def _known(content: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    if unknown := [k for k in content if k not in keys]:
        raise InputError(f"unknown key {unknown[0]!r} {where}{did_you_mean(str(unknown[0]), keys)}")


def _mapping(value: Any, where: str) -> dict[Any, Any]:
    """A copy of a mapping; nothing is an empty one."""
    if not isinstance(value, (dict, type(None))):
        raise InputError(f"{where} must be a mapping, not {value!r}")
    return dict(value or {})


def _list(value: Any, where: str) -> list[Any]:
    """A copy of a list; nothing is an empty one."""
    if not isinstance(value, (list, type(None))):
        raise InputError(f"{where} must be a list, not {value!r}")
    return list(value or ())


def _words(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "none"
