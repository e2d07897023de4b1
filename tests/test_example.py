"""`docs/example`: an exported file, a picture and its boxes, and the programs without yolotiny that find them."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolotiny.ops.letterbox import Letterbox
from yolotiny.runtime import Detector
from yolotiny.runtime.inputs import to_input
from yolotiny.runtime.metadata import read_metadata

EXAMPLE = Path(__file__).parents[1] / "docs" / "example"
SAID = json.loads((EXAMPLE / "expected.json").read_text(encoding="utf-8"))
MODEL, PICTURE = EXAMPLE / SAID["model"], EXAMPLE / SAID["picture"]
EXPECTED = np.array([[*d["box"], d["score"], d["class"]] for d in SAID["detections"]])
SIZES = [(512, 640), (509, 640), (333, 217), (91, 401), (701, 703)]  # 509 / 2: a half, to be rounded to the even number


def program():
    """`detect` of detect.py."""
    spec = importlib.util.spec_from_file_location("detect", EXAMPLE / "detect.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.detect


@pytest.fixture(scope="module")
def detector():
    return Detector(MODEL, threads=1)


def rows_of(found):
    return np.column_stack((found.boxes, found.scores, found.classes))


def agree(rows, wanted):
    """The same boxes, the best first: classes, .05 px, 1e-4 of a score; two nearer than that may change places."""
    assert len(rows) == len(wanted)
    assert (np.diff(rows[:, 4]) <= 1e-4).all()
    nearest = np.abs(rows[None, :, :4] - wanted[:, None, :4]).max(2).argmin(1)
    assert sorted(nearest) == list(range(len(rows)))
    rows = rows[nearest]
    np.testing.assert_array_equal(rows[:, 5], wanted[:, 5])
    np.testing.assert_allclose(rows[:, :4], wanted[:, :4], rtol=0, atol=0.05)
    np.testing.assert_allclose(rows[:, 4], wanted[:, 4], rtol=0, atol=1e-4)


def test_there_is_something_to_compare():
    assert len(EXPECTED) >= 10 and (EXPECTED[:, 5] > 0).all()  # a class whose number can be wrong
    assert (EXPECTED[:, 4] > SAID["conf"] + 0.002).all(), "a box that another processor may not find"


def test_the_runtime_finds_the_expected_boxes(detector):
    (found,) = detector(PICTURE)
    agree(rows_of(found), EXPECTED)
    assert [found.names[int(k)] for k in found.classes] == [d["name"] for d in SAID["detections"]]


def test_the_steps_between_are_as_written(detector):
    """Where a program of one's own differs, they tell which step it is."""
    image = cv2.imread(str(PICTURE))

    letterbox = Letterbox.of(image.shape[:2], detector.network.fixed)
    drawn = letterbox.draw(image)
    x, said = to_input([drawn]), SAID["input"]
    assert list(x.shape) == said["shape"] and list(letterbox.inside) == said["picture_at"]
    for value in said["values"]:
        assert x[0][tuple(value["at"])] == pytest.approx(value["value"], abs=1e-5)
    y, _ = detector.network([drawn])
    assert list(y.shape) == SAID["output"]["shape"]
    assert abs((y[0, 4:].max(0) > SAID["conf"]).sum() - SAID["output"]["above_conf"]) <= 1


@pytest.fixture(scope="module")
def session():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL), options)


def test_the_program_in_numpy_finds_them(session):
    agree(program()(session, cv2.imread(str(PICTURE))), EXPECTED)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_program_in_numpy_sees_pictures_of_any_size_as_the_runtime_does(size, session, detector):
    image = cv2.resize(cv2.imread(str(PICTURE)), size[1::-1])
    (found,) = detector(image, conf=0.05)
    assert len(found)
    agree(program()(session, image, conf=0.05), rows_of(found))


def test_the_program_in_numpy_needs_nothing_of_ours():
    tree = ast.parse((EXAMPLE / "detect.py").read_text(encoding="utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert names == {"sys", "cv2", "numpy", "onnxruntime"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """detect.cpp, compiled by the command that stands in it."""
    if not os.environ.get("ORT"):
        pytest.skip("set ORT to the folder of an ONNX Runtime release, with include/ and lib/")
    for what, there in (("g++", shutil.which("g++")), ("OpenCV's headers", Path("/usr/include/opencv4").is_dir())):
        if not there:
            pytest.skip(f"{what} not found")
    folder = tmp_path_factory.mktemp("compiled")
    shutil.copy(EXAMPLE / "detect.cpp", folder)
    lines = (EXAMPLE / "detect.cpp").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("//   g++"))
    command = " ".join(line.removeprefix("//").partition("#")[0].strip() for line in lines[start : start + 2])
    words = [os.path.expandvars(word) for word in shlex.split(command)]
    subprocess.run([*words, "-Wall", "-Wextra", "-Werror"], cwd=folder, check=True)
    return folder / "detect"


@pytest.mark.parametrize("size", [None, *SIZES], ids=str)
def test_the_program_in_cpp_finds_them(size, compiled, detector, tmp_path):
    picture, wanted = PICTURE, EXPECTED
    if size is not None:
        picture = tmp_path / "picture.png"
        cv2.imwrite(str(picture), cv2.resize(cv2.imread(str(PICTURE)), size[1::-1]))
        (found,) = detector(picture)
        wanted = rows_of(found)
    done = subprocess.run([compiled, MODEL, picture], capture_output=True, text=True, check=True)
    agree(np.array([line.split() for line in done.stdout.splitlines()], float).reshape(-1, 6), wanted)


def test_the_file_names_no_place_of_the_machine_that_wrote_it():
    said = read_metadata(MODEL)
    assert said["license"] == "AGPL-3.0" and "suppression" in said
    assert not [key for key, value in said.items() if "/" in str(value).replace("https://", "").replace("1/255", "")]
