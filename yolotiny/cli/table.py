"""What the command line offers: the table of commands and of the options that are ours. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEBUG = {"debug": "True shows the full traceback of an error"}
PLUGINS = {"plugins": "my_parts.py, a module, or a list: parts of your own that names may mean, see docs/own_parts.md"}
PROTOCOL = {"protocol": "how detections are scored: aitod, coco, mmdet, visdrone, soda, tinyperson"}
OF_DATA = {"protocol": f"{PROTOCOL['protocol']}; default what the data YAML says, else aitod"}
DATA = {"data": "a data.yaml, the folder that holds it, or a name in cfg/datasets"}
RECIPE = {"recipe": "a file of training options in cfg/train or elsewhere, instead of the model's own; none for none"}
NMS = {
    "nms_metric": "iou (default) or nwd: how boxes are compared when they suppress each other; nwd has iou=0.85 then",
    "nms_c": "pixels, with nms_metric=nwd; default the mean object size of the training boxes",
}
SLICING = {
    "crops": "parts to look at again: none, auto (what a coarse pass points at), lsm (clusters), grid (tiles of all); "
    "default the model's",
    "pixel_scale": "network pixels per pixel of the picture in crops; default what brings objects to trained size",
    "tile": "crops=grid: side of a tile in pixels of the picture, shown at imgsz; default what fills it at that scale",
    "overlap": "crops=grid: share of a tile that the next one repeats, default 0.2",
    "full": "crops=grid: False leaves out the pass over the whole picture",
    "k": "crops=lsm: clusters of small objects that are looked at again, default 2; 0 for none",
    "top_k": "crops=lsm: fullest cells of the heat map that clusters are made of, default 50",
    "prior": "weight of the coarse pass's score in that of what crops find, below 1; default 0.1 for auto, else 0",
    "budget": "what both passes over a picture may cost: forwards (4) or milliseconds (150ms); the best crops first",
    "merge": "both passes join by nms, replace (in a crop, the crop counts) or nmm (overlapping boxes become one)",
}
CROPS = {
    "crop_train": "grid, lsm or auto: training also sees parts of pictures at the files' resolution; none for none. "
    "Settings: crop_train.probability, .tile, .scale, .keep, .objects, .pieces; see docs/crop_training.md"
}
AUGMENT = {"augmentations": "a name or a list of names that plugins have registered, see docs/own_parts.md"}
CLIP = {"gradient_clip": "norm that gradients are clipped at, default 10; 35 in recipe=yolc"}
SYNC = {"sync_bn": "True lets BatchNorm count over the pictures of all cards of a run (device=0,1), default False"}
FITNESS = {"fitness": "the figure that chooses the best epoch, such as AP, AP50 or AP_t"}
UNCERTAINTY = {"uncertainty": "True says how far each box may be off, drawn and in uncertainty.json (-ugs models)"}
WORST = {"worst": "images with most errors on the page report.html, default 12"}
TRACKER = {
    "tracker": "bytetrack-nwd.yaml (default), botsort-nwd.yaml, one of ultralytics' (bytetrack.yaml, botsort.yaml) or "
    "your own file; a setting of it is given as tracker.match=iou, tracker.track_buffer=60",
    "persist": "True lets tracks go on where the next video or folder begins",
}
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
    "conf": "least score of a detection, default 0.25, in validation 0.001, in tracking 0.1",
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
        OF_DATA | FITNESS | RECIPE | CLIP | SYNC | CROPS | AUGMENT | NMS | SLICING,
        ("Train", "Val/Test", "Hyperparameters"),
        ("cfg", "classes", "agnostic_nms"),
        ("quantize", "dnn", "nms", "augment"),
    ),
    "val": Command(
        "measure a trained model",
        "yolotiny val model=best.pt data=demo/data.yaml protocol=aitod",
        ("model",),
        OF_DATA | WORST | NMS | SLICING,
        ("Val/Test",),
        (*RUNNING, "data", "workers", "cache", "fraction", "single_cls", "classes", "agnostic_nms", "augment")
        + ("visualize", "save_txt", "save_conf", "show_labels", "show_conf", "show_boxes", "line_width"),
    ),
    "predict": Command(
        "detect objects in pictures, folders or videos",
        "yolotiny predict model=best.pt source=pictures/ conf=0.25",
        ("model", "source"),
        UNCERTAINTY | NMS | SLICING,
        ("Predict", "Visualize"),
        (*RUNNING, "save", "save_json", "conf", "iou", "max_det", "quantize", "dnn", "nms"),
    ),
    "track": Command(
        "follow objects through videos, streams or folders of frames",
        "yolotiny track model=best.pt source=clip.mp4 crops=lsm",
        ("model", "source"),
        TRACKER | NMS | SLICING,
        ("Predict", "Visualize"),
        (*RUNNING, "save", "conf", "iou", "max_det", "quantize", "dnn", "nms"),
        ("embed", "visualize"),
    ),
    "tune-crops": Command(
        "find the cheapest setting of crops whose AP is near that of the best, and draw AP against time",
        "yolotiny tune-crops model=best.pt data=demo/data.yaml crops=none,lsm imgsz=320,640 k=2,4 within=0.5",
        ("model", "data"),
        {
            "model": "a checkpoint or an exported model",
            "data": "the data YAML, of pictures as large as they will be in use",
            "within": "points of AP below the best that are given for speed, default 0.5",
            "imgsz": "input sizes, such as 640,960; default that of training, its multiples, and the matching one",
            **{k: f"a list of: {v}" for k, v in SLICING.items()},
            "split": "of the data, default val",
            "limit": "pictures at most, evenly chosen, default 100",
            "minutes": "stop measuring after so long, default 30",
            "device": "cpu, 0, ...",
            "to": "folder for tune.json, tune.csv and tune.png, default runs/tune-crops, numbered when it exists",
        }
        | OF_DATA,
        settings=("infer",),
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
        {
            "to": "folder to write",
            "seed": "number that fixes the pictures, default 0",
            "clip": "frames of a clip of moving vehicles, clip.mp4, to track on; default 0, none",
        },
    ),
    "data convert": Command(
        "convert a data set to YOLO labels and COCO JSON",
        "yolotiny data convert format=visdrone source=VisDrone2019-DET to=datasets/visdrone",
        ("format", "source", "to"),
        {
            "format": "what it is: visdrone, uavdt, aitod, aitod-v2, dota, soda-a, droneswarms, tinyperson, xview, "
            "hit-uav, coco, voc, yolo",
            "source": "the data set as downloaded",
            "to": "folder to write",
            "force": "True replaces what an earlier run wrote there",
            "link": "False copies the pictures instead of linking them",
            "tile": "side of tiles in pixels; default 1024 for dota, 800 for soda-a and xview, else 0, whole pictures",
            "overlap": "pixels that tiles share; default 200 for dota and xview, 150 for soda-a, else a fifth of tile",
            "keep": "share of an object that must lie in a tile to count there, default 0.7; less is an ignore region",
            "every": "10 keeps every tenth picture of each sequence, default 1",
        },
    ),
    "data stats": Command(
        "measure object sizes, crowding and classes, and advise on imgsz, levels, tiles and max_det",
        "yolotiny data stats data=datasets/hit-uav/data.yaml imgsz=640 out=runs/stats",
        ("data",),
        DATA
        | {
            "imgsz": "training size that sizes are given at, default 640",
            "split": "train (default), val or test",
            "out": "folder for stats.json and stats.png",
        },
    ),
    "data check": Command(
        "find broken pictures, bad labels, duplicates and pictures that are in two splits; changes nothing",
        "yolotiny data check data=datasets/hit-uav/data.yaml out=problems.json",
        ("data",),
        DATA
        | {
            "imgsz": "training size at which boxes under 2 px are named, default 640",
            "strict": "True ends with exit code 1 for a warning too, not only for an error",
            "out": "write every problem to this JSON file",
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
            "pictures": "at most so many pictures, default 200",
            "sizes": "sides in pixels of the boxes whose IoU and NWD are drawn, default 4,12,32",
            "to": "folder for assign.json and assign.png, default runs/assign",
            "assigner.*": "any setting of the assigner, by its path in the model file",
        },
        settings=("assigner", "anchors"),
    ),
    "eval": Command(
        "score a file of detections against a file of ground truth, both COCO JSON",
        "yolotiny eval gt=annotations/val.json pred=predictions.json protocol=aitod report=report images=images/val",
        ("gt", "pred", "protocol"),
        {
            "gt": "ground truth",
            "pred": "detections",
            "out": "write the report to this JSON file",
            "report": "folder to write report.json, plots and the self-contained page report.html to",
            **WORST,
            "images": "folder of the pictures, for the page",
            "imgsz": "input size the detections were made at; only named in the report, as the files do not say it",
            "model": "what made the detections; only named in the report",
            "backend": "hotcoco, where it is installed, is faster; default faster-coco-eval",
        }
        | PROTOCOL,
    ),
    "analyze maps": Command(
        "draw what SARL and SR-TOD see, and measure how well the difference map finds tiny objects",
        "yolotiny analyze maps model=best.pt source=pictures/",
        ("model", "source"),
        {
            "model": "a checkpoint with SARL or SRTOD in it",
            "source": "a picture or a folder; where labels stand beside images, the difference map is measured on them",
            "imgsz": "longer side of the input in pixels, default that of the training",
            "sheets": "how many pictures of a folder are drawn, default 8",
            "to": "folder for the sheets, default runs/analyze/maps, numbered when it exists",
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
    "version": Command("show the versions of yolotiny and of what it stands on", "yolotiny version"),
    "help": Command("show this, or the options of a command", "yolotiny help train"),
}
