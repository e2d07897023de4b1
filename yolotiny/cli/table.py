"""What the command line offers: the table of commands. Imports no torch.

What the commands of `YOLO` (train, val, ...) take stands in `config.option_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..config.option_kinds import (
    FLAG,
    MANY,
    NOT_ABOVE_ONE,
    PATH,
    SHARE,
    TEXT,
    Values,
    above_zero,
    choice,
    name,
    names_classes,
    number,
    several,
    whole,
)
from ..config.option_table import DEVICES, MEASURING, RUN, SEED, SIDE, SLICING, read_by
from ..shipped import WEIGHTS


@dataclass(frozen=True)
class Argument:
    """An option of a command that is no method of `YOLO`: what it may be, and one line that says what it does."""

    values: Values
    help: str


COMMON = {k: Argument(RUN[k].values, RUN[k].help) for k in ("plugins", "debug")}  # what every command takes
PROTOCOL = {
    "protocol": Argument(
        MEASURING["protocol"].values, "how detections are scored: aitod, coco, mmdet, visdrone, soda, tinyperson"
    )
}
DRAWN = {"samples": Argument(MEASURING["samples"].values, MEASURING["samples"].help)}
READING = {k: Argument(RUN[k].values, RUN[k].help) for k in ("bands", "stretch")}
DATA_READING = {
    k: replace(v, help=v.help.replace("default as the model was trained, else", "default")) for k, v in READING.items()
}
DATA = {"data": Argument(PATH, "a data.yaml, the folder that holds it, or a name in cfg/datasets")}
MODEL = RUN["model"].values
FOLDER, MAYBE_FOLDER = name("a folder"), name("a folder", None)
CLASSES = Argument(
    Values("names of classes, or a mapping from old names to new ones", single=(None,), others=names_classes),
    "classes to keep, in this order: car,bus; or what becomes of some: {van: car, car: car, tree: null, crowd: ignore}",
)
SPLIT = name("the name of a split")
PIXELS = Values("a whole number of pixels, from 1 to 65,536", 1, SIDE, whole=True)
MAYBE_PIXELS = replace(PIXELS, single=(None,))
INPUT = whole(32, SIDE)
MAYBE_INPUT = whole(32, SIDE, (None,))
OF_STUDY = {
    "file": Argument(name("a study file"), "a study file, or the name of one in cfg/studies"),
    "profile": Argument(
        name("the name of a profile"), "one of the file's schedules, such as paper, small (default) or toy"
    ),
    "to": Argument(MAYBE_FOLDER, "folder of the runs, default runs/study/NAME-PROFILE"),
    "seeds": Argument(several(SEED), "such as 0,1; default those of the profile"),
    "only": Argument(name("names of arms with commas between", None, many=True), "some of the arms, such as a,b"),
}
# Options of training that belong to the machine or the moment, so that a command may give them for all arms.
FOR_ALL_ARMS = ("data", "pretrained", "imgsz", "batch", "epochs", "fraction", "amp", "device", "workers", "cache")
ANYTHING = Values("a value", others=lambda value: True)  # of a setting of the model file, which checks it


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        summary: one line.
        example: a complete command line.
        required: options without which it cannot run.
        options: by name, of a command that is no method of `YOLO`.
        word: the option that a word without `=` behind the command stands for.
        of_model: it is a method of `YOLO`, whose options stand in the option table.
        left: what Ctrl-C leaves, where the command itself does not say it.
        settings: sections of a model file that it takes by their path, where it takes not all of them.
    """

    summary: str
    example: str
    required: tuple[str, ...] = ()
    options: Mapping[str, Argument] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    word: str = ""
    of_model: bool = False
    left: str = "nothing is written"


