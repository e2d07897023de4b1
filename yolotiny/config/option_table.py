"""Every option of train, val, predict, track and export: who reads it, what it may be, what it does. Imports no torch.

The command line and `YOLO` check by this table; the help and docs/options.md are printed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..shipped import WEIGHTS
from .option_kinds import (
    FLAG,
    MANY,
    NOTHING,
    PATH,
    SHARE,
    TEXT,
    Values,
    above_zero,
    choice,
    is_budget,
    is_component_or_list,
    is_device,
    is_pair,
    is_scales,
    is_teacher,
    joined,
    name,
    number,
    part,
    whole,
)

MODES = ("train", "val", "predict", "track", "export")
NOBODY: tuple[str, ...] = ()
TRAIN, VAL, PREDICT, TRACK, EXPORT = (("train",), ("val",), ("predict",), ("track",), ("export",))
SCORES = (*TRAIN, *VAL)  # where detections are measured
LOOKS = (*PREDICT, *TRACK)  # where results are for a user's eyes
DETECTS = (*VAL, *LOOKS)
RUNS = (*TRAIN, *DETECTS)  # what has a run folder


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        modes: those that read it.
        values: what it may be.
        help: one line.
        why: what the others are told; by default, where to use it.
        ours: what says the same to a detector of ours, where only heads of ultralytics read the option.
        shell: it is of the command line alone; `why` says what there is in Python.
        section: it is a section of the model file, which training changes by it.
    """

    modes: tuple[str, ...]
    values: Values
    help: str
    why: str = ""
    ours: str = ""
    shell: bool = False
    section: bool = False

    def reason(self) -> str:
        """What somebody is told who gives it to a mode that does not read it."""
        return self.why or f"use it in {joined(self.modes, 'and')}"


