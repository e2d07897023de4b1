"""SimOTA on scenes small enough to check by hand, against a dense form of itself and against the official numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from yolotiny.assigners import ASSIGNERS
from yolotiny.assigners.nearby import nearby_priors
from yolotiny.assigners.simota import SimOTA, class_cost
from yolotiny.boxes import nwd, pairwise_iou, pairwise_nwd, xywh2xyxy
from yolotiny.errors import InputError
from yolotiny.registry import build
from yolotiny.structures import Preds, Priors, Targets

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "yolox_w025_io.npz"


def grid(height: int, width: int, strides=(8, 16, 32), anchors: int = 1) -> Priors:
    """Point priors of a picture, levels in the order of `strides`."""
    centers, steps, shapes = [], [], []
    for s in strides:
        h, w = height // s, width // s
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        centers.append(((torch.stack((x, y), -1).reshape(-1, 2) + 0.5) * s).repeat(anchors, 1))
        steps.append(torch.full((anchors * h * w, 1), float(s)))
        shapes.append((anchors, h, w))
    stride = torch.cat(steps)
    return Priors(torch.cat(centers), stride.expand(-1, 2), stride, tuple(shapes))


def truth(boxes, labels=None, image=None, batch=1, ignore=(), ignore_image=(), imgsz=(64, 64)) -> Targets:
    """Objects of class 0 in image 0 where nothing else is said."""
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    ignore = torch.as_tensor(ignore, dtype=torch.float32).reshape(-1, 4)
    labels = torch.zeros(len(boxes), dtype=torch.long) if labels is None else torch.as_tensor(labels)
    image = torch.zeros(len(boxes), dtype=torch.long) if image is None else torch.as_tensor(image)
    return Targets(boxes, labels, image, ignore, torch.as_tensor(ignore_image, dtype=torch.long), batch, imgsz)


def flat_preds(priors: Priors, batch: int = 1, classes: int = 2) -> tuple[Preds, torch.Tensor]:
    """Equal scores everywhere, and predicted boxes of one pixel in the cell centres."""
    a = len(priors.centers)
    preds = Preds(torch.zeros(batch, a, 4), torch.zeros(batch, a, classes), torch.zeros(batch, a), priors)
    boxes = torch.cat((priors.centers - 0.5, priors.centers + 0.5), 1).expand(batch, -1, -1).clone()
    return preds, boxes


def random_scene(objects: int, size: int, strides=(8, 16, 32), batch: int = 1, classes: int = 5, seed: int = 0):
    """Tiny objects, and predictions scattered round the objects' places as those of a half-trained model."""
    g = torch.Generator().manual_seed(seed)
    priors = grid(size, size, strides)
    a = len(priors.centers)
    image = torch.arange(batch).repeat_interleave(objects)
    center = torch.rand(len(image), 2, generator=g) * size
    wh = 4 + 28 * torch.rand(len(image), 2, generator=g)
    gt = torch.cat((center - wh / 2, center + wh / 2), 1)
    boxes = torch.empty(batch, a, 4)
    for i in range(batch):
        for part in torch.arange(a).split(256):
            nearest = torch.cdist(priors.centers[part], center[image == i]).argmin(1)
            shake = 4 * torch.randn(len(part), 4, generator=g)
            boxes[i, part] = gt[image == i][nearest] + torch.cat((shake[:, :2] - 1, shake[:, :2] + 1), 1)
    cls = 2 * torch.randn(batch, a, classes, generator=g)
    obj = 2 * torch.randn(batch, a, generator=g)
    labels = torch.randint(classes, (len(image),), generator=g)
    return Preds(boxes, cls, obj, priors), boxes, truth(gt, labels, image, batch, imgsz=(size, size))


