"""What a source means: files in the order that they are given, and everything listed, there or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.messages import assert_says
from yolotiny.errors import InputError
from yolotiny.runtime.sources import items_of, reads_files, usual_batch


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("b.png", "a.jpg", "a.avi", "notes.txt", "._b.png", "deep/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def names(items) -> list[str]:
    return [Path(item).name for item in items]


def test_a_folder_and_a_pattern_give_pictures_then_videos_by_name(folder):
    assert names(items_of(folder)) == names(items_of(f"{folder}/*")) == ["a.jpg", "b.png", "a.avi"]
    assert names(items_of(f"{folder}/**/*.png")) == ["b.png", "c.png"]
    assert names(items_of(folder / "b.png")) == ["b.png"]


def test_a_list_keeps_its_order_what_is_twice_in_it_and_what_is_not_there(folder):
    given = [folder / "b.png", str(folder / "a.jpg"), str(folder / "gone.png"), folder / "b.png"]
    assert items_of(given) == [str(p) for p in given] == items_of(tuple(given))
    array = np.zeros((2, 2, 3))
    assert items_of([array, folder / "a.jpg"])[0] is array
    assert names(items_of([folder, folder / "b.png"])) == ["a.jpg", "b.png", "a.avi", "b.png"]


def test_a_list_in_a_file_is_read_in_its_order_from_the_file_s_folder(folder):
    (folder / "l.txt").write_bytes(b"\xef\xbb\xbfb.png\r\n\n  a.jpg \ndeep/*.png\ngone.png\n\xff.png\n")
    found = items_of(folder / "l.txt")
    assert names(found[:4]) == ["b.png", "a.jpg", "c.png", "gone.png"] and found[4].encode(
        "utf-8", "surrogateescape"
    ).endswith(b"/\xff.png")
    (folder / "l.csv").write_text('source\n"b.png"\na.jpg\n')
    assert names(items_of(folder / "l.csv")) == ["b.png", "a.jpg"]


def test_a_name_with_the_signs_of_a_pattern_is_a_name_where_it_is_one(folder):
    (folder / "a[1].png").write_bytes(b"")
    assert names(items_of(folder / "a[1].png")) == ["a[1].png"]


def test_nothing_and_things_of_another_kind_are_one_line(folder):
    (folder / "bare").mkdir()
    for source in (folder / "bare", folder / "notes.md", f"{folder}/*.bmp"):
        with assert_says(f"No images or videos found in {str(source)!r}"):
            items_of(source)
    with assert_says("source[1] is of type int; give paths, arrays or PIL pictures"):
        items_of([folder / "a.jpg", 1])
    with pytest.raises(InputError, match="without a picture"):
        items_of([])


def test_cameras_streams_and_single_pictures_in_memory_are_no_files(folder):
    assert not any(map(reads_files, (0, "0", "rtsp://a/b", "https://a/b.jpg", "x.streams", "screen", np.zeros(1))))
    assert all(map(reads_files, (folder, "a.jpg", [np.zeros(1)], ("a.jpg",))))


def test_arrays_are_a_batch_together_and_files_are_not():
    assert usual_batch([np.zeros(1)] * 3) == 3 and usual_batch(["a.jpg"] * 3) == usual_batch("a.jpg") == 1
