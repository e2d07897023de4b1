"""YAML rows to a network: `build(cfg) -> nn.Sequential` of named children, and the running of that graph.

Every row is built from its module's signature: what the graph knows (`c1`, `n`, `ch`, `strides`, `width`, ...) is
passed by name, the rest comes from the row. Each layer is run once on a small zero picture while building, so channels
and strides are measured and no layer needs a special case for its output shape.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from ultralytics.nn import modules as ultralytics_modules
from ultralytics.nn.modules import SPPF, A2C2f, C3k2, Conv, Detect, TorchVision

from . import plugins
from ._compat import online
from .coders import CODERS
from .config.rows import Row, rows
from .errors import InputError, did_you_mean
from .limits import SUSPICIOUS, check_layer, numbers
from .nn import MODULES
from .registry import build as build_component
from .registry import parameters
from .structures import WithAux

PROBE = 128  # pixels of the zero picture; the smallest that area attention and stride-64 levels accept
SCALES = {"depth": 1.0, "width": 1.0, "max_channels": math.inf}  # what a scale says, and what holds where it does not
WIDEST = 16  # times a file's own depth or width; the largest scale known has 1.5
CODED = ("coder", "roi_coder")  # sections that make a coder
RENAMED = {"in_channels": "c1", "out_channels": "c2"}  # torch's own names for the same things


def existing(name: str) -> Callable[..., nn.Module] | None:
    """The module of a name: ours, `nn.X`, `torchvision.ops.X`, then ultralytics' layers; None where there is none."""
    if name in MODULES:
        return MODULES[name]
    for prefix, room in (("nn.", nn), ("torchvision.ops.", torchvision.ops), ("", ultralytics_modules)):
        if name.startswith(prefix):
            found = getattr(room, name[len(prefix) :], None)
            if isinstance(found, type) and issubclass(found, nn.Module):
                return found
    return None


def find_module(name: str, where: str) -> Callable[..., nn.Module]:
    """Look a row's module up, see `existing`; parts of installed packages are looked for last.

    Raises:
        InputError: no such module, with the nearest names.
    """
    if (found := existing(name)) is None:
        plugins.more()
        found = MODULES.get(name)
    if found is not None:
        return found
    room = nn if name.startswith("nn.") else ultralytics_modules
    known = [k for k, v in vars(room).items() if isinstance(v, type) and issubclass(v, nn.Module)]
    known = [f"nn.{k}" for k in known] if room is nn else [*MODULES, *known]
    raise InputError(f"unknown module {name!r} in {where}{did_you_mean(name, known)}{plugins.hint(name, known)}")


def scale_channels(c: float, width: float, max_channels: float) -> int:
    """Width-scaled channel count, a multiple of 8."""
    return math.ceil(min(c, max_channels) * width / 8) * 8


def literal(value: Any, names: dict[str, Any]) -> Any:
    """A YAML word as the value it stands for: a known name (`nc`), a Python literal ("None"), else the word."""
    if not isinstance(value, str):
        return value
    if value in names:
        return names[value]
    with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: nested too deep
        return ast.literal_eval(value)
    return value


