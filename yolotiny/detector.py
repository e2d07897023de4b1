"""A detector: the named graph, run; its criterion; and the loading of weights from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.modules import Detect
from ultralytics.nn.tasks import BaseModel
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import initialize_weights, scale_img

from . import graph, plugins, weights
from ._compat.detector import SeamedDetector
from .config import load as config
from .config.class_names import ClassOrder
from .criterion import CRITERIA, Criterion, scaled, section
from .errors import InputError, did_you_mean, number, whole
from .limits import NUMBER
from .losses import AUX_LOSSES
from .nn.anchor_head import AnchorDetect
from .nn.head import DenseDetect, family_of, reorder_classes
from .nn.peaks import one_of_each
from .registry import build
from .structures import CenterPreds, Preds, WithAux


class Detector(SeamedDetector):
    """A detector built from a YAML.

    Args:
        cfg: a model file (`"yolotiny-n.yaml"`), or a configuration as a dict.
        ch: channels of the picture.
        nc: number of classes, overriding the configuration's.
        verbose: print a summary.

    Attributes:
        yaml: the whole configuration, as saved in checkpoints and enough to build the detector again.
        model: the layers, named children in running order; the last is the head.
        stride: pixels per cell of each level of the head, and 32 where none is as large.
        criterion: of the head's family, once `init_criterion` has been asked for it.
        terms: what layers other than the head add to the loss, by name; set up together with the criterion.

    Raises:
        InputError: a configuration of which no detector can be built.
    """

    criterion: Any = None
    terms: dict[str, Any] = {}

    def __init__(
        self,
        cfg: str | Path | dict[str, Any] = "yolotiny-n.yaml",
        ch: int = 3,
        nc: int | None = None,
        verbose: bool = False,
    ):
        BaseModel.__init__(self)
        self.yaml = config.load(cfg)
        self.yaml["channels"] = ch
        self.yaml["nc"] = _classes(self.yaml.get("nc", 80) if nc is None else nc)
        self.model, self.save = graph.build(deepcopy(self.yaml), ch)
        if found := plugins.parts_from(self.yaml):
            self.yaml["parts_from"] = (self.yaml.get("parts_from") or {}) | found
        self.names = {i: str(i) for i in range(self.yaml["nc"])}
        self.inplace = True
        self.task = "detect"
        head = self.model[-1]
        where = self.yaml.get("yaml_file") or "the configuration"
        if not isinstance(head, Detect):
            raise InputError(f"the last row of {where} is {head.type}, which is no detection head")
        if self.yaml.get("assigner") and not family_of(head):
            raise InputError(f"assigner in {where}: {head.type} is a head of ultralytics, which brings its own")
        added = [name for name, _ in _loss_terms(self.model)]
        if twice := {k for k in added if added.count(k) > 1}:
            raise InputError(f"two layers of {self.yaml.get('yaml_file')} add {min(twice)!r} to the loss; leave one")
        if not head.stride.any():
            head.stride = _strides(self.model, ch)  # heads of ultralytics take theirs from outside
            head.bias_init()
        # The largest is what sides of an input have to be divisible by, and backbones halve five times.
        self.stride = head.stride if head.stride.max() >= 32 else torch.cat((head.stride, torch.tensor([32.0])))
        initialize_weights(self)
        _set_norm_momentum(self)
        if verbose:
            self.info()

    def predict(self, x: Tensor, profile: bool = False, augment: Any = False, embed: list[int] | None = None) -> Any:
        """ultralytics' forward of (B, C, H, W) pictures, with the sizes of `run_augmented` where `augment` is a tuple.

        ultralytics hands `args.augment` down as it is, to ask only whether there is any.
        """
        if isinstance(augment, tuple):
            return self.run_augmented(x, augment)
        return super().predict(x, profile, augment, embed)

    def run_layers(self, x: Tensor, profile: bool = False, embed: list[int] | None = None) -> Any:
        """Run the graph on (B, C, H, W) pictures in 0..1; layers' `aux` tensors join the head's predictions."""
        outputs: dict[str, Any] = {"image": x}
        aux: dict[str, Tensor] = {}
        times: list[float] = []
        vectors = []
        for key, layer in self.model.named_children():
            x = graph.gather(layer.f, outputs)
            if profile:
                self.time_layer(layer, x, times)
            x = layer(x)
            if isinstance(x, WithAux):
                aux |= x.aux
                x = x.out
            if key in self.save:
                outputs[key] = x
            if embed and layer.i in embed:
                vectors.append(nn.functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))
                if layer.i == max(embed):
                    return torch.unbind(torch.cat(vectors, 1), dim=0)
        return _carry(x, aux) if aux else x

    def info(
        self, detailed: bool = False, verbose: bool = True, imgsz: int | list[int] = 640
    ) -> tuple[int, int, int, float]:
        """Layers, parameters, gradients and GFLOPs at `imgsz`, logged when `verbose`, with every layer when `detailed`.

        ultralytics' own count takes the picture's channels from the first convolution, which is wrong behind Focus.
        """
        import thop

        parameters = list(self.parameters())
        n = sum(p.numel() for p in parameters)
        gradients = sum(p.numel() for p in parameters if p.requires_grad)
        height, width = imgsz if isinstance(imgsz, (list, tuple)) else (imgsz, imgsz)
        picture = torch.empty(1, self.yaml["channels"], height, width, device=parameters[0].device)
        stride = max(int(self.stride.max()), 32)
        gflops = thop.profile(self, inputs=[picture], stride=stride, verbose=False)[0] / 1e9 * 2
        layers = len([m for m in self.modules() if not list(m.children())])
        if detailed:
            for key, layer in self.model.named_children():
                LOGGER.info(f"{key:>12}  {str(layer.f):28} {layer.np:>10,}  {layer.type}")
        if verbose:
            name = str(self.yaml.get("yaml_file") or "model").removesuffix(".yaml")
            LOGGER.info(f"{name}: {layers} layers, {n:,} parameters, {gflops:.1f} GFLOPs at {height}x{width} px")
        return layers, n, gradients, gflops

    @property
    def loss_terms(self) -> list[str]:
        """What the `loss:` section of this detector may say: the terms of its head's family and of its layers."""
        family = family_of(self.model[-1])
        return [*(CRITERIA.find(family).terms if family else ()), *dict(_loss_terms(self.model))]

    def family_criterion(self, assigner: Any) -> Criterion:
        """The criterion of the head's family, with this assigner; None is the family's own.

        Raises:
            InputError: what the family refuses; a head of ultralytics.
        """
        head, added = self.model[-1], dict(_loss_terms(self.model))
        loss = {k: v for k, v in (self.yaml.get("loss") or {}).items() if k not in added}
        family = CRITERIA.find(family_of(head), head.type)
        return family(self.yaml | {"loss": loss, "assigner": assigner}, head.coder, head.nc)

    def init_criterion(self) -> Any:
        """The criterion of the head's family; heads of ultralytics bring their own loss.

        What layers other than the head add to the loss (`loss_terms`) is set up beside it, as `terms`.
        """
        wishes, added = self.yaml.get("loss") or {}, dict(_loss_terms(self.model))
        where = f"{self.yaml.get('yaml_file') or 'the configuration'}: loss"
        wanted = section(self.yaml | {"loss": {k: v for k, v in wishes.items() if k in added}}, added)
        self.terms = {k: build(v, AUX_LOSSES, where=f"{where}.{k}") for k, v in wanted.items()}
        if family_of(self.model[-1]):
            return self.family_criterion(self.yaml.get("assigner"))
        if rest := [k for k in wishes if k not in added]:
            near = did_you_mean(rest[0], [*added, "box=", "cls=", "dfl="])
            raise InputError(f"{where}.{rest[0]} is no term of a head of ultralytics{near}")
        return super().init_criterion()

    @property
    def own_criterion(self) -> Criterion | None:
        """The criterion where it is one of ours, which knows more than to be called; None for those of ultralytics."""
        return self.criterion if isinstance(self.criterion, Criterion) else None

    def loss(self, batch: dict[str, Any], preds: Any = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The criterion's loss vector (terms,) and parts, a scalar each, and behind them what other layers add."""
        preds = self.forward(batch["img"]) if preds is None else preds
        vector, parts = super().loss(batch, preds)
        if not self.terms:
            return vector, parts
        with torch.autocast(vector.device.type, enabled=False):
            extra = {k: term(_carried(preds), batch["img"]) * term.weight for k, term in self.terms.items()}
        # Scaled as the criterion scales its own; heads of ultralytics multiply by the number of pictures, too.
        mean = self.own_criterion is not None and self.own_criterion.mean
        more, logged = scaled(extra, len(batch["img"]), mean)
        return torch.cat((vector, more)), parts | logged

    def load(
        self,
        weights_: nn.Module | dict[str, Any] | str | Path,
        verbose: bool = True,
        names: dict[int, str] | None = None,
    ) -> None:
        """Take over every tensor whose name and shape agree, and the class names when all do.

        Anchors are among the tensors; `yaml` follows them, so that it still describes this detector.

        Args:
            weights_: a file (our checkpoints, official YOLOv5 checkpoints and state dicts, official YOLOX `.pth`), a
                module, a checkpoint dict, or a plain state dict.
            verbose: say how many tensors matched.
            names: of the classes that this detector is to know: what the weights know of one goes to the class of its
                name, see `ClassOrder`; None leaves every class where it is.

        Raises:
            InputError: a file that is no checkpoint, or one in which no convolution's weight matches (counters and
                biases of any model do); nothing is changed then.
        """
        given = weights.collect(weights_)
        bgr = isinstance(weights_, (str, Path))  # official YOLOX was trained on BGR pictures
        official, own = self.yaml.get("official") or {}, self.state_dict()
        with weights.damage_of(given.origin):  # official names on tensors that are none
            state = weights.ours(given.tensors, official, bgr)
        fitting = weights.match(state, own)
        if not any(name in fitting for name, p in self.named_parameters() if p.dim() > 1):
            file = self.yaml.get("yaml_file")
            raise InputError(f"no tensor of {given.origin} fits {file}; is it of another model or scale?")
        self.load_state_dict(fitting, strict=False)
        known = given.names if given.names and len(given.names) == self.yaml["nc"] else None
        if names is not None:
            self.names = dict(names)
            _take_classes(self.model, known, names, fitting, verbose)
        elif known and len(fitting) == len(own):
            self.names = dict(known)
        if isinstance(self.model[-1], AnchorDetect) and self.yaml.get("anchors") != "auto":
            self.yaml["anchors"] = self.model[-1].pixels()
        if verbose:
            _log_loaded(given.origin, state, own, weights.placeless(given.tensors, official, own))

    def run_augmented(self, x: Tensor, scales: Sequence[float] = ()) -> Any:
        """(B, C, H, W) pictures in several sizes, joined; ultralytics' own augmentation for its heads.

        Args:
            x: (B, C, H, W) in 0..1.
            scales: sizes, each seen as it is and mirrored, 1 first; without them there are three, the second mirrored.
        """
        ours = isinstance(self.model[-1], DenseDetect)
        return _augmented(self, x, scales) if ours else super().run_augmented(x, scales)


def _augmented(detector: Detector, x: Tensor, scales: Sequence[float]) -> Any:
    """`Detector.run_augmented` for a head of ours."""
    size, grid = x.shape[-2:], int(detector.stride.max())
    out, maps = [], None
    for scale, flip in [(s, f) for s in scales for f in (None, 3)] or ((1, None), (0.83, 3), (0.67, None)):
        y, preds = detector.run_layers(scale_img(x.flip(flip) if flip else x, scale, gs=grid))
        if isinstance(preds, CenterPreds):
            maps = maps or preds
            out.append(_descale_rows(y, scale, size[1] if flip else 0))
        else:
            out.append(detector.descale(y, flip, scale, size))
    return (torch.cat(out, -1), None) if maps is None else (one_of_each(torch.cat(out, 1)), maps)


def _set_norm_momentum(detector: Detector) -> None:
    """`norm_momentum` of the configuration into the batch norms, which ultralytics has given 0.03.

    At that, running statistics are those of some 33 steps before, which a detector whose rate is still high has left
    behind: what it has learnt is then found with the statistics of a batch, and not in evaluation.
    """
    momentum = detector.yaml.get("norm_momentum")
    if momentum is None:
        return
    number(momentum, "norm_momentum", 0, 1, "(]", 0.1)
    for layer in detector.modules():
        if type(layer) is nn.BatchNorm2d:  # those of timm keep their own, as from ultralytics
            layer.momentum = float(momentum)


def _strides(layers: nn.Sequential, ch: int) -> Tensor:
    """Pixels per cell of each level that the head reads."""
    size, outputs = graph.PROBE, {"image": torch.zeros(1, ch, graph.PROBE, graph.PROBE)}
    layers.eval()
    with torch.no_grad():
        for key, layer in list(layers.named_children())[:-1]:
            outputs[key] = _features(layer(graph.gather(layer.f, outputs)))
        found = graph.gather(layers[-1].f, outputs)
    layers.train()
    return torch.tensor([size / f.shape[-2] for f in found])


def _descale_rows(y: Tensor, scale: float, width: int) -> Tensor:
    """(B, K, 6) rows of a scaled picture in pixels of the whole one; `width` is that of a mirrored one, else 0."""
    boxes = y[..., :4] / scale
    if width:
        boxes = torch.stack((width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]), -1)
    return torch.cat((boxes, y[..., 4:]), -1)


