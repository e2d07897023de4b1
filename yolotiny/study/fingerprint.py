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
from ultralytics.utils import DEFAULT_CFG_DICT

from ..config.options import FROM_DATA
from ..detector import Detector
from ..nn.head import family_of

# Read by what is built, or by nothing that trains; all else of a configuration stands for itself.
BUILT = FROM_DATA | {"backbone", "head", "insert", "replace", "base", "scale", "scales", "yaml_file", "description"}
BUILT |= {"loss", "assigner", "coder", "roi_coder", "anchors", "activation", "official", "recipe", "parts_from"}
SAID = {"yaml", "criterion", "args"}  # of a detector: looked at by themselves, or words
PLAIN = (bool, int, float, str, type(None))


def fingerprint(
    options: Mapping[str, Any], cfg: Mapping[str, Any], weights: Any, names: Mapping[int, str], channels: int
) -> str:
    """Of a training.

    Args:
        options: of the trainer.
        cfg: the whole configuration of the model.
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
    own_head = bool(family_of(network.model[-1]))
    criterion = network.init_criterion() if own_head else None  # ultralytics' own follows from head and options
    seen = hashlib.sha256(_told({k: v for k, v in sorted(cfg.items()) if k not in BUILT}, set()).encode())
    seen.update(_told({**DEFAULT_CFG_DICT, **options}, set()).encode())
    for name, module in network.named_modules():
        own = [(k, _told(v, set())) for k, v in sorted(vars(module).items()) if not k.startswith("_") and k not in SAID]
        seen.update(f"{name}:{type(module).__qualname__}{own};".encode())
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        seen.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    seen.update(_told(criterion, set()).encode())
    return seen.hexdigest()


def _told(value: Any, above: set[int]) -> str:
    """An object with all that it holds; what it stands in itself is left out, and so is the network."""
    if isinstance(value, torch.Tensor):
        return str(value.tolist())
    if isinstance(value, PLAIN):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return repr(float(value) if number else value)
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
