import pytest

from yolotiny.data.labels import read_labels
from yolotiny.data.quality.samples import parse_region, parse_row, read_sample
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
    found = parse_row(row, 2)
    file = text(tmp_path / "a.txt", row)
    if kind is None:
        x1, y1, x2, y2 = found[1:]
        (label, cx, cy, w, h) = read_labels(file, 2)[0].tolist()
        assert found == pytest.approx((label, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), abs=1e-6)
        assert x2 > x1 and y2 > y1
    else:
        assert found[0] == kind
        with pytest.raises(InputError):
            read_labels(file, 2)


def test_pixels_instead_of_shares_are_recognised():
    assert "looks like pixels" in parse_row("0 320 200 30 20", 2)[1]


def test_a_region_may_name_its_class():
    assert parse_region("0.5 0.5 0.2 0.4", 2) == pytest.approx((-1, 0.4, 0.3, 0.6, 0.7))
    assert parse_region("0.5 0.5 0.2 0.4 1", 2)[0] == 1 and parse_region("0.5 0.5 0.2 0.4 -2", 2)[0] == -2
    for bad in ("0.5 0.5 0.2", "0.5 0.5 0.2 0.4 2", "0.5 0.5 0 0.4", "50 50 20 40"):
        assert parse_region(bad, 2)[0] == "ignore row"


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
    assert (problem.kind, problem.row, problem.note) == ("row", None, "not a UTF-8 text file")
