"""Bad pictures, broken frames, videos that do not open: left out, counted, and the rest is seen, batch by batch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.bad_files import write_bad
from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.loaders.reader import Reader
from yolotiny.pictures.reader import PictureReader
from yolotiny.runtime.sources import items_of


def write_video(file: Path, frames: int = 8, broken: tuple[int, ...] = ()) -> Path:
    """A video of plain frames that get brighter; in those that are `broken` the picture's bytes are zeros."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 64))
    for i in range(frames):
        writer.write(np.full((64, 64, 3), 20 * (i + 1), np.uint8))
    writer.release()
    content = bytearray(file.read_bytes())
    starts = [
        i for i in range(len(content)) if content[i : i + 4] == b"00dc" and content[i + 8 : i + 10] == b"\xff\xd8"
    ]
    assert len(starts) == frames
    for i in broken:
        size = int.from_bytes(content[starts[i] + 4 : starts[i] + 8], "little")
        content[starts[i] + 8 : starts[i] + 8 + size] = bytes(size)
    file.write_bytes(content)
    return file


@pytest.fixture
def model() -> YOLO:
    return YOLO(trained().best)


@pytest.fixture
def shades(model, tmp_path):
    """Predict on a source, and tell the brightness of each frame that was seen, in steps of 20."""

    def see(source: Path, **options) -> list[int]:
        results = model.predict(source, imgsz=64, project=str(tmp_path), verbose=False, stream=True, **options)
        return [round(float(r.orig_img.mean()) / 20) for r in results]

    return see


def test_a_video_goes_on_after_a_broken_frame(model, shades, tmp_path):
    assert shades(write_video(tmp_path / "a.avi", 8, broken=(2, 5, 6))) == [1, 2, 4, 5, 8]
    assert model.predictor.unread == 3


def test_a_whole_video_is_seen_as_before(model, shades, tmp_path):
    file = write_video(tmp_path / "a.avi", 5)
    assert shades(file) == [1, 2, 3, 4, 5] and model.predictor.unread == 0
    assert shades(file, vid_stride=2) == [2, 4] and shades(file, batch=2) == [1, 2, 3, 4, 5]