def dense_simota(
    preds: Preds, boxes, targets: Targets, radius: float = 1.5, top: int = 10, similarity=pairwise_iou, counted=None
):
    """SimOTA written plainly on all pairs and classes: lists of image, prior, ground truth."""
    found = []
    for i in range(targets.batch_size):
        own = (targets.image == i).nonzero()[:, 0]
        if not len(own):
            continue
        gt, labels = targets.boxes[own], targets.labels[own]
        away = (preds.priors.centers[None] - ((gt[:, :2] + gt[:, 2:]) / 2)[:, None]).abs()
        inside = (away < radius * preds.priors.strides[None]).all(-1)
        cells = inside.any(0).nonzero()[:, 0]
        inside = inside[:, cells]
        overlap = similarity(gt, boxes[i, cells])
        p = (preds.cls[i, cells].sigmoid() * preds.obj[i, cells, None].sigmoid()).sqrt()
        one_hot = F.one_hot(labels, p.shape[1]).float()
        shape = (len(own), len(cells), p.shape[1])
        bce = F.binary_cross_entropy(p[None].expand(shape), one_hot[:, None].expand(shape), reduction="none").sum(-1)
        cost = bce - 3 * (overlap + 1e-8).log() + 1e6 * ~inside
        if counted is not None:
            overlap = counted(gt[:, None], boxes[i, cells][None]).clamp(min=0)
        k = overlap.topk(min(top, len(cells)), 1).values.sum(1).int().clamp(min=1)
        match = torch.zeros_like(inside)
        for j in range(len(own)):
            match[j, cost[j].topk(min(int(k[j]), int(inside[j].sum())), largest=False).indices] = True
        contested = match.sum(0) > 1
        match[:, contested] = F.one_hot(cost.argmin(0)[contested], len(own)).T.bool()
        for c in match.any(0).nonzero()[:, 0].tolist():
            found.append((i, int(cells[c]), int(own[match[:, c].int().argmax()])))
    return found


def triples(assigned):
    return list(zip(assigned.image.tolist(), assigned.prior.tolist(), assigned.gt.tolist(), strict=True))


@pytest.mark.skipif(not GOLDEN.exists(), reason="the official YOLOX arrays are not here")
def test_assignments_are_those_of_the_official_yolox():
    with np.load(GOLDEN) as z:
        io = {k: z[k] for k in z.files}
    decoded = torch.from_numpy(io["decoded"]).double()
    labelled = [(i, row) for i in range(2) for row in torch.from_numpy(io["targets"][i]) if row.sum() > 0]
    rows = torch.stack([row for _, row in labelled])
    boxes = xywh2xyxy(decoded[..., :4]).float()
    preds = Preds(boxes, decoded[..., 5:].logit().float(), decoded[..., 4].logit().float(), grid(192, 256))
    targets = truth(xywh2xyxy(rows[:, 1:]), rows[:, 0].long(), [i for i, _ in labelled], 2, imgsz=(192, 256))
    # Two choices hang on the last bit of the areas: these are as labelled and decoded, not as the corners tell.
    targets = replace(targets, areas=rows[:, 3:].prod(-1))
    assigned = SimOTA()(preds, boxes, targets, decoded[..., 2:4].float().prod(-1))

    official = {}
    for i in range(2):
        first = int((targets.image < i).sum())
        for prior, gt, overlap in zip(
            io[f"fg{i}"].nonzero()[0], io[f"matched_gt{i}"], io[f"matched_iou{i}"], strict=True
        ):
            official[i, int(prior), first + int(gt)] = overlap
    got = dict(zip(triples(assigned), assigned.iou.tolist(), strict=True))
    assert list(got) == list(official) and len(got) == 45
    assert all(abs(got[pair] - official[pair]) < 1e-4 for pair in got)


def test_an_object_takes_the_cheapest_of_the_cells_round_its_centre():
    # 3 rows of 4 cells of 8 px; the object sits in cell 5 = row 1, column 1, so cells 0 1 2 / 4 5 6 / 8 9 10 may serve.
    preds, boxes = flat_preds(grid(24, 32, (8,)))
    gt = torch.tensor([8.0, 8.0, 16.0, 16.0])
    boxes[0, [3, 5, 6, 7, 9]] = gt  # IoU 1 in five cells; 3 and 7 are too far away
    boxes[0, 4] = torch.tensor([8.0, 8.0, 16.0, 12.0])  # IoU 0.5
    assigned = SimOTA()(preds, boxes, truth(gt))
    # k = int(1 + 1 + 1 + 0.5) = 3: the other candidates do not overlap the object
    assert triples(assigned) == [(0, 5, 0), (0, 6, 0), (0, 9, 0)]
    assert torch.allclose(assigned.iou, torch.ones(3), atol=1e-6)


