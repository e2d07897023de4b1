"""A raster window by window: each object once, what holds no data skipped, and a cut run that goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.raster_files import SQUARES, bright, corners, squares, write_raster
from yolotiny.errors import InputError
from yolotiny.geo import Job, Journal, Plan, joined
from yolotiny.geo.job import Told
from yolotiny.geo.journal import unfinished
from yolotiny.geo.windows import Rules
from yolotiny.ops.nms import Suppression
from yolotiny.pictures.reader import PictureReader
from yolotiny.rasters.levels import Levels
from yolotiny.rasters.raster import Raster
from yolotiny.slicing import NMM, Replace

RULES = Rules(Replace("run"), Suppression(0.6))
ABOUT = {"name": "a", "conf": 0.25}


def job(path: Path, plan: Plan, said: list[str] | None = None) -> Job:
    raster = Raster(str(path))
    return Job(raster, Levels.of(raster, PictureReader())[0], 3, plan, RULES, (said if said is not None else []).append)


def journal(tmp_path: Path, about: dict[str, Any] = ABOUT) -> Journal:
    return Journal(tmp_path / "a.windows.jsonl", about)


def ordered(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows[:, :4].T), :4]


@pytest.fixture
def raster(tmp_path) -> Path:
    return write_raster(tmp_path / "a.tif", (squares(count=3) * 200).astype(np.uint8))


@pytest.mark.parametrize("window", [40, 64, 100, 500])
@pytest.mark.parametrize("batch", [1, 3])
def test_objects_on_the_borders_of_windows_are_found_once(raster, tmp_path, window, batch):
    found = job(raster, Plan((window, window), 0.3, batch=batch)).run(bright, journal(tmp_path))
    assert np.array_equal(ordered(found.rows), corners())
    assert found.windows.keys() == {"seen"}


def test_windows_cover_a_raster_and_are_no_more_than_anybody_would_wait_for():
    assert Plan((64, 64), 0.25).windows((64, 100)) == [(0, 0, 64, 64), (36, 0, 64, 64)]
    assert Plan((64, 64)).windows((10, 20)) == [(0, 0, 20, 10)]
    with pytest.raises(InputError, match="windows of 4x4 px; give a smaller overlap= or pixel_scale="):
        Plan((4, 4)).windows((60_000, 60_000))


def test_a_box_that_two_windows_saw_a_little_differently_stands_once():
    windows = [(0, 0, 60, 60), (40, 0, 60, 60)]
    rows = [np.array([[45, 10, 53, 18, 0.9, 0]], np.float32), np.array([[46, 10, 54, 18, 0.8, 0]], np.float32)]
    assert joined(rows, windows, (60, 100), 1.0, RULES).tolist() == [pytest.approx([45, 10, 53, 18, 0.9, 0])]
    apart = [rows[0], np.array([[46, 10, 54, 18, 0.8, 1]], np.float32)]  # another class
    assert len(joined(apart, windows, (60, 100), 1.0, RULES)) == 2
    together = joined(rows, windows, (60, 100), 1.0, Rules(NMM(), Suppression(0.6)))
    assert together[0, :4].tolist() == [45, 10, 54, 18]


def test_windows_without_data_are_not_looked_at(tmp_path):
    values = (squares(count=3) * 200).astype(np.uint8)
    held = np.zeros((160, 160), bool)
    held[:80, :80] = True
    path = write_raster(tmp_path / "a.tif", values, mask=held)
    seen: list[tuple[int, ...]] = []

    def look(views: Sequence[Any]) -> list[np.ndarray]:
        seen.extend(view.window for view in views)
        return bright(views)

    found = job(path, Plan((40, 40), 0.0)).run(look, journal(tmp_path))
    assert found.windows == {"seen": 4, "empty": 12} and len(seen) == 4
    inside = [s for s in SQUARES if s[0] < 80 and s[1] < 80]
    assert np.array_equal(ordered(found.rows), corners(inside))


def test_what_is_found_where_there_is_no_data_does_not_count(tmp_path):
    values, held = np.zeros((64, 64, 3), np.uint8), np.ones((64, 64), bool)
    held[:, 32:] = False
    path = write_raster(tmp_path / "a.tif", values, mask=held)
    look = lambda views: [np.array([[4, 4, 9, 9, 0.9, 0], [40, 4, 49, 9, 0.9, 0], [30, 30, 36, 36, 0.8, 0]])]  # noqa: E731
    rows = job(path, Plan((64, 64))).run(look, journal(tmp_path)).rows
    assert rows[:, 0].tolist() == [4, 30]  # the last one reaches over the border of what is known


def test_a_run_that_was_cut_off_goes_on_at_its_window(raster, tmp_path):
    whole = job(raster, Plan((40, 40), 0.3)).run(bright, Journal(tmp_path / "other.jsonl", ABOUT))
    for cut in (0, 1, 7):
        looked: list[int] = []

        def look(views: Sequence[Any]) -> list[np.ndarray]:
            if len(looked) == cut:  # noqa: B023
                raise KeyboardInterrupt
            looked.append(1)  # noqa: B023
            return bright(views)

        with pytest.raises(KeyboardInterrupt):
            job(raster, Plan((40, 40), 0.3)).run(look, journal(tmp_path))
        file = tmp_path / "a.windows.jsonl"
        file.write_bytes(file.read_bytes() + b'{"window": 3, "sta')  # the end of a line that was never written
        kept = journal(tmp_path)
        assert len(kept.entries) == cut
        said: list[str] = []
        found = job(raster, Plan((40, 40), 0.3), said).run(bright, kept)
        assert np.array_equal(found.rows, whole.rows) and found.windows == whole.windows
        assert bool(cut) == (said[0].endswith(f"goes on behind {cut} of 36 windows"))
        kept.remove()
        assert not file.exists()


def test_a_run_that_is_through_looks_at_nothing_again(raster, tmp_path):
    first = job(raster, Plan((40, 40), 0.3)).run(bright, journal(tmp_path))
    again = job(raster, Plan((40, 40), 0.3)).run(lambda views: pytest.fail("looked"), journal(tmp_path))
    assert np.array_equal(first.rows, again.rows)


def test_only_the_same_run_goes_on(tmp_path):
    journal(tmp_path)
    with pytest.raises(InputError, match="is of a run that was cut off, with conf=0.25 and not 0.5; repeat that"):
        journal(tmp_path, ABOUT | {"conf": 0.5})
    with pytest.raises(InputError, match="with iou=None and not 0.6"):
        journal(tmp_path, ABOUT | {"iou": 0.6})
    assert json.loads((tmp_path / "a.windows.jsonl").read_text()) == ABOUT


def test_the_folder_of_a_run_that_was_cut_off_is_found_by_what_it_is(tmp_path):
    for name, about in (("predict", ABOUT), ("predict-2", ABOUT | {"conf": 0.5}), ("other", ABOUT | {"iou": 1})):
        Journal(tmp_path / name / "a.windows.jsonl", about)
    assert unfinished(tmp_path, "predict", ABOUT) == tmp_path / "predict"
    assert unfinished(tmp_path, "predict", ABOUT | {"conf": 0.5}) == tmp_path / "predict-2"
    assert unfinished(tmp_path, "predict", ABOUT | {"iou": 1}) is None
    assert unfinished(tmp_path / "gone", "predict", ABOUT) is None


def test_windows_that_do_not_decode_are_named_and_the_others_seen(tmp_path):
    values = np.random.default_rng(0).integers(0, 100, (160, 160, 1), dtype=np.uint8)
    values[10:18, 10:16] = 255
    path = write_raster(tmp_path / "a.tif", values, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    said: list[str] = []
    found = job(path, Plan((64, 64), 0.0, batch=2), said).run(bright, journal(tmp_path))
    assert found.windows["fault"] >= 1 and found.windows["seen"] >= 1 and len(found.rows) == 1
    assert sum("does not decode" in line for line in said) == found.windows["fault"]


def test_a_raster_of_which_nothing_decodes_is_told_in_one_line(raster, tmp_path):
    raster.write_bytes(raster.read_bytes()[:300])
    with pytest.raises(InputError) as caught:
        job(raster, Plan((80, 80), 0.0)).run(bright, journal(tmp_path))
    assert "\n" not in str(caught.value) and "a.tif" in str(caught.value)


def test_a_disk_that_is_full_ends_the_run_with_what_is_kept(raster, tmp_path, monkeypatch):
    kept = journal(tmp_path)

    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_write", full)
    with pytest.raises(InputError, match="No space left on device; 0 windows before it are kept there"):
        job(raster, Plan((80, 80), 0.0)).run(bright, kept)


def test_progress_says_how_long_it_will_take(monkeypatch):
    now, said = [0.0], []
    monkeypatch.setattr("yolotiny.pace.time.monotonic", lambda: now[0])
    told = Told("a.tif", 1000, 100, said.append)
    now[0] = 5.0
    told.tell(150, 3)
    now[0] = 20.0
    told.tell(300, 2000)
    now[0] = 100.0
    told.tell(1000, 7000)
    assert said == [
        "a.tif: goes on behind 100 of 1,000 windows",
        "a.tif: 300 of 1,000 windows, 2,000 boxes, 0:01:10 left",
        "a.tif: 1,000 windows, 7,000 boxes in 0:01:40",
    ]
