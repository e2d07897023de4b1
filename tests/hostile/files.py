"""Files from strangers, a sentence each: what lies in the folder, the command that meets it, the one line it ends in.

In words and contents, AT is the folder of the test and CODE is Python that leaves a file AT/ran. `data/data.yaml` with
its pictures is there in every test, and `good.yaml` is a model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

ROWS = "backbone:\n  - [-1, 1, Conv, [16, 3, 2]]\n{row}head:\n  - [[-1], 1, Detect, [nc]]\n"
DATA = "path: AT/data\ntrain: {train}\nval: {val}\nnames: [a, b]\n{more}"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
PIPE = object()  # a named pipe in the place of a file
GIGABYTE = object()  # a file of zeros as long


class Case(NamedTuple):
    """One hostile thing."""

    what: str
    files: dict[str, Any]
    words: str
    says: str


def model(row: str, more: str = "") -> dict[str, Any]:
    return {"m.yaml": more + ROWS.format(row=f"  - {row}\n")}


def data(train: str = "images/train", val: str = "images/val", more: str = "") -> dict[str, Any]:
    return {"d.yaml": DATA.format(train=train, val=val, more=more)}


INFO, TRAIN = "info model=AT/m.yaml", "train model=AT/good.yaml data=AT/d.yaml device=cpu project=AT/runs"
CONVERT = "data convert source=AT/source to=AT/converted format="
EVAL = "eval gt=AT/gt.json pred=AT/pred.json protocol=coco"

YAML = [
    Case("anchors that multiply to a billion values", {"m.yaml": BOMB}, INFO, "holds more than 30,000 values, line 5"),
    Case("an anchor inside itself", {"m.yaml": "a: &a [*a]\n"}, INFO, r"\*a stands inside what it stands for, line 1"),
    Case("10,000 brackets", {"m.yaml": "a: " + "[" * 10_000}, INFO, "nested more than 50 levels deep, line 1"),
    Case("a tag that calls a function", {"m.yaml": "a: !!python/object/apply:os.system [CODE]\n"}, INFO, "is not read"),
    Case("a tag that names a class", {"d.yaml": "a: !!python/name:os.system\n"}, TRAIN, "is not read"),
    Case("300,000 values", {"m.yaml": f"a: [{'1,' * 300_000}]\n"}, INFO, "holds more than 30,000 values"),
    Case("a gigabyte", {"m.yaml": GIGABYTE}, INFO, "bytes; at most 1,048,576 are read"),
    Case("a pipe as a model", {"m.yaml": PIPE}, INFO, "unknown model 'm.yaml'|is a device or a pipe"),
    Case("a pipe as a checkpoint", {"p.pt": PIPE}, "info model=AT/p.pt", "p.pt' does not exist"),
    Case("a whole number of 6,000 digits", {"m.yaml": f"nc: {'9' * 6_000}\n"}, INFO, "of more than 100 digits, line 1"),
    Case(
        "a number in base 60, 30,000 places long", {"m.yaml": f"nc: 1{':1' * 30_000}\n"}, INFO, "more than 100 digits"
    ),
    Case("a key written twice", {"d.yaml": "train: a\ntrain: b\nval: c\n"}, TRAIN, "'train' is there twice, line 2"),
    Case("bytes that are no text", {"d.yaml": b"names: [Kr\xe4ne]\n"}, TRAIN, "line 1: byte 0xe4 is not UTF-8 text"),
    Case("a recipe of aliases", {"r.yaml": BOMB}, f"{TRAIN} recipe=AT/r.yaml", "holds more than 30,000 values"),
    Case(
        "a tracker of aliases",
        {"t.yaml": BOMB},
        "track model=AT/good.yaml source=AT/data/images/val tracker=AT/t.yaml",
        "holds more than 30,000 values",
    ),
    Case(
        "a recipe that writes elsewhere", {"r.yaml": "project: AT/ran\n"}, f"{TRAIN} recipe=AT/r.yaml", "give project="
    ),
    Case(
        "a recipe that fetches weights",
        {"r.yaml": "pretrained: https://a.b/c.pt\n"},
        f"{TRAIN} recipe=AT/r.yaml",
        "give pretrained= with the command",
    ),
    Case(
        "a tracker that fetches a model",
        {"t.yaml": "tracker_type: botsort\nwith_reid: true\nmodel: https://a.b/c.pt\n"},
        "track model=AT/good.yaml source=AT/data/images/val tracker=AT/t.yaml",
        "t.yaml: model is an address",
    ),
    Case("10,000 brackets on the command line", data(), f"{TRAIN} epochs={'[' * 10_000}", "epochs"),
]
DOWNLOADS = [
    Case("Python under download:", data(val="none", more="download: |\n  CODE\n"), TRAIN, "download: is never run"),
    Case(
        "Python, found by val",
        data(val="none", more="download: |\n  CODE\n"),
        TRAIN.replace("train", "val", 1),
        "never",
    ),
    Case("a command under download:", data(val="none", more="download: bash touch AT/ran\n"), TRAIN, "never run"),
    Case("an archive under download:", data(val="none", more="download: https://a.b/c.zip\n"), TRAIN, "never run"),
    Case(
        "download: for train", data(train="none", more="download: |\n  CODE\n"), TRAIN, "there is no .*none; its down"
    ),
    Case(
        "an address as data", {}, TRAIN.replace("AT/d.yaml", "https://a.b/c.yaml"), "is an address; fetch it yourself"
    ),
    Case("an address of a platform", {}, TRAIN.replace("AT/d.yaml", "ul://a/datasets/b"), "is an address; fetch it"),
    Case(
        "a list of addresses",
        {"x.ndjson": '{"url": "https://a.b/c"}\n'},
        TRAIN.replace("d.yaml dev", "x.ndjson dev"),
        "no data YAML",
    ),
    Case(
        "an archive as data", {"x.zip": b"PK\x03\x04"}, TRAIN.replace("d.yaml dev", "x.zip dev"), "no data YAML; unpack"
    ),
    Case("a device as data", {}, TRAIN.replace("AT/d.yaml", "/dev/zero"), "/dev/zero is no data YAML"),
    Case("pictures in a device", data(train="/dev/zero"), TRAIN, "train: /dev/zero is a device or a pipe"),
    Case("pictures in a pipe", data(train="AT/pipe") | {"pipe": PIPE}, TRAIN, "pipe is a device or a pipe"),
    Case(
        "a pipe in the place of labels", data() | {"data/labels/train/0.txt": PIPE}, TRAIN, "0.txt: it is a device or a"
    ),
    Case("a billion classes", data(more="nc: 1000000000\n"), TRAIN, "nc is 1000000000; expected .* 100,000"),
    Case("a billion bands", data(more="channels: 1000000000\n"), TRAIN, "channels is 1000000000; expected"),
]
ROWS_OF_MODELS = [
    Case(
        "weights that torchvision fetches",
        model("[image, 1, TorchVision, [resnet18, DEFAULT, true, 2]]"),
        INFO,
        "fetch weights",
    ),
    Case("the same by default", model("[image, 1, TorchVision, [resnet18]]"), INFO, "TorchVision would fetch weights"),
    Case(
        "a timm model of a stranger's hub",
        model("[-1, 1, TimmFeatures, ['hf_hub:a/b', true]]"),
        INFO,
        "timm has no model",
    ),
    Case("a hundred million repeats", model("[-1, 100000000, C3, [16]]"), INFO, "at most 100"),
    Case("the same for a single layer", model("[-1, 100000000, Conv, [16]]"), INFO, "repeated at most 100 times"),
    Case(
        "10,000 rows",
        model("[-1, 1, Conv, [16]]\n" + "  - [-1, 1, Conv, [16]]\n" * 4_000),
        INFO,
        "more than 1,000 rows",
    ),
    Case(
        "a billion channels", model("[-1, 1, Conv, [1000000000]]"), INFO, "more than a layer can have; at most 65,536"
    ),
    Case("a trillion parameters", model("[-1, 1, nn.Conv2d, [16, 65000, 99]]"), INFO, "would have 1,08.* parameters"),
    Case(
        "an output of a trillion numbers",
        model("[-1, 1, nn.Upsample, [null, 5000, nearest]]"),
        INFO,
        "its output would",
    ),
    Case("channels that are no number", model("[-1, 1, Conv, [.nan]]"), INFO, "nan is no number of channels"),
    Case(
        "a scale that is no number",
        model("[-1, 1, Conv, [16]]", "scale: n\nscales: {n: [.nan, 1, 64]}\n"),
        INFO,
        "scale n in",
    ),
    Case(
        "a scale without end",
        model("[-1, 1, Conv, [16]]", "scale: n\nscales: {n: [1, .inf, 64]}\n"),
        INFO,
        "scale n in",
    ),
    Case(
        "a billion classes in a model",
        model("[-1, 1, Conv, [16]]", "nc: 1000000000\n"),
        INFO,
        "nc=1000000000 must be a whole number from 1 to 65,536",
    ),
    Case(
        "a function of the system as a layer", model("[-1, 1, os.system, [CODE]]"), INFO, "unknown module 'os.system'"
    ),
    Case(
        "code as an argument",
        model('[-1, 1, Conv, [\'__import__("os").mkdir("AT/ran")\']]'),
        INFO,
        "no number of channels",
    ),
    Case(
        "code as an activation",
        model("[-1, 1, Conv, [16]]", "activation: os.mkdir('AT/ran')\n"),
        INFO,
        "no torch.nn act",
    ),
    Case(
        "an activation of two billion numbers",
        model("[-1, 1, Conv, [16]]", "activation: nn.PReLU(2000000000)\n"),
        INFO,
        "no torch",
    ),
    Case("a word of 5,000 brackets", model(f"[-1, 1, Conv, ['{'(' * 5_000}']]"), INFO, "is no number of channels"),
    Case(
        "a grid of a billion intervals",
        {"m.yaml": "base: yolov5n.yaml\ncoder: {type: bins, n: 1000000000}\n"},
        INFO,
        "n=1000000000 must be a whole number from 1 to 1,000",
    ),
    Case(
        "tiles of one pixel",
        {},
        "predict model=AT/good.yaml source=AT/data/images/val crops=grid tile=1",
        "tile=1 must be a whole number from 32 up",
    ),
    Case("an input of a billion pixels", data(), f"{TRAIN} imgsz=1000000000", "imgsz=1000000000 is above 65,536"),
]
ANNOTATIONS = [
    Case(
        "a million brackets as ground truth",
        {"gt.json": "[" * 1_000_000, "pred.json": "[]"},
        EVAL,
        "cannot be read as JSON",
    ),
    Case(
        "a number of 5,000 digits", {"gt.json": f"[{'9' * 5_000}]", "pred.json": "[]"}, EVAL, "cannot be read as JSON"
    ),
    Case("a pipe as detections", {"gt.json": "{}", "pred.json": PIPE}, EVAL, "is a device or a pipe"),
    Case("a million brackets to convert", {"source/train.json": "[" * 1_000_000}, f"{CONVERT}coco", "nested too deep"),
    Case(
        "entities that multiply",
        {
            "source/VOC2007/ImageSets/Main/trainval.txt": "a\n",
            "source/VOC2007/ImageSets/Main/test.txt": "a\n",
            "source/VOC2007/JPEGImages/a.jpg": b"",
            "source/VOC2007/Annotations/a.xml": '<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "x">]><a>&b;</a>',
        },
        f"{CONVERT}voc",
        "declares entities",
    ),
]
CASES = [*YAML, *DOWNLOADS, *ROWS_OF_MODELS, *ANNOTATIONS]
