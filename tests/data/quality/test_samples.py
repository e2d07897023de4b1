import pytest

from yolotiny.data.labels import parse_labels, parse_regions, read_labels
from yolotiny.data.quality.samples import read_sample
from yolotiny.errors import InputError

ROWS = {
    "0 0.5 0.5 0.2 0.4": None,
    "1 0.1 0.1 0.3 0.1 0.3 0.3": None,  # a polygon
    "0 1.005 0.5 0.1 0.1": None,  # rounding
    "0 0.5 0.5 0.2": "row",
    "0 0.1 0.1 0.3 0.1 0.3": "row",
    "0 0.5 0.5 0.2 x": "row",
    "0 nan 0.5 0.2 0.2": "row",
    "2 0.5 0.5 0.2 0.2": "class",
    "-1 0.5 0.5 0.2 0.2": "class",
    "0.5 0.5 0.5 0.2 0.2": "class",
    "0 320 200 30 20": "outside",
    "0 1.02 0.5 0.1 0.1": "outside",
    "0 0.5 0.5 0 0.1": "flat",
}


@pytest.mark.parametrize(("row", "kind"), ROWS.items())
def test_a_row_is_a_problem_exactly_where_training_refuses_it(row, kind, tmp_path, text):
    file = text(tmp_path / "labels" / "a.txt", row)
    sample = read_sample(tmp_path / "images" / "a.jpg", "train", (1, 1), 2)
    if kind is None:
        ((x1, y1, x2, y2),) = sample.boxes.tolist()
        (label, cx, cy, w, h) = read_labels(file, 2)[0].tolist()
        assert sample.labels.tolist() == [label] and sample.problems == ()
        assert (x1, y1, x2, y2) == pytest.approx((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), abs=1e-6)
        assert x2 > x1 and y2 > y1
    else:
        assert [p.kind for p in sample.problems] == [kind] and len(sample.boxes) == 0
        with pytest.raises(InputError):
            read_labels(file, 2)


def test_pixels_instead_of_shares_are_recognised():
    (problem,) = parse_labels("0 320 200 30 20", 2).problems
    assert "looks like pixels" in problem.text


def test_a_region_may_name_its_class():
    rows = parse_regions("0.5 0.5 0.2 0.4\n0.5 0.5 0.2 0.4 1\n0.5 0.5 0.2 0.4 -2", 2)
    assert rows.corners[0].tolist() == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert rows.labels.tolist() == [-1, 1, -2] and rows.problems == ()


@pytest.mark.parametrize("bad", ["0.5 0.5 0.2", "0.5 0.5 0.2 0.4 2", "0.5 0.5 0 0.4", "50 50 20 40"])
def test_a_bad_region_is_a_problem_of_the_ignore_file(bad, tmp_path, text):
    file = text(tmp_path / "ignore" / "a.txt", bad)
    sample = read_sample(tmp_path / "images" / "a.jpg", "train", (100, 50), 2)
    assert [(p.kind, p.file, p.row) for p in sample.problems] == [("ignore row", file, 1)]
    assert len(sample.ignore) == 0


def test_a_sample_keeps_good_rows_with_their_numbers_and_names_the_bad_ones(tmp_path, text):
    image = tmp_path / "images" / "train" / "a.jpg"
    label = text(tmp_path / "labels" / "train" / "a.txt", "1 0.5 0.5 0.2 0.4\n\n7 0.5 0.5 0.1 0.1\n0 0.1 0.2 0.2 0.4\n")
    text(tmp_path / "ignore" / "train" / "a.txt", "0.9 0.9 0.2 0.2\n")
    sample = read_sample(image, "train", (100, 50), 2)
    assert sample.boxes.tolist() == [pytest.approx([40, 15, 60, 35]), pytest.approx([0, 0, 20, 20])]
    assert sample.labels.tolist() == [1, 0] and sample.rows.tolist() == [1, 4]
    assert sample.ignore.tolist() == [pytest.approx([80, 40, 100, 50])]
    assert [(p.kind, p.file, p.row) for p in sample.problems] == [("class", label, 3)]


def test_a_picture_without_files_has_nothing(tmp_path):
    sample = read_sample(tmp_path / "images" / "a.jpg", "train", (100, 50), 2)
    assert sample.boxes.shape == sample.ignore.shape == (0, 4) and sample.problems == ()


def test_a_label_file_that_is_no_text_is_one_problem(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_bytes(b"\xff\xfe\x00\x80")
    (problem,) = read_sample(tmp_path / "images" / "a.jpg", "train", (100, 50), 2).problems
    assert (problem.kind, problem.row, problem.note) == (
        "row",
        None,
        "not a UTF-8 text file, but UTF-16: save it as UTF-8",
    )
