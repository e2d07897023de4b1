"""The runtime from the command line: what it prints, leaves behind and refuses, and that it needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.runtime.conftest import hand_made, squares
from tests.runtime.test_reader import write_video
from yolotiny.runtime import cli
from yolotiny.runtime.cli import main

ROOT = Path(__file__).parents[2]
BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "ultralytics", "matplotlib", "pandas"):
            raise ImportError(f"{name} is not to be imported here")
sys.meta_path.insert(0, Blocked())
"""


def run(capsys, *words: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a command line."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_folder_is_looked_through_and_saved_in_every_form(bright, pictures, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, errors = run(
        capsys, bright, pictures, "--save", out / "drawn", "--txt", out / "labels", "--scores", "--json", out / "o.json"
    )
    assert code == 0 and f"{pictures / 'a.png'} 64x64: 2 bright\n" in said and "b.png 128x128: nothing" in said
    assert "2 pictures, 2 more cannot be read, 2 boxes in" in errors and f"saved: {out / 'drawn'}, " in errors
    rows = json.loads((out / "o.json").read_text())
    assert [row["bbox"] for row in rows] == [[8, 16, 8, 8], [48, 48, 8, 8]] and rows[0]["file_name"] == "a.png"
    assert (out / "labels/a.txt").read_text().splitlines()[0] == "0 0.1875 0.3125 0.125 0.125 1"
    assert sorted(p.name for p in (out / "drawn").iterdir()) == ["a.jpg", "b.jpg"]


def test_pictures_of_one_name_do_not_overwrite_each_other(bright, tmp_path, capsys):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "x.png"), squares((1, 1, 255)))
    code, *_ = run(capsys, bright, tmp_path / "a", tmp_path / "b", "--save", tmp_path / "out", "--quiet")
    assert code == 0 and sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a_x.jpg", "b_x.jpg"]