def activation(text: str) -> nn.Module:
    """`nn.ReLU()` or `nn.LeakyReLU(0.1)` as a module, without eval. InputError for anything else."""
    with contextlib.suppress(SyntaxError, ValueError, AttributeError, TypeError, RecursionError, MemoryError):
        call = ast.parse(text.removeprefix("torch."), mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            args = [ast.literal_eval(a) for a in call.args]
            kwargs = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
            found = getattr(nn, call.func.attr)
            small = all(abs(v) <= SUSPICIOUS for v in numbers([args, kwargs]))
            if found is nn.Identity or (found.__module__ == nn.SiLU.__module__ and small):
                return found(*args, **kwargs)
    raise InputError(f"activation: {text!r} is no torch.nn activation; write for example 'nn.SiLU()'")


@contextlib.contextmanager
def ultralytics_defaults(cfg: dict[str, Any]) -> Iterator[None]:
    """Set the two process-wide switches of ultralytics' layers for one build, and put them back.

    Its Conv takes its activation, and its Detect the form of its class branch, from class attributes.
    """
    act, legacy = Conv.default_act, Detect.legacy
    modern = {"C3k2", "A2C2f", "C2fCIB"}  # families whose heads use the depthwise class branch
    try:
        if cfg.get("activation"):
            Conv.default_act = activation(cfg["activation"])
        Detect.legacy = not any(r[2] in modern for r in [*cfg["backbone"], *cfg["head"]])
        yield
    finally:
        Conv.default_act, Detect.legacy = act, legacy


def _arguments(row: Row, target: Callable[..., Any], context: dict[str, Any], where: str) -> tuple[dict[str, Any], int]:
    """Keyword arguments of one layer and how often it stands in a row."""
    wanted = parameters(target)
    names = {RENAMED.get(k, k): k for k in wanted}
    known = {k: v for k, v in context.items() if k in names}
    order = list(names)
    repeats = max(round(row.repeats * context["depth"]), 1) if row.repeats > 1 else row.repeats
    if len(order) > 2 and order[2] == "n":
        known["n"], repeats = repeats, 1
    kwargs = {k: literal(v, context) for k, v in row.kwargs.items()}
    for k in kwargs:
        if k not in names:
            raise InputError(f"{row.module} in {where} takes no argument {k!r}{did_you_mean(k, names)}")
    # A word that names something the graph knows and the module asks for (`nc`) stands for itself; the others fill, in
    # order, the parameters that the graph does not supply.
    given = [literal(a, context) for a in row.args if not (isinstance(a, str) and a in known)]
    slots = [k for k in order if k not in known and k not in kwargs]
    if len(given) > len(slots):
        raise InputError(f"{row.module} in {where} takes {len(slots)} arguments {slots}, got {given}")
    kwargs |= dict(zip(slots, given, strict=False))
    if "c2" in kwargs and "c1" in known:
        if not isinstance(kwargs["c2"], (int, float)) or not 0 < kwargs["c2"] < math.inf:
            raise InputError(f"{row.module} in {where}: {kwargs['c2']!r} is no number of channels; write say 64")
        kwargs["c2"] = scale_channels(kwargs["c2"], context["width"], context["max_channels"])
    scale = context["scale"]
    if target is C3k2 and scale in {"m", "l", "x"}:
        kwargs["c3k"] = True
    if target is A2C2f and scale in {"l", "x"}:
        kwargs |= {"residual": True, "mlp_ratio": 1.2}
    if target is TorchVision and fetches(kwargs):
        raise InputError(f"{where}: TorchVision would fetch weights; write null as its second argument for random ones")
    merged = known | kwargs
    missing = [k for k, p in wanted.items() if p.default is inspect.Parameter.empty and RENAMED.get(k, k) not in merged]
    if missing:
        raise InputError(f"{row.module} in {where} needs {', '.join(missing)}")
    return {names[k]: v for k, v in merged.items()}, repeats


def fetches(kwargs: Mapping[str, Any]) -> bool:
    """Whether torchvision would fetch weights for these arguments, which it does unless told not to."""
    return kwargs.get("weights", "DEFAULT") is not None and not online()


def gather(source: str | tuple[str, ...], outputs: dict[str, Any]) -> Any:
    """The input of a layer: one output, or a list of them; `sarl.1` is the second item of a list output."""
    if isinstance(source, tuple):
        return [gather(s, outputs) for s in source]
    if source in outputs:
        return outputs[source]
    key, _, item = source.rpartition(".")
    return outputs[key][int(item)]


def _roots(row: Row) -> set[str]:
    """Keys of the layers a row reads."""
    sources = row.source if isinstance(row.source, tuple) else (row.source,)
    return {s.rpartition(".")[0] if s.rpartition(".")[2].isdigit() and "." in s else s for s in sources}


def build(cfg: dict[str, Any], ch: int = 3) -> tuple[nn.Sequential, list[str]]:
    """Build the network a configuration describes.

    Args:
        cfg: a loaded configuration (`config.load`), with `nc` set.
        ch: channels of the picture.

    Returns:
        The layers as named children in running order, each with `f` (its sources) and `i`, `type`, `np` for
        ultralytics' summaries; and the keys whose outputs later layers read.

    Raises:
        InputError: unknown module or argument, wrong number of arguments, channels that do not fit, a value that no
            layer asks for.
    """
    where = cfg.get("yaml_file") or "the configuration"
    depth, width, max_channels, extra = _scale(cfg, where)
    context = {"depth": depth, "width": width, "max_channels": max_channels, "scale": cfg.get("scale"), "nc": cfg["nc"]}
    context |= {"reg_max": cfg.get("reg_max", 16), "end2end": cfg.get("end2end") or False, "image_channels": ch} | extra
    context |= {k: cfg[k] for k in ("anchors",) if k in cfg}
    unread = {*extra} | {k for k in ("anchors", *CODED, "reg_max", "end2end") if cfg.get(k)}
    for k in (k for k in CODED if cfg.get(k)):
        context[k] = build_component(cfg[k], CODERS, where=f"{where}: {k}", nc=cfg["nc"])
    outputs: dict[str, Any] = {"image": torch.zeros(1, ch, PROBE, PROBE)}
    layers, save = nn.Sequential(), set()
    with ultralytics_defaults(cfg), torch.no_grad():
        for i, row in enumerate(rows(cfg)):
            place = f"{where}, row {row.name or row.key}"
            target = find_module(row.module, place)
            x = gather(row.source, outputs)
            unread -= parameters(target).keys()
            inputs = [f if isinstance(f, Tensor) else f[-1] for f in (x if isinstance(x, list) else [x])]
            shapes = {
                "ch": [f.shape[1] for f in inputs],
                "c1": inputs[0].shape[1],
                "strides": [PROBE / f.shape[-2] for f in inputs],
            }
            kwargs, repeats = _arguments(row, target, context | shapes, place)
            check_layer(target, kwargs, repeats, x, place)
            layer = _make(target, kwargs, repeats, row, place)
            outputs[row.key] = _probe(layer, x, place, row.module)
            layer.i, layer.f, layer.type = i, row.source, row.module
            layer.np = sum(p.numel() for p in layer.parameters())
            layers.add_module(row.key, layer)
            save |= _roots(row)
    for key in [k for k, layer in layers.named_children() if not k.isdecimal() and k != row.key]:
        if key not in save and not getattr(layers.get_submodule(key), "loss_terms", None):
            raise InputError(f"no layer reads insert {key!r} in {where}, so it would change nothing; see `takes`")
    for k in sorted(unread):
        place = f"scale {cfg['scale']} of {where}" if k in extra else where
        near = did_you_mean(k, SCALES) if k in extra else "; take it out, or write null where a base has it"
        raise InputError(f"{k!r} in {place} is asked for by no layer{near}")
    return layers, sorted(save)


def _scale(cfg: dict[str, Any], where: str) -> tuple[float, float, float, dict[str, Any]]:
    """Depth, width, channel limit, and whatever else a scale says (`{depth, width, max_channels, depthwise: true}`)."""
    entry = (cfg.get("scales") or {}).get(cfg.get("scale"))
    if entry is None:
        entry = [cfg.get("depth_multiple", 1.0), cfg.get("width_multiple", 1.0)]
    if isinstance(entry, list) and len(entry) <= len(SCALES):
        entry = dict(zip(SCALES, entry, strict=False))
    values = [entry.get(k, SCALES[k]) for k in SCALES] if isinstance(entry, dict) else [None]
    if not all(isinstance(v, (int, float)) and v > 0 for v in values) or max(values[:2]) > WIDEST:
        raise InputError(
            f"scale {cfg.get('scale')} in {where} is {entry!r}; expected [depth, width, max_channels] above 0, "
            f"depth and width up to {WIDEST}"
        )
    depth, width, max_channels = values
    return depth, width, max_channels, {k: v for k, v in entry.items() if k not in SCALES}


def _make(target: Callable[..., nn.Module], kwargs: dict[str, Any], n: int, row: Row, where: str) -> nn.Module:
    """Construct a layer `n` times; constructor errors name the row."""
    try:
        made = [target(**kwargs) for _ in range(n)]
    except InputError:
        raise
    except _faults(row.module) as e:
        shown = ", ".join(f"{k}={v!r}" for k, v in kwargs.items() if k not in CODED)
        raise InputError(f"{row.module} in {where} cannot be built with {shown}: {str(e).splitlines()[0]}") from e
    if target is SPPF and len(row.args) <= 2:
        for m in made:  # rows of before YOLO26 mean the activated form; the layer's default became the plain one
            m.cv1.act = Conv.default_act
    return made[0] if n == 1 else nn.Sequential(*made)


def _faults(module: str) -> tuple[type[Exception], ...]:
    """What a wrong argument or input makes a layer raise: of a plugin's anything."""
    known = (TypeError, ValueError, RuntimeError, AttributeError, IndexError, ArithmeticError)
    return (Exception,) if module in MODULES.own else known


def _probe(layer: nn.Module, x: Tensor | list[Tensor], where: str, module: str) -> Any:
    """Run a layer on the probe without touching its batch statistics."""
    training = layer.training
    layer.eval()
    try:
        y = layer(list(x) if isinstance(x, list) else x)
    except _faults(module) as e:
        raise InputError(f"{where}: the layer does not fit its input: {str(e).splitlines()[0]}") from e
    finally:
        layer.train(training)
    return y.out if isinstance(y, WithAux) else y
