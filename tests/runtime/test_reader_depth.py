"""Pictures of other depths and bands through the runtime: pixels, lines and refusals are those of the full package."""

from __future__ import annotations

import json
import logging

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.deep_pictures import ASKED, BANDS, BGR, DIGITAL_NUMBERS, GREY, RGB, SEEN, deep, tiff, write
from tests.detectors import pictures as noise
from tests.runtime.conftest import METADATA, hand_made
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.pictures.depth import SECTION
from yolotiny.runtime import Detector
from yolotiny.runtime.cli import main

FIVE = {"bands": [1, 2, 3]}


@pytest.fixture(scope="module")
def detector(bright) -> Detector:
    return Detector(bright)


@pytest.mark.parametrize("name", SEEN)
def test_what_needs_no_option_is_seen_as_its_eight_bits(detector, tmp_path, name):
    assert np.array_equal(detector(write(tmp_path, name))[0].image, SEEN[name][1])


@pytest.mark.parametrize("name", ASKED)
def test_what_nobody_can_guess_is_refused_in_the_line_of_the_full_package(detector, bright, tmp_path, name):
    _, said, options, seen = ASKED[name]
    file, lines = write(tmp_path, name), []
    for look in (detector, YOLO(bright).predict):
        with pytest.raises(InputError, match="give|stretch") as refused:
            look(file)
        lines.append(str(refused.value))
    assert said in lines[0] and lines[0] == lines[1]
    assert np.abs(detector(file, **options)[0].image.astype(int) - seen).max() <= ("stretch" in options)


@pytest.mark.parametrize("own", [{}, {"bits": 12}, FIVE, {"stretch": "minmax"}])
@pytest.mark.parametrize("given", [{}, {"bands": [4, 3, 2]}, {"stretch": "percentile"}, {"stretch": "none"}])
def test_a_model_remembers_and_an_option_wins_with_the_line_of_the_full_package(tmp_path, caplog, own, given):
    file = hand_made(tmp_path / "own.onnx", METADATA | ({SECTION: json.dumps(own)} if own else {}))
    five, seen, lines = FIVE.keys() & {*own, *given}, [], []
    picture = write(tmp_path, "five 12.tif" if five else "12.png")
    for look in (YOLO(file).predict, Detector(file)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            results = look(picture, **given)
        seen.append(results[0].orig_img if hasattr(results[0], "orig_img") else results[0].image)
        lines.append([m[m.index("pictures of") :] for m in caplog.messages if "pictures of" in m])
    assert np.array_equal(*seen) and lines[0] == lines[1] and len(lines[0]) == 1


def test_arrays_are_read_and_refused_as_files_are(detector, caplog):
    for source in (deep(12)[..., ::-1], [deep(12)[..., ::-1]], BGR, RGB[..., ::-1] / 255, Image.fromarray(RGB)):
        assert np.array_equal(detector(source)[0].image, BGR)
    assert "values up to 4083 taken as 12 bits" in caplog.text
    assert np.array_equal(detector(Image.fromarray(deep(12)[..., 0].copy()))[0].image, GREY)
    for source in (BANDS, [BANDS], DIGITAL_NUMBERS):
        with pytest.raises(InputError, match=r"source.*(bands=|stretch=)"):
            detector(source)
    assert np.array_equal(detector(BANDS, **FIVE)[0].image, BGR)
    assert detector(DIGITAL_NUMBERS, stretch="percentile")[0].image.max() == 255


def test_a_network_of_five_channels_takes_five_bands(tmp_path):
    five = Detector(hand_made(tmp_path / "five.onnx", METADATA | {"channels": "5"}, channels=5))
    assert np.array_equal(five(write(tmp_path, "five 12.tif"))[0].image, BANDS)
    assert np.array_equal(five(BANDS)[0].image, BANDS)


def test_one_that_cannot_be_read_among_others_is_named_and_left_out(detector, tmp_path, caplog):
    files = [write(tmp_path, "12.png"), write(tmp_path, "five 12.tif")]
    assert len(detector(files)) == 1 and f"{files[1]} is left out: it has 5 bands" in caplog.text


@pytest.mark.parametrize(
    ("metadata", "options", "message"),
    [
        ({}, {"bands": [0]}, "give the numbers of bands"),
        ({}, {"bands": "432"}, "give the numbers of bands"),
        ({}, {"stretch": "percentil"}, "unknown stretch 'percentil'"),
        ({SECTION: "[4, 3, 2]"}, {}, "pictures=.* in its metadata is no section"),
        ({SECTION: '{"band": 1}'}, {}, "unknown key pictures.band"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, metadata, options, message):
    file = hand_made(tmp_path / "a.onnx", METADATA | metadata)
    with pytest.raises(InputError, match=message) as refused:
        Detector(file)(BGR, **options)
    assert "\n" not in str(refused.value)


def test_the_command_line_takes_bands_and_stretch(bright, tmp_path, capsys, caplog):
    file = write(tmp_path, "five 12.tif")
    assert main([str(bright), str(file), "--bands", "3", "2", "1", "--stretch", "none"]) == 0
    seen = "bands 3, 2, 1 read as red, green and blue; 16 bits, of which the upper 8 are seen"
    assert f"pictures of 5 bands of uint16: {seen}" in caplog.text and "64x48" in capsys.readouterr().out
    assert main([str(bright), str(file)]) == 2 and "give bands=" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("crops", ["none", "grid"])
def test_boxes_in_deep_pictures_are_those_of_the_full_package(exported, tmp_path, crops):
    from tests.runtime.test_detector import assert_same

    image = (noise(1, (150, 261))[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "12.png"), deep(12, image))
    tiff(tmp_path / "five.tif", np.dstack([deep(12, image), deep(12, image[..., :2])]))
    for name, options in (("12.png", {}), ("five.tif", {"bands": [3, 2, 1]})):
        told = {"crops": crops, "conf": 0.1} | options
        full = YOLO(exported["static"]).predict(tmp_path / name, verbose=False, **told)
        ours = Detector(exported["static"])(tmp_path / name, **told)
        assert_same(full, ours, crops)
        assert np.array_equal(ours[0].image, full[0].orig_img) and np.array_equal(ours[0].image, image)
