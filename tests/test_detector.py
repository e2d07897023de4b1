"""A detector equals the official YOLOv5 and YOLOX to the digit; it can be copied, saved, halved and loaded."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ultralytics.utils.torch_utils import ModelEMA

from tests.detectors import awake, load_official, photographs
from yolotiny.boxes import iou, xywh2xyxy, xyxy2xywh
from yolotiny.config import load as config
from yolotiny.criterion import targets_of
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.structures import Assignment
from yolotiny.weights import rename

GOLDEN = Path(__file__).parents[2] / "shared" / "golden"
YOLOX = {"base": "yolox.yaml", "scales": {"t": [0.33, 0.25, 1024]}, "scale": "t"}
golden = [
    pytest.mark.real,
    pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"the official arrays are not in {GOLDEN}"),
]


def arrays(name: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / f"{name}.npz") as z:
        return {k: torch.from_numpy(z[k]) for k in z.files if z[k].dtype.kind != "U"}


def gradients(names: str, norms: str, file: str) -> dict[str, float]:
    with np.load(GOLDEN / f"{file}.npz") as z:
        return dict(zip(z[names].tolist(), z[norms].tolist(), strict=True))


def norms_of(detector: Detector, loss: torch.Tensor) -> dict[str, float]:
    detector.zero_grad()
    loss.backward()
    return {n: float(p.grad.norm()) for n, p in detector.named_parameters()}


def batch(size=(64, 96), seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "img": torch.rand(2, 3, *size, generator=g),
        "batch_idx": torch.tensor([0.0, 0, 1]),
        "cls": torch.tensor([[0.0], [1], [1]]),
        "bboxes": torch.tensor([[0.3, 0.3, 0.1, 0.1], [0.7, 0.4, 0.2, 0.3], [0.5, 0.5, 2 / 96, 2 / 64]]),
    }


@pytest.fixture(scope="module")
def nano() -> Detector:
    return Detector("yolov5n.yaml", nc=2)


@pytest.fixture(scope="module")
def official_v5():
    detector = Detector("yolov5n.yaml", nc=10)
    assert load_official(detector, arrays("yolov5n_state")) == (349, 349)
    return detector.eval(), arrays("yolov5n_io")


@pytest.fixture(scope="module")
def official_x():
    detector = Detector(YOLOX, nc=10)
    assert load_official(detector, arrays("yolox_w025_state")) == (462, 462)
    return detector.eval(), arrays("yolox_w025_io")


class TestYOLOv5:
    pytestmark = golden

    @pytest.fixture
    def labelled(self, official_v5):
        _, io = official_v5
        rows = io["targets"]
        return {"img": io["x"], "batch_idx": rows[:, 0], "cls": rows[:, 1:2], "bboxes": rows[:, 2:]}

    def test_outputs_are_the_official_ones(self, official_v5):
        detector, io = official_v5
        with torch.no_grad():
            y, preds = detector(io["x"])
        raw = torch.cat([io[f"raw{i}"].flatten(1, 3) for i in range(3)], 1)
        ours = torch.cat((preds.box, preds.obj[..., None], preds.cls), -1)
        assert torch.allclose(ours, raw, rtol=1e-4, atol=1e-5)
        wanted = torch.cat((io["decoded"][..., :4], io["decoded"][..., 5:] * io["decoded"][..., 4:5]), -1)
        assert torch.allclose(y.transpose(1, 2), wanted, rtol=1e-4, atol=1e-5)
        assert torch.allclose(preds.priors.sizes[:: 24 * 32][:3], io["anchors_px"][0])

    def test_assignments_are_exactly_the_official_ones(self, official_v5, labelled):
        detector, io = official_v5
        with torch.no_grad():
            preds = detector(io["x"])[1]
        targets = targets_of(labelled)
        found = detector.init_criterion().assign(preds, None, targets)
        level, start = preds.priors.level(found.prior), 0
        for i, (anchors, h, w) in enumerate(preds.priors.shapes):
            here = level == i
            cell, gt = found.prior[here] - start, found.gt[here]
            ours = [found.image[here], cell // (h * w), cell % (h * w) // w, cell % w, targets.labels[gt]]
            assert torch.equal(torch.stack(ours, 1), io[f"tgt{i}"].long())
            box = xyxy2xywh(targets.boxes[gt]) / detector.stride[i]
            corner = torch.stack((cell % w, cell % (h * w) // w), 1)
            assert torch.allclose(torch.cat((box[:, :2] - corner, box[:, 2:]), 1), io[f"tbox{i}"], atol=1e-4)
            start += anchors * h * w

    def test_losses_and_gradients_are_the_official_ones(self, official_v5, labelled):
        detector, io = official_v5
        vector, parts = detector.loss(labelled)
        assert torch.allclose(torch.stack([parts[f"{k}_loss"] for k in ("box", "obj", "cls")]), io["items"], rtol=1e-4)
        assert vector.sum().item() == pytest.approx(float(io["loss"]), rel=1e-4)
        assert norms_of(detector, vector.sum()) == pytest.approx(
            gradients("grad_names", "grad_norm", "yolov5n_io"), rel=1e-3
        )


class Official:
    """The official assignment, whatever the predictions."""

    needs_predictions = False

    def __init__(self, io: dict, first: list[int]):
        fg = [io[f"fg{i}"].nonzero()[:, 0] for i in range(2)]
        self.answer = Assignment(
            image=torch.cat([torch.full_like(p, i) for i, p in enumerate(fg)]),
            prior=torch.cat(fg),
            gt=torch.cat([io[f"matched_gt{i}"] + first[i] for i in range(2)]),
            iou=torch.cat([io[f"matched_iou{i}"] for i in range(2)]),
        )

    def __call__(self, preds, boxes, targets, areas=None):
        return self.answer


class TestYOLOX:
    pytestmark = golden

    @pytest.fixture
    def labelled(self, official_x):
        _, io = official_x
        image, row = (io["targets"].sum(-1) > 0).nonzero(as_tuple=True)
        rows = io["targets"][image, row]
        size = torch.tensor([256.0, 192, 256, 192])
        return {"img": io["x"] / 255, "batch_idx": image.float(), "cls": rows[:, :1], "bboxes": rows[:, 1:] / size}

    def test_outputs_are_the_official_ones_for_pictures_in_0_to_1(self, official_x):
        detector, io = official_x
        with torch.no_grad():
            y = detector(io["x"] / 255)[0].transpose(1, 2)
        wanted = torch.cat((io["decoded"][..., :4], io["decoded"][..., 5:] * io["decoded"][..., 4:5]), -1)
        assert torch.allclose(y, wanted, rtol=1e-4, atol=1e-5)

    def test_assignments_are_the_official_ones_up_to_ties(self, official_x, labelled):
        # These weights see nearly the same in every cell, so a few costs are equal to the last bits of float32 and the
        # order of summation in a convolution decides. From the official outputs the match is exact: test_simota.py.
        detector, io = official_x
        with torch.no_grad():
            preds = detector(labelled["img"])[1]
        targets, head = targets_of(labelled), detector.model[-1]
        boxes, sizes = head.coder.decode(preds.box, preds.priors), head.coder.sizes(preds.box, preds.priors)
        found = detector.init_criterion().assign(preds, boxes, targets, sizes.prod(-1))
        wanted = Official(io, [0, int((targets.image == 0).sum())]).answer

        def by_object(a: Assignment) -> dict[int, list[int]]:
            return {g: a.prior[a.gt == g].tolist() for g in range(len(targets.boxes))}

        def cost(image: int, prior: int, gt: int) -> float:
            decoded = io["decoded"][image, prior].double()
            score = (decoded[5:] * decoded[4]).sqrt()
            right = F.one_hot(targets.labels[gt], 10).double()
            overlap = iou(xywh2xyxy(decoded[None, :4]), targets.boxes[gt][None])
            return float(F.binary_cross_entropy(score, right, reduction="sum") - 3 * (overlap + 1e-8).log())

        ours, official = by_object(found), by_object(wanted)
        differ = [g for g in ours if ours[g] != official[g]]
        assert len(found.prior) == len(wanted.prior) == 45 and len(differ) <= 4
        for g in differ:
            image = int(targets.image[g])
            pair = [sum(cost(image, p, g) for p in priors) for priors in (ours[g], official[g])]
            assert pair[0] == pytest.approx(pair[1], abs=1e-4)

    @pytest.mark.parametrize("l1", [False, True])
    def test_losses_and_gradients_are_the_official_ones(self, official_x, labelled, l1):
        detector, io = official_x
        name = "l1" if l1 else "nol1"
        detector.criterion = detector.init_criterion()
        vector, _ = detector.loss(labelled)
        total, box, obj, cls, l1_part, _ = io["loss_nol1"].tolist()
        assert vector.tolist() == pytest.approx([box, obj, cls, l1_part], rel=1e-4)

        detector.criterion.assign = Official(io, [0, int((labelled["batch_idx"] == 0).sum())])
        if l1:
            detector.criterion.last_epochs()
        vector, parts = detector.loss(labelled)
        total, box, obj, cls, l1_part, per_object = io[f"loss_{name}"].tolist()
        assert vector.tolist() == pytest.approx([box, obj, cls, l1_part], rel=1e-4)
        assert sum(parts.values()).item() == pytest.approx(total, rel=1e-4)
        assert 45 / len(labelled["cls"]) == pytest.approx(per_object)
        wanted = rename(gradients("grad_names", f"grad_norm_{name}", "yolox_w025_io"), detector.yaml["official"])
        wanted["model.0.conv.conv.weight"] /= 255  # our stem holds the factor between 0..1 and 0..255
        assert norms_of(detector, vector.sum()) == pytest.approx(wanted, rel=1e-3)


def test_the_number_of_classes_can_be_overridden(nano):
    assert nano.yaml["nc"] == nano.model[-1].nc == 2 and nano.names == {0: "0", 1: "1"}
    assert Detector("yolov5n.yaml").yaml["nc"] == 80
    assert Detector({"base": "yolov5n.yaml", "nc": 7}).model[-1].no == 12
    for wrong in (0, -1, 2.5, True, "ten"):
        with pytest.raises(InputError, match=f"^nc={wrong!r} must be a whole number from 1 to "):
            Detector("yolov5n.yaml", nc=wrong)


def test_a_dict_a_name_and_a_saved_configuration_give_the_same_detector(nano):
    again = Detector(nano.yaml)
    assert again.yaml == nano.yaml
    again.load_state_dict(nano.state_dict())
    x = batch()["img"]
    assert torch.equal(again.eval()(x)[0], copy.deepcopy(nano).eval()(x)[0])
    assert [tuple(p.shape) for p in Detector({"base": "yolov5n.yaml"}, nc=2).parameters()] == [
        tuple(p.shape) for p in nano.parameters()
    ]


@pytest.mark.parametrize("cfg", ["yolov5n.yaml", "yolox-nano.yaml"])
def test_a_used_detector_can_be_copied_pickled_and_averaged(cfg):
    detector = Detector(cfg, nc=2)
    detector.loss(batch())[0].sum().backward()
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    twin, average = copy.deepcopy(detector), ModelEMA(detector)
    file = io.BytesIO()
    torch.save(detector, file)
    file.seek(0)
    back = torch.load(file, weights_only=False)
    x = batch()["img"]
    assert torch.equal(back.eval()(x)[0], detector.eval()(x)[0])
    assert pickle.loads(pickle.dumps(back)).yaml == detector.yaml

    name = "model.0.conv.weight" if cfg.startswith("yolov5") else "model.0.conv.conv.weight"
    with torch.no_grad():
        for p in detector.parameters():
            p.add_(1)
    assert all(torch.equal(v, before[k]) for k, v in twin.state_dict().items())
    average.updates = 10**6  # a decay of 0.9999
    average.update(detector)
    moved = average.ema.state_dict()[name] - before[name]
    assert torch.allclose(moved, torch.full_like(moved, 1e-4), rtol=1e-2, atol=1e-6)


def test_training_goes_on_after_a_validation_in_inference_mode():
    detector = Detector("yolov5n.yaml", nc=2)
    with torch.inference_mode():
        detector.eval()(batch()["img"])
    detector.train().loss(batch())[0].sum().backward()
    assert all(p.grad is not None for p in detector.parameters())


def test_half_precision_gives_nearly_the_same():
    detector = Detector("yolov5n.yaml", nc=2).eval()
    x = batch()["img"]
    with torch.no_grad():
        full = detector(x)[0]
        half = copy.deepcopy(detector).half()(x.half())[0]
    assert half.dtype == torch.float32 and detector.model[-1].anchors.dtype == torch.float32
    assert torch.allclose(half, full, rtol=0.01, atol=0.5)


def test_fusing_batch_norms_changes_nothing():
    for cfg in ("yolov5n.yaml", "yolox-nano.yaml"):
        detector = Detector(cfg, nc=2).eval()
        x = batch()["img"]
        with torch.no_grad():
            plain = detector(x)[0]
            fused = detector.fuse(verbose=False)(x)[0]
        assert detector.is_fused() and torch.allclose(plain, fused, rtol=1e-3, atol=1e-3)


def test_loading_takes_what_fits_and_refuses_when_nothing_does(nano, tmp_path):
    other = Detector("yolov5n.yaml", nc=3)
    loaded, total = load_official(other, nano.state_dict())
    assert (loaded, total) == (343, 349)  # all but the head's weights and biases
    assert torch.equal(other.state_dict()["model.0.conv.weight"], nano.state_dict()["model.0.conv.weight"])
    torch.save(nano.state_dict(), tmp_path / "n.pt")
    for cfg in ("yolov5s.yaml", "yolox-s.yaml"):  # counters of batches and the like fit anywhere
        wrong = Detector(cfg, nc=2)
        before = copy.deepcopy(wrong.state_dict())
        with pytest.raises(InputError, match=rf"no tensor of .*n\.pt \(state dict\) fits {cfg}"):
            wrong.load(tmp_path / "n.pt")
        assert all(torch.equal(v, before[k]) for k, v in wrong.state_dict().items())
    with pytest.raises(InputError, match="no tensor of the given state dict fits"):
        nano.load({"some.weight": torch.zeros(3)})


def test_a_model_a_checkpoint_and_a_state_dict_load_alike(nano, tmp_path):
    named = copy.deepcopy(nano)
    named.names = {0: "car", 1: "boat"}
    torch.save({"model": named, "ema": None}, tmp_path / "m.pt")
    for source in (named, {"model": named}, {"ema": named, "model": None}, tmp_path / "m.pt"):
        detector = Detector("yolov5n.yaml", nc=2)
        detector.load(source)
        assert all(torch.equal(v, detector.state_dict()[k]) for k, v in nano.state_dict().items())
    assert detector.names == {0: "car", 1: "boat"}  # a file says them too
    partly = Detector("yolov5n.yaml", nc=3)
    partly.load(named)
    assert partly.names == {0: "0", 1: "1", 2: "2"}


def test_p2_models_start_from_the_weights_of_their_base():
    for base, child in (("yolov5n.yaml", "yolov5n-p2.yaml"), ("yolox-nano.yaml", "yolox-nano-p2.yaml")):
        parent, model = Detector(base, nc=2), Detector(child, nc=2)
        back = {v: k for k, v in (parent.yaml.get("official") or {}).items()}
        official = rename(parent.state_dict(), back)
        loaded, total = load_official(model, official)
        assert 0.7 * total < loaded < total
        ours, theirs = dict(model.named_children())["model"], dict(parent.named_children())["model"]
        assert torch.equal(ours[30].state_dict()[w := next(iter(theirs[23].state_dict()))], theirs[23].state_dict()[w])


def test_yolox_files_expect_blue_first_in_0_to_255_and_work_on_red_first_in_0_to_1(tmp_path):
    # What the file's tensors compute on its own kind of picture, ours must compute on our kind.
    theirs = Detector("yolox-nano.yaml", nc=2).eval()
    torch.nn.init.normal_(theirs.model[0].conv.conv.weight, std=1e-3)
    back = {v: k for k, v in theirs.yaml["official"].items()}
    torch.save({"model": rename(theirs.state_dict(), back), "start_epoch": 3}, tmp_path / "yolox.pth")
    ours = Detector("yolox-nano.yaml", nc=2).eval()
    ours.load(tmp_path / "yolox.pth")
    x = batch()["img"]
    with torch.no_grad():
        assert torch.allclose(ours(x)[0], theirs(x.flip(1) * 255)[0], rtol=1e-3, atol=1e-3)
    load_official(ours, rename(theirs.state_dict(), back))  # a dict says nothing of colours
    with torch.no_grad():
        assert torch.allclose(ours(x)[0], theirs(x * 255)[0], rtol=1e-3, atol=1e-3)


def test_the_configuration_follows_loaded_anchors(nano):
    source = copy.deepcopy(nano)
    source.model[-1].set_anchors(torch.arange(1.0, 19).view(3, 3, 2))
    detector = Detector("yolov5n.yaml", nc=2)
    detector.load(source)
    assert detector.yaml["anchors"][0] == [1, 2, 3, 4, 5, 6]
    assert torch.equal(Detector(detector.yaml).model[-1].anchors, source.model[-1].anchors)
    waiting = Detector(config.override(config.load("yolov5n.yaml"), {"anchors": "auto"}), nc=2)
    waiting.load(source)
    assert waiting.yaml["anchors"] == "auto"  # still to be fitted to the training boxes


def test_embeddings_are_one_vector_for_each_picture(nano):
    x = batch()["img"]
    vectors = copy.deepcopy(nano).eval().predict(x, embed=[9, 23])
    assert len(vectors) == 2 and vectors[0].shape == (256 + 256,)


@pytest.mark.parametrize("cfg", ["yolov5n.yaml", "yolox-nano-p2.yaml"])
def test_augmented_prediction_joins_three_scales_in_pixels_of_the_picture(cfg):
    detector = Detector(cfg, nc=2).eval()
    x = batch(size=(128, 128))["img"]
    with torch.no_grad():
        plain, (y, preds) = detector(x)[0], detector(x, augment=True)
    n = plain.shape[-1]
    assert preds is None and torch.equal(y[..., :n], plain)
    assert y.shape[:2] == plain.shape[:2] and 2 * n < y.shape[-1] <= 3 * n
    # The mirrored, smaller picture is mapped back: its boxes' centres cover the picture as the plain ones do.
    middle = y[:, :2, n : n + 4].abs().max()
    assert middle < 2 * 128 and y[:, 0].max() < 1.7 * 128


@pytest.mark.parametrize("cfg", ["yolov5n.yaml", "yolc-n.yaml", "frcnn.yaml"])
def test_sizes_of_augmented_prediction_are_seen_as_they_are_and_mirrored(cfg):
    torch.manual_seed(0)
    detector, x, seen = awake(Detector(cfg, nc=2)), photographs()[:1, :, :64, :96], []
    run = detector.run_layers
    detector.run_layers = lambda image: seen.append(tuple(image.shape[2:])) or run(image)
    with torch.no_grad():
        y, mirrored = (detector(v, augment=(1.0, 1.5))[0] for v in (x, x.flip(3)))
    assert seen[:4] == [(64, 96)] * 2 + [(96, 160)] * 2  # 144 wide, filled up to whole cells of 32
    found, others = (v[0, :, 4] if v.shape[-1] == 6 else v[0, 4:].amax(0) for v in (y, mirrored))
    assert torch.allclose(found.topk(20).values, others.topk(20).values, atol=1e-3) and found.max() > 0.25


def test_info_counts_what_a_picture_costs(nano):
    layers, parameters, gradients, gflops = nano.info(verbose=False, imgsz=64)
    assert parameters == sum(p.numel() for p in nano.parameters()) and layers > 100
    assert nano.info(verbose=False, imgsz=128)[3] == pytest.approx(4 * gflops, rel=0.01)
    assert Detector("yolov5n.yaml").info(verbose=False)[3] == pytest.approx(4.5, abs=0.1)  # as the official table says
    assert Detector("yolox-s.yaml").info(verbose=False)[3] == pytest.approx(26.8, abs=0.5)
    assert [k for k in nano.state_dict() if "total" in k] == []


def test_a_profile_runs_every_layer_and_gives_the_same(nano):
    pytest.importorskip("thop")
    detector = Detector("yolox-nano.yaml", nc=2).eval()
    x = batch()["img"]
    with torch.no_grad():
        assert torch.equal(detector.predict(x, profile=True)[0], detector(x)[0])


def test_bad_loss_options_are_one_line_before_training():
    for changes, message in (
        ({"loss.box.type": "ciuo"}, "unknown box loss 'ciuo'.*did you mean 'ciou'"),
        ({"loss.bix": {"weight": 1}}, "loss.bix in yolov5n.yaml is not a term of this detector; did you mean 'box'"),
        ({"assigner.radius": 2}, "'wh_ratio'.*takes no argument 'radius'"),
    ):
        detector = Detector(config.override(config.load("yolov5n.yaml"), changes), nc=2)
        with pytest.raises(InputError, match=message):
            detector.init_criterion()


@pytest.mark.real
@pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"the official arrays are not in {GOLDEN}")
@pytest.mark.parametrize("name", ["retina", "fcos", "frcnn"])
def test_the_heads_of_the_papers_start_from_what_yolov5n_p2_starts_from(name):
    state, plain, other = arrays("yolov5n_state"), Detector("yolov5n-p2.yaml", nc=10), Detector(name, nc=10)
    assert load_official(plain, state)[0] > 300 and load_official(other, state)[0] > 300
    head = f"model.{len(plain.model) - 1}."
    body = {k: v for k, v in plain.state_dict().items() if not k.startswith(head) and not k.startswith("model.24.")}
    official = {k for k in body if int(k.split(".")[1]) <= 17}
    assert official and all(torch.equal(other.state_dict()[k], body[k]) for k in official)
