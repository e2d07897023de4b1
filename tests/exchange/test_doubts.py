from pathlib import Path

import numpy as np
import pytest

from yolotiny.data.records import Record
from yolotiny.exchange.doubts import NO_FIND, NO_LABEL, OTHER_CLASS, doubts, found_shares


def record(*rows, ignore=()):
    """A picture with labels (x1, y1, x2, y2, class) and regions of every class."""
    table = np.array(rows, float).reshape(-1, 5)
    regions = np.array(ignore, float).reshape(-1, 4)
    labels = table[:, 4].astype(int)
    return Record(Path("a.png"), "a.png", 100, 100, table[:, :4], labels, regions, np.full(len(regions), -1))


def finds(*rows):
    """(x1, y1, x2, y2, score, class)."""
    return np.array(rows, float).reshape(-1, 6)


def kinds(of, found, **options):
    return [(d.kind, d.index) for d in doubts([of], [finds(*found)], **options)[0]]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(10, 10, 20, 20, 0.9, 0)], []),
        ([(10, 10, 20, 20, 0.1, 1)], []),  # a weak find of another class supports it too
        ([(12, 10, 22, 20, 0.9, 0)], []),  # IoU 2/3
        ([(16, 10, 26, 20, 0.9, 0)], [(NO_LABEL, 0), (NO_FIND, 0)]),  # IoU 1/4
        ([(10, 10, 20, 20, 0.9, 1)], [(OTHER_CLASS, 0)]),
        ([(10, 10, 20, 20, 0.9, 1), (10, 10, 20, 20, 0.8, 0)], [(OTHER_CLASS, 0)]),
        ([(10, 10, 20, 20, 0.9, 0), (50, 50, 60, 60, 0.6, 1)], [(NO_LABEL, 1)]),
        ([(10, 10, 20, 20, 0.9, 0), (50, 50, 60, 60, 0.4, 1)], []),  # not sure enough
        ([], [(NO_FIND, 0)]),
    ],
)
def test_one_label_and_what_is_found(found, expected):
    assert kinds(record((10, 10, 20, 20, 0)), found) == expected


def test_a_find_over_two_labels_agrees_where_one_is_of_its_class():
    two = record((10, 10, 20, 20, 0), (11, 10, 21, 20, 1))
    assert kinds(two, [(10, 10, 20, 20, 0.9, 1)]) == []
    (doubt,) = doubts([two], [finds((10, 10, 20, 20, 0.9, 2))])[0]
    assert (doubt.label, doubt.instead) == (2, 0)  # the closer one


def test_nothing_is_said_of_finds_in_ignore_regions():
    assert kinds(record(ignore=[(0, 0, 30, 30)]), [(10, 10, 20, 20, 0.9, 0), (25, 25, 40, 40, 0.9, 0)]) == [
        (NO_LABEL, 1)
    ]


def test_a_label_of_a_size_that_is_rarely_found_is_less_doubtful():
    small = [(float(k * 8), 0.0, k * 8 + 4.0, 4.0, 0) for k in range(8)]
    large = [(float(k * 24), 50.0, k * 24 + 20.0, 70.0, 0) for k in range(4)]
    found = [(*row[:4], 0.9, 0) for row in (*small[:2], *large[:3])]
    made = doubts([record(*small, *large)], [finds(*found)])[0]
    assert [d.index for d in made] == [11, 2, 3, 4, 5, 6, 7]
    assert made[0].doubt == pytest.approx(4 / 6) and made[1].doubt == pytest.approx(3 / 10)


def test_each_picture_has_its_own_even_without_labels_or_finds():
    made = doubts([record(), record((1, 1, 9, 9, 0)), record()], [finds(), finds(), finds((1, 1, 9, 9, 0.7, 0))])
    assert [[d.kind for d in of] for of in made] == [[], [NO_FIND], [NO_LABEL]]
    assert doubts([], []) == []


def test_shares_by_size():
    shares = found_shares(np.array([4.0, 7.9, 8.0, 100.0]), np.array([True, False, True, False]))
    assert shares.tolist() == pytest.approx([0.5, 0.5, 2 / 3, 1 / 3])
