"""RetinaNet and FCOS: losses and boxes of torchvision's own for the same tensors, and what a head refuses."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn import GroupNorm
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead

from tests.messages import assert_says
from tests.torchvision_pairs import (
    CHANNELS,
    NC,
    PLAIN,
    SIZE,
    STRIDES,
    Given,
    anchors_of,
    assert_same,
    detections,
    features,
    loud,
    objects,
)
from yolotiny.coders import BinsCoder, DeltaCoder, LTRBCoder
from yolotiny.criterion import CRITERIA
from yolotiny.nn.retina_head import FCOSDetect, RetinaDetect, TowerNorm

ASSIGNERS = {
    "retina": {"type": "max_iou", "pos": 0.5, "neg": 0.4, "min_pos": 0},
    "fcos": {"type": "center_sampling"},
}


def pair(name: str, coder=None, candidates: int = 1000):
    """A head of ours and torchvision's detector with its tensors."""
    retina = name.startswith("retina")
    coder = coder or (DeltaCoder() if retina else LTRBCoder())
    kind, theirs = (RetinaDetect, RetinaNet) if retina else (FCOSDetect, FCOS)
    options, more = {"hidden": CHANNELS, "candidates": candidates}, {}
    if name == "retina-norm":
        options["norm"] = True
        more["head"] = RetinaNetHead(CHANNELS, 9, NC, norm_layer=partial(GroupNorm, 32))
    ours = kind(NC, [CHANNELS] * 2, list(STRIDES), coder, **options)
    loud(ours)
    if retina:
        ours.reg.bbox_reg.weight.data *= 0.2  # boxes within the picture
    other = theirs(Given(features()), NC, anchor_generator=anchors_of(ours), score_thresh=0.05, **PLAIN, **more)
    other.topk_candidates = candidates
    other.head.classification_head.load_state_dict(ours.cls.state_dict())
    other.head.regression_head.load_state_dict(ours.reg.state_dict())
    return ours, other


@pytest.mark.parametrize("name", ["retina", "retina-norm", "fcos"])
@pytest.mark.parametrize("empty", [False, True])
def test_losses_are_those_of_torchvision(name, empty):
    ours, theirs = pair(name)
    wanted, rows = objects()
    if empty:  # one of the pictures
        wanted[1] = {k: v[:0] for k, v in wanted[1].items()}
        keep = rows["batch_idx"] == 0
        rows = {k: v if k == "img" else v[keep] for k, v in rows.items()}
    losses = theirs.train()([torch.zeros(3, SIZE, SIZE)] * 2, wanted)
    criterion = CRITERIA[ours.criterion]({"assigner": ASSIGNERS[ours.criterion]}, ours.coder, NC)
    _, parts = criterion(ours.train()(features()), rows)
    names = {"classification": "cls_loss", "bbox_regression": "box_loss", "bbox_ctrness": "center_loss"}
    assert len(losses) == len(parts)
    for key, value in losses.items():
        assert parts[names[key]].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-4), key
        assert value > 0.01


@pytest.mark.parametrize("name", ["retina", "retina-norm", "fcos"])
@pytest.mark.parametrize("candidates", [1000, 20])
def test_detections_are_those_of_torchvision(name, candidates):
    """With 20 most anchors of both levels, and most classes of those that stay, go before suppression."""
    ours, theirs = pair(name, candidates=candidates)
    with torch.no_grad():
        wanted = theirs.eval()([torch.zeros(3, SIZE, SIZE)] * 2)
        y, _ = ours.eval()(features())
    assert_same(detections(y, 0.05, theirs.nms_thresh, theirs.detections_per_img), wanted)
    assert y.shape[2] == sum(min(candidates, n) for n in ours.raw(features()).priors.counts)


@pytest.mark.parametrize("name", ["retina", "fcos"])
def test_the_best_priors_of_a_level_stay_and_only_an_export_for_any_size_has_all(name):
    ours, _ = pair(name, candidates=5)
    ours.eval()
    preds = ours.raw(features())
    y, kept = ours.decode(preds), ours.chosen(preds)
    first = ours.scores(preds).amax(-1)[:, : preds.priors.counts[0]]
    assert torch.equal(y[:, 4:, :5].amax(1), first.sort(1, descending=True)[0][:, :5])
    assert kept.box.shape == (2, 10, 4) and kept.priors.centers.shape == (2, 10, 2)
    ours.export = ours.dynamic = True
    assert ours.decode(preds).shape[2] == sum(preds.priors.counts)


