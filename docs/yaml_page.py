"""docs/yaml.md: every key of the YAML files, from the tables and docstrings of the code that reads them.

python -m docs.yaml_page
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yolotiny.assigners import ASSIGNERS
from yolotiny.coders import CODERS
from yolotiny.config.load import KEYS
from yolotiny.config.options import RULES
from yolotiny.config.rows import ITEM
from yolotiny.config.run_files import PLACES
from yolotiny.criterion import CRITERIA
from yolotiny.criterion.base import GIVEN
from yolotiny.losses import AUX_LOSSES, BOX_LOSSES, LOCALISATION
from yolotiny.nn import MODULES
from yolotiny.pictures.depth import Depth
from yolotiny.registry import Registry, parameters
from yolotiny.slicing import MERGES, SLICERS
from yolotiny.slicing.pipeline import KEYS as INFER
from yolotiny.slicing.samplers import CROP_TRAIN
from yolotiny.study.definition import KEYS as STUDY
from yolotiny.study.definition import OF_ARM, OF_EXPECTED
from yolotiny.training_stats import TrainingStats

PAGE = Path(__file__).with_name("yaml.md")

# What a model file may say at its top level; `KEYS` of the code has to have the same.
MODEL = {
    "The network": {
        "base": "another model file, which this one is laid over: mappings merge, `null` takes out, lists replace, a "
        "changed `type` drops the old arguments and keeps `weight`. A base may have a base",
        "nc": "number of classes; the data YAML decides it in training",
        "names": "of the classes; the data YAML decides them",
        "channels": "bands of a picture, 3; the data YAML decides it",
        "ch": "the same, as files of ultralytics write it",
        "scales": "`{n: [depth, width, most channels], ...}`; or mappings, which may tell layers more by name",
        "scale": "which of them, where the file's name does not say (`yolotiny-n`)",
        "depth_multiple": "depth where there are no scales, as older files write it",
        "width_multiple": "width, the same",
        "backbone": "rows, see below",
        "head": "rows, the last of which is the head that detects",
        "insert": "layers between rows, see below; those of a base stay, and these follow",
        "replace": "a list of `{name: ROW, ...}`: what becomes of a row or an insert of the base, by name or number",
        "anchors": "`auto` (from the training boxes at the training size), or widths and heights for each level",
        "coder": "raw channels to boxes: [coders](#coders)",
        "roi_coder": "of the second stage of `RCNNDetect`: [coders](#coders), by default `delta`",
        "assigner": "which prior answers for which object: [assigners](#assigners)",
        "loss": "its terms: [losses](#losses)",
        "activation": "of all convolutions, such as `nn.ReLU()`; by default SiLU",
        "end2end": "heads of ultralytics: with a branch that needs no suppression",
        "reg_max": "heads of ultralytics: bins of a side, 16",
    },
    "Training": {
        "recipe": "a [recipe](#a-recipe) that holds where the command says nothing",
        "crop_train": "training on pieces: [samplers](#samplers), [crop_training.md](crop_training.md)",
        "augmentations": "steps behind those of ultralytics: [augment files](#an-augment-file)",
        "paste": "objects of another picture pasted into each, at most ([training.md](training.md#pasted-objects))",
        "teacher": "a checkpoint, or `{file, scale, weight}` ([training.md](training.md#a-teacher))",
        "gradient_clip": "norm that gradients are clipped at, 10",
        "norm_momentum": "of batch norms, 0.03",
        "sync_bn": "batch norms over all cards ([training.md](training.md#in-several-processes))",
    },
    "Use": {
        "infer": "crops: [sliced inference](#infer)",
        "eval": "rules of suppression and scoring: [eval](#eval)",
        "pictures": "bands and bit depth, which training writes down ([pictures.md](pictures.md))",
    },
    "Written down, or of others": {
        "measured": "what training measured: [below](#pictures-and-measured); not to be set",
        "official": "names of tensors in the official code -> names here, by prefix",
        "parts_from": "files of plugins that parts came from, as text; written by training",
        "yaml_file": "the name of the file; written by the program",
        "description": "a text for readers",
        "task": "of ultralytics' files; `detect`",
        "inplace": "of older files of YOLOv5; nothing reads it",
        "kpt_shape": "of ultralytics' files; nothing reads it",
    },
}
INSERT = {
    "name": "of the layer; it is the layer's key in checkpoints",
    "after": "the row or rows that it stands behind, by name or number",
    "module": "class of the layer: [modules](#modules), or one of ultralytics or torch (`nn.Upsample`)",
    "from": "what it reads, by default `after`; `image` is the picture",
    "takes": "what it takes over: later readers of these read the insert; by default `after`",
    "repeats": "how often, before the scale's depth; 1",
    "args": "arguments by place; any other key of the insert is an argument by name",
}
INFER_KEYS = {
    "crops": "where to look again, by name or `{type: ..., ...}`: [slicers](#slicers)",
    "full": "`false` leaves out the pass over the whole picture (`grid` alone)",
    "pixel_scale": "network pixels per pixel of the picture in crops",
    "scale": "network pixels of crops per network pixel of the first pass",
    "max_side": "longest side of a crop's input, pixels; longer ones are shown smaller",
    "merge": "how both passes join: [merges](#merges)",
    "budget": "what both passes over a picture may cost: forwards, or `150ms`",
    "prior": "weight of the first pass in the score of what crops find",
}
RULE_KEYS = {
    "protocol": "of evaluation, in training and `val` ([evaluation.md](evaluation.md#protocols))",
    "fitness": "the figure that best.pt is chosen by",
    "nms_metric": "what suppression measures overlap by: `iou` or `nwd`",
    "nms_c": "scale of NWD, pixels of the network",
}
STUDY_KEYS = {
    "source": "where the claims are from, as text",
    "options": "of training, of all arms",
    "arms": "`NAME: {options of training}`, see below",
    "baseline": "the arm that the others are compared with; the first",
    "looks": "`NAME: {options of val}`: each run is looked at in each way",
    "figures": "columns of the table; those of the protocol",
    "expected": "a list of `{arm, over, figure, by}`: what the source says, in points",
    "profiles": "`NAME: {options of training, seeds: [0, 1]}`; `small` is the default, `toy` is always there",
}
ARM_KEYS = {
    "after": "the arm above whose last weights it starts from",
    "measured": "`{OPTION: background}`: what is measured on those weights, by the option that it becomes",
    "seeds": "how many of the seeds it is trained with",
    "insert": "layers, as in a model file",
    "replace": "the same",
}
EXPECTED_KEYS = {
    "arm": "the arm, with `/LOOK` behind it where there are looks",
    "over": "the arm that it is compared with",
    "figure": "of the protocol",
    "by": "points (0 to 100) that the source has, with the sign that is expected",
}
TRAINING = ("c1", "n", "nc", "ch", "strides", "width", "image_channels", *GIVEN, "roi_coder")  # given by the program
PARTS = {  # heading: the section that they stand in, and their table
    "Modules": ("A row or an insert. Names that are not here are looked up in ultralytics and torch.", MODULES),
    "Coders": ("`coder:` and `roi_coder:`.", CODERS),
    "Assigners": ("`assigner:`.", ASSIGNERS),
    "Box losses": ("`loss: {box: {type: NAME}}`, and `of: NAME` of those that weigh another one.", BOX_LOSSES),
    "Losses of distributions": ("`loss: {bins: {type: NAME}}`, with `coder: {type: bins}`.", LOCALISATION),
    "Losses of what layers hand on": ("`loss: {recon: {type: NAME}}` of SR-TOD, and terms of your own.", AUX_LOSSES),
    "Slicers": ("`infer: {crops: {type: NAME}}`.", SLICERS),
    "Merges": ("`infer: {merge: {type: NAME}}`.", MERGES),
    "Samplers": ("`crop_train: {type: NAME}`.", CROP_TRAIN),
}
HEAD = """# YAML keys

