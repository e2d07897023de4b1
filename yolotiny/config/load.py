"""Model YAMLs: find one by name, put it on its base, change single values. The result is one plain dict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import plugins
from ..errors import InputError, did_you_mean
from ..pictures.depth import SECTION as PICTURES
from ..shipped import cfg_dir, read
from ..training_stats import SECTION as MEASURED
from .lookup import and_child, available, find, with_suffix
from .rows import Row, change_layer, layer_names
from .rows import rows as _rows

__all__ = ["Row", "available", "cfg_dir", "find", "load", "override", "rows", "split_overrides"]

# Everything a model YAML may say at its top level.
KEYS = frozenset(
    "nc ch channels names base scales scale backbone head insert replace anchors coder roi_coder assigner loss infer "
    "recipe activation end2end reg_max kpt_shape depth_multiple width_multiple description yaml_file "
    "inplace task official eval crop_train gradient_clip sync_bn norm_momentum augmentations paste teacher "
    "parts_from".split()
) | {MEASURED, PICTURES}
# Not to be overridden: what makes the file, and what only files of ultralytics say and nothing here reads.
FIXED = frozenset("base backbone head insert replace yaml_file inplace kpt_shape parts_from".split()) | {MEASURED}
COMPONENTS = frozenset(
    {"loss", "assigner", "coder", "roi_coder", "infer", "crop_train"}
)  # here a bare name stands for {type: name}


def load(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the whole configuration of a model as one plain dict, fit for a checkpoint and for loading again.

    Args:
        source: a model name (see `find`), or a dict with the same content.
        overrides: single values by dotted name, see `override`.

    A child of a `base`, which may have a base itself, is laid over it: dicts merge, None deletes, a changed `type`
    drops the old arguments but keeps `weight`, `insert` lists are joined, `scales` and other lists replace. `replace`
    changes single layers.

    Raises:
        InputError: unknown model, key, scale or layer; bases in a circle; unreadable YAML.
    """
    if isinstance(source, Mapping):
        file, scale, own = None, None, dict(source)
        name = own.get("yaml_file") or "the configuration"
    else:
        file, scale = find(str(source))
        name = str(source) if Path(source).is_file() else with_suffix(str(source))
        own = read(file) | {"yaml_file": name}
    cfg, own_scale = _over_base(own, file, name)
    scale = scale or own_scale or next(iter(cfg.get("scales", {})), None)
    cfg.pop("scale", None)
    cfg = override(cfg | ({"scale": scale} if scale else {}), overrides or {})
    rows(cfg)
    return cfg


def rows(cfg: dict[str, Any]) -> list[Row]:
    """Return the layers of a loaded configuration in build order, see `yolotiny.config.rows`."""
    return _rows(cfg, KEYS)


def override(cfg: Mapping[str, Any], changes: Mapping[str, Any], terms: Collection[str] = ()) -> dict[str, Any]:
    """Return a copy of a loaded configuration with single values changed.

    Args:
        cfg: what `load` returned.
        changes: values by dotted name, such as `loss.box.weight`, `nc`, or `sarl.reduction` for an argument of the
            layer called sarl. None takes a value out. The last part may be new, the parts before it must exist.
        terms: of the loss that the detector has even where its file does not name them.

    Raises:
        InputError: a section that does not exist, or a scale that is not among the scales.
    """
    out = _merge({}, _plain(cfg))
    file, layers = out.get("yaml_file", "the configuration"), layer_names(out)
    # Sections before their parts, and a type before its arguments: a changed type drops the arguments it finds.
    for dotted in sorted(changes, key=lambda k: (k.count("."), not k.endswith(".type"))):
        head, *rest = dotted.split(".")
        value = _plain(changes[dotted])
        if head in layers:
            if len(rest) != 1 or rest[0] == "name":
                raise InputError(f"cannot set {dotted!r} in {file}; write {head}.ARGUMENT")
            change_layer(out, {"name": head, rest[0]: value}, file)
            continue
        if head not in KEYS - FIXED:
            near = did_you_mean(head, [*sorted(KEYS - FIXED), *layers])
            fixed = "training measures that" if head == MEASURED else "that takes a YAML of its own"
            why = fixed if head in FIXED else f"there is no section {head!r}{near}"
            raise InputError(f"cannot set {dotted!r} in {file}: {why}")
        _check_path(out, dotted, value, file, terms)
        for part in reversed(rest):
            value = {part: value}
        out = _merge(out, {head: value})
    scales, scale = out.get("scales", {}), out.get("scale")
    if scale and scale not in scales:
        has = f"there are: {', '.join(map(str, scales))}" if scales else "it has no scales"
        raise InputError(f"unknown scale {scale!r} in {file}; {has}")
    return out


