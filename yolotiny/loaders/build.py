"""A data set made from the options of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ultralytics.utils import colorstr

from ..data.augment import Step, build_steps
from ..pictures.reader import PictureReader
from ..slicing.samplers import crop_train
from ..slicing.samplers.base import TileSampler
from .crop_dataset import TiledDataset
from .dataset import TinyDataset
from .pasting import check_paste


def build_dataset(
    args: Any,
    path: Any,
    data: dict[str, Any],
    mode: str,
    batch: int | None,
    stride: int,
    rect: bool,
    crops: TileSampler | None = None,
    steps: Sequence[tuple[str, Step]] = (),
    reader: PictureReader | None = None,
    paste: int = 0,
) -> TinyDataset:
    """A data set from ultralytics' options.

    Args:
        args: ultralytics' configuration namespace.
        path: images folder, list file, or several.
        data: the checked data YAML.
        mode: "train" augments, anything else does not.
        batch: batch size, for rectangular batches.
        stride: pictures are padded to a multiple of it.
        rect: batches keep the pictures' aspect.
        crops: tiles that training sees in the place of pictures.
        steps: augmentations of the model file.
        reader: decodes pictures; by default as what they are.
        paste: objects of other pictures for one, at most.
    """
    from ultralytics.data.utils import get_split_fraction

    # One number is of the split that a run is about; ultralytics takes it for training alone.
    fraction = get_split_fraction(args.fraction, "train" if mode == "train" else args.split)
    made = TinyDataset if crops is None else partial(TiledDataset, crop_train=crops)
    return made(
        steps=steps,
        paste=paste,
        reader=reader or PictureReader(channels=data.get("channels", 3)),
        img_path=path,
        imgsz=args.imgsz,
        batch_size=batch,
        augment=mode == "train",
        hyp=args,
        rect=args.rect or rect,
        cache=args.cache or None,
        single_cls=args.single_cls or False,
        stride=stride,
        pad=0.0 if mode == "train" else 0.5,
        prefix=colorstr(f"{mode}: "),
        task="detect",
        classes=args.classes,
        data=data,
        fraction=fraction,
    )


def parts_of_training(cfg: Mapping[str, Any], args: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a model file says about how training shows pictures, as arguments of `build_dataset`.

    Args:
        cfg: the model's configuration.
        args: ultralytics' configuration namespace.
        data: the checked data YAML.

    Raises:
        InputError: an unknown part, or a setting that makes no sense.
    """
    where, imgsz, nc = cfg.get("yaml_file", ""), args.imgsz, len(data["names"])
    return {
        "crops": crop_train(cfg.get("crop_train"), where, imgsz),
        "steps": build_steps(cfg.get("augmentations"), where, imgsz, data["channels"], nc, args.rect),
        "paste": check_paste(cfg.get("paste"), where),
    }
