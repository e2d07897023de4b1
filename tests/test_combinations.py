"""What can be put on what: parts on model files, and the YAML that the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from ultralytics.utils import DEFAULT_CFG

from tests.detectors import batch
from tests.messages import assert_says
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError

DOCS = Path(__file__).parents[1] / "docs"
ROOTS = ["yolov5", "yolov5-p2", "yolov5-p2p3", "yolox", "yolox-p2", "yolc-n", "yolc", "centernet", "tph-yolov5"]
ROOTS += ["retina", "fcos", "frcnn", "yolotiny"]
CHILDREN = ["yolov5-sarl", "yolov5-p2-srtod", "yolov5-sal", "yolov5-nwd-rka", "yolox-ugs", "yolox-p2-sarl-srtod"]
THEIRS = {"yolov8n": ([4, 6, 9], 15, 21), "yolo26n": ([4, 6, 10], 16, 22), "yolo11-p2-sarl-srtod": ([4], "p2", "p5")}
PARTS = {
    "sal": {"loss": {"box": {"type": "sal"}}},
    "sal of ciou": {"loss": {"box": {"type": "sal", "of": "ciou", "beta": 2}}},
    "nwd": {"loss": {"box": {"type": "nwd"}}},
    "half nwd": {"loss": {"box": {"type": "nwd", "ratio": 0.5}}},
    "gwd": {"loss": {"box": {"type": "gwd_l1", "gwd": 1.0, "sqrt": True}}},
    "rka": {"assigner": {"type": "rka", "k": 3}},
    "simota": {"assigner": {"type": "simota", "metric": "nwd"}},
    "bins": {"coder": {"type": "bins", "n": 8}, "loss": {"bins": {"gamma": 0.0}}},
    "sarl": {"insert": [{"name": "sarl", "module": "SARL"}]},
    "srtod": {"insert": [{"name": "srtod", "module": "SRTOD"}]},
}
# What does not go together, by the head's module, and what is said.
WHICH, HEAT = (
    "and needs to be told which, because",
    "is for heads without a heat map, and this is none; write gaussian_cen",
)
TERM, BRINGS = "loss.box is no term of a head of ultralytics", "is a head of ultralytics, which brings its own"
CENTER = {"sal": WHICH, "half nwd": WHICH, "rka": HEAT, "simota": HEAT}
REFUSED = {
    "YOLCDetect": CENTER,
    "RetinaDetect": {"sal": WHICH, "half nwd": WHICH},  # its own is a loss of raw channels
    "RCNNDetect": {"sal": WHICH, "half nwd": WHICH, "simota": "looks at classes, which proposals have none of"},
    "CenterNetDetect": CENTER | {"sarl": "reads unknown 'c3'", "srtod": "reads unknown 'p5'"},  # one map, no levels
    "Detect": dict.fromkeys(["sal", "sal of ciou", "nwd", "half nwd", "gwd"], TERM)
    | {"rka": BRINGS, "simota": BRINGS, "bins": "'coder' in .* is asked for by no layer"},
}


def smallest(name: str) -> dict:
    """The configuration of a model file, at the first of its scales where its name has none."""
    cfg = config.load(name)
    return cfg if name in THEIRS else config.override(cfg, {"scale": next(iter(cfg["scales"]))})


def places(name: str, cfg: dict) -> tuple[list, str | int, str | int]:
    """Levels between backbone and neck, the finest level of the head, and the layer after which SR-TOD stands."""
    if name in THEIRS:
        return THEIRS[name]
    names = [row[4] for row in cfg["backbone"] + cfg["head"] if len(row) > 4]
    if "features" in names:
        return ["0.1", "0.2"], "p2", "p2"
    finest = "p2" if "p2" in names else "p3"
    read = {n for row in cfg["head"] for n in np.ravel(row[0]).tolist()}  # the flagship makes p2 without c2
    levels = [n for n in ("c2", "c3", "c4", "c5") if n != "c2" or n in read]
    return levels, finest, ([n for n in names if n in ("p5", "p3", "p2")] or ["p5"])[-1]


def added(name: str, cfg: dict, part: str) -> dict:
    """A configuration with a part put on it, as a file with a `base` would."""
    levels, finest, last = places(name, cfg)
    where = {
        "sarl": {"after": levels},
        "srtod": {"after": last, "from": [finest, "image"], "takes": [finest]},
    }
    changes = {k: v for k, v in PARTS[part].items() if k not in ("loss", "insert")}
    changes |= {f"loss.{term}.{k}": v for term, d in PARTS[part].get("loss", {}).items() for k, v in d.items()}
    out = config.override(cfg, changes, terms=["box", "bins"])
    new = [item | where[part] for item in PARTS[part].get("insert", [])]
    return out | ({"insert": cfg.get("insert", []) + new} if new else {})


def lost(cfg: dict, like: Detector | None = None) -> tuple[Detector, dict]:
    """A detector with the weights of another one where it has them, and what it loses on two pictures."""
    torch.manual_seed(0)
    made = Detector(cfg, nc=2)
    made.args = DEFAULT_CFG
    if like is not None:
        made.load(like, verbose=False)
    for key, p in made.named_parameters():
        if key.endswith("gamma"):  # an identity at first
            p.data.fill_(0.5)
    with torch.no_grad():
        return made, made.loss(batch((64, 64)))[1]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", [*ROOTS, *CHILDREN, *THEIRS])
def test_every_part_on_every_model_changes_something_or_is_refused_for_a_true_reason(name):
    cfg = smallest(name)
    base, before = lost(cfg)
    for part in PARTS:
        says = REFUSED.get(cfg["head"][-1][2], {}).get(part)
        if part in [item["name"] for item in cfg.get("insert", [])]:
            says = f"insert '{part}': the name '{part}' is that of insert '{part}' already"
        if part == "sarl" and name == "yolc":  # its neck reads the backbone's list of levels as one
            says = "reads all of '0', parts of which are taken over; name them one by one"
        if says is None:
            if added(name, cfg, part) == cfg:  # it is there already
                continue
            _, after = lost(added(name, cfg, part), base)
            assert after.keys() != before.keys() or any(after[k] != before[k] for k in before), part
            continue
        with pytest.raises(InputError, match=says) as caught:
            lost(added(name, cfg, part), base)
        assert "\n" not in str(caught.value)


SNIPPETS = [
    pytest.param(text, id=f"{file.stem}-{i}")
    for file in sorted(DOCS.rglob("*.md"))
    if file.stem not in ("own_parts", "deploy", "models", "studies")  # plugins, and no model files
    for i, text in enumerate(re.findall(r"```yaml\n(.*?)```", file.read_text("utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_the_yaml_of_the_documentation_builds_on_every_base_that_it_names(text):
    said = yaml.safe_load(text)
    bases = [said["base"], *re.findall(r"^base: \S+ +# or (.+)$", text, re.MULTILINE)]
    for base in [b.strip() for names in bases for b in names.split(",")]:
        made, parts = lost(said | {"base": base, "yaml_file": "docs.yaml"})
        if "insert" in said:
            keys = [key for key, _ in made.model.named_children()]
            assert all(item["name"] in keys for item in said["insert"])
        assert all(torch.isfinite(v) for v in parts.values())


def test_there_are_snippets():
    assert len(SNIPPETS) >= 3


ASSIGNMENTS = [
    (said, base)
    for file in sorted(DOCS.rglob("*.md"))
    for said, base in re.findall(r"^\| ([^|]*) \| `(coder: \{[^`]*\})`", file.read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize(("models", "coder"), ASSIGNMENTS)
def test_the_grids_of_the_documentation_are_those_of_the_model_files(models, coder):
    said = yaml.safe_load(coder)
    for name in re.findall(r"`([^`]+)`", models):
        cfg = config.load(name)
        if cfg["coder"]["type"] == "bins":
            assert cfg["coder"] == said["coder"]
        lost(config.override(smallest(name), said))


@pytest.mark.parametrize("family", ["yolov5n", "yolox-nano"])
def test_a_file_that_combines_two_is_the_two(family):
    both, one, other = (config.load(f"{family}-{part}") for part in ("sarl-sal", "sarl", "sal"))
    assert both["insert"] == one["insert"] and both["loss"] == other["loss"]
    by_option = config.override(one, {"loss.box.type": "sal"})["loss"]["box"]
    assert lost(both)[1] == lost(one | {"loss": one["loss"] | {"box": by_option}})[1]


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (  # numbers of another model
            {
                "base": "yolox-p2.yaml",
                "insert": [{"name": "srtod", "after": 22, "from": [16, "image"], "takes": [16], "module": "SRTOD"}],
            },
            "x.yaml, insert 'srtod' takes over '16', which no layer behind it reads on the way to the head, so it "
            "would change nothing; they read: 22, lat3, lat4, lat5, p2",
        ),
        (  # a level that the neck does not read
            {"base": "yolov5.yaml", "insert": [{"name": "sarl", "after": ["c2", "c3"], "module": "SARL"}]},
            "x.yaml, insert 'sarl' takes over 'c2', which no layer behind it reads on the way to the head, so it "
            "would change nothing; they read: c3",
        ),
        (  # read by a layer that nobody reads
            {
                "base": "yolov5.yaml",
                "insert": [
                    {"name": "a", "after": "p3", "module": "CBAM"},
                    {"name": "b", "after": "p3", "module": "CBAM", "from": "c3"},
                ],
            },
            "x.yaml, insert 'a' takes over 'p3', which no layer behind it reads on the way to the head, so it "
            "would change nothing; they read: c3, lat4, lat5",
        ),
        (
            {"base": "yolov5.yaml", "insert": [{"name": "a", "after": "p3", "takes": [], "module": "CBAM"}]},
            "no layer reads insert 'a' in x.yaml, so it would change nothing; see `takes`",
        ),
    ],
)
def test_an_insert_that_changes_nothing_is_refused(cfg, message):
    with assert_says(message):
        Detector(cfg | {"yaml_file": "x.yaml"})


def test_a_branch_that_is_there_for_the_loss_alone_is_no_mistake():
    branch = {"name": "s", "after": "p3", "from": ["p3", "image"], "takes": [], "module": "SRTOD"}
    assert lost({"base": "yolov5.yaml", "insert": [branch]})[1]["recon_loss"] > 0


def drawing(model: str, item: dict) -> str:
    """Rows of a model with their numbers and names, what each reads, and what reads an insert in its place."""
    cfg = config.load(model)
    plain = {row.key: row for row in config.rows(cfg)}
    names = {key: row.name for key, row in plain.items() if row.name}
    lines = [f"{'row':>4} {'module':<12} {'name':<8} {'reads':<14} with the insert"]
    for row in config.rows(config.load(cfg | {"insert": [item]})):
        reads, was = ([names.get(s, s) for s in sources_of(r)] for r in (row, plain.get(row.key, row)))
        number = row.key if row.key in plain else ""
        now = ", ".join(reads) if reads != was else ""
        shown = ", ".join(was) if row.key in plain else ""
        now = now or ("" if row.key in plain else f"stands here, reads {', '.join(reads)}")
        lines.append(f"{number:>4} {row.module:<12} {row.name or '':<8} {shown:<14} {now}".rstrip())
    return "\n".join(lines)


def sources_of(row: config.Row) -> tuple[str, ...]:
    return row.source if isinstance(row.source, tuple) else (row.source,)


def test_the_drawing_of_the_documentation_is_that_of_the_model():
    text = (DOCS / "modules.md").read_text("utf-8")
    shown = re.search(r"```text\n( row .*?)\n```", text, re.DOTALL)
    assert shown and shown[1] == drawing("yolov5n", {"name": "cbam", "after": "c3", "module": "CBAM"})
