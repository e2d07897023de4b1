"""The heads: where their priors lie, what they answer in training, evaluation and export."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from yolotiny.boxes import xyxy2xywh
from yolotiny.coders import V5Coder, YOLOXCoder
from yolotiny.errors import InputError
from yolotiny.nn.anchor_head import AnchorDetect
from yolotiny.nn.head import KEPT
from yolotiny.nn.yolox import YOLOXDetect
from yolotiny.structures import Preds

ANCHORS = [[4, 5, 8, 9, 12, 13], [20, 21, 30, 31, 40, 41]]


def anchor_head(nc: int = 2) -> AnchorDetect:
    return AnchorDetect(nc, ANCHORS, [6, 7], [8.0, 16.0], V5Coder())


def yolox_head(nc: int = 2) -> YOLOXDetect:
    return YOLOXDetect(nc, [6, 7], [8.0, 16.0], YOLOXCoder(), hidden=8)


def features(h: int = 4, w: int = 6, batch: int = 2) -> list[torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return [torch.randn(batch, 6, h, w, generator=g), torch.randn(batch, 7, h // 2, w // 2, generator=g)]


both = pytest.mark.parametrize(("make", "per_cell"), [(anchor_head, 3), (yolox_head, 1)], ids=["anchors", "yolox"])


@both
def test_priors_run_by_level_anchor_row_and_column(make, per_cell):
    p = make().priors(features())
    assert p.shapes == ((per_cell, 4, 6), (per_cell, 2, 3)) and p.counts == [24 * per_cell, 6 * per_cell]
    assert p.centers[:2].tolist() == [[4, 4], [12, 4]] and p.centers[6].tolist() == [4, 12]
    assert p.centers[24 * per_cell - 1].tolist() == [44, 28]  # the last cell of the first level
    assert p.centers[-1].tolist() == [40, 24]
    assert p.strides[[0, -1], 0].tolist() == [8, 16]
    assert p.sizes[0].tolist() == ([4, 5] if per_cell == 3 else [8, 8])
    assert p.sizes[-1].tolist() == ([40, 41] if per_cell == 3 else [16, 16])


@both
def test_columns_of_predictions_are_those_of_the_priors(make, per_cell):
    head, x = make(), features(batch=1)
    a = 30 * per_cell
    preds = head(x)
    assert isinstance(preds, Preds)
    assert (preds.box.shape, preds.cls.shape, preds.obj.shape) == ((1, a, 4), (1, a, 2), (1, a))
    # A change in row 2, column 5 of the second level's input moves columns of that level near that place only.
    moved = [x[0], x[1].clone()]
    moved[1][0, :, 1, 2] += 1
    changed = (head(moved).obj - preds.obj)[0].abs() > 1e-6
    assert not changed[: 24 * per_cell].any() and changed[-1] and changed[[24 * per_cell + 5]]


@both
def test_evaluation_decodes_to_pixels_and_multiplies_the_scores(make, per_cell):
    head = make().eval()
    y, preds = head(features())
    boxes = xyxy2xywh(head.coder.decode(preds.box, preds.priors))
    assert torch.allclose(y[:, :4], boxes.transpose(1, 2))
    assert torch.allclose(y[:, 4:], (preds.cls.sigmoid() * preds.obj.sigmoid()[..., None]).transpose(1, 2))
    head.export = True
    assert torch.allclose(head(features()), y, rtol=1e-5, atol=1e-6)  # its convolutions add up in another order
    head.xyxy = True
    assert torch.allclose(head(features())[:, :4].transpose(1, 2), head.coder.decode(preds.box, preds.priors))


@both
def test_priors_follow_the_picture_and_stay_out_of_copies(make, per_cell):
    head = make()
    first = head.priors(features())
    assert head.priors(features()) is first
    assert head.priors(features(6, 6)).counts == [36 * per_cell, 9 * per_cell]
    assert head.priors(features()) is first
    for side in range(8, 48, 2):
        head.priors(features(side, side))
    assert len(head._priors) <= KEPT
    assert copy.deepcopy(head)._priors is None and "_priors" not in head.state_dict()
    assert head.training and head(features(6, 6)).box.shape[1] == 45 * per_cell


@both
def test_these_heads_need_suppression(make, per_cell):
    head = make()
    assert head.end2end is False
    head.end2end = False
    with pytest.raises(InputError, match="^nms=False needs an end-to-end head"):
        head.end2end = True


def test_the_anchor_head_starts_with_rare_objects_and_classes():
    head = anchor_head(nc=10)
    zero = [torch.zeros(1, 6, 4, 6), torch.zeros(1, 7, 2, 3)]
    fresh = [torch.zeros_like(c.bias) for c in head.m]
    for conv, bias in zip(head.m, fresh, strict=True):
        conv.bias.data = bias
    head.bias_init()
    preds = head(zero)
    assert preds.obj[0, 0].item() == pytest.approx(math.log(8 / 80**2), abs=1e-5)  # 8 objects among 80 x 80 cells
    assert preds.obj[0, -1].item() == pytest.approx(math.log(8 / 40**2), abs=1e-5)
    assert preds.cls[0, 0].tolist() == pytest.approx([math.log(0.6 / (10 - 0.99999))] * 10, abs=1e-5)


def test_the_yolox_head_starts_with_scores_of_one_in_a_hundred():
    head = yolox_head().eval()
    for conv in (*head.cls_preds, *head.obj_preds):
        torch.nn.init.zeros_(conv.weight)
    _, preds = head(features())
    assert torch.allclose(preds.cls.sigmoid(), torch.tensor(0.01)) and torch.allclose(
        preds.obj.sigmoid(), torch.tensor(0.01)
    )


def test_anchors_are_kept_in_strides_and_may_be_replaced():
    head = anchor_head()
    assert head.state_dict()["anchors"].shape == (2, 3, 2) and head.anchors[1, 0].tolist() == [20 / 16, 21 / 16]
    assert head.pixels() == ANCHORS
    head.priors(features())
    head.set_anchors(torch.full((2, 3, 2), 24.0))
    assert head.anchors[:, 0, 0].tolist() == [3, 1.5]
    assert head.priors(features()).sizes.unique().tolist() == [24]  # priors seen before are forgotten


def test_anchors_may_be_written_as_pairs_and_fitted_ones_start_from_the_stride():
    pairs = [[[4, 5], [8, 9], [12, 13]], [[20, 21], [30, 31], [40, 41]]]
    assert AnchorDetect(2, pairs, [6, 7], [8.0, 16.0], V5Coder()).pixels() == ANCHORS
    auto = AnchorDetect(2, "auto", [6, 7], [8.0, 16.0], V5Coder())
    assert auto.anchors.shape == (2, 3, 2) and torch.equal(auto.anchors[0], auto.anchors[1])


@both
def test_a_head_answers_for_one_class_and_for_many(make, per_cell):
    assert make(1)(features()).cls.shape[2] == 1
    assert make(300).eval()(features())[0].shape == (2, 304, 30 * per_cell)


@both
def test_half_precision_decodes_in_float32(make, per_cell):
    head = make().eval()
    full = head(features())[0]
    half = copy.deepcopy(head).half()([f.half() for f in features()])[0]
    assert half.dtype == torch.float32 and torch.allclose(half, full, rtol=0.02, atol=0.2)


@both
@pytest.mark.parametrize("mixed", [True, False], ids=["autocast", "half"])
def test_half_precision_does_not_round_boxes_to_half_pixels_far_from_the_corner(make, per_cell, mixed):
    head, x = make().eval(), features(4, 120)  # 960 px wide
    if not mixed:
        head, x = head.half(), [f.half() for f in x]
    with torch.autocast("cpu", torch.float16, enabled=mixed):
        y, preds = head(x)
    assert preds.box.dtype == preds.cls.dtype == torch.float16
    boxes = xyxy2xywh(head.coder.decode(preds.box.float(), preds.priors)).transpose(1, 2)
    assert boxes[:, 0].max() > 900 and torch.equal(y[:, :4], boxes)


@both
def test_an_exported_graph_in_half_precision_has_one_type(make, per_cell):
    head = make().eval().half()
    head.export = True
    assert head([f.half() for f in features()]).dtype == torch.float16
