"""What the command line offers: the table of commands and the help made from it. Imports no torch."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from . import __version__
from .errors import InputError, did_you_mean

DEBUG = {"debug": "True shows the full traceback of an error"}
PROTOCOL = {"protocol": "how detections are scored: aitod (default), coco, mmdet, visdrone, soda, tinyperson"}
RECIPE = {"recipe": "a file of training options in cfg/train or elsewhere, instead of the model's own; none for none"}
NMS = {
    "nms_metric": "iou (default) or nwd: how boxes are compared when they suppress each other; nwd has iou=0.85 then",
    "nms_c": "pixels, with nms_metric=nwd; default the mean object size of the training boxes",
}
FITNESS = {"fitness": "the figure that chooses the best epoch, such as AP, AP50 or AP_t"}
RUNNING = ("model", "imgsz", "batch", "device", "rect", "project", "name", "exist_ok", "verbose", "compile")
RUNNING += ("channels_last", "cfg")
# Options that only other tasks of ultralytics read (poses, oriented boxes, depth, masks, classification), or nothing.
UNREAD = set("pose kobj rle angle dlog dgrad dlam copy_paste copy_paste_mode auto_augment erasing".split())
UNREAD |= {"retina_masks", "distill_model", "dis", "cls_remap", "profile"}
# Options that mean something narrower or other than ultralytics' own words say.
WORDS = {
    "model": "a shipped model (see: yolotiny models), a model file, a checkpoint, or an exported model",
    "data": "the data YAML",
    "epochs": "number of epochs to train for, default 100",
    "project": "folder of the runs, default runs/detect; a run goes to project/name",
    "name": "folder of this run; a number is added when it exists",
    "exist_ok": "True writes into project/name although it exists",
    "pretrained": "weights to start from: a checkpoint of ours, of YOLOv5 or of YOLOX",
    "resume": "last.pt of an interrupted run; nothing else needs to be given",
    "max_det": "detections kept per picture, default 1500, raised where the data has more objects",
    "iou": "overlap above which the lower-scored of two boxes goes, default 0.6",
    "conf": "least score of a detection, default 0.25, in validation 0.001",
    "save_json": "True writes predictions.json, which yolotiny eval scores",
    "box": "weight of the box loss of ultralytics' heads; of ours: loss.box.weight",
    "cls": "weight of the class loss of ultralytics' heads; of ours: loss.cls.weight",
    "dfl": "weight of the distribution loss of ultralytics' heads",
    "cls_pw": "power of the class weights of ultralytics' heads",
}
# What older releases called an option, and what to write now.
FORMER = {"half": "quantize=16", "int8": "quantize=8", "weights": "model=FILE or pretrained=FILE"}


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        summary: one line.
        example: a complete command line.
        required: options without which it cannot run.
        options: our own options, name to one line.
        sections: the headings of the option list of ultralytics that it takes as a whole; empty when it takes none.
        single: further options of ultralytics, by name.
        without: options under those headings that it makes no use of.
        settings: sections of a model file that it takes by their path, where it takes not all of them.
    """

    summary: str
    example: str
    required: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


