"""Trackers: their files and settings, and NWD where boxes no longer overlap."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from ultralytics.engine.results import Boxes

from yolotiny.config.slicing import section_of
from yolotiny.data.clip import clip
from yolotiny.errors import InputError
from yolotiny.slicing import SlicedInference
from yolotiny.track.config import make_tracker, read_tracker, section_to_track, tracker_of


def boxes(*corners: tuple[float, float], side: float = 8.0, score: float = 0.9) -> Boxes:
    """Squares by their left upper corners."""
    rows = [(x, y, x + side, y + side, score, 0) for x, y in corners]
    return Boxes(np.array(rows, np.float32).reshape(-1, 6), (128, 128))


def ids(tracker, *frames) -> list[list[int]]:
    """The ids that a tracker gives in each frame, in the order of the boxes."""
    picture, out = np.zeros((128, 128, 3), np.uint8), []
    for frame in frames:
        rows = tracker.update(frame, picture)
        out.append([int(i) for i in rows[rows[:, -1].argsort(), 4]] if len(rows) else [])
    return out


@pytest.mark.parametrize("name", ["bytetrack", "botsort", "bytetrack-nwd", "botsort-nwd", "ocsort", "fasttrack"])
def test_what_hardly_moves_keeps_its_number(name):
    tracker = make_tracker(read_tracker(name), "cpu")
    frames = [boxes((10 + i, 10), (80, 80 - i)) for i in range(4)]
    assert ids(tracker, *frames) == [[1, 2]] * 4


def test_an_object_of_8_px_that_moves_8_px_a_frame_is_followed_by_nwd_and_lost_by_iou():
    frames = [boxes((10 + 8 * i, 10), (100 - 8 * i, 60)) for i in range(6)]
    assert ids(make_tracker(read_tracker("bytetrack-nwd"), "cpu"), *frames) == [[1, 2]] * 6
    assert ids(make_tracker(read_tracker("bytetrack"), "cpu"), *frames)[1:] == [[]] * 5  # nothing is confirmed


def test_a_jump_to_the_other_side_is_a_new_object_in_any_case():
    frames = [boxes((10, 10)), boxes((11, 10)), boxes((90, 90)), boxes((91, 90))]
    assert ids(make_tracker(read_tracker("bytetrack-nwd"), "cpu"), *frames)[-1] != [1]


def test_a_weak_detection_prolongs_a_track_and_begins_none():
    tracker = make_tracker(read_tracker("bytetrack-nwd"), "cpu")
    frames = [boxes((10, 10)), boxes((13, 10)), boxes((17, 10), (80, 80), score=0.15)]
    assert ids(tracker, *frames) == [[1], [1], [1]]


def test_nwd_has_a_scale_and_known_distances():
    from yolotiny.track.nwd import nwd_distance

    a, b = (SimpleNamespace(xyxy=np.array([x, 0.0, x + 8, 8])) for x in (0.0, 8.0))
    assert nwd_distance([a], [b])[0, 0] == pytest.approx(1 - np.exp(-1))  # 8 px apart, mean size 8 px
    assert nwd_distance([a], [b], 16.0)[0, 0] == pytest.approx(1 - np.exp(-0.5))
    assert nwd_distance([], [b]).shape == (0, 1)
    frames = [boxes((10 + 14 * i, 10)) for i in range(3)]
    assert ids(make_tracker(read_tracker("bytetrack-nwd"), "cpu"), *frames)[1:] == [[], []]
    assert ids(make_tracker(read_tracker("bytetrack-nwd", {"nwd_c": 30}), "cpu"), *frames) == [[1]] * 3


def test_vehicles_of_a_generated_clip_keep_their_numbers_by_nwd():
    def switches(name: str) -> int:
        tracker, last, count = make_tracker(read_tracker(name), "cpu"), {}, 0
        for image, corners, truth in frames:
            found = np.c_[corners, np.full(len(corners), 0.9), np.zeros(len(corners))].astype(np.float32)
            for row in tracker.update(Boxes(found, image.shape[:2]), image):
                number = truth[int(row[-1])]
                count += last.setdefault(number, row[4]) != row[4]
                last[number] = row[4]
        return count

    frames = list(clip(24, 160))[::2]  # 4-16 px a frame
    assert switches("bytetrack-nwd") < switches("bytetrack")


def test_a_file_of_one_s_own_stands_on_ultralytics_settings_and_under_the_command_line(tmp_path):
    (tmp_path / "mine.yaml").write_text("tracker_type: bytetrack\ntrack_buffer: 90\n")
    settings, rest = tracker_of({"tracker": tmp_path / "mine.yaml", "tracker.match": "nwd", "conf": 0.2})
    assert (settings["track_buffer"], settings["match"], settings["track_high_thresh"]) == (90, "nwd", 0.25)
    assert rest == {"conf": 0.2}
    assert read_tracker("bytetrack")["match"] == "iou" and read_tracker()["match"] == "nwd"


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("bytetrak.yaml", {}, "unknown tracker 'bytetrak.yaml'; did you mean 'bytetrack.yaml'"),
        ("bytetrack", {"track_bufer": 3}, "bytetrack has no setting 'track_bufer'; did you mean 'track_buffer'"),
        ("bytetrack", {"match": "nwt"}, "match must be iou or nwd, not 'nwt'"),
        ("bytetrack", {"nwd_c": 8}, "nwd_c= is read with match=nwd only"),
        ("bytetrack-nwd", {"nwd_c": 0}, "nwd_c=0 must be a number above 0"),
        ("bytetrack", {"track_buffer": "long"}, "track_buffer='long' must be a number from 0 up"),
        ("bytetrack", {"fuse_score": 1}, "fuse_score=1 must be True or False"),
        ("ocsort", {"match": "nwd"}, "match=nwd is for bytetrack and botsort, not for ocsort"),
        ("botsort", {"with_reid": True}, "with_reid=True needs the file of a model"),
        ("botsort-nwd", {"with_reid": True}, "with_reid=True goes with match=iou"),
    ],
)
def test_a_wrong_setting_is_one_line(name, changes, says):
    with pytest.raises(InputError) as error:
        read_tracker(name, changes)
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tracker_type: sort\n", "unknown tracker_type 'sort'"),
        ("- a\n", "is not a tracker: it holds no"),
        ("a: [\n", "is not readable YAML"),
    ],
)
def test_a_file_that_is_no_tracker_is_one_line(tmp_path, text, says):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=says):
        read_tracker(tmp_path / "x.yaml")


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="tracking needs the package lap: pip install 'lap>=0.5.12'"):
        make_tracker(read_tracker(), "cpu")


def test_tracking_suppresses_what_a_model_file_leaves_double_and_prediction_does_not():
    yolc = {"crops": {"type": "lsm"}, "merge": {"type": "replace"}}
    assert section_of(yolc, {}, "yolc.yaml")["merge"] == {"type": "replace"}
    assert section_to_track(yolc, {}, "yolc.yaml")["merge"] == {"type": "replace", "iou": "run"}
    assert section_to_track(yolc, {"infer.merge": "replace"}, "yolc.yaml")["merge"] in ("replace", {"type": "replace"})
    assert section_to_track(yolc | {"merge": "nms"}, {}, "x.yaml")["merge"] == "nms"
    assert section_to_track(yolc, {"infer.crops": "none"}, "yolc.yaml") is None


def test_clusters_leave_nothing_double_unless_a_model_file_follows_the_paper():
    assert SlicedInference.from_config({"crops": "lsm"}).merge.iou == "run"
    assert SlicedInference.from_config({"crops": "lsm", "merge": "replace"}).merge.iou is None