SIDE = 65_536  # pixels
SEED = whole(0, 2**31 - 1)
IMGSZ = Values("a whole number from 1 to 65,536 or a list of them, height and width", 1, SIDE, whole=True, many=2)
BATCH = Values(
    "a whole number from 1 up, -1 for automatic, or a share of GPU memory",
    low=-1,
    high=65_536,
    rule=lambda n: n == -1 or 0 < n < 1 or (n >= 1 and n == int(n)),
)
SCALES = Values("a list of sizes beside imgsz, 1 among them: [1,1.25,1.5]", single=(None,), others=is_scales)
BANDS = whole(1, 1000, single=(None,), many=True)
STRETCH = choice("auto", "percentile", "minmax", "none", None)
TASK = Values("detect: yolotiny knows detection only", single=("detect",))
CACHE = choice(True, False, "ram", "disk", None)
COMPILE = choice(True, False, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
SCALE = Values(
    "a share below 1, such as .5, or the least and the largest size, such as [.5,1.5]",
    0.0,
    rule=lambda n: n < 1,
    others=is_pair,
)
FRACTION = Values(
    "a share above 0 and up to 1, a whole number of pictures, or a list of up to three of them",
    0.0,
    many=3,
    rule=lambda n: n > 0 and (n <= 1 or isinstance(n, int)),
)
DEVICES = Values("cpu, a number such as 0, or several such as 0,1", -1, 999, True, (None,), many=True, others=is_device)
SOURCE = Values(
    "a picture, a folder, a video, a stream, the number of a camera, or a list",
    0,
    999,
    True,
    (None,),
    text=True,
    many=True,
)
FREEZE = Values(
    "a number of layers, or a list of layers by number or name", 0, SIDE, True, (None,), text=True, many=True
)
BELOW_ONE = Values("a number from 0 up to below 1", 0.0, 1.0, single=(None,), rule=lambda n: n < 1)
BUDGET = Values("forwards, such as 4, or milliseconds, such as 150ms", single=(None,), others=is_budget)
COMPONENT = "a name, or a mapping with its type and arguments"
AUGMENTATIONS = Values(f"{COMPONENT}, or a list of such", single=(None,), text=True, others=is_component_or_list)
POSES = "it is for poses"
DEPTH = "it is for depth maps"
MASKS = "it is for masks"
CLASSIFIES = "it is for classification"
DISTILLS = "write teacher=FILE.pt (docs/training.md says why)"
BULK = "it is for many pictures: `yolotiny predict out=DIR`, in Python yolotiny.bulk.predict(...)"

RUN = {
    "model": Option(
        MODES,
        name("a model file, a checkpoint or a shipped model", None),
        "a shipped model (see: yolotiny models), a model file, a checkpoint, or an exported model; default in train "
        f"yolotiny-n, elsewhere {WEIGHTS}, weights for infrared drone pictures",
        why="YOLO(...) names the model",
        shell=True,
    ),
    "data": Option(
        (*RUNS, *EXPORT),
        PATH,
        "the data YAML; in predict and track the names of classes for an exported file without them, in export the "
        "pictures that set the ranges of 8 bits",
    ),
    "source": Option(
        LOOKS, SOURCE, "a picture, a folder, a video, a stream, a list of such; with out= also s3://bucket/prefix"
    ),
    "out": Option(
        PREDICT,
        name("a folder, or s3://bucket/prefix", None),
        "folder or s3://bucket/prefix for tables of what is in many pictures, each looked at once even if the run is "
        "cut off and started again; see docs/scale.md",
        why=BULK,
        shell=True,
    ),
    "engine": Option(
        PREDICT,
        choice("local", "ray"),
        "with out=: local (default), processes of this machine, or ray, those of a cluster",
        why=BULK,
        shell=True,
    ),
    "ray": Option(
        PREDICT,
        name("the address of a Ray cluster", None),
        "with engine=ray: address of the cluster, such as 10.0.0.1:6379 or auto; default one that is started here",
        why=BULK,
        shell=True,
    ),
    "imgsz": Option(
        MODES,
        IMGSZ,
        "side of the network input in pixels; in predict, track and export also height and width; default as trained",
    ),
    "batch": Option(
        MODES,
        BATCH,
        "pictures at once, in training 16; in training -1 is for what fits into the GPU, .7 for that share of it",
    ),
    "device": Option(MODES, DEVICES, "cpu, 0, 0,1 and so on; default the first GPU, else the CPU"),
    "workers": Option(
        (*SCORES, *PREDICT),
        whole(0, 1_024),
        "processes that load pictures, at most one a core; default 8, and 0 on a CPU, where the run loads them itself; "
        "in predict with out= processes that look at pictures, default one a card, or one a core and 8 at most",
    ),
    "cache": Option(SCORES, CACHE, "True or ram keeps decoded pictures in memory, disk beside the files"),
    "bands": Option(
        RUNS,
        BANDS,
        "numbers of the bands that are red, green and blue, such as [4,3,2], or one for grey; default as the model was "
        "trained, else those of the picture; see docs/pictures.md",
    ),
    "stretch": Option(
        RUNS,
        STRETCH,
        "how deeper pictures become 8 bits: auto (by the bits that all use), percentile or minmax (each by its own "
        "values), none (the upper 8 of 16 bits); default as the model was trained, else auto",
    ),
    "fraction": Option(
        (*SCORES, *EXPORT),
        FRACTION,
        "share (or number) of the pictures to use, in training of the training pictures, in export of those for 8 bit, "
        "default 300; a list is for train, val and test",
    ),
    "single_cls": Option(SCORES, FLAG, "True makes one class of all"),
    "classes": Option(
        RUNS,
        Values("a number or a name of a class or a list of them", 0, whole=True, single=(None,), text=True, many=True),
        "numbers or names of the classes that count, as in classes=car,van; default all",
    ),
    "split": Option(
        (*SCORES, *EXPORT),
        name("the name of a split", None),
        "part of the data to measure on, default val, in export train",
    ),
    "project": Option(
        RUNS, name("a folder", None), "folder of the runs, default runs/detect; a run goes to project/name"
    ),
    "name": Option(
        MODES, TEXT, "folder of this run; a number is added when it exists; in export the chip to write a file for"
    ),
    "exist_ok": Option(RUNS, FLAG, "True writes into project/name although it exists"),
    "verbose": Option(MODES, FLAG, "False says less"),
    "rect": Option(
        RUNS,
        FLAG,
        "True keeps the pictures' aspect in a batch, in predict where all of a batch are of one size; default but in "
        "training, where it leaves mosaics out",
    ),
    "compile": Option(RUNS, COMPILE, "True compiles the network by torch.compile"),
    "channels_last": Option(RUNS, choice(True, False, None), "memory order of the network; default what is faster"),
    "plots": Option(SCORES, FLAG, "False draws no curves, sheets and report page"),
    "task": Option(MODES, TASK, "detect, which is all there is"),
    "plugins": Option(
        MODES,
        name("a file or a module, or a list of them", many=True),
        "my_parts.py, a module, or a list: parts of your own that names may mean, see docs/own_parts.md",
        why="give it to YOLO(..., plugins=...)",
        shell=True,
    ),
    "debug": Option(MODES, FLAG, "True shows the full traceback of an error", why="Python shows it", shell=True),
}
TRAINING = {
    "epochs": Option(TRAIN, whole(1, MANY), "number of epochs to train for, default 100"),
    "time": Option(TRAIN, above_zero(100_000, (None,)), "hours to train for; where it is given, epochs do not count"),
    "patience": Option(
        TRAIN,
        whole(0, MANY),
        "stop after so many epochs without a better one, default 100; 0 for never, and it counts nothing with "
        "val=False",
    ),
    "recipe": Option(
        TRAIN,
        name("the name or file of a recipe, or none", None, False),
        "a file of training options in cfg/train or elsewhere, instead of the model's own; none for none",
    ),
    "pretrained": Option(
        TRAIN,
        name("a checkpoint, True or False", True, False, None),
        "weights to start from: a checkpoint of ours, of YOLOv5 or of YOLOX; True (default): those of the checkpoint "
        "that the model is, False: none",
    ),
    "resume": Option(
        TRAIN,
        name("last.pt of an interrupted run, or True", True, False, None),
        "last.pt of an interrupted run; nothing else needs to be given",
    ),
    "save_period": Option(
        TRAIN, whole(-1, MANY), "keep a checkpoint of every so many epochs as well; default -1, of none, as with 0"
    ),
    "val": Option(TRAIN, FLAG, "False validates after the last epoch only"),
    "optimizer": Option(
        TRAIN,
        choice("auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp"),
        "SGD, MuSGD, Adam, Adamax, AdamW, NAdam, RAdam, RMSProp or auto",
    ),
    "lr0": Option(TRAIN, SHARE, "learning rate after the warm-up"),
    "lrf": Option(TRAIN, SHARE, "learning rate at the end, as a share of lr0"),
    "cos_lr": Option(TRAIN, FLAG, "True lets the rate fall along a cosine instead of a line"),
    "momentum": Option(TRAIN, SHARE, "momentum of SGD, first beta of Adam"),
    "weight_decay": Option(TRAIN, SHARE, "weight decay"),
    "warmup_epochs": Option(TRAIN, number(0.0, MANY), "epochs until the rate has reached lr0; may be a fraction"),
    "warmup_momentum": Option(TRAIN, SHARE, "momentum that the warm-up begins with"),
    "warmup_bias_lr": Option(TRAIN, SHARE, "learning rate of biases that the warm-up begins with"),
    "nbs": Option(
        TRAIN, whole(1, MANY), "pictures of a step of the optimizer: gradients of smaller batches are summed up"
    ),
    "amp": Option(
        TRAIN, choice(True, False, "fp16", "bf16", "fp32"), "mixed precision: True or fp16, bf16, or False for none"
    ),
    "seed": Option(TRAIN, SEED, "of random numbers, default 0"),
    "deterministic": Option(TRAIN, FLAG, "False lets a GPU choose faster ways whose sums differ from run to run"),
    "freeze": Option(
        TRAIN,
        FREEZE,
        "so many first layers keep their weights, or a list of layers by number or name",
    ),
    "multi_scale": Option(TRAIN, SHARE, "imgsz varies by this share from batch to batch"),
    "gradient_clip": Option(
        TRAIN,
        above_zero(MANY, (None,)),
        "norm that gradients are clipped at, default 10; 35 in recipe=yolc",
        section=True,
    ),
    "sync_bn": Option(
        TRAIN,
        choice(True, False, None),
        "True lets BatchNorm count over the pictures of all cards of a run (device=0,1), default False",
        section=True,
    ),
    "teacher": Option(
        TRAIN,
        Values("a checkpoint, or a mapping with its file", single=(None,), text=True, others=is_teacher),
        "a checkpoint of the same classes that sees the pictures larger and softens their labels; settings: "
        "teacher.scale (2), teacher.weight (0.5); see docs/training.md",
        section=True,
    ),
    "norm_momentum": Option(
        TRAIN,
        above_zero(1, (None,)),
        "share of a new batch in the running statistics of BatchNorm, default 0.03; 0.1 follows short trainings better",
        section=True,
    ),
    "box": Option(TRAIN, number(0.0, MANY), "weight of the box loss of ultralytics' heads", ours="loss.box.weight="),
    "cls": Option(TRAIN, number(0.0, MANY), "weight of the class loss of ultralytics' heads", ours="loss.cls.weight="),
    "dfl": Option(
        TRAIN, number(0.0, MANY), "weight of the distribution loss of ultralytics' heads", ours="loss.box.weight="
    ),
    "cls_pw": Option(TRAIN, SHARE, "power of the class weights of ultralytics' heads", ours="loss.cls.weight="),
}
AUGMENTATION = {
    "hsv_h": Option(TRAIN, SHARE, "largest change of hue"),
    "hsv_s": Option(TRAIN, SHARE, "largest change of saturation"),
    "hsv_v": Option(TRAIN, SHARE, "largest change of brightness"),
    "degrees": Option(TRAIN, number(0.0, 180.0), "largest rotation, degrees"),
    "translate": Option(TRAIN, SHARE, "largest shift, as a share of the picture"),
    "scale": Option(TRAIN, SCALE, "largest change of size: .5 for .5 to 1.5, or the bounds themselves"),
    "shear": Option(TRAIN, number(0.0, 89.0), "largest shear, degrees"),
    "perspective": Option(TRAIN, SHARE, "largest perspective; .001 is much"),
    "flipud": Option(TRAIN, SHARE, "probability that a picture is turned upside down"),
    "fliplr": Option(TRAIN, SHARE, "probability that a picture is mirrored"),
    "bgr": Option(TRAIN, SHARE, "probability that red and blue are exchanged"),
    "mosaic": Option(TRAIN, SHARE, "probability that four pictures are shown as one"),
    "mixup": Option(TRAIN, SHARE, "probability that two pictures are blended"),
    "cutmix": Option(TRAIN, SHARE, "probability that a part of a picture is replaced by one of another"),
    "close_mosaic": Option(TRAIN, whole(0, MANY), "last epochs without mosaic, mixup and cutmix, default 10"),
    "augmentations": Option(
        TRAIN,
        AUGMENTATIONS,
        "aerial, thermal, a YAML file, transforms of albumentations, augmentations of your own, or a list of such; see "
        "docs/training.md",
        section=True,
    ),
    "paste": Option(
        TRAIN,
        whole(0, 100, (None,)),
        "up to so many small objects of another picture are pasted into each, rare classes more often than they are; "
        "default 0; see docs/training.md",
        section=True,
    ),
    "crop_train": Option(
        TRAIN,
        part(f"grid, lsm, auto or none: {COMPONENT}", None, False),
        "grid, lsm or auto: training also sees parts of pictures at the files' resolution; none for none. Settings: "
        "crop_train.probability, .tile, .scale, .keep, .objects, .pieces; see docs/crop_training.md",
        section=True,
    ),
}
MEASURING = {
    "protocol": Option(
        SCORES,
        name("the name of a protocol", None),
        "how detections are scored: aitod, coco, mmdet, visdrone, soda, tinyperson; default what the data YAML says, "
        "else aitod",
    ),
    "fitness": Option(
        TRAIN,
        name("the name of a figure", None),
        "the figure that chooses the best epoch, such as AP, AP50 or AP_t; not with val=False",
    ),
    "worst": Option(VAL, whole(0, 10_000), "images with most errors on the page report.html, default 12"),
    "samples": Option(
        VAL, whole(0, 10_000), "drawn data sets for the intervals of AP, default 500; 0 gives no intervals"
    ),
    "save_json": Option(RUNS, FLAG, "True writes predictions.json, which yolotiny eval scores"),
}
DETECTION = {
    "conf": Option(
        (*RUNS, *EXPORT),
        number(0.0, 1.0, (None,)),
        "least score of a detection, default 0.25, in validation 0.001, in tracking 0.1",
    ),
    "iou": Option(MODES, SHARE, "overlap above which the lower-scored of two boxes goes, default 0.6"),
    "max_det": Option(
        MODES, whole(1, 10_000_000), "detections kept per picture, default 1500, raised where the data has more objects"
    ),
    "agnostic_nms": Option(MODES, FLAG, "True lets boxes of different classes suppress each other"),
    "nms_metric": Option(
        RUNS,
        choice("iou", "nwd", None),
        "iou (default) or nwd: how boxes are compared when they suppress each other; nwd has iou=0.85 then",
    ),
    "nms_c": Option(
        RUNS,
        above_zero(SIDE, (None,)),
        "pixels, with nms_metric=nwd; default the mean object size of the training boxes",
    ),
    "nms": Option(
        (*DETECTS, *EXPORT),
        choice(True, False, None),
        "True writes suppression into an exported file; False takes the output without it of heads that have one",
    ),
    "augment": Option(DETECTS, FLAG, "True looks at each picture mirrored and in other sizes, too"),
    "augment_scales": Option(
        DETECTS,
        SCALES,
        "sizes beside imgsz in which a picture is looked at, each also mirrored: [1,1.25,1.5]; implies augment=True",
    ),
    "quantize": Option(
        (*DETECTS, *EXPORT),
        choice(8, 16, 32, "int8", "fp16", "fp32", "w8a8", "w16a16", "w8a16", "w8a32", "8", "16", "32", None),
        "precision in bits: 32, or 16 on a GPU; in export 8, too",
    ),
    "dnn": Option(DETECTS, FLAG, "True runs ONNX files by OpenCV"),
    "uncertainty": Option(
        PREDICT, FLAG, "True says how far each box may be off, drawn and in uncertainty.json (-ugs models)"
    ),
}
SLICING = {
    "crops": Option(
        RUNS,
        part(f"none, auto, lsm, grid or one of your own: {COMPONENT}", None, False),
        "parts to look at again: none, auto (what a coarse pass points at), lsm (clusters), grid (tiles of all); "
        "default the model's",
    ),
    "pixel_scale": Option(
        RUNS,
        above_zero(1_000, (None,)),
        "network pixels per pixel of the picture in crops; default what brings objects to trained size",
    ),
    "tile": Option(
        RUNS,
        whole(1, SIDE, (None,)),
        "crops=grid: side of a tile in pixels of the picture, shown at imgsz; default what fills it at that scale",
    ),
    "overlap": Option(RUNS, BELOW_ONE, "crops=grid: share of a tile that the next one repeats, default 0.2"),
    "full": Option(RUNS, choice(True, False, None), "crops=grid: False leaves out the pass over the whole picture"),
    "k": Option(
        RUNS,
        whole(0, 1_000, (None,)),
        "crops=lsm: clusters of small objects that are looked at again, default 2; 0 for none",
    ),
    "top_k": Option(
        RUNS, whole(1, MANY, (None,)), "crops=lsm: fullest cells of the heat map that clusters are made of, default 50"
    ),
    "prior": Option(
        RUNS,
        BELOW_ONE,
        "weight of the coarse pass's score in that of what crops find, below 1; default 0.1 for auto, else 0",
    ),
    "budget": Option(
        RUNS,
        BUDGET,
        "what both passes over a picture may cost: forwards (4) or milliseconds (150ms); the best crops first",
    ),
    "merge": Option(
        RUNS,
        part(f"nms, replace, nmm or one of your own: {COMPONENT}", None),
        "both passes join by nms, replace (in a crop, the crop counts) or nmm (overlapping boxes become one)",
    ),
}
TRACKING = {
    "tracker": Option(
        TRACK,
        name("the name or file of a tracker", None),
        "bytetrack-nwd.yaml (default), botsort-nwd.yaml, one of ultralytics' (bytetrack.yaml, botsort.yaml) or "
        "your own file; a setting of it is given as tracker.match=iou, tracker.track_buffer=60",
    ),
    "persist": Option(TRACK, FLAG, "True lets tracks go on where the next video or folder begins"),
}
RESULTS = {
    "save": Option((*TRAIN, *LOOKS), FLAG, "False: the last checkpoint alone is kept, no pictures are drawn"),
    "save_txt": Option(RUNS, FLAG, "True writes a label file for each picture"),
    "save_conf": Option(RUNS, FLAG, "True writes scores into those label files, with save_txt=True"),
    "save_crop": Option(LOOKS, FLAG, "True writes each detection as a picture of its own"),
    "save_frames": Option(LOOKS, FLAG, "True writes frames of a video as pictures, too"),
    "show": Option(LOOKS, FLAG, "True shows pictures in a window"),
    "show_labels": Option(RUNS, FLAG, "False draws no class names"),
    "show_conf": Option(RUNS, FLAG, "False draws no scores"),
    "show_boxes": Option(LOOKS, FLAG, "False draws no boxes"),
    "line_width": Option(LOOKS, whole(1, 1_000, (None,)), "width of lines in pixels; default by the picture's size"),
    "visualize": Option(
        (*SCORES, *PREDICT), FLAG, "True draws maps of the layers (predict), or hits and misses in colours (train, val)"
    ),
    "embed": Option(
        PREDICT,
        whole(-1_000, 1_000, (None,), True),
        "numbers of layers whose features are returned instead of boxes",
    ),
    "vid_stride": Option(LOOKS, whole(1, 1_000_000), "every so many frames of a video are looked at, default 1"),
    "stream_buffer": Option(LOOKS, FLAG, "True looks at every frame of a camera, False at the newest"),
}
FILES = {
    "format": Option(
        (*EXPORT, *PREDICT),
        name("the name of a format"),
        "in export onnx, openvino, engine, torchscript (default) and others of ultralytics; in predict of rasters the "
        "vector file, gpkg (default) or geojson, see docs/geo.md",
    ),
    "dynamic": Option(EXPORT, FLAG, "True writes a file that takes pictures of any size and number"),
    "heatmap": Option(
        EXPORT, FLAG, "True writes the heat map of YOLC as a second output, so that clusters are the checkpoint's"
    ),
    "simplify": Option(EXPORT, FLAG, "False leaves an ONNX graph as it was traced"),
    "opset": Option(
        EXPORT,
        whole(11, 20, (None,)),
        "version of ONNX' operators; default what torch can write, at least 11 as older ones enlarge maps otherwise",
    ),
    "workspace": Option(EXPORT, above_zero(100_000, (None,)), "memory in GiB that TensorRT may use to optimize"),
    "optimize": Option(EXPORT, FLAG, "True compiles longer for a faster file, for DeepX"),
}
UNREAD = {
    "mode": Option(NOBODY, NOTHING, "", why="the command says what is done"),
    "cfg": Option(NOBODY, NOTHING, "", why="options are given with the command, in training also by recipe=FILE"),
    "distill_model": Option(NOBODY, NOTHING, "", why=DISTILLS),
    "dis": Option(NOBODY, NOTHING, "", why=DISTILLS),
    "cls_remap": Option(NOBODY, NOTHING, "", why="tensors are taken over where name and shape agree"),
    "profile": Option(NOBODY, NOTHING, "", why="it is read by logging services only"),
    "overlap_mask": Option(NOBODY, NOTHING, "", why=MASKS),
    "mask_ratio": Option(NOBODY, NOTHING, "", why=MASKS),
    "retina_masks": Option(NOBODY, NOTHING, "", why=MASKS),
    "copy_paste": Option(NOBODY, NOTHING, "", why=f"{MASKS}; for boxes write paste=6"),
    "copy_paste_mode": Option(NOBODY, NOTHING, "", why=MASKS),
    "dropout": Option(NOBODY, NOTHING, "", why=CLASSIFIES),
    "auto_augment": Option(NOBODY, NOTHING, "", why=CLASSIFIES),
    "erasing": Option(NOBODY, NOTHING, "", why=CLASSIFIES),
    "pose": Option(NOBODY, NOTHING, "", why=POSES),
    "kobj": Option(NOBODY, NOTHING, "", why=POSES),
    "rle": Option(NOBODY, NOTHING, "", why=POSES),
    "angle": Option(NOBODY, NOTHING, "", why="it is for oriented boxes"),
    "dlog": Option(NOBODY, NOTHING, "", why=DEPTH),
    "dgrad": Option(NOBODY, NOTHING, "", why=DEPTH),
    "dlam": Option(NOBODY, NOTHING, "", why=DEPTH),
}
GROUPS: dict[str, dict[str, Option]] = {
    "the run": RUN,
    "training": TRAINING,
    "augmentation": AUGMENTATION,
    "measuring": MEASURING,
    "detection": DETECTION,
    "sliced inference": SLICING,
    "tracking": TRACKING,
    "results": RESULTS,
    "exported files": FILES,
}
OPTIONS: dict[str, Option] = {k: v for group in (*GROUPS.values(), UNREAD) for k, v in group.items()}
# What older releases called an option, and what to write now.
FORMER = {"half": "quantize=16", "int8": "quantize=8", "weights": "model=FILE or pretrained=FILE"}


def read_by(mode: str, shell: bool = False) -> dict[str, Option]:
    """The options that a mode reads, by name: from Python, or from the command line where `shell`."""
    return {k: v for k, v in OPTIONS.items() if mode in v.modes and (shell or not v.shell)}


def check(mode: str, options: Mapping[str, Any], shell: bool = False) -> None:
    """Raise InputError for an option of the table that a mode does not read, and for a value that it cannot have.

    Args:
        mode: one of MODES.
        options: as a user gave them; names that are not in the table are left to others.
        shell: they come from the command line.
    """
    for key, value in options.items():
        if key in FORMER:
            raise InputError(f"option {key!r} of {mode} is written {FORMER[key]} now")
        option = OPTIONS.get(key)
        if option is None:
            continue
        if mode not in option.modes or (option.shell and not shell):
            raise InputError(f"{mode} does not read {key}=: {option.reason()}")
        option.values.check(key, value)