COMMANDS = {
    "train": Command(
        "train a model on a data set",
        "yolotiny train model=yolov5n-p2 data=demo/data.yaml epochs=100 imgsz=640 loss.box.weight=0.1",
        ("model", "data"),
        PROTOCOL | FITNESS | RECIPE | NMS,
        ("Train", "Val/Test", "Hyperparameters"),
        ("cfg", "classes", "agnostic_nms"),
        ("quantize", "dnn", "nms", "augment"),
    ),
    "val": Command(
        "measure a trained model",
        "yolotiny val model=best.pt data=demo/data.yaml protocol=aitod",
        ("model",),
        PROTOCOL | NMS,
        ("Val/Test",),
        (*RUNNING, "data", "workers", "cache", "fraction", "single_cls", "classes", "agnostic_nms", "augment")
        + ("visualize", "save_txt", "save_conf", "show_labels", "show_conf", "show_boxes", "line_width"),
    ),
    "predict": Command(
        "detect objects in pictures, folders or videos",
        "yolotiny predict model=best.pt source=pictures/ conf=0.25",
        ("model", "source"),
        {"uncertainty": "True says how far each box may be off, in the picture and in uncertainty.json (-ugs models)"}
        | NMS,
        ("Predict", "Visualize"),
        (*RUNNING, "save", "conf", "iou", "max_det", "quantize", "dnn", "nms"),
    ),
    "export": Command(
        "write a model in another format, such as ONNX",
        "yolotiny export model=best.pt format=onnx imgsz=640",
        ("model",),
        {},
        ("Export",),
        ("model", "imgsz", "batch", "device", "quantize", "nms", "conf", "iou", "max_det", "agnostic_nms", "data")
        + ("split", "fraction", "name", "verbose"),
    ),
    "info": Command(
        "show the size and cost of a model",
        "yolotiny info model=yolov5s-p2.yaml imgsz=640",
        ("model",),
        {"model": "a model file or checkpoint", "imgsz": "side of the input in pixels for the cost, default 640"},
    ),
    "demo": Command(
        "the first five minutes: generate pictures, train a nano model, validate, predict",
        "yolotiny demo to=runs/demo",
        (),
        {"to": "folder for data and run, default runs/demo; what an earlier demo wrote there is replaced"},
    ),
    "models": Command("list the models that come with the package", "yolotiny models"),
    "data demo": Command(
        "write a small synthetic data set to try things on",
        "yolotiny data demo to=demo seed=0",
        ("to",),
        {"to": "folder to write", "seed": "number that fixes the pictures, default 0"},
    ),
    "data convert": Command(
        "convert a data set to YOLO labels and COCO JSON",
        "yolotiny data convert format=visdrone source=VisDrone2019-DET to=visdrone",
        ("format", "source", "to"),
        {
            "format": "what the data set is: visdrone, coco, hit-uav, yolo",
            "source": "the data set as downloaded",
            "to": "folder to write",
            "force": "True replaces what an earlier run wrote there",
            "link": "False copies the pictures instead of linking them",
        },
    ),
    "analyze gradients": Command(
        "how evenly the boxes of small objects are pulled: variance of the localisation gradient, beside a baseline",
        "yolotiny analyze gradients model=ugs.pt baseline=direct.pt data=demo/data.yaml",
        ("model", "data"),
        {
            "model": "a model file or checkpoint of ours",
            "baseline": "another one; the ratio of its variance to the model's is printed",
            "data": "the data YAML; its training pictures are read, without augmentation",
            "imgsz": "side of the network input in pixels, default 640",
            "batch": "pictures of an iteration, default 16",
            "iterations": "batches, default 100",
            "below": "objects below this many pixels of the network input count, default 32",
            "seed": "of the order of the pictures, default 0",
            "to": "folder for gradients.json and gradients.png, default runs/analyze/gradients",
        },
    ),
    "data assign": Command(
        "see how many priors objects of each size are given, by a model's assigner and by the usual one",
        "yolotiny data assign model=yolov5n-p2p3 assigner.type=rka data=demo/data.yaml imgsz=320",
        ("model", "data"),
        {
            "model": "a model file or checkpoint; a checkpoint where the assigner looks at predictions (SimOTA)",
            "data": "the data YAML, whose training pictures are looked at",
            "imgsz": "side of the input in pixels, default that of the checkpoint or 640",
            "images": "at most so many pictures, default 200",
            "sizes": "sides in pixels of the boxes whose IoU and NWD are drawn, default 4,12,32",
            "to": "folder for assign.json and assign.png, default runs/assign",
            "assigner.*": "any setting of the assigner, by its path in the model file",
        },
        settings=("assigner", "anchors"),
    ),
    "eval": Command(
        "score a file of detections against a file of ground truth, both COCO JSON",
        "yolotiny eval gt=annotations/val.json pred=predictions.json protocol=aitod out=report.json",
        ("gt", "pred", "protocol"),
        {
            "gt": "ground truth",
            "pred": "detections",
            "out": "write the report to this JSON file",
            "backend": "hotcoco, where it is installed, is faster; default faster-coco-eval",
        }
        | PROTOCOL,
    ),
    "version": Command("show the versions of yolotiny and of what it stands on", "yolotiny version"),
    "help": Command("show this, or the options of a command", "yolotiny help train"),
}

GROUPS = {name.partition(" ")[0] for name in COMMANDS if " " in name}  # words that need a second one


def find_command(name: str) -> Command:
    """Return a command; raise InputError with the nearest names when there is none."""
    if name not in COMMANDS:
        raise InputError(f"unknown command {name!r}{did_you_mean(name, COMMANDS)}")
    return COMMANDS[name]


def ultralytics_options() -> dict[str, tuple[str, str]]:
    """Return the options of the installed ultralytics, name to (heading, description), read from its YAML as text."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("ultralytics is not installed; run: pip install 'ultralytics>=8.4.190,<8.5'")
    found, heading = {}, ""
    for line in Path(spec.submodule_search_locations[0], "cfg", "default.yaml").read_text("utf-8").splitlines():
        if title := re.match(r"# (\S+)( .*-{5,}|)$", line):
            heading = title[1]
        elif option := re.match(r"(\w+):[^#]*(?:# (.*))?$", line):
            found[option[1]] = (heading, option[2] or "")
    return found


def taken_from_ultralytics(command: Command) -> dict[str, str]:
    """Return the options of ultralytics that a command takes, name to description."""
    theirs = ultralytics_options() if command.sections else {}
    wanted = {
        k: WORDS.get(k, text)
        for k, (heading, text) in theirs.items()
        if heading in command.sections or k in command.single
    }
    return {k: text for k, text in wanted.items() if k not in UNREAD | set(command.without)}


def known_options(command: Command) -> set[str]:
    """Return the names of all options a command takes, those of the model aside."""
    return {*command.options, *DEBUG, *taken_from_ultralytics(command)}


def overview() -> str:
    """Return the list of commands."""
    width = max(map(len, COMMANDS))
    lines = ["yolotiny: detectors for tiny objects", "", "usage: yolotiny COMMAND key=value ...", ""]
    lines += [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [*lines, "", "yolotiny help COMMAND shows its options; debug=True shows the traceback of an error"]
    )


def describe(name: str) -> str:
    """Return the help of one command, or of every command of a group such as `data`."""
    group = [n for n in COMMANDS if n.startswith(name + " ")]
    if group:
        return "\n\n".join(map(describe, group))
    command = find_command(name)
    lines = [f"yolotiny {name}: {command.summary}", f"example: {command.example}"]
    if command.required:
        lines.append("required: " + ", ".join(command.required))
    tables = {"options": command.options | DEBUG if command.options or command.sections else {}}
    if command.sections:
        if name == "train":
            lines.append("a setting of the model is given by its path in the model file: loss.box.weight=0.1")
        tables["options of ultralytics"] = taken_from_ultralytics(command)
    for heading, options in tables.items():
        if options:
            lines += ["", heading, *(f"  {key:<16} {text}" for key, text in options.items())]
    return "\n".join(lines)


def versions() -> str:
    """Return the version of the package and of the packages it stands on, without importing them."""
    lines = [f"yolotiny {__version__}"]
    for package in ("ultralytics", "torch", "torchvision"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} not installed")
    return "\n".join(lines)
