"""The label cache: numbers of our own, kept where they can be, and never an error or code."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ultralytics.cfg import get_cfg

from tests.tiny_data import ROOT, write_tiny
from yolotiny.loaders import dataset as dataset_module
from yolotiny.loaders.build import build_dataset

NAMES = {0: "a", 1: "b"}


class Evil:
    """Leaves a folder behind when it is unpickled."""

    def __init__(self, ran: Path):
        self.ran = ran

    def __reduce__(self):
        return (os.mkdir, (str(self.ran),))


def load(folder: Path, project: Path | None = None, mode: str = "train"):
    args = get_cfg(overrides={"imgsz": 64, "project": project and str(project)})
    info = {"names": NAMES, "channels": 3}
    return build_dataset(args, str(folder / "images/train"), info, mode, 4, 32, False)


def content(data) -> list:
    return [(x["im_file"], x["cls"].tolist(), x["bboxes"].tolist()) for x in data.labels]


@pytest.fixture
def data(tmp_path):
    write_tiny(tmp_path / "data", train=3, val=1)
    return tmp_path / "data"


@pytest.fixture
def no_scan(monkeypatch):
    """From its call on, whatever reads a picture for the scan fails."""

    def forbidden(*args, **kwargs):
        raise AssertionError("the pictures were scanned again")

    return lambda: monkeypatch.setattr(dataset_module, "scan", forbidden)


def test_the_second_run_reads_what_the_first_one_found(data, no_scan):
    first = content(load(data))
    assert (data / "labels/train.yolotiny.cache").read_bytes().startswith(b'{"format": "yolotiny labels 2"')
    no_scan()
    assert content(load(data)) == first


def test_a_run_beside_ultralytics_leaves_its_cache_alone(data):
    (data / "labels/train.cache").write_bytes(b"of ultralytics")
    load(data)
    assert (data / "labels/train.cache").read_bytes() == b"of ultralytics"


@pytest.mark.parametrize("name", ["train.cache", "train.yolotiny.cache"])
def test_a_pickle_in_the_place_of_the_cache_is_not_run(data, tmp_path, monkeypatch, name):
    def forbidden(*args):
        raise SystemExit("ultralytics' reader of pickled caches was called")

    monkeypatch.setattr("ultralytics.data.dataset.load_dataset_cache_file", forbidden)
    (data / "labels" / name).write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    np.save(data / "labels/evil.npy", np.array([Evil(tmp_path / "ran")]), allow_pickle=True)
    shutil.copy(data / "labels/evil.npy", data / "labels/val.cache")
    assert len(load(data).labels) == 3
    assert not (tmp_path / "ran").exists()


def broken(kind: str, whole: bytes) -> bytes:
    head, _, rest = whole.partition(b"\n")
    about = json.loads(head)
    if kind == "another key":
        return json.dumps(about | {"key": "x"}).encode() + b"\n" + rest
    if kind == "another format":
        return json.dumps(about | {"format": "yolotiny labels 0"}).encode() + b"\n" + rest
    if kind == "a billion rows":
        return json.dumps(about | {"rows": 10**9}).encode() + b"\n" + rest
    if kind == "fewer than none":
        return json.dumps(about | {"pictures": -1}).encode() + b"\n" + rest
    if kind == "a changed byte":
        return whole[:-1] + bytes([whole[-1] ^ 1])
    return {
        "cut": whole[:-7],
        "empty": b"",
        "brackets": b"[" * 100_000,
        "no JSON": b"\x80\x04N.\n",
        "long": whole + b"x",
    }[kind]


KINDS = ["another key", "another format", "a billion rows", "fewer than none", "a changed byte"]


@pytest.mark.parametrize("kind", [*KINDS, "cut", "empty", "brackets", "no JSON", "long"])
def test_a_stale_foreign_or_damaged_cache_is_written_anew(data, kind, no_scan):
    expected = content(load(data))
    file = data / "labels/train.yolotiny.cache"
    whole = file.read_bytes()
    file.write_bytes(broken(kind, whole))
    assert content(load(data)) == expected
    assert file.read_bytes() == whole
    no_scan()
    assert content(load(data)) == expected


@pytest.mark.parametrize("column", ["index", "count", "class", "box"])
def test_numbers_that_cannot_be_are_not_believed(data, column):
    from yolotiny.loaders import label_cache

    load(data)
    file = data / "labels/train.yolotiny.cache"
    key = json.loads(file.read_bytes().partition(b"\n")[0])["key"]
    scan = label_cache.read(file, key, 3, 2)
    assert scan is not None
    arrays = {k: getattr(scan, k).copy() for k in label_cache.COLUMNS}
    if column == "class":
        arrays["rows"][0, 0] = 2
    elif column == "box":
        arrays["rows"][0, 1] = np.nan
    else:
        arrays[column][0] = 10**12
    assert label_cache.write(file, key, label_cache.Scan(**arrays))
    assert label_cache.read(file, key, 3, 2) is None


def test_a_pipe_or_a_folder_in_the_place_of_the_cache_is_left_alone(data):
    file = data / "labels/train.yolotiny.cache"
    os.mkfifo(file)
    assert len(load(data).labels) == 3
    file.unlink()
    file.mkdir()
    assert len(load(data).labels) == 3 and file.is_dir()


def test_a_link_in_the_place_of_the_cache_is_replaced_and_not_written_through(data, tmp_path):
    (tmp_path / "mine").write_text("keep me")
    (data / "labels/train.yolotiny.cache").symlink_to(tmp_path / "mine")
    load(data)
    assert (tmp_path / "mine").read_text() == "keep me"
    assert not (data / "labels/train.yolotiny.cache").is_symlink()


@pytest.fixture
def read_only(data, monkeypatch):
    """The data set lies on something read-only, which the permissions of a superuser do not show."""
    opened = Path.open

    def refuse(self, mode="r", *args, **kwargs):
        if data in self.parents and set(mode) & set("wxa+"):
            raise OSError(errno.EROFS, "Read-only file system", str(self))
        return opened(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)


def test_what_came_with_the_package_is_cached_below_the_runs(data, tmp_path, monkeypatch, no_scan):
    monkeypatch.setattr("yolotiny.shipped.cfg_dir", lambda: data.resolve())
    (tmp_path / "runs").mkdir()
    before = sorted(data.rglob("*"))
    first = content(load(data, tmp_path / "runs"))
    assert sorted(data.rglob("*")) == before
    no_scan()
    assert content(load(data, tmp_path / "runs")) == first


def test_read_only_data_are_cached_below_the_runs(data, tmp_path, read_only, no_scan):
    first = content(load(data, tmp_path / "runs"))  # the folder of the runs is not there yet
    (tmp_path / "runs").mkdir()
    assert content(load(data, tmp_path / "runs")) == first
    assert [p.parent.name for p in tmp_path.rglob("*.cache")] == [".labels"]
    no_scan()
    assert content(load(data, tmp_path / "runs")) == first


def test_where_nothing_can_be_written_every_run_scans(data, read_only):
    assert content(load(data)) == content(load(data))
    assert not list(data.rglob("*.cache*"))


def test_an_npy_file_beside_a_picture_is_neither_its_pixels_nor_removed(data, tmp_path):
    file = data / "images/train/0.npy"
    np.save(file, np.array([Evil(tmp_path / "ran")]), allow_pickle=True)
    before = file.read_bytes()
    assert load(data).load_image(0)[0].shape == (64, 64, 3)
    assert file.read_bytes() == before and not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_training_and_validation_run_on_a_read_only_mount(data, tmp_path):
    script = """
mount --bind data data && mount -o remount,bind,ro data && ! touch data/x 2>/dev/null || exit 77
"$1" -m yolotiny train model=yolov5n data=data/data.yaml epochs=1 imgsz=64 device=cpu plots=False name=r || exit 1
"$1" -m yolotiny val model=runs/detect/r/weights/best.pt data=data/data.yaml imgsz=64 || exit 1
"""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    words = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("this user may not mount")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(p.parent.name for p in tmp_path.rglob("*.cache")) == [".labels", ".labels"]