def test_class_and_objectness_decide_between_equal_boxes():
    preds, boxes = flat_preds(grid(24, 32, (8,)))
    boxes[0, [4, 5, 6]] = torch.tensor([8.0, 8.0, 16.0, 9.0])  # IoU 1/8 each, so k = 1
    target = truth([8.0, 8, 16, 16], [1])
    assert triples(SimOTA()(preds, boxes, target)) == [(0, 4, 0)]  # a tie goes to the earlier prior
    preds.cls[0, 6, 1] = 3
    assert triples(SimOTA()(preds, boxes, target)) == [(0, 6, 0)]
    preds.obj[0, 5], preds.cls[0, 5] = 5, torch.tensor([-5.0, 5.0])
    assert triples(SimOTA()(preds, boxes, target)) == [(0, 5, 0)]
    without = Preds(preds.box, preds.cls, None, preds.priors)
    assert triples(SimOTA()(without, boxes, target)) == [(0, 5, 0)]


def test_class_cost_is_the_cross_entropy_torch_computes_even_for_certain_scores():
    logits = torch.tensor([[-200.0, -3.0, 0.5], [40.0, 0.0, -40.0]])[None]
    preds = Preds(torch.zeros(1, 2, 4), logits, torch.tensor([[50.0, 50.0]]), grid(8, 16, (8,)))
    key, labels = torch.tensor([[0, 1], [0, 1]]), torch.tensor([0, 2])
    p = logits[0].sigmoid().sqrt()  # the objectness is 1
    expected = [[F.binary_cross_entropy(q, F.one_hot(t, 3).float(), reduction="sum") for q in p] for t in labels]
    got = class_cost(preds, key, torch.ones_like(key, dtype=torch.bool), labels)
    assert torch.allclose(got, torch.tensor(expected), atol=1e-4)


def test_without_any_overlap_an_object_still_takes_one_prior():
    preds, boxes = flat_preds(grid(64, 64))
    assigned = SimOTA()(preds, boxes + 500, truth([[8.0, 8, 24, 24], [40, 40, 50, 50]]))
    assert sorted(assigned.gt.tolist()) == [0, 1]
    assert assigned.iou.tolist() == [0, 0]


def test_a_prior_two_objects_want_goes_to_the_one_it_costs_less():
    preds, boxes = flat_preds(grid(24, 32, (8,)))
    boxes[0, 5] = torch.tensor([8.0, 8.0, 15.0, 16.0])
    targets = truth([[8.0, 8, 16, 16], [8, 8, 15, 16]])
    assigned = SimOTA()(preds, boxes, targets)
    assert triples(assigned) == [(0, 5, 1)]
    assert assigned.iou.item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("radius", [0.5, 1.5, 2.5])
def test_the_sparse_form_agrees_with_the_dense_form_on_a_crowded_batch(radius):
    for seed in range(3):
        preds, boxes, targets = random_scene(50, 256, batch=3, seed=seed)
        got = triples(SimOTA(radius)(preds, boxes, targets))
        assert got == dense_simota(preds, boxes, targets, radius)
        assert len(got) > 50


def test_by_nwd_the_sparse_form_agrees_with_the_dense_form_too():
    for seed in range(3):
        preds, boxes, targets = random_scene(50, 256, batch=3, seed=seed)
        got = SimOTA(metric="nwd", c=6.0)(preds, boxes, targets)
        assert triples(got) == dense_simota(preds, boxes, targets, similarity=lambda a, b: pairwise_nwd(a, b, 6.0))


