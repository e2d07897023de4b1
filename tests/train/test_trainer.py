"""The trainer: files, figures, seeds, recipes, and runs that are cut off and go on."""

from __future__ import annotations

import csv
import re
import signal
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from ultralytics.utils import LOGGER

from tests.tiny_data import QUICK, add_picture, start, trained, write_tiny
from yolotiny import YOLO
from yolotiny.config import load as config
from yolotiny.config.run_files import read_recipe
from yolotiny.criterion import targets_of
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.train.trainer import Trainer
from yolotiny.val.validator import Validator

LOSSES = ["train/box_loss", "train/obj_loss", "train/cls_loss"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("data"))


def train(data, folder, model="yolov5n.yaml", **options):
    """Train for a moment; the model's name and options may be anything of `YOLO.train`."""
    made = YOLO(model)
    made.train(data=str(data), project=str(folder), **(QUICK | {"name": "run"} | options))
    return made


def table(run):
    with open(Path(run) / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def prepared(data, folder, model="yolov5n.yaml", **options):
    """A trainer that is set up and has not run."""
    args = {"model": model, "data": str(data), "project": str(folder), "optimizer": "SGD", **QUICK, **options}
    made = Trainer(overrides=args)
    made.model = made.get_model(cfg=model)
    made.set_up()
    return made


def test_a_run_leaves_its_figures_and_checkpoints():
    run = trained().run
    assert {p.name for p in run.iterdir()} >= {"args.yaml", "model.yaml", "results.csv", "weights"}
    assert {p.name for p in (run / "weights").iterdir()} == {"best.pt", "last.pt"}
    assert [row["epoch"] for row in table(run)] == ["1", "2"]


def test_results_begin_with_the_columns_of_ultralytics_and_end_with_ours():
    columns = list(table(trained().run)[0])
    assert columns[:9] == [
        *["epoch", "time", *LOSSES],
        *(f"metrics/{k}(B)" for k in ("precision", "recall", "mAP50", "mAP50-95")),
    ]
    assert columns[-6:] == [f"metrics/{k}(B)" for k in ("AP", "AP50", "AP_vt", "AP_t", "AP_s", "AP_m")]
    assert columns[9:-6] == [k.replace("train", "val") for k in LOSSES] + ["lr/pg0", "lr/pg1", "lr/pg2"]


def test_epochs_without_validation_have_the_same_columns(data, tmp_path):
    train(data, tmp_path, epochs=2, val=False, protocol="coco")
    rows = table(tmp_path / "run")
    assert len(rows) == 2 and None not in rows[1] and rows[1]["metrics/AP_l(B)"] == "0"


def test_amp_bf16_computes_in_bfloat16_on_a_cpu(data, tmp_path):
    made, seen = YOLO("yolov5n.yaml"), []
    watch = lambda layer, x, y: seen.append((y.dtype, layer.weight.dtype))  # noqa: E731
    made.add_callback("on_train_start", lambda trainer: trainer.model.model[0].conv.register_forward_hook(watch))
    made.train(data=str(data), project=str(tmp_path), **(QUICK | {"name": "run", "amp": "bf16"}))
    assert seen[0] == (torch.bfloat16, torch.float32)
    assert all(float(table(tmp_path / "run")[0][k]) > 0 for k in LOSSES)


def test_amp_bf16_is_said_to_be_slow_where_it_is(data, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(LOGGER, "warning", lambda text: lines.append(text))
    for slow in (True, False):
        monkeypatch.setattr("yolotiny.train.trainer.slow_bfloat16", lambda slow=slow: slow)
        prepared(data, tmp_path, amp="bf16")
        assert [line for line in lines if "bf16" in line] == (
            ["amp=bf16: this processor has no bfloat16 instructions, so amp=False is faster"] if slow else []
        )
        lines.clear()


@pytest.mark.parametrize("wanted", [None, False])
def test_a_cpu_trains_in_channels_last_unless_told_otherwise(data, tmp_path, wanted):
    made = prepared(data, tmp_path, channels_last=wanted)
    kernel = made.model.model[0].conv.weight
    assert kernel.is_contiguous(memory_format=torch.channels_last) is (wanted is None)


@pytest.mark.slow
def test_a_run_with_plots_leaves_the_usual_pictures(tmp_path):
    data = write_tiny(tmp_path / "data")
    picture = np.full((96, 96, 3), 90, np.uint8)
    add_picture(tmp_path / "data", "train", "z.png", picture, [(0, 0.7, 0.5, 0.1, 0.1)], ignore=[(0.2, 0.5, 0.4, 1.0)])
    made = train(data, tmp_path, plots=True, iou=0.6)
    made.val(data=str(data), project=str(tmp_path), name="v", imgsz=64, save_json=True, conf=1e-4)
    usual = "labels.jpg train_batch0.jpg val_batch0_labels.jpg val_batch0_pred.jpg confusion_matrix.png".split()
    usual += "confusion_matrix_normalized.png BoxPR_curve.png BoxF1_curve.png BoxP_curve.png BoxR_curve.png".split()
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {*usual, "results.png", "results.csv", "args.yaml"}
    assert (tmp_path / "v" / "val_batch0_pred.jpg").stat().st_size > 1000


def test_ignore_regions_are_not_drawn_or_counted_as_objects(tmp_path, monkeypatch):
    data = write_tiny(tmp_path / "data", train=2)
    picture = np.full((96, 96, 3), 90, np.uint8)
    add_picture(tmp_path / "data", "train", "z.png", picture, [(0, 0.7, 0.5, 0.1, 0.1)], ignore=[(0.2, 0.5, 0.4, 1.0)])
    trainer = prepared(data, tmp_path)
    drawn = []
    monkeypatch.setattr("yolotiny.train.trainer.plot_labels", lambda boxes, cls, **k: drawn.append((boxes, cls)))
    trainer.plot_training_labels()
    (boxes, cls) = drawn[0]
    assert len(boxes) == len(cls) == 13 and set(cls) == {0, 1}
    assert trainer.get_class_counts().shape == (2,) and trainer.get_class_counts().sum() == 13
    batch = trainer.preprocess_batch(next(iter(trainer.train_loader)))
    assert (batch["cls"] < 2).all() and len(batch["cls"]) == len(batch["bboxes"]) == len(batch["batch_idx"])


@pytest.mark.parametrize("model", ["yolov5n.yaml", "yolox-nano.yaml"])
def test_inside_an_ignore_region_nothing_is_a_negative(model):
    detector = Detector(model, nc=2)
    batch = {
        "img": torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
        "cls": torch.zeros(0, 1),
        "bboxes": torch.zeros(0, 4),
        "batch_idx": torch.zeros(0),
    }
    detector.train()
    assert detector.loss(batch)[1]["obj_loss"] > 0
    covered = batch | {"ignore_bboxes": torch.tensor([[0.5, 0.5, 1.0, 1.0]]), "ignore_idx": torch.zeros(1)}
    assert detector.loss(covered)[0].sum() == 0


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(data, tmp_path):
    losses = {}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train(data, tmp_path, name=name, seed=seed, epochs=2)
        losses[name] = [[row[k] for k in LOSSES] for row in table(tmp_path / name)]
    assert losses["a"] == losses["b"] != losses["c"]


@pytest.mark.parametrize("model", ["yolov5n.yaml", "yolox-nano.yaml"])
def test_the_loss_is_finite_under_bfloat16_and_computed_in_full_precision(model, data, tmp_path):
    trainer = prepared(data, tmp_path, model)
    assert trainer.amp is False  # on a CPU
    batch = trainer.preprocess_batch(next(iter(trainer.train_loader)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, parts = trainer.model(batch)
    assert loss.dtype == torch.float32 and torch.isfinite(loss).all() and all(map(torch.isfinite, parts.values()))


def test_several_sizes_lie_round_imgsz_and_boxes_follow(data, tmp_path):
    trainer, sizes = prepared(data, tmp_path, imgsz=320, multi_scale=0.2), set()
    for _ in range(60):
        batch = {"img": torch.zeros(1, 3, 320, 320, dtype=torch.uint8), "bboxes": torch.tensor([[0.5, 0.5, 0.1, 0.2]])}
        batch |= {"cls": torch.zeros(1, 1), "batch_idx": torch.zeros(1)}
        shown = trainer.preprocess_batch(batch)
        sizes.add(side := shown["img"].shape[-1])
        assert targets_of(shown).boxes[0].div(side).tolist() == pytest.approx([0.45, 0.4, 0.55, 0.6])
    assert sizes == {256, 288, 320, 352, 384}


def test_the_average_follows_the_model(data, tmp_path):
    trainer = prepared(data, tmp_path)
    before = deepcopy(trainer.ema.ema.state_dict())
    batch = trainer.preprocess_batch(next(iter(trainer.train_loader)))
    trainer.scaler.scale(trainer.model(batch)[0].sum()).backward()
    trainer.optimizer_step()
    after = trainer.ema.ema.state_dict()
    assert any(not torch.equal(before[k], after[k]) for k in before) and trainer.ema.updates == 1


@pytest.mark.parametrize(("options", "norm"), [({}, 10), ({"gradient_clip": 35}, 35), ({"gradient_clip": 1e-3}, 1e-3)])
def test_gradients_are_clipped_at_the_norm_asked_for(options, norm, data, tmp_path):
    args = {"model": "yolov5n.yaml", "data": str(data), "project": str(tmp_path), "optimizer": "SGD", **QUICK}
    trainer = Trainer(overrides=args)
    trainer.model = trainer.get_model(cfg=config.override(config.load("yolov5n.yaml"), options))
    trainer.set_up()
    for p in trainer.model.parameters():
        p.grad = torch.ones_like(p)  # of a norm above 1000
    seen = []
    trainer.optimizer.step = lambda *a, **k: seen.append(
        torch.cat([p.grad.ravel() for p in trainer.model.parameters()])
    )
    trainer.optimizer_step()
    assert seen[0].norm().item() == pytest.approx(norm, rel=1e-3) and trainer.ema.updates == 1


def test_the_recipe_of_yolc_has_the_norm_of_the_official_code_and_a_bad_one_is_refused(data, tmp_path):
    made = train(data, tmp_path, "yolc-n.yaml", recipe="yolc", nbs=4)
    assert made.model.yaml["gradient_clip"] == 35
    with pytest.raises(InputError, match="gradient_clip=-1: give a number above 0"):
        train(data, tmp_path, gradient_clip=-1)


@pytest.mark.parametrize(
    ("model", "recipe", "batch", "steps"),
    [
        ("yolc-n.yaml", "yolc", 2, 1),
        ("yolc-n.yaml", "yolc", 16, 1),  # fewer steps than the paper, at its rate and decay
        ("yolox-nano.yaml", "yolox-official", 4, 16),
        ("yolov5n.yaml", "yolov5-official", 4, 16),
        ("yolov5n.yaml", "yolov5-official", 64, 1),
    ],
)
def test_a_step_has_the_rate_and_the_decay_of_its_recipe_at_any_batch(data, tmp_path, model, recipe, batch, steps):
    plain, _ = read_recipe(recipe)
    options = plain | {"imgsz": 64, "epochs": 100, "batch": batch, "rect": False}
    made = prepared(data, tmp_path, model, **options)
    decayed = next(g for g in made.optimizer.param_groups if g["weight_decay"])
    # SGD: a step moves weights by rate * (sum of gradients of so many batches + decay * weights).
    per_batch = batch if model.startswith("yolov5") else 1  # its loss grows with the batch
    assert made.accumulate == steps
    assert decayed["initial_lr"] * steps * per_batch == pytest.approx(plain["lr0"] * (64 if per_batch > 1 else 1))
    assert decayed["initial_lr"] * decayed["weight_decay"] == pytest.approx(plain["lr0"] * plain["weight_decay"])


def test_pictures_of_one_shape_share_a_batch_and_are_shuffled(tmp_path, caplog):
    file = write_tiny(tmp_path / "data", train=5)
    for i in range(6):
        wide = np.zeros((48, 96, 3), np.uint8)
        add_picture(tmp_path / "data", "train", f"wide{i}.png", wide, [(0, 0.5, 0.5, 0.1, 0.1)])
    loader = prepared(file, tmp_path, batch=2, rect=True, workers=0).train_loader
    first, second = ([(tuple(b["img"].shape), tuple(b["im_file"])) for b in loader] for _ in range(2))
    assert sorted(sum((f for _, f in first), ())) == sorted(sum((f for _, f in second), ())) and first != second
    assert {shape for shape, _ in first} == {(2, 3, 32, 64), (2, 3, 64, 64), (1, 3, 64, 64)}
    assert first[-1][0] == second[-1][0] == (1, 3, 64, 64)
    pairs = lambda epoch: {frozenset(f) for _, f in epoch}  # noqa: E731
    assert pairs(first) != pairs(second) and "incompatible" not in caplog.text


def test_boxes_outside_the_grid_of_a_coder_are_said_once(data, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(LOGGER, "warning", lambda text: lines.append(text))
    values = {"coder.alpha": [1.0, 1.3863], "coder.beta": [2.0, 1.4427], "coder.n": 10}  # those of YOLOv5
    train(data, tmp_path, "yolox-nano-ugs.yaml", epochs=2, val=False, **values)
    (line,) = [x for x in lines if "clamped" in x]
    assert re.match(r"coder of yolox-nano-ugs.yaml: \d+\.\d% of what was learnt in this epoch lies outside", line)
    lines.clear()
    for name in ("yolox-nano-ugs.yaml", "yolov5n-ugs.yaml"):
        train(data, tmp_path, name, val=False)
    assert not [x for x in lines if "clamped" in x]


def test_a_term_that_the_file_does_not_name_is_an_option(data, tmp_path):
    train(data, tmp_path, "yolov5n-sal.yaml", **{"loss.l1.weight": 1})
    assert float(table(tmp_path / "run")[0]["train/l1_loss"]) > 0
    with pytest.raises(InputError, match="cannot set 'loss.l2.weight' in yolov5n.yaml: 'loss' has no 'l2'; "):
        train(data, tmp_path, **{"loss.l2.weight": 1})


def test_an_unknown_figure_or_protocol_is_reported_before_the_first_epoch(data, tmp_path):
    with pytest.raises(InputError, match="fitness 'AP_vtt' is no figure of protocol aitod; did you mean 'AP_vt'"):
        train(data, tmp_path, fitness="AP_vtt")
    with pytest.raises(InputError, match="unknown protocol 'cocoo'; did you mean 'coco'"):
        train(data, tmp_path, protocol="cocoo")


def test_protocol_and_fitness_choose_columns_and_the_best_epoch_and_stay_in_the_checkpoint(data, tmp_path, monkeypatch):
    figures = iter([0.2, 0.9, 0.5, 0.5])
    monkeypatch.setattr(
        "yolotiny.val.validator.evaluate_arrays", lambda *a, **k: {"AP": 0.1, "AP_l": next(figures, 0.5)}
    )
    monkeypatch.setattr("yolotiny.val.validator.table", lambda report: "")
    kept = []
    monkeypatch.setattr(Trainer, "final_eval", lambda self: kept.append(self.best_fitness))
    made = train(data, tmp_path, epochs=3, protocol="coco", fitness="AP_l")
    assert kept == [0.9]
    assert [row["metrics/AP_l(B)"] for row in table(tmp_path / "run")] == ["0.2", "0.9", "0.5"]
    assert made.model.yaml["eval"] == {"protocol": "coco", "fitness": "AP_l"}
    assert torch.load(tmp_path / "run/weights/best.pt", weights_only=True)["epoch"] == 1


def test_l1_joins_the_loss_when_mosaic_closes(data, tmp_path):
    train(data, tmp_path, "yolox-nano.yaml", epochs=3, close_mosaic=1)
    for split in ("train", "val"):
        l1 = [float(row[f"{split}/l1_loss"]) for row in table(tmp_path / "run")]
        assert l1[:2] == [0, 0] and l1[2] > 0


def cut_off(monkeypatch, after):
    """Stop any training as a kill would, when `after` epochs are saved."""
    save = Trainer.save_model

    def dies(self):
        save(self)
        if self.epoch + 1 == after:
            raise SystemError("killed")

    monkeypatch.setattr(Trainer, "save_model", dies)


def test_a_run_resumed_into_its_last_epochs_has_l1_too(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemError):
        cut_off(patch, after=2)
        train(data, tmp_path, "yolox-nano.yaml", epochs=3, close_mosaic=2)
    YOLO(tmp_path / "run/weights/last.pt").train(resume=True)
    l1 = [float(row["train/l1_loss"]) for row in table(tmp_path / "run")]
    assert l1[0] == 0 and l1[1] > 0 and l1[2] > 0


def test_a_run_of_yolc_that_is_cut_off_goes_on_with_its_crops_and_ends_after_as_many_epochs(
    data, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch, pytest.raises(SystemError):
        cut_off(patch, after=1)
        train(data, tmp_path, "yolc-n.yaml", epochs=3, gradient_clip=20, **{"crop_train.min_area": 0})
    last = tmp_path / "run/weights/last.pt"
    before = YOLO(last).model.yaml
    made = YOLO(last)
    made.train(resume=True)
    assert [row["epoch"] for row in table(tmp_path / "run")] == ["1", "2", "3"]
    assert made.model.yaml["measured"] == before["measured"] and made.model.yaml["gradient_clip"] == 20
    assert made.trainer.train_loader.dataset.crop_train.slicer.config.min_area == 0
    assert {f"{k}_loss" for k in ("heat", "box", "coarse")} == set(made.trainer.loss_names)
    assert made.val(data=str(data), project=str(tmp_path), name="v", imgsz=64, plots=False, device="cpu").report


def test_changes_of_the_model_survive_in_the_checkpoint_and_in_a_resumed_run(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemError):
        cut_off(patch, after=1)
        train(
            data,
            tmp_path,
            epochs=2,
            anchors="auto",
            **{"loss.box.weight": 0.2, "assigner.anchor_t": 3.0, "loss.box.type": "nwd"},
        )
    written = yaml.safe_load((tmp_path / "run/model.yaml").read_text())
    last = tmp_path / "run/weights/last.pt"
    anchors = YOLO(last).model.yaml["anchors"]
    assert written["anchors"] == anchors and len(anchors) == 3 and "auto" not in str(anchors)
    made = YOLO(last)
    made.train(resume=True)
    trained_ = made.model.yaml
    assert trained_["loss"]["box"]["weight"] == 0.2 and trained_["assigner"]["anchor_t"] == 3.0
    assert trained_["anchors"] == anchors
    assert made.trainer.model.criterion.box.weight == 0.2
    size = written["measured"]["object_size"]  # what c: auto means was measured once, and is the same ever after
    assert trained_["measured"] == written["measured"] and made.trainer.model.criterion.box.c == size
    head = made.model.model[-1]
    pixels = (head.anchors * head.stride.view(-1, 1, 1)).flatten()
    torch.testing.assert_close(pixels, torch.tensor(anchors).flatten(), atol=0.01, rtol=0.001)
    assert [row["epoch"] for row in table(tmp_path / "run")] == ["1", "2"]


def test_a_figure_row_without_its_checkpoint_is_written_anew_after_resuming(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemError):
        cut_off(patch, after=1)
        train(data, tmp_path, epochs=2)
    file = tmp_path / "run/results.csv"
    first = file.read_text().splitlines()[1]
    with file.open("a") as csv_file:
        csv_file.write(first.replace("1,", "2,", 1) + "\n")  # the kill came between figures and checkpoint
    YOLO("yolov5n").train(resume=tmp_path / "run/weights/last.pt")
    assert [row["epoch"] for row in table(tmp_path / "run")] == ["1", "2"]
    assert file.read_text().splitlines()[1] == first


def test_a_finished_run_cannot_be_resumed_and_a_resumed_one_keeps_its_model():
    with pytest.raises(InputError, match="is finished; train further with model="):
        YOLO("yolov5n").train(resume=str(trained().last))
    with pytest.raises(InputError, match="keeps its model and recipe: leave loss.box.weight= out"):
        YOLO("yolov5n").train(resume=str(trained().last), **{"loss.box.weight": 2})
    with pytest.raises(InputError, match="is no interrupted run; give resume="):
        YOLO("yolov5n").train(resume=True)
    with pytest.raises(InputError, match="resume: nowhere.pt does not exist"):
        YOLO("yolov5n").train(resume="nowhere.pt")


def begin(data, folder, epochs):
    """Train in a process of its own; come back when the first checkpoint is written."""
    quick = [f"{k}={v}" for k, v in QUICK.items() if k != "epochs"]
    words = ["train", "model=yolov5n", f"data={data}", f"project={folder}", "name=run", f"epochs={epochs}", *quick]
    process, last = start(*words), Path(folder) / "run" / "weights" / "last.pt"
    end = time.monotonic() + 120
    while not last.exists():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.02)
    return process, last


@pytest.mark.slow
def test_a_killed_run_goes_on_to_its_last_epoch(data, tmp_path):
    process, last = begin(data, tmp_path, epochs=40)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    saved = torch.load(last, weights_only=True)
    done = saved["epoch"] + 1
    assert 1 <= done < 40
    saved["train_args"]["epochs"] = done + 2  # two more are enough to see
    torch.save(saved, last)
    YOLO("yolov5n").train(resume=str(last))
    assert [int(row["epoch"]) for row in table(tmp_path / "run")] == list(range(1, done + 3))


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(data, tmp_path):
    process, last = begin(data, tmp_path, epochs=60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == f"yolotiny: interrupted; go on with: yolotiny train resume={last}\n"
    assert isinstance(YOLO(last).model, Detector)
    assert not list(last.parent.glob("*.part"))


def test_a_disk_that_fills_up_leaves_the_last_checkpoint_whole(data, tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(self, content):
        if self.suffix == ".part" and (tmp_path / "run/weights/last.pt").exists():
            write(self, content[: len(content) // 2])
            raise OSError(28, "No space left on device", str(self))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot write .*last\.pt: No space left on device; the checkpoint before"):
        train(data, tmp_path, epochs=3)
    weights = tmp_path / "run" / "weights"
    assert sorted(p.name for p in weights.iterdir()) == ["best.pt", "last.pt"]
    assert YOLO(weights / "last.pt").ckpt["epoch"] == 0


def test_a_picture_with_more_objects_than_the_cap_raises_it_for_training(tmp_path):
    data = write_tiny(tmp_path / "data", train=4, val=1)
    rows = [(0, (x + 1) / 96, (y + 1) / 96, 2 / 96, 2 / 96) for x in range(0, 94, 2) for y in range(0, 94, 2)]
    add_picture(tmp_path / "data", "train", "z.png", np.full((96, 96, 3), 90, np.uint8), rows)
    assert len(rows) == 2209
    assert prepared(data, tmp_path, max_det=1500).args.max_det == 2209


def test_data_errors_come_out_of_the_trainer_as_one_line(tmp_path):
    data = write_tiny(tmp_path / "data")
    (tmp_path / "data/labels/val/0.txt").write_text("0 0.5 0.5 nan 0.1\n")
    with pytest.raises(InputError, match="labels/val/0.txt, row 1: NaN"):
        train(data, tmp_path)


def test_the_optimizer_of_a_mean_loss_takes_the_rate_per_nominal_batch(data, tmp_path):
    assert (
        prepared(data, tmp_path, "yolox-nano.yaml", lr0=0.01).optimizer.param_groups[0]["initial_lr"] == 0.01 * 4 / 64
    )
    assert prepared(data, tmp_path, lr0=0.01).optimizer.param_groups[0]["initial_lr"] == 0.01
    with pytest.raises(InputError, match="optimizer=auto does not suit this loss"):
        prepared(data, tmp_path, "yolox-nano.yaml", optimizer="auto")


def test_anchors_of_the_user_win_over_those_of_the_weights_and_auto_fits_them(data, tmp_path):
    official = {k: v.clone() for k, v in Detector("yolov5n.yaml", nc=2).state_dict().items()}
    wanted = [[4, 4, 6, 6, 8, 8], [10, 10, 12, 12, 14, 14], [20, 20, 24, 24, 30, 30]]
    trainer = prepared(data, tmp_path)
    kept = trainer.get_model(cfg=config.override(config.load("yolov5n.yaml"), {"anchors": wanted}), weights=official)
    assert kept.yaml["anchors"] == wanted
    assert kept.model[-1].prior_sizes(0).tolist() == [[4, 4], [6, 6], [8, 8]]
    model = train(data, tmp_path, "yolov5n-p2p3.yaml", epochs=1).model
    assert len(model.yaml["anchors"]) == 2 and len(model.yaml["anchors"][0]) == 6
    assert model.model[-1].prior_sizes(0).max() < 32


def test_a_checkpoint_holds_the_figures_of_its_run():
    held = torch.load(trained().last, weights_only=False)["train_results"]
    rows = table(trained().run)
    assert held == {k: [float(row[k]) for row in rows] for k in rows[0]} and held["epoch"] == [1, 2]


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (("box_loss", "obj_loss"), ["box_loss", "obj_loss"]),
        (("box_loss", "coarse_loss"), ["box", "coarse"]),
        (("box_loss", "of_a_plugin_with_a_long_name_loss"), ["box", "of_a_plugi"]),
    ],
)
def test_the_header_of_an_epoch_has_a_word_in_each_column_of_11(losses, words):
    made = Trainer.__new__(Trainer)
    made.loss_names = losses
    header = made.progress_string()
    assert header.split() == ["Epoch", "GPU_mem", *words, "Instances", "Size"]
    assert len(header) == 1 + 11 * (4 + len(losses))


def test_as_many_processes_load_pictures_as_are_asked_for_on_a_cpu_too(data, tmp_path, monkeypatch):
    made = prepared(data, tmp_path, workers=1, batch=2)
    assert (made.args.workers, made.train_loader.num_workers) == (1, 1)
    assert prepared(data, tmp_path, batch=2).train_loader.num_workers == 0
    asked = []
    monkeypatch.setattr(Validator, "build_dataset", lambda self, *a, **k: asked.append(self.args.workers) or 1 / 0)
    for options, workers in (({"workers": 1}, 1), ({}, 0)):
        with pytest.raises(ZeroDivisionError):
            YOLO(trained().best).val(data=str(data), project=str(tmp_path), plots=False, device="cpu", **options)
        assert asked.pop() == workers


def test_a_share_of_the_pictures_is_validated_where_it_is_asked_for(data, tmp_path):
    options = {"data": str(data), "project": str(tmp_path), "plots": False, "imgsz": 64, "device": "cpu"}
    assert YOLO(trained().best).val(**options, fraction=0.5).report["images"] == 2


def test_features_of_layers_are_given_by_their_numbers():
    picture, model = np.zeros((64, 64, 3), np.uint8), YOLO(trained().best)
    whole = model.predict(picture, imgsz=64, embed=[2, 23], verbose=False)[0]
    alone = model.predict(picture, imgsz=64, embed=-2, verbose=False)[0]
    assert torch.equal(whole[-len(alone) :], alone)
    with pytest.raises(InputError, match="embed=25: .* has layers 0 to 24"):
        model.predict(picture, embed=[0, 25])
