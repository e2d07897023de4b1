import numpy as np
import pytest

from yolotiny.data import stats
from yolotiny.errors import InputError


@pytest.fixture
def data(tmp_path, picture, text):
    """Two pictures of 100x50 px: boxes of 8x8 and 20x5 px, and one of 40x40 px; a third one empty."""
    for name, rows in {"a": "0 0.04 0.08 0.08 0.16\n1 0.5 0.5 0.2 0.1\n", "b": "0 0.5 0.5 0.4 0.8\n", "c": ""}.items():
        picture(tmp_path / "images" / "train" / f"{name}.png")
        text(tmp_path / "labels" / "train" / f"{name}.txt", rows)
    text(tmp_path / "data.yaml", "path: .\ntrain: images/train\nnames: [car, ship, bus]\n")
    return tmp_path


def test_sides_are_roots_of_areas_in_the_picture_and_at_imgsz(data):
    s = stats(data, imgsz=50)
    assert s.sides.tolist() == pytest.approx([8, 10, 40])
    assert (s.sides * s.scale).tolist() == pytest.approx([4, 5, 20])


def test_each_object_counts_in_one_size(data):
    s = stats(data)
    assert s.by_size(s.sides) == {"very tiny": 0, "tiny": 2, "small": 0, "medium": 1, "large": 0}
    assert s.by_size(np.array([8.0, 16, 32, 64])) == {"very tiny": 0, "tiny": 1, "small": 1, "medium": 1, "large": 1}


def test_counts_by_picture_and_by_class(data):
    s = stats(data)
    assert s.counts.tolist() == [2, 1, 0]
    assert s.per_class == {"car": (2, 2, 1), "ship": (1, 1, 1), "bus": (0, 0, 0)}


def test_clustering_needs_ten_objects_in_a_picture(data, text):
    assert stats(data).clustering[0] == 0
    text(data / "labels" / "train" / "c.txt", "0 0.5 0.5 0.1 0.1\n" * 10)
    pictures, found, even = stats(data).clustering
    assert (pictures, found) == (1, 1 / 160) and even == pytest.approx(9 / 160, rel=0.1)


def test_tiles_of_imgsz_px(data):
    assert stats(data, imgsz=50).tiling == (2, pytest.approx(3 / 6))  # a: both, b: one, c: none
    assert stats(data, imgsz=640).tiling == (1, pytest.approx(1 / 3))


def test_objects_in_the_same_cell_of_stride_8(data, text):
    assert stats(data, imgsz=100).crowding == 0
    text(data / "labels" / "train" / "c.txt", "0 0.50 0.5 0.02 0.02\n0 0.52 0.5 0.02 0.02\n0 0.9 0.9 0.02 0.02\n")
    assert stats(data, imgsz=100).crowding == pytest.approx(2 / 6)  # at 50 and 52 px; cells end at 48 and 56
    assert stats(data, imgsz=800).crowding == 0


def test_ignore_regions_are_clipped_to_the_picture(data, text):
    text(data / "ignore" / "train" / "c.txt", "1.0 0.5 0.5 1.0\n")
    assert stats(data).regions == (1, 1, pytest.approx(0.25 / 3))


def test_bad_rows_and_pictures_are_left_out_and_counted(data, text):
    text(data / "labels" / "train" / "c.txt", "9 0.5 0.5 0.1 0.1\nx\n")
    (data / "images" / "train" / "d.png").write_bytes(b"")
    s = stats(data)
    assert dict(s.left_out) == {"pictures that cannot be read": 1, "rows that are no boxes": 2}
    assert len(s.samples) == 3


@pytest.mark.parametrize(
    ("options", "says"), [({"split": "val"}, "no split 'val'; there are: train"), ({"imgsz": 0}, "imgsz=0")]
)
def test_what_cannot_be_measured_is_one_line(data, options, says):
    with pytest.raises(InputError, match=says):
        stats(data, **options)


def test_a_split_without_any_object_is_refused(data, text):
    for name in "ab":
        text(data / "labels" / "train" / f"{name}.txt", "")
    with pytest.raises(InputError, match="no object in the 3 pictures of train"):
        stats(data)