def test_a_video_is_followed_and_saved_as_one(bright, tmp_path, capsys):
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 64))
    for i in range(6):
        video.write(squares((1 + i // 3, 2, 255)))
    video.release()
    out = tmp_path / "out"
    code, said, errors = run(capsys, bright, tmp_path / "v.avi", "--track", "--save", out, "--json", out / "o.json")
    assert code == 0 and "v.avi frame 6 64x64: 1 bright" in said and "6 pictures, 6 boxes, 1 tracks in" in errors
    rows = json.loads((out / "o.json").read_text())
    assert [row["frame"] for row in rows] == [1, 2, 3, 4, 5, 6] and {row["track_id"] for row in rows} == {1}
    saved = cv2.VideoCapture(str(next(out.glob("v.*"))))
    assert saved.get(cv2.CAP_PROP_FRAME_COUNT) == 6 and saved.get(cv2.CAP_PROP_FPS) == 10


def test_with_quiet_there_is_progress_now_and_then(bright, pictures, capsys, monkeypatch):
    monkeypatch.setattr("yolotiny.pace.EVERY", 0.0)
    code, said, errors = run(capsys, bright, pictures, "--quiet")
    assert code == 0 and said == "" and "1 of 4 pictures, 2 boxes" in errors


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.onnx", "p"], "there is no file none.onnx"),
        (["MODEL", "nowhere"], "source 'nowhere' does not exist"),
        (["MODEL"], "the following arguments are required: source; yolotiny-run --help"),
        (["MODEL", "EMPTY"], "No images or videos found in"),
        (["MODEL", "p", "--confidence", "1"], "unrecognized arguments: --confidence"),
        (["MODEL", "p", "--crop", "auto"], "unrecognized arguments: --crop auto"),
        (["MODEL", "p", "--conf", "high"], "argument --conf: invalid float value: 'high'"),
        (["MODEL", "p", "--crops", "gird"], "unknown slicer 'gird'"),
        (["MODEL", "p", "--tile", "64"], "tile= is read with crops only"),
        (["MODEL", "p", "--tracker", "botsort.yaml"], "botsort needs more than boxes and is not in the runtime"),
        (["MODEL", "p", "--backend", "tensorrt"], "unknown backend 'tensorrt'"),
        (["MODEL", "p", "--provider", "cudda"], "unknown provider 'cudda'"),
        (["MODEL", "p", "--scores"], "--scores goes with --txt"),
        (["MODEL", "BAD"], "none of the 1 pictures and videos can be read"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(bright, pictures, tmp_path, capsys, words, message):
    (tmp_path / "empty").mkdir()
    places = {"MODEL": bright, "EMPTY": tmp_path / "empty", "BAD": pictures / "c.jpg"}
    code, said, errors = run(capsys, *[places.get(word, word) for word in words])
    last = errors.strip().splitlines()[-1]
    assert code == 2 and said == "" and last.startswith("yolotiny-run: error: ") and message in last


def test_where_it_cannot_write_it_says_so_and_the_json_stays_a_part(bright, pictures, tmp_path, capsys):
    (tmp_path / "file").touch()
    code, _, errors = run(capsys, bright, pictures, "--save", tmp_path / "file/x", "--json", tmp_path / "o.json")
    assert code == 2 and "cannot write" in errors.splitlines()[-1]
    assert [p.name for p in tmp_path.glob("o.json*")] == ["o.json.part"]


def test_a_stream_that_is_interrupted_leaves_whole_files(bright, tmp_path, capsys, monkeypatch):
    from tests.runtime.test_reader import Camera
    from yolotiny.runtime import reader

    monkeypatch.setattr(reader.cv2, "VideoCapture", Camera)
    seen = []

    def interrupted(self, found):
        seen.append(found)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return add(self, found)

    add = cli.Saver.add
    monkeypatch.setattr(cli.Saver, "add", interrupted)
    code, _, errors = run(capsys, bright, "0", "--json", tmp_path / "o.json")
    rows = json.loads((tmp_path / "o.json").read_text())
    assert code == 130 and "interrupted" in errors and {row["frame"] for row in rows} == {1, 2}


def test_pictures_that_are_interrupted_leave_what_is_done_and_say_what(bright, pictures, tmp_path, capsys, monkeypatch):
    add, seen = cli.Saver.add, []

    def interrupted(self, found):
        seen.append(found)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return add(self, found)

    monkeypatch.setattr(cli.Saver, "add", interrupted)
    code, _, errors = run(capsys, bright, pictures, "--json", tmp_path / "o.json")
    part = tmp_path / "o.json.part"
    assert code == 130 and f"interrupted; results of 1 pictures: {part}" in errors.splitlines()[-1]
    assert len({row["file_name"] for row in json.loads(part.read_text())}) == 1


def test_help_names_every_option_and_version_the_package(capsys):
    for word, text in (("--help", "--pixel-scale"), ("--version", "yolotiny-run 0.")):
        with pytest.raises(SystemExit) as ended:
            main([word])
        assert ended.value.code == 0 and text in capsys.readouterr().out


@pytest.mark.parametrize("crops", ["none", "grid", "lsm", "auto"])
def test_it_runs_where_torch_and_ultralytics_cannot_be_imported(tmp_path, crops):
    model = hand_made(tmp_path / "a.onnx")
    cv2.imwrite(str(tmp_path / "p.png"), squares((20, 9, 255), (3, 4, 250), size=(256, 256)))
    write_video(tmp_path / "v.avi", 2)
    words = [str(model), str(tmp_path / "p.png"), str(tmp_path / "v.avi"), "--crops", crops, "--track", "--json"]
    words.append(str(tmp_path / "o.json"))
    code = f"{BLOCKED}\nfrom yolotiny.runtime.cli import main\nsys.exit(main({words}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "3 pictures" in done.stderr and isinstance(json.loads((tmp_path / "o.json").read_text()), list)


def test_python_m_runs_it(bright, tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), squares((1, 2, 255)))
    words = [sys.executable, "-m", "yolotiny.runtime", str(bright), str(tmp_path / "p.png")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0 and "64x64: 1 bright" in done.stdout, done.stderr
