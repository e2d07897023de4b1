"""What pictures are called: two of one name in two folders stay two."""

from __future__ import annotations

import pytest

from yolotiny.picture_names import KnownPictures, named, own_stems, relative_names


def is_video(name: str) -> bool:
    return name.endswith(".avi")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["/d/a/1.jpg", "/d/b/1.jpg"], ["a/1.jpg", "b/1.jpg"]),
        (["/d/1.jpg", "/d/b/1.jpg"], ["1.jpg", "b/1.jpg"]),
        (["/d/a/1.jpg"], ["1.jpg"]),
        (["/d/a/1.jpg", "/e/1.jpg"], ["d/a/1.jpg", "e/1.jpg"]),
        (["/d/a/1.jpg", "image1.jpg", "http://h/x/1.jpg"], ["1.jpg", "image1.jpg", "h/x/1.jpg"]),
        ([], []),
    ],
)
def test_names_begin_at_the_folder_that_all_pictures_share(files, expected):
    assert relative_names(files) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.jpg", "b/2.jpg"], ["1", "2"]),
        (["a/1.jpg", "b/1.jpg", "b/2.jpg"], ["a_1", "b_1", "b_2"]),
        (["1.jpg", "b/1.jpg"], ["1", "b_1"]),
        (["1.jpg", "1.png"], ["1_jpg", "1_png"]),
        (["a_b/1.jpg", "a/b_1.jpg", "x/1.jpg"], ["a_b_1_jpg", "a_b_1_jpg-2", "x_1"]),
        (["clip_3.jpg", "clip.avi"], ["clip_3", "clip_avi"]),
        (["clip.jpg", "clip.avi"], ["clip_jpg", "clip_avi"]),
        (["clip.avi", "other_3.jpg"], ["clip", "other_3"]),
    ],
)
def test_no_two_results_have_one_name(names, expected):
    assert own_stems(names, is_video) == expected


def test_a_file_that_comes_twice_has_one_name():
    assert list(named(["/d/1.jpg", "/d/1.jpg"]).values()) == [("1.jpg", "1")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/1.jpg", [0]),
        ("images/a/1.jpg", [0]),  # more of the folders than the data set gives
        ("/x/y/b/1.jpg", [1]),
        ("b\\1.jpg", [1]),
        ("./b/1.jpg", [1]),
        ("a/1.png", [0]),  # converted to another format: the folder tells
        ("2.jpg", [2]),
        ("d/2.jpg", [2]),  # moved
        ("1.jpg", [0, 1]),
        ("e/1.jpg", [0, 1]),
        ("3.png", [4]),
        ("3.jpg", [3]),
        ("c_2.jpg", [2]),  # folders joined, as `data convert` does it
        ("4.jpg", []),
    ],
)
def test_a_name_finds_the_picture_that_it_fits_best(name, expected):
    assert KnownPictures(["a/1.jpg", "b/1.jpg", "c/2.jpg", "3.jpg", "3.png"]).find(name) == expected