def test_a_tower_norm_is_a_group_norm_however_maps_lie_in_memory():
    x, norm = torch.randn(2, 64, 5, 7, requires_grad=True), TowerNorm(64)
    torch.nn.init.normal_(norm.weight)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        y, wanted = norm(given), torch.nn.functional.group_norm(given, 32, norm.weight, norm.bias)
        torch.testing.assert_close(y, wanted)
        assert y.stride() == given.stride()
        grads = [torch.autograd.grad(out.square().sum(), x, retain_graph=True)[0] for out in (y, wanted)]
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize("name", ["retina", "fcos"])
def test_the_box_branch_alone_is_that_of_the_whole(name):
    head, _ = pair(name)
    for coder in (head.coder, BinsCoder(n=4)):
        made = type(head)(NC, [8, CHANNELS], list(STRIDES), coder, hidden=CHANNELS)
        given = [torch.randn(2, c, n, n) for c, n in ((8, 8), (CHANNELS, 4))]
        assert torch.equal(made.raw(given).box, made.boxes(given))
        assert made.raw(given).box.shape[2] == coder.channels


@pytest.mark.parametrize("name", ["retina", "fcos"])
def test_parameters_of_a_class_move_with_it(name):
    head, _ = pair(name)
    before = head.raw(features()).cls
    with torch.no_grad():
        for p in head.by_class():
            p.copy_(p[[2, 0, 1]].clone())
    torch.testing.assert_close(head.raw(features()).cls, before[..., [2, 0, 1]])


def test_anchors_have_sizes_in_octaves_and_heights_over_widths():
    head = RetinaDetect(1, [8], [8.0], DeltaCoder(), hidden=8, scale=4, ratios=[0.5, 2], octaves=2)
    sizes = head.prior_sizes(0)
    assert sizes.prod(1).sqrt().tolist() == pytest.approx([32, 32 * 2**0.5] * 2)
    assert (sizes[:, 1] / sizes[:, 0]).tolist() == pytest.approx([0.5, 0.5, 2, 2])
    raw = head.raw([torch.randn(1, 8, 3, 5)])
    assert raw.priors.shapes == ((4, 3, 5),) and raw.priors.sizes[15].tolist() == sizes[1].tolist()


def test_fcos_counts_its_levels_from_the_finest():
    with assert_says("FCOSDetect: levels must come from the finest to the coarsest, not with strides 16, 8"):
        FCOSDetect(2, [8, 8], [16.0, 8.0], LTRBCoder(), hidden=32)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (RetinaDetect, {"ratios": 2}, "RetinaDetect: ratios must be a list of heights over widths such as [0.5, 1, 2]"),
        (RetinaDetect, {"ratios": [0]}, "RetinaDetect: ratios=0 must be a number above 0; write for example 1"),
        (RetinaDetect, {"octaves": 0}, "RetinaDetect: octaves=0 must be a whole number from 1 to 100"),
        (RetinaDetect, {"scale": -1}, "RetinaDetect: scale=-1 must be a number above 0"),
        (RetinaDetect, {"candidates": 0}, "RetinaDetect: candidates=0 must be a whole number from 1"),
        (RetinaDetect, {"norm": 1}, "RetinaDetect: norm must be true or false, not 1"),
        (
            RetinaDetect,
            {"norm": True, "hidden": 40},
            "RetinaDetect: hidden=40 at width 1 is 40 channels; write a number",
        ),
        (FCOSDetect, {"hidden": 40}, "FCOSDetect: hidden=40 at width 1 is 40 channels; write a number that makes a"),
    ],
)
def test_what_makes_no_head_is_one_line(kind, options, message):
    with assert_says(message, more=True):
        kind(2, [8], [8.0], DeltaCoder(), **options)
