import numpy as np
import pytest
from PIL import Image

from yolotiny.data.formats.json_sizes import DIFFERS, settle, stated_size
from yolotiny.data.orientation import TAG
from yolotiny.data.records import Dataset, record_of
from yolotiny.errors import InputError


@pytest.fixture
def shot(tmp_path):
    """`shot(name, box, tag)`: a record of a picture stored as 100x40 px, with one box and a camera's tag."""

    def make(name, box=(10, 10, 20, 20), tag=6):
        exif = Image.Exif()
        exif[TAG] = tag
        Image.new("RGB", (100, 40)).save(tmp_path / f"{name}.jpg", exif=exif)
        return record_of(tmp_path / f"{name}.jpg", f"{name}.jpg", [(*box, 0, 0)])

    return make


def boxes(records):
    return [r.boxes.astype(int).tolist()[0] for r in records]


@pytest.mark.parametrize("value", [0, None, -1, "0", ""])
def test_a_size_that_is_none_is_unknown(value):
    assert stated_size({"width": value, "height": 40}, "a.json") is None
    assert stated_size({"height": 40}, "a.json") is None


def test_a_size_may_be_a_float_or_text_and_no_word():
    assert stated_size({"width": 100.0, "height": "40"}, "a.json") == (100, 40)
    with pytest.raises(InputError, match=r"a.json images\[0\]: 'width' is no number of pixels but 'wide'"):
        stated_size({"width": "wide", "height": 40}, "a.json images[0]")


def test_without_a_size_that_of_the_file_is_taken_and_told(shot):
    data = Dataset(["car"], {})
    (kept,) = settle(data, "val", [shot("a", tag=1)], [None])
    assert (kept.width, kept.height) == (100, 40)
    assert data.notes == ["val: 1 pictures without width and height in the JSON: those of the files are taken"]


def test_the_size_of_the_stored_pixels_turns_boxes_that_fit_both_ways(shot):
    data = Dataset(["car"], {})
    kept = settle(data, "val", [shot("a")], [(100, 40)])  # 40x100 as shown
    assert boxes(kept) == [[20, 10, 30, 20]] and "1 pictures turned by" in data.notes[0]


def test_boxes_that_fit_only_as_shown_stay_and_decide_for_the_others_of_their_file(shot):
    data = Dataset(["car"], {})
    kept = settle(data, "val", [shot("a", (5, 60, 15, 95)), shot("b")], [(100, 40)] * 2)
    assert boxes(kept) == [[5, 60, 15, 95], [10, 10, 20, 20]] and "2 pictures turned" in data.notes[0]
    assert "fit the picture as it is shown: they stay" in data.notes[0]


def test_boxes_that_fit_only_the_stored_pixels_decide_where_no_size_is_stated(shot):
    data = Dataset(["car"], {})
    kept = settle(data, "val", [shot("a", (60, 5, 95, 15)), shot("b"), shot("c", tag=3)], [None] * 3)
    assert boxes(kept) == [[25, 60, 35, 95], [20, 10, 30, 20], [80, 20, 90, 30]]


def test_a_file_that_knows_the_rotation_keeps_its_boxes(shot):
    data = Dataset(["car"], {})
    kept = settle(data, "val", [shot("a"), shot("b", tag=3)], [(40, 100), (100, 40)])
    assert boxes(kept) == [[10, 10, 20, 20]] * 2 and not data.notes


def test_a_third_size_is_dropped_with_a_count(shot):
    data = Dataset(["car"], {})
    assert settle(data, "val", [shot("a"), shot("b", tag=1)], [(50, 20), (40, 100)]) == []
    assert data.dropped["val"] == {DIFFERS: 2}


def test_regions_turn_too(shot, tmp_path):
    one = shot("a")
    one = record_of(one.image, "a.jpg", [(10, 10, 20, 20, 0, 1)])
    (kept,) = settle(Dataset(["car"], {}), "val", [one], [(100, 40)])
    assert np.array_equal(kept.ignore, [[20, 10, 30, 20]])
