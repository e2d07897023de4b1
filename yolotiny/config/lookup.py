"""Find a model YAML by name, where the name may carry a scale: `yolov5n-p2.yaml` is `yolov5-p2.yaml` at scale n."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError, did_you_mean
from ..shipped import cfg_dir, read, weights_file


def find(name: str | Path, near: Path | None = None, children: tuple[Path, ...] = ()) -> tuple[Path, str | None]:
    """Return the file that a model name means, and the scale that the name asks for, if any.

    A scale of one letter follows the first word of the name, with or without a dash; a longer one stands between
    dashes, as in `yolox-nano-p2.yaml`. An existing file is taken as it is; then come the shipped models, then those of
    ultralytics. A name with a folder is looked for in that folder only. The suffix may be left out.

    Args:
        name: a file or model name.
        near: a folder to look in first (a base is looked for beside its child).
        children: the files that ask for it as a base, resolved; the last of them is not meant.

    Raises:
        InputError: no such model, with the nearest names; bases in a circle.
    """
    if near is None and Path(name).is_file():
        return Path(name), None
    path = Path(with_suffix(str(name))).expanduser()
    bare = path.parent == Path(".")
    models = cfg_dir() / "models"
    groups = [[near / path.parent]] if near else []
    groups.append([path.parent, models] if bare else [path.parent])
    child = children[-1] if children else None
    for folders in groups:
        for stem, scale in [(path.stem, None), *_readings(path.stem)]:
            for file in (folder / (stem + path.suffix) for folder in folders):
                if not file.is_file() or file.resolve() == child:
                    continue
                if scale is None or scale in scales_of(file, children):
                    return file, scale
    # Of two models of one name ours is meant, at every scale.
    theirs = {k: v for k, v in _ultralytics_models().items() if bare and not (models / v.name).exists()}
    for stem, scale in [(path.stem, None), *_readings(path.stem)]:
        if stem in theirs and (scale is None or scale in scales_of(theirs[stem])):
            return theirs[stem], scale
    known = [*models.glob("*.yaml"), *theirs.values()] if bare else path.parent.glob("*.yaml")
    where = "" if bare else f" in {path.parent}"
    raise InputError(f"unknown model {path.name!r}{where}{_nearest(path.stem, list(known))}")


def file_meant(name: str) -> str:
    """Return the file that a user means by the name of a model, a checkpoint or an exported model.

    Shipped weights go by their name from anywhere.

    Raises:
        InputError: no such file, where the name is not one that `find` looks for.
    """
    name = name.strip()
    if weights := weights_file(name) or (weights_file(f"{name}.pt") if not Path(name).exists() else None):
        return str(weights)
    suffix = Path(name).suffix[1:]
    folder = name.rstrip("/").endswith("_model")  # as OpenVINO and others are exported
    if not folder and (not suffix or suffix.isdigit()):  # "yolov5n" means "yolov5n.yaml"
        name += ".yaml"
    there = Path(name).is_file() or Path(name).is_dir()  # a pipe would never end
    if not name.endswith((".yaml", ".yml")) and "://" not in name and not there:
        weights = [file.name for file in (cfg_dir() / "weights").glob(f"*.{suffix}")]
        if not (near := did_you_mean(name, weights, near=0.8)).startswith("; did you mean"):
            near = _nearest(Path(name).stem, sorted((cfg_dir() / "models").glob("*.yaml")))
        raise InputError(f"model file {name!r} does not exist{near}")
    return name


def available() -> list[tuple[str, str]]:
    """Return (name with its scales, first comment line) of every shipped model, by name."""
    out = []
    for file in sorted((cfg_dir() / "models").glob("*.yaml")):
        scales = scales_of(file)
        family, rest = _family(file.stem)
        pattern = "-{" + ",".join(scales) + "}" if _dash(family, scales) else f"[{''.join(scales)}]"
        lines = (line.lstrip("# ").rstrip() for line in file.read_text("utf-8").splitlines() if line.startswith("#"))
        out.append((f"{family}{pattern}{rest}" if scales else file.stem, next(lines, "")))
    return out


def scales_of(file: Path, children: tuple[Path, ...] = ()) -> list[str]:
    """Return the names of a file's scales, its own or those of its nearest base that has some.

    Raises:
        InputError: bases in a circle, which `children`, the files that ask for this one as a base, may begin.
    """
    content, children = read(file), and_child(file, children)
    if "scales" not in content and content.get("base"):
        return scales_of(find(str(content["base"]), file.parent, children)[0], children)
    scales = content.get("scales")
    return [str(s) for s in scales] if isinstance(scales, dict) else []


def and_child(file: Path, children: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the files that ask for a base, resolved, with one more; InputError where it is among them already."""
    path = file.resolve()
    if path in children:
        circle = [*children[children.index(path) :], path]
        names = " -> ".join(p.name for p in circle)
        raise InputError(f"bases in a circle: {names}; one of them needs a backbone and a head of its own")
    return (*children, path)


def with_suffix(name: str) -> str:
    """Return a model name with `.yaml` at its end."""
    return name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"


def _family(stem: str) -> tuple[str, str]:
    """Split a name where its scale goes: after the first word ("yoloe-" and "tph-" count as part of it)."""
    family = re.match(r"(yoloe-|tph-)?[^-]*", stem)[0]
    return family, stem[len(family) :]


def _readings(stem: str) -> Iterator[tuple[str, str]]:
    """Yield (file stem, scale) for each way to read a scale out of a name."""
    family, rest = _family(stem)
    if rest:
        scale, dash, tail = rest[1:].partition("-")
        yield family + dash + tail, scale
    yield family[:-1] + rest, family[-1:]


def _ultralytics_models() -> dict[str, Path]:
    """Return the model files of ultralytics by stem, without importing it."""
    spec = importlib.util.find_spec("ultralytics")
    folders = spec.submodule_search_locations if spec else []
    return {f.stem: f for folder in folders or [] for f in sorted(Path(folder, "cfg", "models").rglob("*.yaml"))}


def _names(file: Path) -> dict[str, str | None]:
    """Return every name that a file answers to, with its scale; one that cannot be read answers to its own alone."""
    try:
        scales = scales_of(file)
    except InputError:
        scales = []
    family, rest = _family(file.stem)
    dash = _dash(family, scales)
    return {file.stem: None} | {f"{family}{dash}{s}{rest}": s for s in scales}


def _dash(family: str, scales: list[str]) -> str:
    """Return what stands between a family and its scale where a name is shown: `yolov5n`, but `yolotiny-n`."""
    return "" if all(len(s) == 1 for s in scales) and family[-1:].isdigit() else "-"


def _nearest(stem: str, files: list[Path]) -> str:
    """Return `did_you_mean` among the names of files: of the family and scale that were written, else of all."""
    names = {file: _names(file) for file in files}
    for unscaled, scale in _readings(stem):
        family = _family(unscaled)[0]
        same = [n for file in files if _family(file.stem)[0] == family for n, s in names[file].items() if s == scale]
        if (near := did_you_mean(stem, same)).startswith("; did you mean"):
            return near
    return did_you_mean(stem, dict.fromkeys(n for found in names.values() for n in found))
