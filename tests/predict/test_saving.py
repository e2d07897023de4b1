"""A disk that is full, or a quota: one line says what could not be written and how much was; nothing is half there."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from tests.bad_files import full_after, listing
from tests.loaders.test_reader import write_video
from tests.messages import assert_says
from tests.tiny_data import QUICK, trained
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.runtime.coco_rows import RowFile
from yolotiny.train.run_writes import in_one_line
from yolotiny.train.trainer import Trainer

OPTIONS = {"imgsz": 64, "verbose": False, "conf": 0.0001, "name": "p"}


@pytest.fixture
def model() -> YOLO:
    return YOLO(trained().best)


@pytest.fixture
def pictures(tmp_path):
    """Two plain pictures, whose results are small, and one of noise."""
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    for name, image in (("a", noise * 0), ("b", noise * 0), ("c", noise)):
        cv2.imwrite(str(tmp_path / "in" / f"{name}.png"), image)
    return tmp_path / "in"


def test_pictures_that_do_not_fit_are_counted(model, pictures, tmp_path):
    out = tmp_path / "p"
    message = f"cannot write {out / 'c.jpg'}: File too large; the results of 2 pictures before it are saved in {out}"
    with full_after(20_000), assert_says(message):
        model.predict(pictures, save=True, project=str(tmp_path), **OPTIONS | {"conf": 0.9})
    assert listing(out) == ["a.jpg", "b.jpg"]


def test_the_command_line_ends_with_code_2(pictures, tmp_path, capsys):
    from yolotiny.cli import main as cli

    words = [f"model={trained().best}", f"source={pictures}", f"project={tmp_path}", "name=p", "imgsz=64", "conf=0.9"]
    with full_after(20_000):
        assert cli.main(["predict", *words]) == 2
    assert "the results of 2 pictures before it are saved" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["save_txt", "save_crop"])
def test_text_and_crops_that_do_not_fit_are_one_line(model, pictures, tmp_path, kind):
    message = f"cannot write .*: File too large; the results of {0 if kind == 'save_txt' else 2} pictures before it"
    with full_after(400), pytest.raises(InputError, match=message):
        model.predict(pictures, project=str(tmp_path), max_det=500, **{kind: True}, **OPTIONS)
    assert "labels/a.txt" not in listing(tmp_path / "p")


def test_json_that_does_not_fit_never_stands_under_its_name(model, pictures, tmp_path):
    with (
        full_after(400),
        pytest.raises(InputError, match=r"cannot write .*predictions.json: File too large; .*part has 0"),
    ):
        model.predict(pictures, save_json=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == ["predictions.json.part"]


def test_rows_are_counted_and_the_file_is_whole_at_the_end(tmp_path):
    file = RowFile(tmp_path / "a.json")
    file.add([{"a": 1}])
    with full_after(20), pytest.raises(InputError, match="has 1 pictures"):
        file.add([{"a": "long" * 10}])
    whole = RowFile(tmp_path / "b.json")
    whole.add([{"a": 1}, {"b": 2}])
    whole.close()
    assert json.loads((tmp_path / "b.json").read_text()) == [{"a": 1}, {"b": 2}]


def test_a_video_that_does_not_fit_is_one_line_and_goes(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 8)
    with full_after(3000), pytest.raises(InputError, match=r"cannot write .*v.avi: only \d+ of 8 frames are in it"):
        model.predict(video, save=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == []


def test_frames_that_do_not_fit_are_counted(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 3)
    with full_after(300), pytest.raises(InputError, match=r"cannot write .*v_frames/v_1.jpg: .*of 0 pictures"):
        model.predict(video, save=True, save_frames=True, project=str(tmp_path), **OPTIONS)


def test_a_video_with_its_frames_is_saved_whole(model, tmp_path):
    video = write_video(tmp_path / "v.avi", 3)
    results = model.predict(video, save=True, save_frames=True, project=str(tmp_path), **OPTIONS)
    assert listing(tmp_path / "p") == ["v.avi", *(f"v_frames/v_{i}.jpg" for i in (1, 2, 3))]
    results[0].save(tmp_path / "one.png")
    assert cv2.imread(str(tmp_path / "one.png")).shape == (64, 64, 3)
    with full_after(10), assert_says(f"cannot write {tmp_path / 'one.png'}: File too large"):
        results[0].save(tmp_path / "one.png")


def test_an_export_that_does_not_fit_leaves_the_one_before_it(tmp_path):
    model = YOLO(shutil.copy(trained().best, tmp_path))
    (tmp_path / "best.onnx").write_text("before")
    with full_after(1_000_000), assert_says(f"cannot write the export of best.pt to {tmp_path}: File too large"):
        model.export(format="onnx", imgsz=64)
    assert listing(tmp_path) == ["best.onnx", "best.pt"] and (tmp_path / "best.onnx").read_text() == "before"
    assert model.model.pt_path == str(tmp_path / "best.pt")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), RuntimeError("PytorchStreamWriter failed")])
def test_an_export_cut_off_while_it_is_written_leaves_nothing(tmp_path, monkeypatch, error):
    model = YOLO(shutil.copy(trained().best, tmp_path))

    def half(exporter, *args, **kwargs):
        exporter.file.with_suffix(".onnx").write_text("half")
        raise error

    monkeypatch.setattr("ultralytics.engine.exporter.Exporter.export_onnx", half)
    with pytest.raises(InputError, match=f"cannot write the export of best.pt to {tmp_path}: "):
        model.export(format="onnx", imgsz=64)
    assert listing(tmp_path) == ["best.pt"]


def test_plots_and_files_of_a_run_that_do_not_fit_are_one_line():
    full = OSError(errno.ENOSPC, "No space left on device")
    run = SimpleNamespace(save_dir="runs/train")

    def draw():
        raise full

    with assert_says("cannot write the results in runs/train: No space left on device; 2 epochs"):
        with in_one_line(run, lambda: "2 epochs"):
            thread = threading.Thread(target=draw)
            thread.start()
            thread.join()
    with assert_says("cannot write the results in runs/train: No space left on device"), in_one_line(run):
        draw()
    with pytest.raises(FileNotFoundError), in_one_line(run):
        raise FileNotFoundError(2, "No such file or directory", "a.jpg")


def test_training_says_how_many_epochs_are_complete_and_how_to_go_on(tmp_path, monkeypatch):
    write = Trainer.save_metrics

    def full(self, metrics):
        if self.epoch:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, metrics)

    monkeypatch.setattr(Trainer, "save_metrics", full)
    last = tmp_path / "r/weights/last.pt"
    said = f"1 of 2 epochs are complete, go on with: yolotiny train resume={last}"
    with assert_says(f"cannot write the results in {tmp_path / 'r'}: No space left on device; {said}"):
        YOLO("yolov5n.yaml").train(data=str(trained().data), project=str(tmp_path), name="r", **QUICK | {"epochs": 2})


def numbered_video(folder, name="clip.avi", frames=8, broken=()):
    """A video whose frames are told by their brightness, 20 for the first, 40 for the second, ..."""
    folder.mkdir(exist_ok=True)
    return write_video(folder / name, frames, broken)


@pytest.fixture
def sees_brightness(model, monkeypatch):
    """A network that finds one box in each picture, as wide as a twentieth of its brightness."""

    def forward(x, **k):
        wide = (x.mean((1, 2, 3)) * 255 / 20).round()
        y = torch.zeros(len(x), 6, 1)
        y[:, :4] = torch.tensor([32.0, 32, 0, 8])[:, None]
        y[:, 2, 0], y[:, 4] = wide, 0.9
        return y, None

    monkeypatch.setattr(model.model, "run_layers", lambda x, *a: forward(x))
    return model


@pytest.mark.parametrize(("batch", "prefetch"), [(1, False), (3, False), (3, True)])
@pytest.mark.parametrize(("options", "frames"), [({}, [1, 2, 4, 5, 6, 7, 8]), ({"vid_stride": 2}, [2, 5, 7])])
def test_every_frame_has_its_own_number_everywhere(
    sees_brightness, monkeypatch, tmp_path, batch, prefetch, options, frames
):
    monkeypatch.setattr("yolotiny.predict.sharing.Lent.prefetch", prefetch, raising=False)  # as on a GPU
    video = numbered_video(tmp_path / "in", broken=(2,))
    saves = dict.fromkeys(("save", "save_txt", "save_json", "save_frames", "save_crop"), True)
    results = sees_brightness.predict(
        video, project=str(tmp_path), batch=batch, **saves, **options, **OPTIONS | {"conf": 0.5}
    )
    out = tmp_path / "p"
    rows = json.loads((out / "predictions.json").read_text())
    assert [(row["frame"], row["bbox"][2]) for row in rows] == [(n, n) for n in frames]
    assert {row["file_name"] for row in rows} == {"clip.avi"}
    assert [row["image_id"] for row in rows] == [f"clip_{n}" for n in frames]
    for n in frames:
        assert (out / f"labels/clip_{n}.txt").read_text().split()[3] == f"{n / 64:.6g}"
        assert cv2.imread(str(out / f"clip_frames/clip_{n}.jpg"))[60:, 60:].mean() == pytest.approx(20 * n, abs=2)
    made = [name for name in listing(out) if name.endswith((".txt", ".jpg"))]
    assert len(made) == 3 * len(frames) == 3 * len(results)  # labels, frames and crops, nothing written twice


def test_frames_of_several_videos_and_pictures_keep_apart(sees_brightness, tmp_path):
    """A batch that would span two videos, a video that does not open, one of the name in another folder, a picture
    called like a frame."""
    numbered_video(tmp_path / "a", frames=3), numbered_video(tmp_path / "b", frames=2)
    (tmp_path / "a" / "again.avi").write_bytes(b"nothing")
    cv2.imwrite(str(tmp_path / "a/clip_1.png"), np.full((64, 64, 3), 180, np.uint8))
    source = [tmp_path / "a/again.avi", tmp_path / "a/clip.avi", tmp_path / "b/clip.avi", tmp_path / "a/clip_1.png"]
    sees_brightness.predict(
        source, project=str(tmp_path), batch=4, save=True, save_txt=True, save_json=True, **OPTIONS | {"conf": 0.5}
    )
    rows = json.loads((tmp_path / "p/predictions.json").read_text())
    assert [(r["file_name"], r.get("frame"), r["bbox"][2]) for r in rows] == [
        *(("a/clip.avi", n, n) for n in (1, 2, 3)),
        *(("b/clip.avi", n, n) for n in (1, 2)),
        ("a/clip_1.png", None, 9),
    ]
    videos = [f"labels/a_clip_avi_{n}.txt" for n in (1, 2, 3)] + [f"labels/b_clip_{n}.txt" for n in (1, 2)]
    saved = ["a_clip_1.jpg", "a_clip_avi.avi", "b_clip.avi", "labels/a_clip_1.txt", *videos, "predictions.json"]
    assert listing(tmp_path / "p") == sorted(saved)


@pytest.mark.parametrize("count", [0, 3, 20])
def test_what_the_head_of_a_video_says_ends_nothing(sees_brightness, tmp_path, count):
    video = numbered_video(tmp_path / "in")
    content = bytearray(video.read_bytes())
    for chunk, at in ((b"avih", 16), (b"strh", 32)):
        start = content.find(chunk) + 8 + at
        assert int.from_bytes(content[start : start + 4], "little") == 8
        content[start : start + 4] = count.to_bytes(4, "little")
    video.write_bytes(content)
    for batch in (1, 3):
        results = sees_brightness.predict(video, project=str(tmp_path), batch=batch, save_txt=True, **OPTIONS)
        assert [round(float(r.boxes.xywh[0, 2])) for r in results] == list(range(1, 9))
    assert len(list((tmp_path / "p/labels").iterdir())) == 8


def test_two_folders_with_one_file_name_overwrite_nothing(sees_brightness, tmp_path, caplog):
    for i, name in enumerate(("a/1.png", "b/1.png", "b/2.png"), 1):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((64, 64, 3), 20 * i, np.uint8))
    options = dict.fromkeys(("save", "save_txt", "save_json", "save_crop"), True) | OPTIONS | {"conf": 0.5}
    sees_brightness.predict([tmp_path / "a", tmp_path / "b"], project=str(tmp_path), batch=2, **options)
    out = tmp_path / "p"
    rows = json.loads((out / "predictions.json").read_text())
    assert [(r["image_id"], r["file_name"], r["bbox"][2]) for r in rows] == [
        ("a_1", "a/1.png", 1),
        ("b_1", "b/1.png", 2),
        ("b_2", "b/2.png", 3),
    ]
    names = ["a_1", "b_1", "b_2"]
    expected = [f"{n}.jpg" for n in names] + [f"labels/{n}.txt" for n in names] + [f"crops/a/{n}.jpg" for n in names]
    assert listing(out) == sorted([*expected, "predictions.json"])
    assert any(
        "file names repeat, so results have longer names: a_1 is a/1.png, b_1 is b/1.png, ..." in line
        for line in caplog.messages
    )


def test_frames_of_streams_are_numbered_alike_in_labels_and_json(sees_brightness, tmp_path):
    files = [numbered_video(tmp_path / name, frames=3) for name in ("a", "b")]
    (tmp_path / "list.streams").write_text("\n".join(map(str, files)))
    sees_brightness.predict(
        tmp_path / "list.streams",
        project=str(tmp_path),
        stream_buffer=True,
        save_txt=True,
        save_json=True,
        **OPTIONS | {"conf": 0.5},
    )
    rows = json.loads((tmp_path / "p/predictions.json").read_text())
    labels = sorted(f.stem for f in (tmp_path / "p/labels").iterdir())
    assert len({row["file_name"] for row in rows}) == 2 and len(rows) == 6
    assert sorted(row["image_id"] for row in rows) == labels
