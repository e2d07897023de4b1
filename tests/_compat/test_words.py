"""Hints of ultralytics name our command and no web page, wherever they come from."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import pytest
import ultralytics

from yolotiny._compat.replacements import plain_record
from yolotiny._compat.words import in_our_words

ENGINE = Path(ultralytics.__file__).parent / "engine"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Predict: yolo predict task=detect model=b.onnx", "Predict: yolotiny predict source=FOLDER model=b.onnx"),
        ("Validate: yolo val task=detect model=b.onnx", "Validate: yolotiny val model=b.onnx"),
        ("i.e. 'yolo predict model=yolo26n.onnx'.", "i.e. 'yolotiny predict source=FOLDER'."),
        ("'yolo export model=yolo26n.pt format=onnx'", "'yolotiny export format=onnx'"),
        ("Predict: yolo predict model=yolo26n.onnx", "Predict: yolotiny predict source=FOLDER model=yolo26n.onnx"),
        ("Predict: yolo predict model=yolov5n.onnx", "Predict: yolotiny predict source=FOLDER model=yolov5n.onnx"),
        ("i.e. 'yolo train resume model=path/to/last.pt'", "i.e. 'yolotiny train resume=path/to/last.pt'"),
        ("saved\nVisualize:       https://netron.app", "saved"),
        ("bad type. See https://docs.ultralytics.com/modes/predict for supported source types.", "bad type."),
        ("done 💡 Learn more at https://docs.ultralytics.com/modes/train", "done"),
        ("Unsupported. For supported types see https://docs.ultralytics.com/modes/predict", "Unsupported."),
        ("Export to ONNX in the cloud with Ultralytics Platform: https://platform.ultralytics.com", ""),
        ("View Settings with 'yolo settings' or at 'x'", ""),
        ("the yolo model of /yolo train/ and https://me/rtsp", "the yolo model of /yolo train/ and https://me/rtsp"),
    ],
)
def test_a_hint_is_said_to_our_users(theirs, ours):
    assert in_our_words(theirs).rstrip("/ ") == ours.replace("/yolo train/", "/yolotiny train/").rstrip("/ ")


def test_a_record_of_which_nothing_is_left_does_not_pass():
    made = [logging.LogRecord("x", 20, "", 0, text, (), None) for text in ("Learn more at https://x.com/a", "", "a b")]
    assert [plain_record(record) for record in made] == [False, True, True]


def texts(file: Path) -> list[str]:
    """The texts in a file that are no docstrings, with X for what is put in."""
    tree = ast.parse(file.read_text("utf-8"))
    documents = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    parts = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents | parts:
            found.append(node.value)
    return found


@pytest.mark.parametrize("name", ["exporter", "trainer", "validator", "predictor", "model", "results"])
def test_no_hint_of_the_installed_ultralytics_is_left(name):
    for text in map(in_our_words, texts(ENGINE / f"{name}.py")):
        bare = " " not in text  # a page that is put into a sentence
        assert bare or not re.search(
            r"\byolo (train|val|predict|export|track|settings)\b|docs\.ultralytics\.com/\w", text
        )
