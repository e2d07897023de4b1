"""Lists of augmentations: by name, from files and in Python; boxes and ignore regions move along, tiny ones stay."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.data.albumented import Albumented
from yolotiny.data.augment import Sample, augment, build_steps, listed, shipped
from yolotiny.errors import InputError

SIDE = 64


def steps(spec, channels=3, nc=2, rect=False):
    return build_steps(spec, "a.yaml", SIDE, channels, nc, rect)


def applied(spec, sample, seed=0):
    random.seed(seed)
    for name, step in steps(spec):
        sample = augment(sample, name, step, 2)
    return sample


def sample(*boxes, labels=None, image=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    image = np.full((SIDE, SIDE, 3), 60, np.uint8) if image is None else image
    return Sample(image, boxes, np.zeros(len(boxes), int) if labels is None else np.array(labels))


@pytest.mark.parametrize("name", shipped())
def test_our_lists_keep_boxes_of_a_pixel_and_ignore_regions(name):
    given = sample([10, 20, 11, 21], [30, 40, 42, 44], [0, 0, 64, 32], labels=[0, 1, -1])
    made, gone = steps(name), 0
    random.seed(0)
    for _ in range(30):
        found = given
        for step_name, step in made:
            found = augment(found, step_name, step, 2)
        gone += len(given.boxes) - len(found.boxes)
        sides = np.sort(found.boxes[:, 2:] - found.boxes[:, :2], 1)
        assert found.labels.tolist() == [0, 1, -1] and np.allclose(sides, [[1, 1], [4, 12], [32, 64]], atol=1e-3)
    assert gone == 0


def test_boxes_lie_where_their_pixels_went():
    image = np.full((SIDE, SIDE, 3), 60, np.uint8)
    image[10:13, 30:40] = 250
    seen = set()
    for seed in range(12):
        found = applied({"type": "D4", "p": 1.0}, sample([30, 10, 40, 13], image=image), seed)
        x1, y1, x2, y2 = found.boxes[0].round().astype(int)
        assert (found.image[y1:y2, x1:x2] == 250).all() and (found.image == 250).sum() == 90
        seen.add((x1, y1, x2, y2))
    assert len(seen) > 4


def test_an_object_goes_when_most_of_it_left_the_picture_and_a_region_when_all_of_it_has():
    """All is moved by 30 px to the right: of the boxes below 5 %, 50 %, 5 % and nothing stays inside 64 px."""
    boxes = [[33.5, 0, 43.5, 10], [29, 20, 39, 30], [33.5, 0, 43.5, 10], [40, 0, 50, 10]]
    found = applied(
        {"type": "Affine", "translate_px": {"x": 30, "y": 0}, "p": 1.0}, sample(*boxes, labels=[0, 1, -1, -2])
    )
    assert found.labels.tolist() == [1, -1]
    assert np.allclose(found.boxes, [[59, 20, 64, 30], [63.5, 0, 64, 10]], atol=1e-3)


def test_red_is_red():
    found = applied(
        {"type": "RGBShift", "r_shift_limit": [50, 50], "g_shift_limit": 0, "b_shift_limit": 0, "p": 1.0}, sample()
    )
    assert found.image[0, 0].tolist() == [60, 60, 110]


def test_random_numbers_follow_from_those_of_the_run_and_a_trial_takes_none():
    noise = {"type": "GaussNoise", "p": 1.0}
    first, again, other = (applied(noise, sample(), seed).image for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()
    random.seed(5)
    wanted = random.random()
    random.seed(5)
    steps("thermal")
    assert random.random() == wanted


def test_objects_of_albumentations_and_names_and_mappings_may_stand_in_one_list():
    import albumentations

    blur = albumentations.OneOf([albumentations.Blur(blur_limit=(3, 5)), albumentations.MedianBlur()], p=0.3)
    plain = listed([blur, "thermal", {"type": "Blur", "p": 1.0}, "ToGray"], "a.yaml")
    assert plain[0]["type"] == "OneOf" and plain[0]["p"] == 0.3
    assert plain[0]["transforms"][0] == {"type": "Blur", "p": 0.5, "blur_limit": [3, 5]}
    assert plain[1:-2] == listed("thermal", "a.yaml") and plain[-1] == "ToGray"
    assert listed(albumentations.Compose([albumentations.Blur()]), "a.yaml")[0]["type"] == "Sequential"
    assert listed(plain, "a.yaml") == plain and [name for name, _ in steps(plain)][-2:] == ["Blur", "ToGray"]


def test_a_file_of_the_user_holds_such_a_list(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("augmentations: [{type: InvertImg, p: 1.0}]\n")
    assert applied(str(file), sample()).image[0, 0].tolist() == [195] * 3
    assert applied([file], sample()).image[0, 0].tolist() == [195] * 3
    file.write_text("augmentation: [Blur]\n")
    with pytest.raises(InputError, match="mine.yaml holds no list of augmentations"):
        steps(str(file))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("areial", "unknown augmentation 'areial' in a.yaml: augmentations; did you mean 'aerial'?"),
        (["Blurr"], "unknown augmentation 'Blurr' in a.yaml: augmentations; did you mean 'Blur'"),
        ("gone.yaml", "augmentations: gone.yaml does not exist; there are: aerial, thermal"),
        ({"type": "Blur", "limit": 3}, "augmentation 'Blur' in a.yaml: augmentations takes no argument 'limit'"),
        ("RandomCrop", "augmentation 'RandomCrop' needs height, width in a.yaml: augmentations"),
        (
            {"type": "RandomFog", "fog_coef_range": [0.5, 0.1]},
            "augmentation 'RandomFog' cannot be made: fog_coef_range: First value should be less than the second",
        ),
        (
            {"type": "OneOf", "transforms": ["Blurr"]},
            "unknown augmentation 'Blurr' in OneOf: transforms; did you mean 'Blur'",
        ),
        (
            {"type": "Resize", "height": 32, "width": 32},
            "augmentation 'Resize' gives a picture of 32 x 32 x 3 uint8 for one of 64 x 64 x 3 uint8",
        ),
        ("Erasing", "augmentation 'Erasing' loses boxes: "),
        ("ThinPlateSpline", "augmentation 'ThinPlateSpline' loses boxes: "),
        ("MaskDropout", "augmentation 'MaskDropout' fails: "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(spec, message):
    with pytest.raises(InputError) as error:
        steps(spec)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_turns_are_refused_where_pictures_are_not_square():
    with pytest.raises(InputError, match="'D4' gives a picture of 64 x 32 x 3 uint8 for one of 32 x 64 x 3"):
        steps({"type": "D4", "p": 1.0}, rect=True)
    assert steps("Blur", rect=True)


def test_an_own_step_that_loses_tiny_boxes_is_refused(monkeypatch):
    def large(one):
        stays = (one.boxes[:, 2:] - one.boxes[:, :2]).min(1) > 2
        return replace(one, boxes=one.boxes[stays], labels=one.labels[stays])

    monkeypatch.setitem(__import__("yolotiny.data.augment").data.augment.AUGMENTATIONS, "large", lambda: large)
    with pytest.raises(InputError, match="augmentation 'large' loses boxes: 9 of 9 of 2 px"):
        steps("large")


def test_a_function_cannot_go_into_a_checkpoint():
    import albumentations

    with pytest.raises(InputError, match="Lambda cannot be written down"):
        listed([albumentations.Lambda(image=lambda image, **_: image)], "a.yaml")


def test_training_takes_them_and_its_checkpoint_holds_them_without_the_file(tmp_path, monkeypatch):
    import albumentations

    seen = []
    call = Albumented.__call__
    monkeypatch.setattr(Albumented, "__call__", lambda self, one: seen.append(type(self.transform)) or call(self, one))
    data = write_tiny(tmp_path / "data", train=4, val=2)
    model = YOLO("yolov5n.yaml")
    wanted = ["thermal", albumentations.InvertImg(p=1.0)]
    model.train(data=str(data), project=str(tmp_path), name="run", augmentations=wanted, **QUICK)
    assert seen[-4:].count(albumentations.InvertImg) == 1 and seen.count(albumentations.InvertImg) > 4
    kept = torch.load(tmp_path / "run/weights/last.pt", weights_only=True)["config"]["augmentations"]
    assert kept == [*listed("thermal", ""), {"type": "InvertImg", "p": 1.0}]
