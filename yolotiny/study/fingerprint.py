"""What a training would be, as one text: the same for two arms that differ in words alone.

A setting that a file leaves out and one that says what would be there anyway build the same thing, so what is built is
looked at: the attributes of every part of network and criterion, and the tensors that they begin with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ..config.options import FROM_DATA
from ..detector import Detector

# Read by what is built, or by nothing that trains; all else of a configuration stands for itself.
BUILT = FROM_DATA | {"backbone", "head", "insert", "replace", "base", "scale", "scales", "yaml_file", "description"}
BUILT |= {"loss", "assigner", "coder", "roi_coder", "anchors", "activation", "official", "recipe", "parts_from"}
PLAIN = (bool, int, float, str, type(None))


def fingerprint(cfg: Mapping[str, Any], weights: Any, names: Mapping[int, str], channels: int) -> str:
    """Of a configuration and the weights that a training starts from.

    Args:
        cfg: the whole configuration of a model.
        weights: a module, file or state dict; None for drawn ones.
        names: classes of the data.
        channels: of its pictures.

    Raises:
        InputError: it cannot be built.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Detector(dict(cfg), nc=len(names), ch=channels, verbose=False)
    network.names = dict(names)
    if weights is not None:
        network.load(weights, False, network.names)
    criterion = network.init_criterion()
    seen = hashlib.sha256()
    for key in sorted(cfg.keys() - BUILT):
        seen.update(f"{key}={cfg[key]!r};".encode())
    for name, module in network.named_modules():
        own = {k: v for k, v in vars(module).items() if not k.startswith("_") and _plain(v)}
        seen.update(f"{name}:{type(module).__qualname__}{sorted(own.items(), key=str)};".encode())
    for name, tensor in network.state_dict().items():
        seen.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    seen.update(_told(criterion, set()).encode())
    return seen.hexdigest()


def _plain(value: Any) -> bool:
    """Whether a value is a number, a text or a list of such."""
    return isinstance(value, PLAIN) or (isinstance(value, (list, tuple)) and all(map(_plain, value)))


def _told(value: Any, above: set[int]) -> str:
    """An object with all that it holds; what it stands in itself is left out, and so is the network."""
    if isinstance(value, torch.Tensor):
        return str(value.tolist())
    if isinstance(value, PLAIN):
        return repr(value)
    if id(value) in above:
        return ""
    above = above | {id(value)}
    if isinstance(value, Mapping):
        return str([(str(k), _told(v, above)) for k, v in value.items()])
    if isinstance(value, (list, tuple, set)):
        return str([_told(v, above) for v in value])
    if isinstance(value, nn.Module) and any(True for _ in value.parameters()):
        return type(value).__qualname__
    if callable(value) and not hasattr(value, "__dict__"):
        return str(value)
    held = vars(value) if hasattr(value, "__dict__") else {}
    return f"{type(value).__qualname__}{[(k, _told(v, above)) for k, v in sorted(held.items())]}"
