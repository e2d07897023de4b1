"""Tracking: ids in results, in text files and in pictures; on videos, folders, streams and arrays; with crops."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.loaders.test_reader import write_video
from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.cli import main as cli
from yolotiny.errors import InputError

QUIET = {"imgsz": 128, "verbose": False}


def frame(i: int) -> np.ndarray:
    """Two squares of 8 px that move 6 px a frame, to the right and to the left."""
    image = np.zeros((128, 128, 3), np.uint8)
    for x, y in ((10 + 6 * i, 30), (100 - 6 * i, 90)):
        image[y : y + 8, x : x + 8] = 255
    return image


def bright(x: torch.Tensor, *args, **kwargs) -> tuple[torch.Tensor, None]:
    """A network that sees bright squares: (B, 3, H, W) -> (B, 4 + 2, A) with a weak detection in a corner."""
    out = torch.zeros(len(x), 6, 8)
    for k, image in enumerate(x):
        _, _, stats, centres = cv2.connectedComponentsWithStats((image[0] > 0.5).byte().cpu().numpy())
        for a, (box, centre) in enumerate(zip(stats[1:8], centres[1:8], strict=True)):
            out[k, :, a] = torch.tensor([centre[0] + 0.5, centre[1] + 0.5, box[2], box[3], 0.9, 0])
        out[k, :, 7] = torch.tensor([4.0, 4, 4, 4, 0.15, 0])
    return out, None


@pytest.fixture
def model(monkeypatch) -> YOLO:
    found = YOLO(trained().best)
    monkeypatch.setattr(found.model, "run_layers", bright)
    return found


@pytest.fixture
def video(tmp_path) -> Path:
    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 5, (128, 128))
    for i in range(6):
        writer.write(frame(i))
    writer.release()
    return file


@pytest.fixture
def pictures(tmp_path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for i in range(4):
            cv2.imwrite(str(tmp_path / name / f"{i:03d}.png"), frame(i))
    return tmp_path


def numbers(results) -> list[list[int]]:
    """The ids of each frame, the square on the left of the first frame first."""
    return [[int(i) for i in r.boxes.id[r.boxes.xyxy[:, 1].argsort()]] for r in results]


@pytest.mark.parametrize("crops", [{}, {"crops": "grid", "tile": 64}, {"crops": "lsm", "infer.crops.min_area": 0}])
def test_squares_of_a_video_keep_their_numbers_with_crops_and_without(model, video, tmp_path, crops):
    results = model.track(video, project=str(tmp_path), **QUIET, **crops)
    assert numbers(results) == [[1, 2]] * 6 and model.predictor.ids == 2
    assert bool(len(results[0].crops)) == bool(crops)


@pytest.mark.parametrize("tracker", ["bytetrack.yaml", "ocsort.yaml", "bytetrack-nwd.yaml", "botsort-nwd.yaml"])
def test_the_tracker_is_the_one_asked_for(model, video, tmp_path, tracker):
    results = model.track(video, tracker=tracker, project=str(tmp_path), **QUIET)
    kept = [len(r.boxes) for r in results] == [2] * 6
    assert kept == tracker.endswith("-nwd.yaml")  # at 6 px a frame, 8 px have an IoU of 1/7


def test_a_setting_of_the_tracker_changes_what_is_followed(model, video, tmp_path):
    results = model.track(video, project=str(tmp_path), **QUIET, **{"tracker.new_track_thresh": 0.95})
    assert [len(r.boxes) for r in results] == [0] * 6


def test_weak_detections_reach_the_tracker_unless_conf_says_otherwise(model, video, tmp_path):
    weak = {"tracker.track_high_thresh": 0.12, "tracker.new_track_thresh": 0.12, "project": str(tmp_path)}
    assert len(model.track(video, **weak, **QUIET)[-1].boxes) == 3
    assert len(model.track(video, conf=0.3, **weak, **QUIET)[-1].boxes) == 2


def test_a_folder_of_pictures_is_a_video_and_the_next_folder_another(model, pictures, tmp_path):
    options = {"project": str(tmp_path)} | QUIET
    assert numbers(model.track(pictures / "one", **options)) == [[1, 2]] * 4
    both = str(pictures / "*" / "*.png")
    assert numbers(model.track(both, **options)) == [[1, 2]] * 8 and model.predictor.ids == 4
    far = {"tracker.match_thresh": 0.95}  # the second folder begins 18 px from where the first ends
    assert numbers(model.track(both, persist=True, **far, **options)) == [[1, 2]] * 8 and model.predictor.ids == 2


def test_frames_given_one_by_one_are_one_video_if_tracks_persist(model, tmp_path):
    options = {"project": str(tmp_path)} | QUIET
    kept = [numbers(model.track(frame(i), persist=True, **options))[0] for i in range(4)]
    assert kept == [[1, 2]] * 4
    apart = [numbers(model.track(frame(i), **options))[0] for i in (0, 9)]
    assert apart == [[1, 2], [1, 2]]
    assert numbers(model.track([frame(i) for i in range(3)], **options)) == [[1, 2]] * 3


def test_every_stream_has_tracks_of_its_own(model, video, tmp_path):
    (tmp_path / "two.streams").write_text(f"{video}\n{video}\n")
    results = list(
        model.track(tmp_path / "two.streams", stream=True, stream_buffer=True, project=str(tmp_path), **QUIET)
    )
    assert len(results) >= 10 and numbers(results) == [[1, 2]] * len(results)
    assert model.predictor.ids == 4


def test_a_broken_frame_is_left_out_and_tracks_go_on(model, tmp_path):
    file = write_video(tmp_path / "a.avi", 8, broken=(3,))
    results = model.track(file, project=str(tmp_path), **QUIET)
    assert len(results) == 7 and model.predictor.unread == 1


def test_prediction_afterwards_has_no_ids_and_tracking_not_those_of_before(model, video, tmp_path):
    options = {"project": str(tmp_path)} | QUIET
    model.track(video, **options)
    (plain,) = model.predict(frame(0), conf=0.1, **options)
    assert plain.boxes.id is None and len(plain.boxes) == 3
    assert numbers(model.track(video, **options)) == [[1, 2]] * 6


def test_ids_are_in_the_text_files_and_drawn(model, video, tmp_path):
    options = {"project": str(tmp_path), "save_txt": True, "save_conf": True} | QUIET
    results = model.track(video, **options)
    rows = [line.split() for line in (tmp_path / "track/labels/clip_6.txt").read_text().splitlines()]
    assert sorted(int(row[-1]) for row in rows) == [1, 2] and {len(row) for row in rows} == {7}
    last = results[-1]
    drawn, bare, theirs = last.plot(), last.plot(labels=False), last.plot(line_width=2)
    assert not np.array_equal(drawn, bare) and not np.array_equal(bare, last.orig_img)
    assert (theirs != last.orig_img).mean() > (drawn != last.orig_img).mean()


def test_ids_are_in_the_json_too(model, video, tmp_path):
    results = model.track(video, project=str(tmp_path), save_json=True, **QUIET)
    rows = json.loads((tmp_path / "track/predictions.json").read_text())
    assert [(r["frame"], r["track_id"]) for r in rows] == [
        (i, int(n)) for i, result in enumerate(results, 1) for n in result.boxes.id
    ]
    assert {r["track_id"] for r in rows} == {1, 2}
    model.predict(video, project=str(tmp_path), save_json=True, **QUIET)
    assert not any("track_id" in r for r in json.loads((tmp_path / "predict/predictions.json").read_text()))


def test_the_command_says_how_many_frames_and_tracks(video, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("yolotiny.detector.Detector.run_layers", lambda self, x, *a, **k: bright(x))
    line = ["track", f"model={trained().best}", f"source={video}", "imgsz=128", f"project={tmp_path}", "verbose=False"]
    assert cli.main(line) == 0
    assert capsys.readouterr().out.endswith(f"6 frames, 2 tracks, results saved to {tmp_path / 'track'}\n")
    assert cv2.VideoCapture(str(tmp_path / "track" / "clip.avi")).get(cv2.CAP_PROP_FRAME_COUNT) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tracker": "bytetrak"}, "unknown tracker 'bytetrak'"),
        ({"tracker.match": "giou"}, "match must be iou or nwd"),
        ({"uncertainty": True}, "track does not read uncertainty=: use it in predict"),
        ({"embed": [4]}, "track does not read embed=: use it in predict"),
        ({"visualize": True}, "track does not read visualize=: use it in train, val and predict"),
        ({"source": "nowhere.mp4"}, "'nowhere.mp4' does not exist"),
        ({"source": None}, "track needs source="),
    ],
)
def test_a_mistake_is_one_line(model, video, options, says):
    with pytest.raises(InputError) as error:
        model.track(**{"source": video} | options)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_options_of_tracking_are_refused_elsewhere(model, video):
    for options, says in (({"tracker": "botsort.yaml"}, "tracker="), ({"persist": True}, "persist=")):
        with pytest.raises(InputError, match=f"predict does not read {says}: use it in track"):
            model.predict(video, **options)


@pytest.mark.slow
def test_exported_files_and_checkpoints_of_ultralytics_track_too(tmp_path, video):
    from ultralytics.nn.tasks import DetectionModel

    file = tmp_path / "theirs.pt"
    made = DetectionModel("yolo11n.yaml", nc=2, verbose=False)
    torch.save({"model": made, "train_args": {"imgsz": 128, "task": "detect", "model": "yolo11n.yaml"}}, file)
    own = shutil.copy(trained().best, tmp_path / "own.pt")  # the file is written beside it
    exported = YOLO(own).export(format="torchscript", imgsz=128)
    for name in (file, exported):
        results = YOLO(name).track(video, project=str(tmp_path), **QUIET, **{"tracker.new_track_thresh": 0.0})
        assert len(results) == 6