<!-- Printed by `python -m docs.yaml_page` from the tables and docstrings of the code; to change it, change those. -->

All keys of the files in `cfg/` and of your own. An unknown key is refused with the file and the nearest name. Every
setting of a model file is an option of the command line by its path: `loss.box.type=giou`, `assigner.anchor_t=3`,
`sarl.reduction=8` for an argument of the layer called sarl. How files are put together: [models.md](models.md),
[modules.md](modules.md), [losses.md](losses.md); parts of your own: [own_parts.md](own_parts.md).

## A model file

[cfg/models/yolotiny.yaml](../cfg/models/yolotiny.yaml) is the flagship's.
"""
ROWS = """### Rows and inserts

A row of `backbone` or `head` is `[from, repeats, module, args]`, with a name (or one for each output) as fifth and
arguments by name as sixth item. `from` is a number (-1: the row before), a name, `name.2` for one output of several,
`image`, or a list. An argument that the layer asks for and the graph knows (channels, strides, classes) is left out.

An item of `insert`:
"""
OTHERS = """## A data YAML

All keys, and where paths start from: [datasets.md](datasets.md#what-a-data-yaml-may-say).

## A recipe

[cfg/train/yolotiny.yaml](../cfg/train/yolotiny.yaml) is one. Keys are the [options of training](options.md), and
`model:`, which holds settings of the model file by their path (`loss.autoscale: true`). A recipe may come with a model,
so it decides none of these: {places}.

## An augment file

[cfg/augment/aerial.yaml](../cfg/augment/aerial.yaml) is one. Its one key, `augmentations`, is a list of names, and of
mappings with `type` and the arguments of that transform of albumentations or
[augmentation of your own](own_parts.md#augmentation); `OneOf`, `SomeOf` and `Sequential` have `transforms`. What is
refused, and why: [training.md](training.md#augmentations).

## A study

How it is run: [studies.md](studies.md).
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    said = {key: text for group in MODEL.values() for key, text in group.items()}
    assert said.keys() == KEYS, f"describe {said.keys() ^ KEYS}"
    for title, group in MODEL.items():
        parts += [f"### {title}\n", *keys(group, group)]
    parts += [ROWS, *keys(INSERT, ITEM), "### Infer\n", *keys(INFER_KEYS, INFER), "### Eval\n", *keys(RULE_KEYS, RULES)]
    parts += [*written_by_training(), *terms()]
    for title, (where, table) in PARTS.items():
        parts += [f"### {title}\n", f"{where}\n", *arguments(table)]
    parts += [OTHERS.format(places=", ".join(f"`{key}`" for key in PLACES)), *keys(STUDY_KEYS, STUDY)]
    parts += ["An arm holds options of training, and:\n", *keys(ARM_KEYS, OF_ARM)]
    parts += ["A row of `expected`:\n", *keys(EXPECTED_KEYS, OF_EXPECTED)]
    return "\n".join(parts)


def keys(said: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """A table of keys; what is said has to be of those that the code knows."""
    assert said.keys() == set(known), f"describe {said.keys() ^ set(known)}"
    return ["| key | what stands there |\n|---|---|", *(f"| `{key}` | {said[key]} |" for key in said), ""]


def written_by_training() -> list[str]:
    """What training notes in a checkpoint's configuration."""
    parts = ["### Pictures and measured\n", "| key | what stands there |\n|---|---|"]
    for section, kind in (("pictures", Depth), ("measured", TrainingStats)):
        parts += [f"| `{section}.{name}` | {text} |" for name, text in described(kind, "Attributes").items()]
    return [*parts, ""]


def terms() -> list[str]:
    """The `loss:` section of each family of detectors, with what holds where a file says nothing."""
    parts = ["### Losses\n", "The terms of each head and their defaults; of several words the first holds.\n"]
    parts += ["| head | term | defaults |\n|---|---|---|"]
    for family, criterion in CRITERIA.items():
        heads = ", ".join(f"`{name}`" for name, part in MODULES.items() if getattr(part, "criterion", "") == family)
        for term, default in criterion.terms.items():
            parts.append(f"| {heads} | `{term}` | {defaults(default)} |")
            heads = ""
    return [*parts, ""]


def defaults(default: Any) -> str:
    """The arguments of a term as YAML would have them."""
    if not isinstance(default, dict):
        return f"`{written(default)}`"
    return ", ".join(f"`{key}: {written(value)}`" for key, value in default.items())


def written(value: Any) -> str:
    """A value as YAML writes it; the words of a choice one behind the other."""
    if isinstance(value, tuple) and all(isinstance(v, str) for v in value):
        return " or ".join(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(written, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def arguments(table: Registry) -> list[str]:
    """The types of a table and their arguments."""
    parts = ["| type | argument | default | what |\n|---|---|---|---|"]
    for name, part in table.items():
        if name in table.own:  # of a plugin that happens to be loaded
            continue
        parts.append(f"| `{name}` | | | {first_sentence(part)} |")
        said = described(part, "Args")
        for key, parameter in parameters(part).items():
            if key not in TRAINING:
                default = "" if parameter.default is parameter.empty else f"`{written(parameter.default)}`"
                parts.append(f"| | `{key}` | {default} | {said.get(key, '')} |")
    return [*parts, ""]


def first_sentence(part: Any) -> str:
    """What a docstring begins with."""
    return cell((inspect.getdoc(part) or "").split("\n\n")[0])


def described(part: Any, block: str) -> dict[str, str]:
    """The names in a block of a docstring, of a class or its parents, and what is said of each."""
    found: dict[str, str] = {}
    for kind in reversed(inspect.getmro(part) if inspect.isclass(part) else [part]):
        text = inspect.cleandoc(kind.__doc__ or "")
        body = re.search(rf"^{block}:\n((?:    .*\n?|\n)+)", text, re.M)
        for names, said in re.findall(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", body[1] if body else "", re.M):
            found |= {name: elsewhere(name, cell(said)) for name in names.split(", ")}
    return found


def elsewhere(name: str, said: str) -> str:
    """What is said of an argument; where that is "see `Other`", what is said of it there."""
    if not said.startswith("see `"):
        return said
    ours = [module for key, module in sorted(sys.modules.items()) if key.startswith("yolotiny.")]
    for other in re.findall(r"(\w+)`", said):
        target = next((getattr(module, other) for module in ours if hasattr(module, other)), None)
        for block in ("Args", "Attributes"):
            if found := described(target, block).get(name):
                return found
    return said


def cell(text: str) -> str:
    """A text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
