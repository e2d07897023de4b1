"""The loss step: known values on a few cells, empty pictures, ignore regions, and options that cannot be."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from yolotiny.assigners import ASSIGNERS
from yolotiny.boxes import area, ciou, iou, xywh2xyxy
from yolotiny.coders import V5Coder, YOLOXCoder
from yolotiny.criterion import CRITERIA, section, targets_of
from yolotiny.criterion.dense import AnchorCriterion, YOLOXCriterion, of_last_pairs
from yolotiny.errors import InputError
from yolotiny.losses import BOX_LOSSES
from yolotiny.losses.box import CIoULoss, IoU2Loss
from yolotiny.losses.scale_adaptive import scale_weight
from yolotiny.structures import Preds, Priors

LN2 = math.log(2)  # cross-entropy of a score of one half


def priors() -> Priors:
    """Levels of 4 x 4 cells of 8 px and 2 x 2 cells of 16 px, with one prior as large as its cell in each."""
    centers, strides = [], []
    for s, n in ((8.0, 4), (16.0, 2)):
        y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
        centers.append((torch.stack((x, y), -1).view(-1, 2) + 0.5) * s)
        strides.append(torch.full((n * n, 1), s))
    stride = torch.cat(strides)
    return Priors(torch.cat(centers), stride.expand(-1, 2), stride, ((1, 4, 4), (1, 2, 2)))


def preds(classes: int = 2, batch: int = 2) -> Preds:
    """Every raw channel zero, ready for gradients."""
    p = priors()
    a = len(p.centers)
    zero = [torch.zeros(batch, a, n, requires_grad=True) for n in (4, classes)]
    return Preds(*zero, torch.zeros(batch, a, requires_grad=True), p)


def batch(rows=(), ignore=()):
    """Two 32-px pictures; rows are (image, class, cx, cy, w, h) and regions (image, cx, cy, w, h), pixels."""
    rows, ignore = torch.tensor(rows).float().view(-1, 6), torch.tensor(ignore).float().view(-1, 5)
    out = {"img": torch.zeros(2, 3, 32, 32), "batch_idx": rows[:, 0], "cls": rows[:, 1:2], "bboxes": rows[:, 2:] / 32}
    return out | {"ignore_idx": ignore[:, 0], "ignore_bboxes": ignore[:, 1:] / 32}


def anchor(nc: int = 2, **loss) -> AnchorCriterion:
    plain = {"box": {"weight": 1.0}, "obj": {"balance": [1.0, 1.0]}, "cls": {"weight": 1.0}}
    merged = {k: {**plain.get(k, {}), **v} if isinstance(v, dict) else v for k, v in (plain | loss).items()}
    return AnchorCriterion({"loss": merged}, V5Coder(), nc)


def yolox(nc: int = 2, **loss) -> YOLOXCriterion:
    return YOLOXCriterion({"loss": loss}, YOLOXCoder(), nc)


both = pytest.mark.parametrize("make", [anchor, yolox], ids=["anchor", "yolox"])


def test_a_batch_becomes_targets_in_pixels():
    t = targets_of(batch([(0, 1, 12, 12, 8, 4), (1, 0, 16, 16, 2, 2)], ignore=[(1, 8, 8, 16, 16)]))
    assert t.boxes.tolist() == [[8, 10, 16, 14], [15, 15, 17, 17]]
    assert (t.labels.tolist(), t.image.tolist()) == ([1, 0], [0, 1])
    assert t.ignore.tolist() == [[0, 0, 16, 16]] and t.ignore_image.tolist() == [1]
    assert t.batch_size == 2 and t.imgsz == (32, 32) and t.areas.tolist() == [32, 4]
    without = batch([(0, 1, 12, 12, 8, 4)])
    del without["ignore_idx"], without["ignore_bboxes"]
    assert targets_of(without).ignore.shape == (0, 4)


def test_the_anchor_loss_of_one_object_that_is_found_exactly():
    # The object fills prior 5 and its centre is the cell's, so no neighbour joins and CIoU is 1. On the second level it
    # lies at three quarters of cell 16, half the anchor large: cells 16, 17 and 18 answer with boxes of 16 px.
    p = preds()
    vector, parts = anchor()(p, batch([(0, 1, 12, 12, 8, 8)]))
    gt = xywh2xyxy(torch.tensor([[12.0, 12, 8, 8]])).expand(3, 4)
    second = ciou(xywh2xyxy(torch.tensor([[8.0, 8, 16, 16], [24, 8, 16, 16], [8, 24, 16, 16]])), gt)
    assert parts["box_loss"].item() == pytest.approx((1 - second).mean().item(), abs=1e-5)
    assert parts["cls_loss"].item() == pytest.approx(2 * LN2, abs=1e-5)  # a mean for each of two levels
    assert parts["obj_loss"].item() == pytest.approx(2 * LN2, abs=1e-5)  # a score of a half is as far from any target
    assert torch.allclose(vector, 2 * torch.stack(list(parts.values())))  # times the batch size
    vector.sum().backward()
    # objectness is pulled to the CIoU: sigmoid(0) - target, over 32 priors of the level
    assert p.obj.grad[0, 5].item() == pytest.approx(2 * (0.5 - 1) / 32, abs=1e-5)
    assert p.obj.grad[0, 4].item() == pytest.approx(2 * 0.5 / 32, abs=1e-5)
    assert p.cls.grad[0, 5].tolist() == pytest.approx([0.5, -0.5], abs=1e-5)


def test_the_yolox_loss_of_one_object_that_is_found_exactly():
    # Decoded boxes are 8 px wide with their centre on the cell's corner: cell 10 (row 2, column 2) fits exactly.
    p = preds()
    vector, parts = yolox()(p, batch([(0, 1, 16, 16, 8, 8)]))
    assert list(parts) == ["box_loss", "obj_loss", "cls_loss", "l1_loss"]
    assert torch.equal(vector, torch.stack(list(parts.values())))  # a mean over objects, not times the batch
    # IoU 1 there and little elsewhere: one positive. Objectness is a sum over both pictures of 20 priors.
    assert parts["obj_loss"].item() == pytest.approx(40 * LN2, rel=1e-5)
    assert parts["cls_loss"].item() == pytest.approx(2 * LN2, rel=1e-5)  # two classes
    assert parts["box_loss"].item() == pytest.approx(0, abs=1e-5) and parts["l1_loss"].item() == 0
    vector.sum().backward()
    assert p.obj.grad[0, 10].item() == pytest.approx(-0.5) and p.obj.grad[0, 9].item() == pytest.approx(0.5)


def test_l1_joins_for_the_last_epochs_or_from_the_start():
    rows = [(0, 1, 18, 16, 16, 8)]
    criterion = yolox()
    assert criterion(preds(), batch(rows))[1]["l1_loss"].item() == 0
    criterion.last_epochs()
    value = criterion(preds(), batch(rows))[1]["l1_loss"].item()
    found = criterion.match(preds(), targets_of(batch(rows)))
    raw = criterion.coder.encode(targets_of(batch(rows)).boxes[found.gt], preds().priors.at(found.prior))
    assert value == pytest.approx(raw.abs().sum().item() / len(raw), rel=1e-5) and value > 0
    assert yolox(l1={"always": True})(preds(), batch(rows))[1]["l1_loss"].item() == pytest.approx(value)


@both
def test_pictures_without_objects_still_teach_objectness(make):
    p = preds()
    vector, parts = make()(p, batch())
    assert list(parts) == list(make()(preds(), batch([(0, 1, 12, 12, 8, 8)]))[1])
    assert {k for k, v in parts.items() if v.item() != 0} == {"obj_loss"}
    vector.sum().backward()
    assert (p.obj.grad > 0).all() and not p.box.grad.any() and not p.cls.grad.any()


@both
def test_nothing_is_negative_inside_an_ignore_region_and_objects_there_still_count(make):
    p, region = preds(), [(0, 16, 16, 10, 10)]  # only the centres of cells 5 6 9 10 lie inside
    make()(p, batch(ignore=region))[0].sum().backward()
    quiet = (p.obj.grad[0] == 0).nonzero()[:, 0].tolist()
    assert quiet == [5, 6, 9, 10] and (p.obj.grad[1] != 0).all()
    q = preds()
    rows = [(0, 1, 12, 12, 8, 8)]
    make()(q, batch(rows, ignore=region))[0].sum().backward()
    found = make().match(q, targets_of(batch(rows)))
    assert (q.obj.grad[0, found.prior] != 0).all() and q.cls.grad[0, found.prior].any()


@both
def test_weights_multiply_their_terms_alone(make):
    rows = batch([(0, 1, 14, 13, 7, 9), (1, 0, 20, 20, 2, 2)])
    before = make()(preds(), rows)[1]
    for term in ("box", "obj", "cls"):
        weight = make().loss[term]["weight"]
        after = make(**{term: {"weight": 3 * weight}})(preds(), rows)[1]
        for k in before:
            assert after[k].item() == pytest.approx(before[k].item() * (3 if k == f"{term}_loss" else 1), rel=1e-5)


OF_BOXES = [kind for kind in BOX_LOSSES if kind != "smooth_l1"]  # which YOLOv5's coder cannot have, see test_focal.py


@both
@pytest.mark.parametrize("kind", OF_BOXES)
def test_any_box_loss_may_stand_in_any_detector(make, kind):
    rows = batch([(0, 1, 14, 13, 7, 9)])
    p = preds()
    vector, _ = make(box={"type": kind, "weight": 1.0})(p, rows)
    vector.sum().backward()
    assert torch.isfinite(vector).all() and p.box.grad.any()


OF_ROWS = [a for a in ASSIGNERS if a != "gaussian_center"]


@pytest.mark.parametrize("kind", [*OF_ROWS, {"type": "simota", "metric": "nwd"}, {"type": "rka", "metric": "iou"}])
def test_any_assigner_of_rows_of_predictions_may_stand_in_any_such_detector(kind):
    for family, coder in (("anchor", V5Coder()), ("yolox", YOLOXCoder())):
        cfg = {"assigner": kind, "loss": {"obj": {"balance": [1, 1]}} if family == "anchor" else {}}
        p = preds()
        vector, _ = CRITERIA[family](cfg, coder, 2)(p, batch([(0, 1, 14, 13, 7, 9), (1, 0, 9, 9, 8, 8)]))
        vector.sum().backward()
        assert torch.isfinite(vector).all() and p.box.grad.any()


def test_the_assigner_of_heat_maps_is_refused_where_there_is_none():
    for family, coder, usual in (("anchor", V5Coder(), "wh_ratio"), ("yolox", YOLOXCoder(), "simota")):
        with pytest.raises(InputError, match=f"is for heads with a heat map, and this is none; write {usual}"):
            CRITERIA[family]({"assigner": "gaussian_center"}, coder, 2)


def test_rka_knows_what_the_coder_reaches_and_what_was_measured():
    cfg = {"assigner": "rka", "measured": {"object_size": 9.5}}
    for family, coder, reach in (("anchor", V5Coder(), 1.0), ("yolox", YOLOXCoder(), math.inf)):
        assign = CRITERIA[family](cfg, coder, 2).assign
        assert assign.c == 9.5 and assign.coder.reach == reach


def test_sal_reshapes_the_loss_of_the_family_over_the_sizes_of_all_levels_together():
    rows = batch([(0, 1, 14, 13, 7, 9), (1, 0, 20, 20, 16, 14)])
    assert isinstance(anchor(box={"type": "sal"}).box.of, CIoULoss) and isinstance(yolox(box="sal").box.of, IoU2Loss)
    loss = anchor(box={"type": "sal", "weight": 1.0})
    p = preds()
    found = loss.match(p, targets_of(rows))
    gt = targets_of(rows).boxes[found.gt]
    per_box = 1 - ciou(loss.coder.decode(p.box[found.image, found.prior], p.priors.at(found.prior)), gt)
    weight = scale_weight(area(gt))
    level = p.priors.level(found.prior)
    assert {0.0, 2.0} == {round(w, 4) for w in weight.tolist()}
    expected = sum((weight * per_box)[level == i].mean().item() for i in (0, 1))
    assert loss(p, rows)[1]["box_loss"].item() == pytest.approx(expected, rel=1e-5)

    loss = yolox(box={"type": "sal", "weight": 5.0})
    found = loss.match(p, targets_of(rows))
    gt = targets_of(rows).boxes[found.gt]
    per_box = 1 - iou(loss.coder.decode(p.box[found.image, found.prior], p.priors.at(found.prior)), gt).square()
    expected = 5 * (scale_weight(area(gt)) * per_box).sum().item() / len(gt)
    assert loss(p, rows)[1]["box_loss"].item() == pytest.approx(expected, rel=1e-5)


def test_yolov5_may_have_an_l1_term_beside_its_box_loss():
    rows = batch([(0, 1, 12, 12, 8, 8)])
    assert "l1_loss" not in anchor()(preds(), rows)[1]
    before, after = anchor()(preds(), rows)[1], anchor(l1={"weight": 2.0})(preds(), rows)[1]
    # Found exactly on the first level. On the second, boxes of twice the size lie 1/4, 3/4 and 1/4, 1/4 and 3/4 of a
    # cell away: 1/2, 1 and 1 cells and two logarithms of 2.
    assert after["l1_loss"].item() == pytest.approx(2 * ((0.5 + 1 + 1) / 3 + 2 * LN2), rel=1e-5)
    assert {k: v.item() for k, v in after.items() if k != "l1_loss"} == {k: v.item() for k, v in before.items()}
    assert list(anchor(l1={"weight": 2.0})(preds(), batch())[1]) == list(after)


def test_what_was_measured_on_the_training_boxes_reaches_the_loss():
    cfg = {"loss": {"box": "nwd"}, "measured": {"object_size": 9.5, "object_areas": [4.0, 400.0]}}
    assert YOLOXCriterion(cfg, YOLOXCoder(), 2).box.c == 9.5
    cfg["loss"] = {"box": {"type": "sal", "norm": "dataset"}}
    assert AnchorCriterion(cfg, V5Coder(), 2).box.limits == [4.0, 400.0]


def test_balance_weighs_objectness_by_level():
    rows, p, q = batch(), preds(), preds()
    anchor()(p, rows)[0].sum().backward()
    anchor(obj={"balance": [4.0, 0.5]})(q, rows)[0].sum().backward()
    assert torch.allclose(q.obj.grad[:, :16], 4 * p.obj.grad[:, :16])
    assert torch.allclose(q.obj.grad[:, 16:], 0.5 * p.obj.grad[:, 16:])


def test_a_prior_of_several_pairs_has_the_value_of_the_last_on_every_device():
    at = (torch.tensor([0, 1, 0, 0]), torch.tensor([2, 0, 2, 1]))
    found = of_last_pairs(torch.Size((2, 3)), at, torch.tensor([0.9, 0.5, 0.2, 0.4]))
    assert found.tolist() == torch.tensor([[0, 0.4, 0.2], [0.5, 0, 0]]).tolist()
    none = (at[0][:0], at[1][:0])
    assert not of_last_pairs(torch.Size((2, 3)), none, torch.zeros(0)).any()


def test_objectness_is_a_mean_over_priors_or_a_sum_by_the_number_of_positives():
    rows = batch([(0, 1, 14, 13, 7, 9), (1, 0, 20, 20, 8, 8)], ignore=[(1, 4, 4, 6, 6)])
    for make in (anchor, yolox):
        priors_, positives = (make(obj={"norm": n})(preds(), rows)[1]["obj_loss"] for n in ("priors", "positives"))
        usual = make()(preds(), rows)[1]["obj_loss"]
        assert usual == (priors_ if make is anchor else positives) and priors_ < positives
    found = anchor().match(preds(), targets_of(rows))
    n, grads = len(found.prior), []
    for norm in ("priors", "positives"):
        p = preds()
        anchor(obj={"norm": norm})(p, rows)[0].sum().backward()
        grads.append(p.obj.grad)
    seen = 2 * 16 - 1  # one prior of the fine level lies in the ignore region
    assert torch.allclose(grads[0][:, :16] * seen, grads[1][:, :16] * n)
    assert torch.allclose(grads[0][:, 16:] * 8, grads[1][:, 16:] * n)


def test_autoscale_follows_the_grid_only_where_objectness_is_a_mean_over_it():
    rows = batch([(0, 1, 14, 13, 7, 9)])
    plain, auto = (anchor(obj={"norm": "positives"}, autoscale=a)(preds(), rows)[1] for a in (False, True))
    assert auto["obj_loss"].item() == pytest.approx(plain["obj_loss"].item() * 3 / 2, rel=1e-5)


def test_a_word_that_is_none_of_the_choices_is_named():
    with pytest.raises(InputError, match="loss.obj.norm in the configuration must be priors or positives, not 'all'"):
        anchor(obj={"norm": "all"})


def test_smoothing_moves_class_targets_off_the_ends():
    p = preds()
    anchor(cls={"smoothing": 0.2})(p, batch([(0, 1, 12, 12, 8, 8)]))[0].sum().backward()
    assert p.cls.grad[0, 5].tolist() == pytest.approx([0.5 - 0.1, 0.5 - 0.9], abs=1e-5)


def test_autoscale_follows_levels_classes_and_picture_size():
    rows = batch([(0, 1, 14, 13, 7, 9)])
    plain, scaled = anchor()(preds(), rows)[1], anchor(autoscale=True)(preds(), rows)[1]
    factors = {"box_loss": 3 / 2, "obj_loss": 3 / 2 * (32 / 640) ** 2, "cls_loss": 3 / 2 * 2 / 80}
    for k, f in factors.items():
        assert scaled[k].item() == pytest.approx(plain[k].item() * f, rel=1e-5)


def test_one_class_needs_no_class_term_in_yolov5():
    p = preds(classes=1)
    vector, parts = anchor(nc=1)(p, batch([(0, 0, 12, 12, 8, 8)]))
    assert parts["cls_loss"].item() == 0
    vector.sum().backward()
    assert p.cls.grad is not None and not p.cls.grad.any()


@both
def test_degenerate_and_outside_objects_give_finite_losses(make):
    rows = [(0, 1, 12, 12, 0, 0), (0, 0, -40, 12, 8, 8), (1, 1, 32, 32, 2, 2), (1, 0, 16, 16, 900, 900)]
    p = preds()
    vector, _ = make()(p, batch(rows))
    vector.sum().backward()
    assert torch.isfinite(vector).all() and all(torch.isfinite(t.grad).all() for t in (p.box, p.cls, p.obj))


@both
def test_wild_predictions_do_not_poison_the_gradients_of_the_others(make):
    p = preds()
    box = p.box.detach().clone()
    box[1, 3] = 1000  # exp overflows; no object is near
    p = dataclasses.replace(p, box=box.requires_grad_())
    make()(p, batch([(0, 1, 12, 12, 8, 8)]))[0].sum().backward()
    assert torch.isfinite(p.box.grad).all()


@both
def test_half_precision_logits_are_counted_in_float32(make):
    p = preds()
    half = dataclasses.replace(p, box=p.box.half(), cls=p.cls.half(), obj=p.obj.half())
    rows = batch([(0, 1, 14, 13, 7, 9)])
    vector, _ = make()(half, rows)
    assert vector.dtype == torch.float32 and torch.allclose(vector, make()(p, rows)[0], rtol=1e-3)


@both
def test_the_output_of_evaluation_is_taken_too(make):
    p, rows = preds(), batch([(0, 1, 14, 13, 7, 9)])
    assert torch.equal(make()((torch.zeros(1), p), rows)[0], make()(p, rows)[0])


def test_objectness_of_yolov5_is_the_mean_over_what_is_not_ignored():
    p, region = preds(), [(0, 8, 8, 16, 16), (1, 16, 16, 32, 32)]  # cells 0 1 4 5 and 16; and the whole second picture
    with torch.no_grad():
        p.obj.copy_(torch.linspace(-2, 2, 40).view(2, 20))
    parts = anchor()(p, batch(ignore=region))[1]
    per = F.binary_cross_entropy_with_logits(p.obj[0], torch.zeros(20), reduction="none")
    first = per[[2, 3, *range(6, 16)]].mean()
    assert parts["obj_loss"].item() == pytest.approx((first + per[17:].mean()).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"boxx": {"weight": 1}}, "loss.boxx in my.yaml is not a term of this detector; did you mean 'box'?"),
        ({"obj": {"balanse": [1]}}, "loss.obj.balanse in my.yaml is not known; did you mean 'balance'?"),
        (
            {"obj": 2},
            "loss.obj in my.yaml must be a mapping such as {'weight': 1.0, 'balance': [4.0, ",
        ),
        ({"obj": {"weight": "high"}}, "loss.obj.weight in my.yaml must be a number from 0 up, not 'high'"),
        ({"box": {"weight": -1}}, "loss.box.weight in my.yaml must be a number from 0 up, not -1"),
        ({"box": {"type": "ciuo"}}, "unknown box loss 'ciuo' in my.yaml: loss.box; did you mean 'ciou'"),
        ({"box": {"bets": 1}}, "box loss 'ciou' in my.yaml: loss.box takes no argument 'bets'"),
        ({"obj": {"balance": 4}}, "loss.obj.balance in my.yaml must be a list of numbers from 0 up, not 4"),
        ({"autoscale": 1}, "loss.autoscale in my.yaml must be true or false, not 1"),
    ],
)
def test_impossible_options_are_one_line(loss, message):
    with pytest.raises(InputError) as caught:
        AnchorCriterion({"loss": loss, "yaml_file": "my.yaml"}, V5Coder(), 2)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_balance_needs_a_value_for_each_level():
    with pytest.raises(InputError, match="^loss.obj.balance has 3 values for 2 levels; give one per level$"):
        anchor(obj={"balance": [4.0, 1.0, 0.4]})(preds(), batch())


def test_a_changed_type_keeps_the_weight_and_drops_the_rest():
    allowed = {"box": {"type": "ciou", "weight": 0.05, "eps": 1.0}}
    assert section({"loss": {"box": "giou"}}, allowed)["box"] == {"type": "giou", "weight": 0.05}
    assert section({"loss": {"box": {"type": "giou", "weight": 2}}}, allowed)["box"] == {"type": "giou", "weight": 2}
    assert section({"loss": {"box": {"weight": 2}}}, allowed)["box"] == {"type": "ciou", "weight": 2, "eps": 1.0}
    assert section({}, allowed) == allowed and section({}, allowed)["box"] is not allowed["box"]
