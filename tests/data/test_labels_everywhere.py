"""Training, validation, check, statistics and conversion read the same boxes from a label file, and refuse the same."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from ultralytics.cfg import get_cfg
from ultralytics.utils import LOGGER

from yolotiny.data import Conversion, check, convert, stats
from yolotiny.data.labels import as_objects, read_rows
from yolotiny.data.quality.checks import ERRORS
from yolotiny.errors import InputError
from yolotiny.loaders.build import build_dataset

SIZE = (100, 50)  # pixels of every picture
GOOD = "1 0.5 0.5 0.25 0.5"
HALF = [[1, 0.5, 0.5, 0.25, 0.5]]


class Read(NamedTuple):
    """A file that is read: its objects, class and xywh, and how many of them are cut."""

    text: str | bytes
    objects: list
    cut: int = 0


class Refused(NamedTuple):
    """A file that is not: the kind that a check calls it, and what is said of it."""

    text: str | bytes
    kind: str
    says: str


LABELS = {
    "a box": Read(GOOD, HALF),
    "blank lines, tabs and ends of other systems": Read("\r\n1\t0.5  0.5 0.25 0.5 \r\n\r\n", HALF),
    "a byte order mark": Read(codecs.BOM_UTF8 + GOOD.encode(), HALF),
    "nothing": Read("", []),
    "a polygon": Read("1 0.375 0.5 0.5 0.25 0.625 0.5 0.5 0.75", HALF),
    "a class written as 1.0": Read("1.0 0.5 0.5 0.25 0.5", HALF),
    "at the edge, rounded": Read("0 0.049999 0.5 0.1 0.5", [[0, 0.049999, 0.5, 0.1, 0.5]]),
    "a pixel over the edge": Read("0 0.04 0.5 0.1 0.5", [[0, 0.045, 0.5, 0.09, 0.5]]),
    "three pixels over the edge": Read("0 0.02 0.5 0.1 0.5", [[0, 0.035, 0.5, 0.07, 0.5]], cut=1),
    "over two edges": Read("0 0.98 1.0 0.1 0.5", [[0, 0.965, 0.875, 0.07, 0.25]], cut=1),
    "a polygon over the edge": Read("0 -0.01 0.25 0.1 0.25 0.1 0.75", [[0, 0.05, 0.5, 0.1, 0.5]]),
    "no height": Refused("0 0.5 0.5 0.1 0", "flat", "width or height is not above 0"),
    "a polygon in a line": Refused("0 0.1 0.5 0.2 0.5 0.3 0.5", "flat", "width or height is not above 0"),
    "beyond the edge by rounding": Refused("0 1.009 0.5 0.01 0.5", "outside", "beyond the edge"),
    "pixels": Refused("0 50 25 10 10", "outside", "it looks like pixels"),
    "a confidence": Refused("0 0.5 0.5 0.1 0.1 0.9", "row", "looks like the confidence of a prediction"),
    "half a polygon": Refused("0 0.1 0.1 0.3 0.1 0.3 0.3 0.2", "row", "8 values; expected 5"),
    "too short": Refused("0 0.5 0.5 0.1", "row", "4 values; expected 5"),
    "a name": Refused("car 0.5 0.5 0.1 0.1", "row", "is not numbers"),
    "commas": Refused("0,0.5,0.5,0.1,0.1", "row", "is not numbers"),
    "no number": Refused("0 nan 0.5 0.1 0.1", "row", "NaN or infinite"),
    "an unknown class": Refused("2 0.5 0.5 0.1 0.1", "class", "class 2 is none of the 2 classes"),
    "half a class": Refused("0.5 0.5 0.5 0.1 0.1", "class", "class 0.5 is none of the 2 classes"),
    "UTF-16": Refused(codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le"), "row", "but UTF-16: save it as UTF-8"),
    "Latin-1": Refused("1 0.5 0.5 0.25 0.5 # Fläche".encode("latin-1"), "row", "not a UTF-8 text file"),
}

REGIONS = {
    "a region": Read("0.5 0.5 0.25 0.5", [[-1, 0.5, 0.5, 0.25, 0.5]]),
    "one of a class": Read("0.5 0.5 0.25 0.5 1", [[1, 0.5, 0.5, 0.25, 0.5]]),
    "an object of no class": Read("0.5 0.5 0.25 0.5 -2", [[-2, 0.5, 0.5, 0.25, 0.5]]),
    "over the edge": Read("0.0 0.5 0.5 0.5", [[-1, 0.125, 0.5, 0.25, 0.5]]),
    "a label row": Refused(GOOD, "ignore row", "is no ignore region"),
    "an unknown class": Refused("0.5 0.5 0.25 0.5 2", "ignore row", "class 2 is none of the 2 classes"),
    "pixels": Refused("50 25 10 10", "ignore row", "it looks like pixels"),
    "UTF-16": Refused(codecs.BOM_UTF16_LE + b"0\0", "ignore row", "but UTF-16: save it as UTF-8"),
}


@pytest.fixture
def source(tmp_path):
    """Two pictures, `b` with a good label, and one for validation without objects; `lay` writes what `a` has."""
    noise = np.random.default_rng(0).integers(0, 255, (2, *SIZE[::-1], 3), dtype=np.uint8)
    root = tmp_path / "raw"
    for folder in ("images/train", "labels/train", "ignore/train", "images/val"):
        (root / folder).mkdir(parents=True)
    cv2.imwrite(str(root / "images" / "val" / "c.png"), 255 - noise[0])
    for name, picture in zip("ab", noise, strict=True):
        cv2.imwrite(str(root / "images" / "train" / f"{name}.png"), picture)
        (root / "labels" / "train" / f"{name}.txt").write_text("0 0.25 0.25 0.2 0.2\n")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [car, ship]\n")
    return root


def lay(root: Path, folder: str, text: str | bytes) -> Path:
    file = root / folder / "train" / "a.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def scanned(root: Path, mode: str) -> np.ndarray:
    """What training or validation takes from picture `a`: (n, 5) class and xywh, regions behind objects."""
    args = get_cfg(overrides={"imgsz": 64})
    names = {"names": {0: "car", 1: "ship"}, "channels": 3}
    data = build_dataset(args, str(root / "images" / "train"), names, mode, 2, 32, False)
    return np.concatenate((data.labels[0]["cls"], data.labels[0]["bboxes"]), 1)


def errors(root: Path) -> list:
    return [p for p in check(root, 64).problems if p.kind in ERRORS]


def xywh(corners: np.ndarray) -> np.ndarray:
    shares = corners / np.tile(SIZE, 2)
    return np.concatenate(((shares[:, :2] + shares[:, 2:]) / 2, shares[:, 2:] - shares[:, :2]), 1)


@pytest.mark.parametrize("case", [k for k, v in LABELS.items() if isinstance(v, Read)])
def test_everybody_reads_the_same_objects(case, source, tmp_path, monkeypatch):
    warned: list[str] = []
    monkeypatch.setattr(LOGGER, "warning", lambda line, *_: warned.append(str(line)))
    wanted = np.array(LABELS[case].objects, float).reshape(-1, 5)
    lay(source, "labels", LABELS[case].text)
    for mode in ("train", "val"):
        np.testing.assert_allclose(scanned(source, mode), wanted, atol=2e-6)
    assert sum("1 boxes reach over the edge by more than 2 px" in line for line in warned) == 2 * LABELS[case].cut
    found = check(source, 64)
    assert [p.kind for p in found.problems if p.kind in ERRORS] == []
    assert sum(p.kind == "over edge" for p in found.problems) == LABELS[case].cut
    sample = stats(source, 64).samples[0]
    np.testing.assert_allclose(np.c_[sample.labels, xywh(sample.boxes)], wanted, atol=2e-6)
    summary = convert(Conversion("yolo", source), tmp_path / "out").splits["train"]
    assert summary.cut == LABELS[case].cut and not summary.dropped
    np.testing.assert_allclose(as_objects(read_rows(tmp_path / "out/labels/train/a.txt", 2)), wanted, atol=2e-6)


@pytest.mark.parametrize("case", [k for k, v in LABELS.items() if isinstance(v, Refused)])
def test_everybody_refuses_the_same_rows(case, source, tmp_path):
    text, kind, says = LABELS[case]
    file = lay(source, "labels", text)
    lines = []
    for mode in ("train", "val"):
        with pytest.raises(InputError) as error:
            scanned(source, mode)
        lines.append(str(error.value))
    assert lines[0] == lines[1] and str(file) in lines[0] and says in lines[0] and "\n" not in lines[0]
    (problem,) = errors(source)
    assert (problem.kind, problem.file) == (kind, file) and says in problem.note
    assert stats(source, 64).left_out == {"rows that are no boxes": 1}
    if kind == "flat":  # as in every format: an object without a pixel is left out and counted
        summary = convert(Conversion("yolo", source), tmp_path / "out").splits["train"]
        assert summary.dropped == {"row without width or height": 1} and summary.boxes.total() == 1
    else:
        with pytest.raises(InputError) as error:
            convert(Conversion("yolo", source), tmp_path / "out")
        assert str(error.value) == lines[0]


@pytest.mark.parametrize("case", REGIONS)
def test_everybody_reads_and_refuses_the_same_regions(case, source, tmp_path):
    file = lay(source, "ignore", REGIONS[case].text)
    if isinstance(REGIONS[case], Refused):
        _, kind, says = REGIONS[case]
        lines = []
        for read in (lambda: scanned(source, "train"), lambda: convert(Conversion("yolo", source), tmp_path / "out")):
            with pytest.raises(InputError) as error:
                read()
            lines.append(str(error.value))
        assert lines[0] == lines[1] and str(file) in lines[0] and says in lines[0]
        (problem,) = errors(source)
        assert (problem.kind, problem.file) == (kind, file) and says in problem.note
        assert stats(source, 64).left_out == {"rows that are no boxes": 1}
        return
    (label, *box) = REGIONS[case].objects[0]
    np.testing.assert_allclose(scanned(source, "val")[1:], [[{-1: 2, -2: 3, 1: 5}[label], *box]], atol=2e-6)
    assert errors(source) == []
    converted = check(convert(Conversion("yolo", source), tmp_path / "out").data, 64).problems
    assert [p.kind for p in converted] == ["background"]  # val holds no object
    np.testing.assert_allclose(xywh(stats(source, 64).samples[0].ignore), [box], atol=2e-6)
    again = lay(source, "ignore", (tmp_path / "out/ignore/train/a.txt").read_text())
    assert again.read_text() and scanned(source, "val")[1:, 0].tolist() == [{-1: 2, -2: 3, 1: 5}[label]]