COMMANDS = {
    "train": Command(
        "train a model on a data set",
        "yolotiny train model=yolov5n-p2 data=demo/data.yaml epochs=100 imgsz=640 loss.box.weight=0.1",
        ("data",),
        of_model=True,
        left="before the first checkpoint",
    ),
    "val": Command(
        "measure a trained model",
        "yolotiny val model=best.pt data=demo/data.yaml protocol=aitod",
        (),
        of_model=True,
        left="no figures: they take all pictures of the split",
    ),
    "predict": Command(
        "detect objects in pictures, folders or videos",
        "yolotiny predict model=best.pt source=pictures/ conf=0.25",
        ("source",),
        of_model=True,
    ),
    "track": Command(
        "follow objects through videos, streams or folders of frames",
        "yolotiny track model=best.pt source=clip.mp4 crops=lsm",
        ("source",),
        of_model=True,
    ),
    "results": Command(
        "write what predict out=DIR has found as one file",
        "yolotiny results source=found to=coco out=predictions.json",
        ("source", "to"),
        {
            "source": Argument(
                name("a folder, or s3://bucket/prefix", None),
                "the folder or s3://bucket/prefix that predict was told by out=",
            ),
            "to": Argument(
                choice("coco", "csv", "geojson"),
                "coco (rows of predictions.json, which yolotiny eval scores), csv, or geojson (in pixels)",
            ),
            "out": Argument(PATH, "the file, default predictions.json, .csv or .geojson in source"),
        },
    ),
    "tune-crops": Command(
        "find the cheapest setting of crops whose AP is near that of the best, and draw AP against time",
        "yolotiny tune-crops model=best.pt data=demo/data.yaml crops=none,lsm imgsz=320,640 k=2,4 within=0.5",
        ("data",),
        {
            "model": Argument(MODEL, f"a checkpoint or an exported model, default {WEIGHTS}"),
            "data": Argument(PATH, "the data YAML, of pictures as large as they will be in use"),
            "within": Argument(number(0.0, 100.0), "points of AP below the best that are given for speed, default 0.5"),
            "imgsz": Argument(
                several(INPUT),
                "input sizes, such as 640,960; default that of training, its multiples, and the matching one",
            ),
            **{k: Argument(several(v.values, none=k == "crops"), f"a list of: {v.help}") for k, v in SLICING.items()},
            "infer.*": Argument(
                ANYTHING, "any setting of slicing by its path; one value that is a list: infer.crops.grid=[32,20]"
            ),
            "split": Argument(SPLIT, "of the data, default val"),
            "limit": Argument(whole(1, MANY), "pictures at most, evenly chosen, default 100"),
            "minutes": Argument(above_zero(MANY), "stop measuring after so long, default 30"),
            "device": Argument(DEVICES, "cpu, 0, ..."),
            "to": Argument(
                MAYBE_FOLDER,
                "folder for tune.json, tune.csv and tune.png, default runs/tune-crops, numbered when it exists",
            ),
            **PROTOCOL,
            **DRAWN,
        }
        | READING,
        settings=("infer",),
    ),
    "export": Command(
        "write a model in another format, such as ONNX",
        "yolotiny export model=best.pt format=onnx imgsz=640",
        (),
        of_model=True,
    ),
    "benchmark": Command(
        "export to every format there is a library for: milliseconds, AP by size and megabytes of each",
        "yolotiny benchmark model=best.pt data=demo/data.yaml formats=onnx,openvino",
        ("data",),
        {
            "model": Argument(MODEL, f"a checkpoint; its exports lie beside it; default {WEIGHTS}"),
            "data": Argument(PATH, "the data YAML"),
            "imgsz": Argument(MAYBE_INPUT, "side of the input in pixels, default that of the training"),
            "formats": Argument(
                name("the name of a format, or several with commas between", None),
                "such as onnx,openvino; default all, and those whose library is absent are named",
            ),
            "split": Argument(SPLIT, "of the data, default val"),
            "device": Argument(DEVICES, "cpu, 0, ..."),
            "rounds": Argument(whole(1, MANY), "forwards of each format whose median time counts, default 20"),
            "to": Argument(
                MAYBE_FOLDER,
                "folder for benchmark.json and the runs of val, default runs/benchmark, numbered when it exists",
            ),
        },
    ),
    "info": Command(
        "show the size and cost of a model",
        "yolotiny info model=yolov5s-p2.yaml imgsz=640",
        ("model",),
        {
            "model": Argument(MODEL, "a model file or checkpoint"),
            "imgsz": Argument(PIXELS, "side of the input in pixels for the cost, default 640"),
        },
    ),
    "demo": Command(
        "the first five minutes: generate pictures, train a nano model, validate, predict",
        "yolotiny demo to=runs/demo",
        (),
        {
            "to": Argument(
                FOLDER, "folder for data and run, default runs/demo; what an earlier demo wrote there is replaced"
            )
        },
    ),
    "models": Command("list the models that come with the package", "yolotiny models"),
    "models get": Command(
        "fetch weights by name from the address that a list gives, go on where that was cut off, and check what came",
        "yolotiny models get ours.pt file=ours.yaml to=weights",
        ("name",),
        {
            "name": Argument(name("the name of weights"), "one of the list; name= may be left out before it"),
            "to": Argument(FOLDER, "folder to write to, default the current one"),
            "file": Argument(
                PATH, "a list of your own, written as cfg/weights.yaml: name, address, SHA-256 and licence of each"
            ),
        },
        word="name",
    ),
    "data demo": Command(
        "write a small synthetic data set to try things on",
        "yolotiny data demo to=demo seed=0",
        ("to",),
        {
            "to": Argument(FOLDER, "folder to write"),
            "seed": Argument(SEED, "number that fixes the pictures, default 0"),
            "clip": Argument(
                whole(0, 100_000), "frames of a clip of moving vehicles, clip.mp4, to track on; default 0, none"
            ),
        },
    ),
    "data convert": Command(
        "convert a data set to YOLO labels and COCO JSON",
        "yolotiny data convert format=visdrone source=VisDrone2019-DET to=datasets/visdrone",
        ("format", "source", "to"),
        {
            "format": Argument(
                name("the name of a format", None),
                "what it is: visdrone, uavdt, aitod, aitod-v2, dota, soda-a, droneswarms, tinyperson, xview, "
                "hit-uav, coco, voc, yolo, geo, cvat, label-studio",
            ),
            "source": Argument(PATH, "the data set as downloaded"),
            "to": Argument(FOLDER, "folder to write"),
            "force": Argument(FLAG, "True replaces what an earlier run wrote there"),
            "link": Argument(FLAG, "False copies the pictures instead of linking them"),
            "tile": Argument(
                whole(0, SIDE, (None,)),
                "side of tiles in pixels; default 1024 for dota, 800 for soda-a and xview, else 0, whole pictures",
            ),
            "overlap": Argument(
                whole(0, SIDE, (None,)),
                "pixels that tiles share; default 200 for dota and xview, 150 for soda-a, else a fifth of tile",
            ),
            "keep": Argument(
                NOT_ABOVE_ONE,
                "share of an object that must lie in a tile to count there, default 0.7; less is an ignore region",
            ),
            "every": Argument(whole(1, MANY), "10 keeps every tenth picture of each sequence, default 1"),
            "labels": Argument(PATH, "format=geo: the vector file whose polygons are the objects in the raster"),
            "class_field": Argument(
                name("the name of a field", None), "format=geo: the field that names the class; default one class"
            ),
            "classes": CLASSES,
        }
        | DATA_READING,
    ),
    "data split": Command(
        "divide a data set into train and val, or into folds, with pictures of one scene on one side",
        "yolotiny data split data=datasets/mine to=datasets/mine-split val=0.2",
        ("data", "to"),
        DATA
        | {
            "to": Argument(FOLDER, "folder for the lists and data.yaml files, new or empty; no picture is moved"),
            "val": Argument(NOT_ABOVE_ONE, "share of the pictures for validation, below 1, default 0.2"),
            "folds": Argument(whole(2, 100, (None,)), "write so many data.yaml instead, each with another part in val"),
            "seed": Argument(SEED, "number that fixes which scenes go where, default 0"),
            "together": Argument(FLAG, "False divides picture by picture, whatever they show; default True"),
        },
    ),
    "data export": Command(
        "write a data set, or detections on its pictures, in the format of another tool",
        "yolotiny data export data=datasets/hit-uav format=cvat to=to-cvat",
        ("data", "format", "to"),
        DATA
        | {
            "format": Argument(
                name("the name of a format", None), "what to write: cvat, label-studio, voc, dota, yolo, coco"
            ),
            "to": Argument(FOLDER, "folder to write, new or empty"),
            "split": Argument(name("the name of a split", None), "train, val or test, default all"),
            "classes": CLASSES,
            "pred": Argument(PATH, "a predictions.json, whose boxes are written instead of the labels"),
            "images": Argument(
                MAYBE_FOLDER, "with pred, a folder of pictures instead of those of the data, which names the classes"
            ),
            "conf": Argument(replace(SHARE, single=(None,)), "with pred, least score that is written, default 0.25"),
            "link": Argument(FLAG, "False copies the pictures instead of linking them"),
        },
    ),
    "data suggest": Command(
        "write the pictures whose labels a model doubts, for review in CVAT or Label Studio",
        "yolotiny data suggest model=best.pt data=datasets/hit-uav to=to-review",
        ("model", "data"),
        {"model": Argument(MODEL, "a checkpoint or an exported model")}
        | DATA
        | {
            "to": Argument(FOLDER, "folder to write, new or empty; default runs/suggest"),
            "format": Argument(choice("cvat", "label-studio"), "what to write: cvat (default) or label-studio"),
            "split": Argument(name("the name of a split", None), "train, val or test, default all"),
            "conf": Argument(SHARE, "score from which on a find should have a label, default 0.5"),
            "iou": Argument(NOT_ABOVE_ONE, "overlap from which on a find and a label are on one object, default 0.3"),
            "limit": Argument(whole(1, MANY, (None,)), "pictures at most, the most doubtful; default all"),
            "link": Argument(FLAG, "False copies the pictures instead of linking them"),
            "imgsz": Argument(INPUT, "side of the network input in pixels, default that of the training"),
            "device": Argument(DEVICES, "cpu, 0, ..."),
            "crops": Argument(SLICING["crops"].values, SLICING["crops"].help),
        }
        | READING,
    ),
    "data stats": Command(
        "measure object sizes, crowding and classes, and advise on imgsz, levels, tiles and max_det",
        "yolotiny data stats data=datasets/hit-uav/data.yaml imgsz=640 out=runs/stats",
        ("data",),
        DATA
        | {
            "imgsz": Argument(PIXELS, "training size that sizes are given at, default 640"),
            "split": Argument(SPLIT, "train (default), val or test"),
            "out": Argument(MAYBE_FOLDER, "folder for stats.json and stats.png"),
        }
        | DATA_READING,
    ),
    "data check": Command(
        "find broken pictures, bad labels, duplicates and pictures that are in two splits; changes nothing",
        "yolotiny data check data=datasets/hit-uav/data.yaml out=problems.json",
        ("data",),
        DATA
        | {
            "imgsz": Argument(PIXELS, "training size at which boxes under 2 px are named, default 640"),
            "strict": Argument(FLAG, "True ends with exit code 1 for a warning too, not only for an error"),
            "out": Argument(PATH, "write every problem to this JSON file"),
        }
        | DATA_READING,
    ),
    "data assign": Command(
        "see how many priors objects of each size are given, by a model's assigner and by the usual one",
        "yolotiny data assign model=yolov5n-p2p3 assigner.type=rka data=demo/data.yaml imgsz=320",
        ("model", "data"),
        {
            "model": Argument(
                MODEL, "a model file or checkpoint; a checkpoint where the assigner looks at predictions (SimOTA)"
            ),
            "data": Argument(PATH, "the data YAML, whose training pictures are looked at"),
            "imgsz": Argument(MAYBE_INPUT, "side of the input in pixels, default that of the checkpoint or 640"),
            "pictures": Argument(whole(1, MANY), "at most so many pictures, default 200"),
            "sizes": Argument(
                several(number(1.0, SIDE)), "sides in pixels of the boxes whose IoU and NWD are drawn, default 4,12,32"
            ),
            "to": Argument(FOLDER, "folder for assign.json and assign.png, default runs/assign"),
            "assigner.*": Argument(ANYTHING, "any setting of the assigner, by its path in the model file"),
        }
        | READING,
        settings=("assigner", "anchors"),
    ),
    "eval": Command(
        "score a file of detections against one of ground truth: COCO JSON, or vector files of a raster",
        "yolotiny eval gt=annotations/val.json pred=predictions.json protocol=aitod report=report images=images/val",
        ("gt", "pred", "protocol"),
        {
            "gt": Argument(PATH, "ground truth, COCO JSON or a vector file (.gpkg, .geojson)"),
            "pred": Argument(PATH, "detections, of the same kind"),
            "class_field": Argument(
                name("the name of a field", None), "of a vector file of ground truth; default class"
            ),
            "out": Argument(PATH, "write the report to this JSON file"),
            "report": Argument(
                MAYBE_FOLDER, "folder to write report.json, plots and the self-contained page report.html to"
            ),
            "worst": Argument(MEASURING["worst"].values, MEASURING["worst"].help),
            "images": Argument(MAYBE_FOLDER, "folder of the pictures, for the page"),
            "imgsz": Argument(
                MAYBE_PIXELS,
                "input size the detections were made at; only named in the report, as the files do not say it",
            ),
            "model": Argument(TEXT, "what made the detections; only named in the report"),
            **DRAWN,
            "backend": Argument(
                name("the name of a backend", None),
                "a program to check our own figures by: faster-coco-eval, or hotcoco where installed",
            ),
        }
        | PROTOCOL,
    ),
    "eval compare": Command(
        "say how far two files of detections lie apart, and which of the differences are sure",
        "yolotiny eval compare gt=annotations/val.json a=before.json b=after.json",
        ("gt", "a", "b"),
        {
            "gt": Argument(PATH, "ground truth, COCO JSON"),
            "a": Argument(PATH, "detections"),
            "b": Argument(PATH, "other detections of the same pictures; differences are b minus a"),
            "to": Argument(FOLDER, "folder for compare.json and compare.png, default runs/compare"),
            **DRAWN,
            **PROTOCOL,
        },
    ),
    "study run": Command(
        "train the arms of a study file with several seeds, several at once, and compare them",
        "yolotiny study run file=nwd-rka-frcnn data=datasets/hit-uav/data.yaml pretrained=yolov5n.pt jobs=2",
        ("file",),
        OF_STUDY
        | {"jobs": Argument(whole(1, 256), "trainings at the same time, default 1; the cores are shared among them")}
        | {k: Argument(v.values, f"of all arms: {v.help}") for k, v in read_by("train").items() if k in FOR_ALL_ARMS}
        | {"imgsz": Argument(INPUT, "of all arms: side of the network input in pixels")},
    ),
    "study table": Command(
        "print mean, spread and differences over the seeds of what is done of a study",
        "yolotiny study table file=nwd-rka-frcnn profile=small",
        ("file",),
        OF_STUDY,
    ),
    "study plot": Command(
        "draw what is done of a study, every run a dot",
        "yolotiny study plot file=nwd-rka-frcnn figures=AP,AP_t",
        ("file",),
        OF_STUDY
        | {"figures": Argument(name("names of figures with commas between", None, many=True), "such as AP,AP_t")},
    ),
    "analyze maps": Command(
        "draw what SARL and SR-TOD see, and measure how well the difference map finds tiny objects",
        "yolotiny analyze maps model=best.pt source=pictures/",
        ("model", "source"),
        {
            "model": Argument(MODEL, "a checkpoint with SARL or SRTOD in it"),
            "source": Argument(
                PATH, "a picture or a folder; where labels stand beside images, the difference map is measured on them"
            ),
            "imgsz": Argument(MAYBE_INPUT, "longer side of the input in pixels, default that of the training"),
            "sheets": Argument(whole(0, MANY), "how many pictures of a folder are drawn, default 8"),
            "to": Argument(MAYBE_FOLDER, "folder for the sheets, default runs/analyze/maps, numbered when it exists"),
        }
        | READING,
    ),
    "analyze gradients": Command(
        "how evenly the boxes of small objects are pulled: variance of the localisation gradient, beside a baseline",
        "yolotiny analyze gradients model=ugs.pt baseline=direct.pt data=demo/data.yaml",
        ("model", "data"),
        {
            "model": Argument(MODEL, "a model file or checkpoint of ours"),
            "baseline": Argument(
                name("a model file or a checkpoint", None),
                "another one; the ratio of its variance to the model's is printed",
            ),
            "data": Argument(PATH, "the data YAML; its training pictures are read, without augmentation"),
            "imgsz": Argument(INPUT, "side of the network input in pixels, default 640"),
            "batch": Argument(whole(1, SIDE), "pictures of an iteration, default 16"),
            "iterations": Argument(whole(1, MANY), "batches, default 100"),
            "below": Argument(
                above_zero(SIDE), "objects below this many pixels of the network input count, default 32"
            ),
            "seed": Argument(SEED, "of the order of the pictures, default 0"),
            "to": Argument(FOLDER, "folder for gradients.json and gradients.png, default runs/analyze/gradients"),
        }
        | READING,
    ),
    "version": Command("show the versions of yolotiny and of what it stands on", "yolotiny version"),
    "help": Command("show this, or the options of a command", "yolotiny help train"),
}
