"""The one reader of label and ignore files, on rows that can be checked by eye."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from yolotiny.data.labels import as_objects, ignore_file, label_row, parse_labels, parse_regions, read_rows, region_row
from yolotiny.errors import InputError


def test_a_box_that_lies_in_the_picture_stays_to_the_last_bit():
    rng = np.random.default_rng(0)
    wh = rng.uniform(0.01, 0.2, (200, 2)).round(6)
    xywh = np.concatenate((rng.uniform(0.1, 0.9, (200, 2)).round(6), wh), 1)
    xywh[:50, 0] = wh[:50, 0] / 2  # at the left edge
    rows = parse_labels("".join(f"1 {' '.join(map(str, box))}\n" for box in xywh.tolist()), 2)
    assert rows.problems == () and (rows.xywh == xywh).all() and rows.lines.tolist() == list(range(1, 201))
    assert (as_objects(rows)[:, 1:] == xywh.astype(np.float32)).all()


def test_a_box_over_the_edge_is_cut_and_its_reach_is_known_in_pixels():
    rows = parse_labels("0 0.0 0.5 0.2 0.2\n0 0.5 1.0 0.2 0.1\n0 0.5 0.5 1.0 1.0\n", 1)
    np.testing.assert_allclose(rows.xywh, [[0.05, 0.5, 0.1, 0.2], [0.5, 0.975, 0.2, 0.05], [0.5, 0.5, 1, 1]])
    np.testing.assert_allclose(rows.corners[1], [0.4, 0.95, 0.6, 1.0])
    np.testing.assert_allclose(rows.written[0], [-0.1, 0.4, 0.1, 0.6])
    assert rows.reach(100, 40).tolist() == pytest.approx([10, 2, 0])
    assert rows.over_edge(100, 40) == 1 and rows.over_edge(10, 10) == 0


def test_problems_keep_their_lines_and_the_other_rows():
    rows = parse_labels("0 0.5 0.5 0.1 0.1\n\n7 0.5 0.5 0.1 0.1\n0 0.5 0.5 0 0.1\n0 0.2 0.2 0.1 0.1\n", 2)
    assert rows.lines.tolist() == [1, 5] and [(p.row, p.kind) for p in rows.problems] == [(3, "class"), (4, "flat")]
    others, flat = rows.without("flat")
    assert flat == 1 and [p.kind for p in others.problems] == ["class"]
    with pytest.raises(InputError, match=r"^a\.txt, row 3: class 7 is none of the 2 classes"):
        rows.checked("a.txt")


def test_where_classes_do_not_matter_half_a_class_is_still_none():
    rows = parse_labels("0.5 0.5 0.5 0.1 0.1\n99 0.5 0.5 0.1 0.1\n", sys.maxsize)
    assert rows.labels.tolist() == [99] and "class 0.5 is no whole number from 0 up" in rows.problems[0].text


def test_what_a_row_says_does_not_act_on_a_terminal():
    (problem,) = parse_labels("\x1b[2Jcar 0.5 0.5 0.1 0.1" + " 0" * 99, 2).problems
    assert "\x1b" not in problem.text and r"\x1b[2Jcar" in problem.text and len(problem.text) < 150


def test_an_empty_text_has_no_rows():
    for rows in (parse_labels("", 2), parse_regions("\n \n", 2)):
        assert rows.xywh.shape == rows.corners.shape == (0, 4) and rows.reach(9, 9).shape == (0,)
        assert as_objects(rows).shape == (0, 5) and rows.over_edge(9, 9) == 0


def test_a_missing_file_is_empty_and_a_folder_in_its_place_is_a_problem(tmp_path):
    assert read_rows(tmp_path / "a.txt", 2).problems == ()
    (tmp_path / "a.txt").mkdir()
    (problem,) = read_rows(tmp_path / "a.txt", 2).problems
    assert (problem.row, problem.text) == (None, "it is a folder, not a file")
    with pytest.raises(InputError, match=r"^cannot read .*a\.txt: it is a folder, not a file$"):
        read_rows(tmp_path / "a.txt", 2).checked(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("label", "ignore"),
    [
        ("/d/labels/train/a.txt", "/d/ignore/train/a.txt"),
        ("labels/a.txt", "ignore/a.txt"),  # as seen from the folder of the data set
        ("/labels/d/labels/a.txt", "/labels/d/ignore/a.txt"),
        ("/d/a.txt", "."),  # labels beside pictures: nowhere for ignore files
    ],
)
def test_the_ignore_file_lies_in_a_folder_beside_the_labels(label, ignore):
    assert ignore_file(label) == ignore_file(Path(label)) == Path(ignore)


def test_rows_that_are_written_are_read_again():
    boxes = [(0.125, 0.25, 0.0625, 0.5), (0.5, 0.5, 0.25, 0.25)]
    assert label_row(1, boxes[0]) == "1 0.12500000 0.25000000 0.06250000 0.50000000\n"
    rows = parse_labels("".join(label_row(k, box) for k, box in enumerate(boxes)), 2)
    assert rows.labels.tolist() == [0, 1] and rows.xywh.tolist() == [list(b) for b in boxes]
    regions = parse_regions("".join(region_row(k, box) for k, box in zip((-2, 1), boxes, strict=True)), 2)
    assert regions.labels.tolist() == [-2, 1] and regions.xywh.tolist() == [list(b) for b in boxes]
