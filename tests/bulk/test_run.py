"""`predict out=` as a user has it: what is refused in one line, what is taken up again, and what it finds."""

from __future__ import annotations

import importlib
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bulk.looks import load, plan_of
from tests.bulk.models import awake_model
from yolotiny import bulk
from yolotiny.bulk.devices import devices_of, workers_for
from yolotiny.bulk.sources import pictures_of
from yolotiny.bulk.work import Engine, work
from yolotiny.cli import main as cli
from yolotiny.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of 20 pictures of two sizes, one of twelve bits, and one that is broken."""
    to, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for i in range(18):
        cv2.imwrite(str(to / f"{i}.png"), rng.integers(0, 255, (64, 64 + 32 * (i % 2), 3), dtype=np.uint8))
    cv2.imwrite(str(to / "deep.png"), rng.integers(0, 4095, (64, 64, 3), dtype=np.uint16))
    (to / "broken.png").write_bytes(b"no picture")
    return to


@pytest.fixture(scope="module")
def done(pictures, tmp_path_factory):
    """A run over it, by one worker."""
    out = tmp_path_factory.mktemp("run") / "out"
    found = bulk.predict(awake_model(), pictures, out, workers=1, imgsz=64, device="cpu")
    assert (found.pictures, found.failed, found.new) == (20, 1, 20) and found.boxes > 100
    return out


@pytest.mark.slow
def test_it_finds_what_predict_finds_and_names_what_it_cannot_read(done, pictures, tmp_path):
    words = ["predict", f"model={awake_model()}", f"source={pictures}", "imgsz=64", "save=False", "save_json=True"]
    assert cli.main([*words, f"project={tmp_path}", "name=run"]) == 0
    assert cli.main(["results", f"source={done}", "to=coco", f"out={tmp_path / 'found.json'}"]) == 0
    usual = (tmp_path / "run" / "predictions.json").read_text()
    assert (tmp_path / "found.json").read_text() == usual and len(json.loads(usual)) > 100
    (row,) = pq.read_table(done / "failed.parquet").to_pylist()
    assert row["picture"].endswith("broken.png") and row["error"]
    assert json.loads((done / "manifest.json").read_text())["depth"] == {"bits": 12}


@pytest.mark.slow
def test_a_table_and_features_hold_the_same_boxes(done, tmp_path):
    for to in ("coco", "csv", "geojson"):
        assert cli.main(["results", f"source={done}", f"to={to}", f"out={tmp_path / to}"]) == 0
    rows = json.loads((tmp_path / "coco").read_text())
    table = (tmp_path / "csv").read_text().splitlines()
    features = json.loads((tmp_path / "geojson").read_text())["features"]
    assert len(rows) == len(table) - 1 == len(features)
    assert table[0] == "file_name,x1,y1,x2,y2,score,class,name"
    for row, line, feature in zip(rows, table[1:], features, strict=True):
        name, x1, y1, x2, y2, score, label, word = line.split(",")
        assert (name, float(score), int(label) + 1) == (row["file_name"], row["score"], row["category_id"])
        box = [float(v) for v in (x1, y1, x2, y2)]
        assert np.allclose([box[0], box[1], box[2] - box[0], box[3] - box[1]], row["bbox"], atol=0.002)
        assert feature["geometry"]["coordinates"][0][:3:2] == [box[:2], box[2:]]
        assert feature["properties"]["name"] == word == "ab"[int(label)]


@pytest.mark.slow
def test_another_model_or_other_options_in_out_are_one_line_and_new_pictures_are_added(done, pictures, tmp_path, capfd):
    before = sorted((done / "shards").iterdir())
    words = {"model": awake_model(), "source": pictures, "out": done, "workers": 1, "imgsz": 64}
    for change, says in (
        ({"model": awake_model(1)}, "was begun with another model (m.pt, "),
        ({"imgsz": 96}, "was begun with imgsz=64: give the same options, or another out="),
        ({"conf": 0.5}, "was begun with no conf=: give the same options, or another out="),
        ({"source": pictures.parent}, "was begun with source="),
        ({"save_txt": True}, "out= writes tables and does not read save_txt="),
        ({"project": "p"}, "out= writes tables and does not read project="),
        ({"workers": 0}, "workers=0: somebody has to look"),
        ({"ray": "auto"}, "ray=auto is the address of a cluster: give engine=ray too"),
        ({"engine": "ray", "device": "0"}, "Ray gives each worker a card"),
        ({"model": "yolov5n.yaml"}, "yolov5n.yaml is untrained"),
        ({"source": "rtsp://camera", "out": tmp_path / "new"}, "out= takes picture files"),
        ({"source": tmp_path, "out": tmp_path / "new"}, "No images or videos found"),
    ):
        capfd.readouterr()
        code = cli.main(["predict", *(f"{k}={v}" for k, v in (words | change).items())])
        said = capfd.readouterr().err
        assert code == 2 and said.startswith("yolotiny: error: ") and said.count("\n") == 1 and says in said, said
    assert sorted((done / "shards").iterdir()) == before
    shutil.copytree(pictures, tmp_path / "grows")
    assert bulk.predict(awake_model(), tmp_path / "grows", tmp_path / "out", workers=1, imgsz=64).new == 20
    shutil.copy(pictures / "0.png", tmp_path / "grows" / "new.png")
    found = bulk.predict(awake_model(), tmp_path / "grows", tmp_path / "out", workers=1, imgsz=64, batch=2)
    assert (found.pictures, found.new, found.failed) == (21, 1, 1)


def test_what_is_refused_at_first_leaves_nothing(tmp_path, capfd):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), np.zeros((64, 64, 3), np.uint8))
    words = [f"model={awake_model()}", f"source={tmp_path / 'in'}", f"out={tmp_path / 'out'}"]
    assert cli.main(["predict", *words, "classes=7"]) == 2
    assert "class" in capfd.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_that_is_none_and_a_manifest_of_others_are_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=f"^cannot read {tmp_path}/file/manifest.json: Not a directory"):
        plan_of(tmp_path / "file", ["/p/1.png"])
    (tmp_path / "manifest.json").write_text("[")
    (tmp_path / "plan.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="holds a manifest.json or plan.parquet of another program"):
        plan_of(tmp_path, ["/p/1.png"])


def test_results_of_nothing_or_of_half_a_run_are_one_line(tmp_path, capfd):
    plan_of(tmp_path / "out", ["/p/1.png"])
    for folder, says in ((tmp_path, "holds no manifest.json"), (tmp_path / "out", "1 of 1 shards are not done")):
        assert cli.main(["results", f"source={folder}", "to=csv"]) == 2
        assert says in capfd.readouterr().err
    assert not (tmp_path / "out" / "predictions.csv").exists()


def test_addresses_in_a_list_and_a_missing_library_are_one_line(tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("s3://bucket/a.png\n")
    with pytest.raises(
        InputError, match="^source: a list names files of this machine, not s3:/bucket/a.png; give s3://"
    ):
        pictures_of(str(tmp_path / "list.txt"))
    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"pip install 'yolotiny\[bulk\]'"):
        patch.setitem(sys.modules, "pyarrow", None)
        importlib.reload(bulk)
    importlib.reload(bulk)


def test_workers_are_one_a_card_or_one_a_core():
    assert devices_of("0, 1", "local") == ["0", "1"] == devices_of([0, 1], "local")
    assert devices_of("cpu", "local") == ["cpu"] and devices_of(None, "ray") == [None]
    assert workers_for(None, ["0", "1"], "local") == 2 and workers_for(5, ["cpu"], "local") == 5
    assert 1 <= workers_for(None, ["cpu"], "local") <= 8 and workers_for(None, [None], "ray") is None


@pytest.mark.skipif(sys.platform == "win32", reason="Ray")
def test_a_ray_address_that_nobody_answers_on_is_one_line(tmp_path):
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=f"^ray={address}: nobody answers there within 10 s") as caught:
            work(plan_of(tmp_path, ["/p/1.png"]), load, Engine("ray", 1, address))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="^ray=cluster: give host:port"):
        work(plan_of(tmp_path, ["/p/1.png"]), load, Engine("ray", 1, "cluster"))


def compare_engines(folder):
    pictures = [f"/p/{name}.png" for name in (*range(30), "broken", "kills")]
    tables = {}
    for kind in ("local", "ray"):
        found = work(plan_of(folder / kind, pictures), load, Engine(kind, 1))
        assert (found.pictures, found.failed, found.new) == (32, 2, 32)
        tables[kind] = {file.name: pq.read_table(file).to_pylist() for file in (folder / kind / "shards").iterdir()}
    assert tables["ray"] == tables["local"]


@pytest.mark.slow
def test_ray_writes_the_shards_that_this_machine_writes(tmp_path):
    """In a process of its own: what ran a cluster handles signals otherwise ever after."""
    pytest.importorskip("ray")
    call = "import sys; from tests.bulk.test_run import Path, compare_engines; compare_engines(Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", call, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
