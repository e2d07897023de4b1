"""Recipes are what they say: numbers of papers and official code, and what our own change in them."""

from __future__ import annotations

import re

import pytest
from ultralytics.utils import DEFAULT_CFG_DICT

from yolotiny.config import load as config
from yolotiny.config.run_files import read_recipe

RECIPES = sorted(file.stem for file in (config.cfg_dir() / "train").glob("*.yaml"))

# Each number with its source. What a recipe does not name is ultralytics' default, which then has to be that number.
PAPERS = {
    "yolc": {  # Liu et al. 2024, section IV-B
        "optimizer": "SGD",
        "lr0": 0.01,
        "batch": 2,
        "nbs": 2,  # the rate is that of its batch
        "epochs": 160,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "imgsz": 1024,  # 1024x640
        "rect": True,
        "fliplr": 0.5,  # the official code, as what follows
        "flipud": 0.0,
        "mosaic": 0.0,
        "mixup": 0.0,
        "gradient_clip": 35.0,
    },
    "yolov5-official": {  # ultralytics/yolov5 v6: data/hyps/hyp.scratch-low.yaml, every number of training in it
        "lr0": 0.01,
        "lrf": 0.01,
        "momentum": 0.937,
        "weight_decay": 0.0005,
        "warmup_epochs": 3.0,
        "warmup_momentum": 0.8,
        "warmup_bias_lr": 0.1,
        "hsv_h": 0.015,
        "hsv_s": 0.7,
        "hsv_v": 0.4,
        "degrees": 0.0,
        "translate": 0.1,
        "scale": 0.5,
        "shear": 0.0,
        "perspective": 0.0,
        "flipud": 0.0,
        "fliplr": 0.5,
        "mosaic": 1.0,
        "mixup": 0.0,
        "epochs": 300,  # the command in its head, as what follows
        "imgsz": 640,
        "cos_lr": False,
        "optimizer": "SGD",  # train.py, as what follows
        "nbs": 64,
        "close_mosaic": 0,
        "loss.autoscale": True,
    },
    "yolox-official": {  # Megvii-BaseDetection/YOLOX: yolox/exp/yolox_base.py
        "optimizer": "SGD",
        "lr0": 0.01,  # basic_lr_per_img = 0.01 / 64
        "nbs": 64,
        "lrf": 0.05,  # min_lr_ratio
        "cos_lr": True,  # yoloxwarmcos
        "warmup_epochs": 5,
        "warmup_bias_lr": 0.0,  # warmup_lr
        "warmup_momentum": 0.9,  # the same throughout
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "epochs": 300,
        "imgsz": 640,
        "close_mosaic": 15,  # no_aug_epochs
        "mosaic": 1.0,
        "degrees": 10.0,
        "translate": 0.1,
        "shear": 2.0,
        "fliplr": 0.5,
        "flipud": 0.0,
        "hsv_h": 0.015,  # yolox/data/data_augment.py, as of the paper
        "hsv_s": 0.7,
        "hsv_v": 0.4,
        "scale": 0.5,  # exps/default/yolox_nano.py and yolox_tiny.py: (0.5, 1.5), no mixup
        "mixup": 0.0,
    },
    "rcnn-official": {  # Chasel-Tsui/mmdet-aitod: mmdet-nwdrka, faster_rcnn_r50_fpn_1x_aitod
        "optimizer": "SGD",
        "lr0": 0.01,
        "nbs": 2,
        "lrf": 0.01,  # step=[8, 11], tenfold each
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "epochs": 12,
        "imgsz": 800,
        "fliplr": 0.5,
        "mosaic": 0.0,
    },
}
# yolov5 v6 and YOLOX: in the model files of ours, not in a recipe.
LOSSES = {
    "yolov5": {  # hyp.scratch-low.yaml
        "assigner": {"type": "wh_ratio", "anchor_t": 4.0},
        "loss": {"box": ("ciou", 0.05), "obj": (None, 1.0), "cls": (None, 0.5)},
    },
    "yolox": {  # yolox/models/yolo_head.py: 5.0 * iou + obj + cls + l1; centres within 1.5 cells
        "assigner": {"type": "simota", "radius": 1.5},
        "loss": {"box": ("iou2", 5.0), "obj": (None, 1.0), "cls": (None, 1.0), "l1": (None, 1.0)},
    },
    "yolc": {  # Liu et al. 2024, Eqs. 3 and 11
        "assigner": {"type": "gaussian_center", "min_overlap": 0.3},
        "loss": {"heat": (None, 1.0), "box": ("gwd_l1", None)},
    },
}


def said(name: str) -> dict:
    """Everything that a recipe decides."""
    plain, changes = read_recipe(name)
    return plain | changes


@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_has_the_numbers_of_its_paper(name):
    in_use = DEFAULT_CFG_DICT | said(name)
    assert {k: in_use.get(k) for k in PAPERS[name]} == PAPERS[name]


@pytest.mark.parametrize("name", [n for n in RECIPES if n not in PAPERS])
def test_a_recipe_of_our_own_names_all_that_it_changes_and_no_more(name):
    text = (config.cfg_dir() / "train" / f"{name}.yaml").read_text("utf-8")
    other, listed = re.search(r"Departs from recipe=(\S+) in: ((?:[^.]|\n)*)\.", text).groups()
    ours, theirs = (DEFAULT_CFG_DICT | said(n) for n in (name, other))
    assert set(re.findall(r"\w+", listed)) == {k for k in ours | theirs if ours.get(k) != theirs.get(k)}


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_losses_and_assigners_are_those_of_the_papers(name):
    cfg, wanted = config.load(name), LOSSES[name]
    assert cfg["assigner"] == wanted["assigner"]
    loss = {k: (v.get("type"), v.get("weight")) for k, v in cfg["loss"].items()}
    assert loss == wanted["loss"]
    if name == "yolc":
        assert (cfg["loss"]["heat"]["alpha"], cfg["loss"]["heat"]["gamma"]) == (2.0, 4.0)
        assert (cfg["loss"]["box"]["gwd"], cfg["loss"]["box"]["l1"]) == (2.0, 0.5)


def test_every_model_trains_by_a_recipe_that_is_there():
    files = (config.cfg_dir() / "models").glob("*.yaml")
    named = {config.load(file).get("recipe", "").removesuffix(".yaml") for file in files}
    assert named - {""} == {"rcnn", "rcnn-official", "yolc", "yolc-small", "yolotiny", "yolov5", "yolox"}
    assert named - {""} <= set(RECIPES)