def _take_classes(
    layers: nn.Module, known: dict[int, str] | None, names: dict[int, str], loaded: dict[str, Tensor], verbose: bool
) -> None:
    """Let each class that the head knows from `loaded` tensors go to its name among `names`."""
    head = list(layers.named_children())[-1][0]
    if known is None or not any(tensor.startswith(f"model.{head}.") for tensor in loaded):
        return
    order = ClassOrder.of(known, names)
    if order.moves:
        reorder_classes(layers[-1], order.back().tolist())
    if verbose and order.line:
        LOGGER.info(order.line)


def _loss_terms(layers: nn.Module) -> list[tuple[str, dict[str, Any]]]:
    """Name and defaults of what layers add to the loss, by their `loss_terms`; most are not ours and have none."""
    return [term for layer in layers.children() for term in getattr(layer, "loss_terms", {}).items()]


def _log_loaded(origin: str, state: dict[str, Tensor], own: dict[str, Tensor], placeless: list[str]) -> None:
    """Say how many tensors of a detector's own were taken over from given ones, and what is with the others."""
    loaded, others = len(weights.match(state, own)), [k for k in state if k in own and state[k].shape != own[k].shape]
    log = LOGGER.info if loaded > len(own) / 2 else LOGGER.warning
    log(f"Loaded {loaded} of {len(own)} tensors from {origin}")
    for names, what in (
        (others, f"{len(others)} tensors have another shape here and start new"),
        (placeless, f"No place here for {len(placeless)} of the tensors given"),
    ):
        if names:
            LOGGER.info(f"{what}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}")


def _classes(nc: Any) -> int:
    """The number of classes; InputError for anything but a whole number from 1 up."""
    return whole(nc, "nc", 1, NUMBER)


def _carry(y: Any, aux: dict[str, Tensor]) -> Any:
    """A head's output with the layers' tensors for the loss beside it; an exported graph's has boxes alone."""
    if isinstance(y, tuple):
        return y[0], _carry(y[1], aux)
    if isinstance(y, (Preds, CenterPreds)):
        return replace(y, aux=aux)
    return y | {"aux": aux} if isinstance(y, dict) else y


def _carried(preds: Any) -> dict[str, Tensor]:
    """The layers' tensors for the loss that `_carry` put there."""
    preds = preds[1] if isinstance(preds, tuple) else preds
    return preds["aux"] if isinstance(preds, dict) else preds.aux


def _features(y: Any) -> Any:
    """A layer's output without its aux tensors."""
    return y.out if isinstance(y, WithAux) else y