def split_overrides(options: Mapping[str, Any], known: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part options into (those of the training program, those of the model).

    Args:
        options: what a user gave, by name.
        known: names of the program's own options.

    Dotted names, and sections such as `nc` that the program does not know, go to the model.

    Raises:
        InputError: an option that is neither.
    """
    known = set(known)
    ours: dict[str, Any] = {}
    model: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known and "." not in key and key not in KEYS - FIXED:
            raise InputError(f"unknown option {key!r}{did_you_mean(key, sorted(known | (KEYS - FIXED)))}")
        (ours if key in known else model)[key] = value
    return ours, model


def _over_base(
    own: dict[str, Any], file: Path | None, name: str, children: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], str | None]:
    """Lay `own` over its base; return that and the scale that it, or the nearest base or name of a base, asks for."""
    if "plugins" in own:
        raise InputError(f"plugins in {name}: a model file imports nothing; give plugins=FILE.py with the command")
    plugins.note(own.get("parts_from"), name)
    if unknown := [k for k in own if k not in KEYS]:
        raise InputError(f"unknown key {unknown[0]!r} in {name}{did_you_mean(unknown[0], sorted(KEYS))}")
    own, scale = _plain(own), None
    base: dict[str, Any] = {}
    for key, kind, called in (("insert", list, "list"), ("replace", list, "list"), ("scales", dict, "mapping")):
        if not isinstance(own.get(key) or kind(), kind):
            raise InputError(f"{key} in {name} must be a {called}, not {own[key]!r}")
    if base_name := own.pop("base", None):
        children = and_child(file, children) if file else children
        base_file, scale = find(str(base_name), file.parent if file else None, children)
        base, inherited = _over_base(read(base_file), base_file, base_file.name, children)
        scale = scale or inherited
        if "scales" in own:
            scale = None
            base = {k: v for k, v in base.items() if k not in ("scale", "scales")}
    changes = own.pop("replace", None) or []
    cfg = _merge(base, own)
    if base.get("insert") and own.get("insert"):
        cfg["insert"] = base["insert"] + own["insert"]
    for change in changes:
        change_layer(cfg, change, name)
    return cfg, own.get("scale") or scale


def _plain(value: Any) -> Any:
    """Copy a value deeply, with lists for tuples and dicts for other mappings, as YAML has them."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _merge(base: dict[str, Any], child: dict[str, Any], component: bool = False) -> dict[str, Any]:
    """Lay `child` over `base`, by the rules of `load`."""
    out = dict(base)
    for key, value in child.items():
        named = component or key in COMPONENTS
        old = out.get(key)
        if named and isinstance(value, str) and isinstance(old, dict) and "type" in old:
            value = {"type": value}
        if value is None:
            out.pop(key, None)
        elif not isinstance(value, dict):
            out[key] = value
        else:
            if named and isinstance(old, str):
                old = {"type": old}
            if not isinstance(old, dict):
                old = {}
            if "type" in value and value["type"] != old.get("type"):
                old = {k: v for k, v in old.items() if k == "weight"}
            out[key] = _merge(old, value, named)
    return out


def _check_path(cfg: dict[str, Any], dotted: str, value: Any, file: str, terms: Collection[str] = ()) -> None:
    """Raise InputError unless everything on the way to the last part of a dotted name exists."""
    head, *rest = dotted.split(".")
    node = cfg.get(head, {} if rest else None)
    if (
        not rest and node is None and value is None and head not in COMPONENTS
    ):  # to switch off what is off is no mistake
        raise InputError(f"cannot take {dotted!r} out of {file}: it is not there")
    for depth, part in enumerate(rest):
        section = ".".join([head, *rest[:depth]])
        node = {"type": node} if isinstance(node, str) and head in COMPONENTS else node
        if not isinstance(node, dict):
            raise InputError(f"cannot set {dotted!r} in {file}: {section!r} is a single value")
        if section == "loss" and part in terms and part not in node and value is not None:
            return
        if part not in node and (depth < len(rest) - 1 or value is None):
            known = {*node, *terms} - {part} if section == "loss" else node
            raise InputError(f"cannot set {dotted!r} in {file}: {section!r} has no {part!r}{did_you_mean(part, known)}")
        node = node.get(part)
