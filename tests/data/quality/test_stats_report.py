import json

import cv2
import pytest

from yolotiny.data import stats, write_demo
from yolotiny.data.quality.stats_report import as_dict, as_text, save


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return stats(write_demo(tmp_path_factory.mktemp("demo") / "data"), imgsz=320)


def test_the_dict_is_json_and_adds_up(demo):
    found = json.loads(json.dumps(as_dict(demo)))
    for sizes in found["object_sizes"].values():
        assert sum(sizes.values()) == found["objects"]
    assert sum(c["objects"] for c in found["classes"].values()) == found["objects"]
    assert sum(found["picture_sizes"].values()) == found["pictures"]
    side = found["object_side"]["at_imgsz"]
    assert side["p1"] <= side["p50"] <= side["p99"]


def test_the_text_has_sizes_classes_and_advice(demo):
    text = as_text(as_dict(demo))
    lines = text.splitlines()
    assert str(demo) == text
    assert f"{len(demo.samples)} pictures, {len(demo.labels)} objects; sizes at imgsz=320" in lines[0]
    assert all(any(line.startswith(name) for line in lines) for name in demo.names)
    assert lines[lines.index("advice") + 1].startswith("- The median object has")
    assert max(map(len, lines[: lines.index("advice")])) <= 120


def test_the_files_are_a_json_and_a_picture(demo, tmp_path):
    figures = as_dict(demo)
    table, picture = save(demo, figures, tmp_path / "new" / "folder")
    assert json.loads(table.read_text()) == json.loads(json.dumps(figures))
    image = cv2.imread(str(picture))
    assert image.shape == (630, 990, 3) and image.std() > 20 and picture.stat().st_size < 150_000