def test_nwd_tells_near_from_far_where_nothing_overlaps():
    # An object of 4 px in cell 5; predictions of 1 px in the cell centres, cell 6's as large as the object beside it.
    preds, boxes = flat_preds(grid(24, 32, (8,)))
    gt = torch.tensor([10.0, 10, 14, 14])
    boxes[0, 5] = boxes[0, 0]  # now nothing overlaps
    boxes[0, 6] = torch.tensor([15.0, 10, 19, 14])
    assert SimOTA()(preds, boxes, truth(gt)).prior.tolist() == [0]  # the first of equally bad ones
    near = SimOTA(metric="nwd")(preds, boxes, truth(gt))
    assert 6 in near.prior.tolist() and len(near.prior) == 4
    assert near.iou.tolist() == [0] * 4  # the class target stays the IoU
    # the sum of NWD over the nine nearby cells, rounded down
    cells = [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert int(nwd(boxes[0, cells], gt.expand(9, 4)).sum()) == 4


def test_c_of_nwd_is_measured_or_given():
    measured = build({"type": "simota", "metric": "nwd"}, ASSIGNERS, object_size=9.5)
    assert measured.c == 9.5 and SimOTA(metric="nwd", c=7).c == 7 and SimOTA(metric="nwd").c == 12.7
    assert build("simota", ASSIGNERS, object_size=9.5).c is None  # IoU needs none


@pytest.mark.parametrize("metric", ["giou", "diou", "ciou", "gwd"])
def test_the_other_metrics_take_the_place_of_iou_in_cost_and_number(metric):
    preds, boxes, targets = random_scene(12, 96, seed=3)
    found = SimOTA(metric=metric)(preds, boxes, targets)
    measure = SimOTA(metric=metric).metric
    expected = dense_simota(
        preds, boxes, targets, similarity=lambda a, b: measure.share(a[:, None], b[None]), counted=measure
    )
    assert triples(found) == expected and triples(found) != triples(SimOTA()(preds, boxes, targets))


def test_priors_that_compete_for_other_objects_count_for_the_number_an_object_may_take():
    # Objects in cells 0 and 4 of a row; the five predictions from there all cover object 0, only two cells are near it.
    preds, boxes = flat_preds(grid(8, 48, (8,)))
    gt = torch.tensor([[0.0, 0, 8, 8], [32, 0, 40, 8]])
    boxes[0, 3:] = gt[0]
    boxes[0, 0], boxes[0, 1] = gt[0] + 0.5, gt[0] + 1
    preds.cls[0, 4, 0] = 1  # no ties
    assigned = SimOTA()(preds, boxes, truth(gt))
    assert triples(assigned)[:2] == [(0, 0, 0), (0, 1, 0)]  # alone, their IoUs of 0.78 and 0.62 would allow one
    assert triples(assigned) == dense_simota(preds, boxes, truth(gt))


def test_radius_top_and_iou_weight_each_change_the_outcome():
    preds, boxes = flat_preds(grid(40, 40, (8,)))
    gt = torch.tensor([16.0, 16, 24, 24])
    boxes[0] = gt
    wide = build({"type": "simota", "radius": 2.5}, ASSIGNERS, nc=10)
    assert len(wide(preds, boxes, truth(gt)).prior) == 10
    assert len(SimOTA(radius=1.5)(preds, boxes, truth(gt)).prior) == 9
    assert len(SimOTA(top=4)(preds, boxes, truth(gt)).prior) == 4
    boxes[0] = torch.tensor([16.0, 16, 24, 17])
    boxes[0, 12] = torch.tensor([16.0, 16, 24, 18])
    preds.cls[0, 6, 0] = 1
    assert SimOTA(top=1)(preds, boxes, truth(gt)).prior.tolist() == [12]
    assert SimOTA(top=1, iou_weight=0)(preds, boxes, truth(gt)).prior.tolist() == [6]


def test_objects_at_the_border_take_the_cells_there_are_and_objects_far_outside_take_none():
    preds, boxes = flat_preds(grid(64, 64))
    gt = [[-3.0, -3, 3, 3], [56, 56, 68, 68], [-300, 10, -290, 20], [1e12, 1e12, 2e12, 2e12]]
    near, valid = nearby_priors(torch.tensor(gt), preds.priors, 1.5)
    assert valid.sum(1).tolist() == [3, 12, 0, 0]  # one cell of each level, then four
    assigned = SimOTA()(preds, boxes, truth(gt))
    assert sorted(assigned.gt.tolist()) == [0, 1]


def test_candidates_lie_in_the_square_on_every_level_and_anchor():
    priors = grid(96, 64, (8, 16), anchors=2)
    gt = torch.rand(20, 2, generator=torch.Generator().manual_seed(3)) * 60
    near, valid = nearby_priors(torch.cat((gt - 2, gt + 2), 1), priors, 2.5)
    square = ((priors.centers[None] - gt[:, None]).abs() < 2.5 * priors.strides[None]).all(-1)
    for j in range(20):
        assert near[j][valid[j]].sort().values.tolist() == square[j].nonzero()[:, 0].tolist()


def test_pictures_without_objects_get_no_pairs():
    preds, boxes = flat_preds(grid(64, 64), batch=3)
    assigned = SimOTA()(preds, boxes, truth([8.0, 8, 24, 24], image=[1], batch=3))
    assert set(assigned.image.tolist()) == {1}
    nothing = SimOTA()(preds, boxes, truth([], batch=3))
    assert triples(nothing) == nothing.iou.tolist() == [] and nothing.ignored is None


def test_ignore_regions_cover_all_priors_inside_but_the_positive_ones():
    preds, boxes = flat_preds(grid(24, 32, (8,)), batch=2)
    targets = truth([8.0, 8, 16, 16], image=[1], batch=2, ignore=[[0.0, 8, 24, 16]], ignore_image=[1])
    assigned = SimOTA()(preds, boxes, targets)
    assert triples(assigned) == [(1, 5, 0)]
    assert assigned.ignored.shape == (2, 12)
    assert assigned.ignored.nonzero().tolist() == [[1, 4], [1, 6]]


def test_half_precision_logits_under_autocast_give_float32_costs_and_no_gradient():
    preds, boxes, targets = random_scene(20, 128)
    half = Preds(preds.box, preds.cls.bfloat16().requires_grad_(), preds.obj.bfloat16(), preds.priors)
    rounded = Preds(preds.box, half.cls.float(), half.obj.float(), preds.priors)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = SimOTA()(half, boxes.clone().requires_grad_(), targets)
    assert triples(got) == triples(SimOTA()(rounded, boxes, targets))
    assert got.iou.dtype == torch.float32 and not got.iou.requires_grad


def test_predictions_that_are_not_numbers_come_last_and_objects_without_area_break_nothing():
    preds, boxes = flat_preds(grid(24, 32, (8,)))
    boxes[0, 0], boxes[0, 1] = torch.nan, torch.inf
    preds.cls[0, 2] = torch.nan
    assigned = SimOTA()(preds, boxes, truth([8.0, 8, 16, 16]))
    assert triples(assigned) == [(0, 5, 0)]
    for no_box, gt in ((boxes * torch.nan, [8.0, 8, 16, 16]), (boxes, [12.0, 12, 12, 12])):  # the second has no area
        assigned = SimOTA()(preds, no_box, truth(gt))
        assert len(assigned.prior) == 1 and assigned.iou.tolist() == [0]


@pytest.mark.parametrize("radius, width", [(1.5, 16), (2.5, 36)])
def test_the_table_of_1500_objects_at_1280_px_with_p2_stays_small(radius, width):
    corner = 1280 * torch.rand(1500, 2, generator=torch.Generator().manual_seed(0))
    near, valid = nearby_priors(torch.cat((corner, corner + 8), 1), grid(1280, 1280, (4, 8, 16, 32)), radius)
    assert near.shape == valid.shape == (1500, 4 * width)
    bytes_per_pair = 8 * 4 + 4 * 4 * 6  # keys, and predicted boxes with what the overlap makes of them
    assert near.numel() * bytes_per_pair < 200e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius": 0},
        {"radius": float("nan")},
        {"top": 0},
        {"top": 2.5},
        {"iou_weight": -1},
        {"metric": "ndw"},
        {"c": 9},
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SimOTA(**wrong)


def test_the_example_of_its_docstring_is_matched_as_written_there(monkeypatch):
    near, valid = torch.tensor([[0, 1, 2], [2, 3, 0]]), torch.tensor([[True, True, True], [True, True, False]])
    costs = torch.tensor([[1.0, 4.0, 2.0], [0.5, 3.0, 0.0]])
    monkeypatch.setattr("yolotiny.assigners.simota.nearby_priors", lambda *args: (near, valid))
    monkeypatch.setattr("yolotiny.assigners.simota.class_cost", lambda *args: costs.clone())
    preds, _ = flat_preds(grid(16, 16, (8,)))
    boxes = torch.tensor([[[0.0, 0, 9, 10], [0, 0, 4, 10], [0, 0, 8, 10], [20, 0, 28, 10]]])
    found = SimOTA(iou_weight=0)(preds, boxes, truth([[0, 0, 10, 10], [20, 0, 30, 10]]))
    assert list(zip(found.prior.tolist(), found.gt.tolist(), strict=True)) == [(0, 0), (2, 1)]
