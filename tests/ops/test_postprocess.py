"""Suppression: known boxes in, known boxes out; nothing vanishes because of time, and caps are counted."""

from __future__ import annotations

import time
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from yolotiny.errors import InputError
from yolotiny.ops import suppression as module
from yolotiny.ops.postprocess import NMSConfig, describe, nms, scale_for


def raw(*columns):
    """One picture from (cx, cy, w, h, score of a, score of b) per prediction: (1, 6, A)."""
    return torch.tensor(columns, dtype=torch.float32).T[None]


def grid(n, side=4.0, step=8.0):
    """`n` boxes that do not touch, all certain of class a: (1, 6, n)."""
    i = torch.arange(n)
    x, y = (i % 100) * step + 4, (i // 100) * step + 4
    size = torch.full((n,), side)
    return torch.stack((x, y, size, size, torch.linspace(0.9, 0.3, n), torch.zeros(n)))[None]


def test_of_two_boxes_on_one_object_the_better_one_stays():
    y = raw((10, 10, 4, 4, 0.6, 0), (10, 10, 4, 4.2, 0.9, 0), (30, 30, 4, 4, 0.5, 0))
    (found,) = nms(y, NMSConfig())
    expected = torch.tensor([[8, 7.9, 12, 12.1, 0.9, 0], [28, 28, 32, 32, 0.5, 0]])
    torch.testing.assert_close(found, expected)


def test_boxes_of_two_classes_do_not_suppress_each_other_unless_asked():
    y = raw((10, 10, 4, 4, 0.6, 0), (10, 10, 4, 4, 0, 0.9))
    assert len(nms(y, NMSConfig())[0]) == 2
    (found,) = nms(y, NMSConfig(agnostic=True))
    assert found[:, 5].tolist() == [1]


def test_a_box_speaks_for_its_best_class_or_for_all():
    y = raw((10, 10, 4, 4, 0.6, 0.4))
    assert nms(y, NMSConfig())[0][:, 5].tolist() == [0]
    both = nms(y, NMSConfig(multi_label=True))[0][:, 4:]
    torch.testing.assert_close(both, torch.tensor([[0.6, 0], [0.4, 1]]))


@pytest.mark.parametrize("classes", [1, [1], [1, 5]])
def test_chosen_classes_only(classes):
    y = raw((10, 10, 4, 4, 0.6, 0), (30, 30, 4, 4, 0, 0.9))
    assert nms(y, NMSConfig(classes=classes))[0][:, 5].tolist() == [1]


def test_scores_must_exceed_the_threshold_and_empty_pictures_stay_empty():
    y = torch.cat((raw((10, 10, 4, 4, 0.25, 0)), raw((10, 10, 4, 4, 0.26, 0))))
    assert [len(x) for x in nms(y, NMSConfig(conf=0.25))] == [0, 1]
    assert nms(y, NMSConfig(conf=0.9))[0].shape == (0, 6)


def test_a_model_that_is_done_with_suppression_is_only_filtered_and_sorted():
    y = torch.tensor([[[0, 0, 4, 4, 0.4, 1], [0, 0, 4, 4, 0.8, 1], [0, 0, 0, 0, 0, 0]]])
    assert nms(y, NMSConfig())[0][:, 4].tolist() == pytest.approx([0.8, 0.4])


def test_three_thousand_objects_all_stay_when_the_cap_allows():
    left = Counter()
    assert len(nms(grid(3000), NMSConfig(max_det=3000), left_out=left)[0]) == 3000
    assert not left["detections"] and describe(left, NMSConfig(max_det=3000)) == []


def test_what_the_cap_removes_are_the_weakest_and_they_are_counted():
    left = Counter()
    (found,) = nms(grid(2000), NMSConfig(), left_out=left)
    assert len(found) == 1500 and found[-1, 4] > 0.44
    assert describe(left, NMSConfig()) == [
        "max_det=1500 left out the 500 weakest detections of 1 pictures; raise max_det or conf to have all"
    ]


def test_more_candidates_than_enter_are_counted_too(monkeypatch):
    monkeypatch.setattr(module, "MAX_CANDIDATES", 100)
    left = Counter()
    (found,) = nms(grid(150), NMSConfig(), left_out=left)
    assert len(found) == 100 and left["candidates"] == 50
    assert describe(left, NMSConfig())[0].startswith("50 candidates beyond the best 100 of a picture")


def test_boxes_far_from_the_origin_keep_their_classes_apart():
    """Ultralytics shifts each class by 7680 px: in a larger picture two classes would meet."""
    y = raw((10_000, 10, 40, 40, 0.9, 0), (10_000 - 7680, 10, 40, 40, 0, 0.8))
    assert len(nms(y, NMSConfig())[0]) == 2


def test_time_does_not_empty_the_later_pictures(monkeypatch):
    clock = iter(range(0, 10**6, 100))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    assert [len(x) for x in nms(grid(50).repeat(20, 1, 1), NMSConfig())] == [50] * 20


def test_half_precision_predictions_are_compared_in_full_precision():
    (found,) = nms(raw((3000, 10, 4, 4, 0.9, 0)).half(), NMSConfig())
    assert found.dtype == torch.float32 and found[0, :4].tolist() == [2998, 8, 3002, 12]


def test_by_nwd_second_boxes_on_a_tiny_object_go_that_iou_would_keep():
    y = raw((10, 10, 4, 4, 0.6, 0), (12, 10, 4, 4, 0.9, 0), (30, 30, 4, 4, 0.5, 0))  # 2 px apart: IoU 1/3, NWD .854
    assert len(nms(y, NMSConfig(iou=0.6))[0]) == 3
    assert nms(y, NMSConfig(iou=0.85, c=12.7))[0][:, 4].tolist() == pytest.approx([0.9, 0.5])
    assert len(nms(y, NMSConfig(iou=0.85, c=8.0))[0]) == 3  # .779
    other = raw((10, 10, 4, 4, 0.6, 0), (12, 10, 4, 4, 0, 0.9))
    assert (
        len(nms(other, NMSConfig(iou=0.85, c=12.7))[0]) == 2
        and len(nms(other, NMSConfig(iou=0.85, c=12.7, agnostic=True))[0]) == 1
    )


def test_a_model_that_is_done_with_suppression_cannot_suppress_by_nwd():
    with pytest.raises(InputError, match="^nms_metric=nwd: this model's boxes come suppressed; leave it out, or"):
        nms(torch.zeros(1, 5, 6), NMSConfig(c=12.7))


def test_the_scale_is_the_given_the_measured_or_the_paper_s():
    asked = {"nms_metric": "nwd"}
    ours = SimpleNamespace(yaml={"measured": {"object_size": 9.5}})
    assert scale_for(ours, {}) is None and scale_for(ours, {"nms_metric": "iou"}) is None
    assert scale_for(ours, asked) == 9.5 and scale_for(ours, asked | {"nms_c": 7}) == 7
    assert scale_for(SimpleNamespace(model=ours), asked) == 9.5  # inside ultralytics' wrapper
    assert scale_for(SimpleNamespace(yaml={"nc": 1}), asked) == 12.7
    assert scale_for(SimpleNamespace(object_size="9.5"), asked) == 9.5  # an exported file, from its metadata
    with pytest.raises(InputError, match="this file does not say how large its objects are; give nms_c=PIXELS"):
        scale_for(SimpleNamespace(), asked)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"conf": 1.5}, "conf=1.5 must be a number from 0 to 1"),
        ({"iou": True}, "iou=True must be a number from 0 to 1"),
        ({"max_det": 0}, "max_det=0 must be a whole number from 1 up"),
        ({"c": 0}, "nms_c=0 must be a number above 0; write for example 12.7"),
    ],
)
def test_numbers_of_suppression_that_cannot_be_are_one_line(fields, message):
    with pytest.raises(InputError) as caught:
        NMSConfig(**fields)
    assert str(caught.value) == message