def test_a_folder_of_videos_is_seen_although_one_cannot_be_opened(model, shades, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.avi", 2)
    (folder / "b.avi").write_bytes(b"nothing")
    write_video(folder / "c.avi", 3, broken=(1,))
    assert shades(folder) == [1, 2, 1, 3]
    assert model.predictor.unread == 2


def test_a_source_without_anything_readable_is_one_line(model, tmp_path):
    (tmp_path / "b.avi").write_bytes(b"nothing")
    with pytest.raises((InputError, FileNotFoundError), match="b.avi"):
        model.predict(tmp_path / "b.avi", imgsz=64, project=str(tmp_path), verbose=False)


def write_shades(folder: Path, count: int) -> list[Path]:
    """Plain pictures that get brighter, in steps of 20."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{i}.png" for i in range(1, count + 1)]
    for i, file in enumerate(files, 1):
        cv2.imwrite(str(file), np.full((64, 64, 3), 20 * i, np.uint8))
    return files


@pytest.mark.parametrize("batch", [1, 3, 16])
@pytest.mark.parametrize("kind", ["folder", "pattern", "list", "file"])
def test_bad_pictures_of_every_kind_are_left_out_named_and_counted(shades, model, tmp_path, caplog, kind, batch):
    folder = tmp_path / "pictures"
    said = write_bad(folder)
    good = write_shades(folder, 3)
    listed = [folder / name for name in [*said, *(p.name for p in good)]]
    (tmp_path / "list.txt").write_text("".join(f"{p}\n" for p in listed))
    source = {"folder": folder, "pattern": f"{folder}/*.*", "list": listed, "file": tmp_path / "list.txt"}[kind]
    assert shades(source, batch=batch) == [1, 2, 3]
    known = [n for n in said if kind in ("list", "file") or not n.startswith("._")]  # patterns pass hidden files over
    assert model.predictor.unread == len(known)
    for name in known:
        assert any(f"{name} is left out: " in line and said[name] in line for line in caplog.messages)
    assert any(
        f"{len(known)} of {len(known) + 3} pictures cannot be read and are left out: " in m for m in caplog.messages
    )


def test_results_are_those_without_the_bad_pictures(model, tmp_path):
    options = {"imgsz": 64, "conf": 0.001, "project": str(tmp_path), "verbose": False, "batch": 2}
    good = write_shades(tmp_path / "good", 3)
    write_bad(tmp_path / "bad")
    mixed = [good[0], tmp_path / "bad/empty.jpg", good[1], tmp_path / "bad/wide.png", good[2]]
    alone, among = (model.predict(source, **options) for source in (good, mixed))
    assert [r.path for r in among] == [str(p) for p in good]
    assert all(np.array_equal(a.boxes.data, b.boxes.data) for a, b in zip(alone, among, strict=True))


def test_a_list_of_paths_is_decoded_a_batch_at_a_time_in_its_order(tmp_path, monkeypatch):
    files = write_shades(tmp_path, 6)[::-1]
    decoded: list[str] = []
    read = PictureReader.read
    monkeypatch.setattr(PictureReader, "read", lambda self, path: decoded.append(path) or read(self, path))
    seen = 0
    for paths, images, _ in Reader(items_of([*files, files[0]]), batch=2):
        seen += len(images)
        assert len(decoded) == seen and paths == [str(p) for p in [*files, files[0]]][seen - len(paths) : seen]
    assert seen == 7


def test_arrays_and_pil_pictures_go_with_paths(model, shades, tmp_path):
    files = write_shades(tmp_path, 3)
    array, opened = cv2.imread(str(files[1])), Image.open(files[2])
    found = model.predict([files[0], array, opened, array], imgsz=64, batch=3, project=str(tmp_path), verbose=False)
    assert [r.path for r in found] == [str(files[0]), "image1.jpg", str(files[2]), "image3.jpg"]
    assert [round(float(r.orig_img.mean()) / 20) for r in found] == [1, 2, 3, 2]
    assert shades([array] * 5) == [2] * 5 and model.predictor.dataset.bs == 5
    assert shades([array] * 5, batch=2) == [2] * 5 and model.predictor.dataset.bs == 2


@pytest.mark.parametrize("batch", [-1, 0.5])
def test_a_batch_that_is_left_to_the_machine_is_one_picture(tmp_path, batch):
    assert [len(images) for _, images, _ in Reader(items_of(write_shades(tmp_path, 3)), batch)] == [1, 1, 1]


def test_a_picture_that_goes_away_between_listing_and_reading_is_left_out(tmp_path):
    files = write_shades(tmp_path, 3)
    reader = Reader(items_of(tmp_path))
    files[1].unlink()
    assert [Path(p).name for paths, _, _ in reader for p in paths] == ["1.png", "3.png"]
    assert reader.unread == {str(files[1]): 1}


@pytest.mark.parametrize("place", ["a", "c", "z"])
def test_a_bad_video_at_any_place_is_left_out(shades, model, tmp_path, place):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "b.avi", 2)
    write_video(folder / "d.avi", 3)
    (folder / f"{place}.avi").write_bytes(b"nothing")
    (folder / f"{place}{place}.mp4").write_bytes(b"")
    write_video(folder / f"{place}{place}{place}.avi", 2, broken=(0, 1))
    assert shades(folder, batch=2) == [1, 2, 1, 2, 3] and model.predictor.unread == 3


def test_pictures_and_videos_of_a_list_come_in_its_order(shades, tmp_path):
    files = write_shades(tmp_path, 2)
    video = write_video(tmp_path / "a.avi", 3)
    assert shades([files[1], video, files[0], video], batch=2) == [2, 1, 2, 3, 1, 1, 2, 3]


def test_where_nothing_can_be_read_the_reason_is_told(model, tmp_path):
    write_bad(tmp_path / "bad")
    for source in (tmp_path / "bad/wide.png", [tmp_path / "bad/wide.png"], str(tmp_path / "bad/wid*.png")):
        with pytest.raises(InputError, match=r"none of the 1 pictures can be read: .*wide.png \(36000x30000 pixels"):
            model.predict(source, imgsz=64, project=str(tmp_path), verbose=False)