def test_a_configuration_reads_the_options_of_a_run():
    args = SimpleNamespace(conf=0.1, iou=0.6, max_det=7, agnostic_nms=None)
    assert NMSConfig.of(args, classes=[1]) == NMSConfig(0.1, 0.6, 7, classes=[1])
    assert NMSConfig.of(args, agnostic=True).agnostic


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"nms_metric": "nwt"}, "nms_metric must be iou or nwd, not 'nwt'; did you mean 'nwd'?"),
        ({"nms_metric": "nwd", "nms_c": 0}, "nms_c=0 must be a number above 0; write for example 12.7"),
        ({"nms_c": 9}, "nms_c=9 is read with nms_metric=nwd only"),
    ],
)
def test_settings_of_suppression_that_make_no_sense_are_one_line(section, message):
    with pytest.raises(InputError) as caught:
        scale_for(SimpleNamespace(yaml={"nc": 1}), section)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "options", [{}, {"multi_label": True}, {"agnostic": True}, {"classes": [1]}, {"max_det": 5}, {"conf": 1.0}]
)
def test_many_pictures_at_once_are_suppressed_as_one_by_one(options):
    torch.manual_seed(0)
    y = torch.cat((torch.rand(6, 2, 40) * 60, torch.rand(6, 2, 40) * 30 + 1, torch.rand(6, 2, 40)), 1)
    alone, together = (nms(y, NMSConfig(**({"conf": 0.3, "iou": 0.5} | options)), together=t) for t in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True)) and len(alone) == len(together) == 6


@pytest.mark.parametrize("together", [False, True])
def test_classes_come_out_by_the_numbers_that_are_asked_for(together):
    y = raw((10, 10, 8, 8, 0.9, 0.1), (50, 50, 8, 8, 0.1, 0.8))
    swapped = nms(y, NMSConfig(numbers=(1, 0)), together=together)[0]
    assert swapped[:, 5].tolist() == [1, 0] and swapped[:, 4].tolist() == pytest.approx([0.9, 0.8])
    only = nms(y, NMSConfig(numbers=(1, 0), classes=[0]), together=together)[0]
    assert only[:, 4:].flatten().tolist() == pytest.approx([0.8, 0])


def test_rows_that_come_suppressed_within_classes_are_suppressed_across_them_where_asked():
    y = torch.tensor([[[0.0, 0, 10, 10, 0.9, 0], [0, 0, 10, 11, 0.8, 1], [40, 40, 50, 50, 0.7, 1]]])
    assert len(nms(y, NMSConfig(iou=0.5))[0]) == 3
    assert nms(y, NMSConfig(iou=0.5, agnostic=True, numbers=(1, 0)))[0][:, 5].tolist() == [1, 0]
