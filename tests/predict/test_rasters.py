"""`predict` on a raster: boxes where a network finds them, in a vector file, and a run that was cut off goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from tests.detectors import awake, pictures
from tests.raster_files import METRE, UTM, write_raster
from tests.test_crops import saved
from yolotiny import YOLO
from yolotiny.cli import main as cli
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.geo import journal
from yolotiny.rasters import vectors
from yolotiny.rasters.place import Place, of_metadata
from yolotiny.rasters.raster import Raster

SIDE = 128


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> SimpleNamespace:
    """A model that finds boxes, and a raster of one picture."""
    to = tmp_path_factory.mktemp("geo")
    torch.manual_seed(0)
    made = awake(Detector("yolov5n.yaml", nc=2))
    made.names = {0: "a", 1: "b"}
    pixels = (pictures(1, (SIDE, SIDE), seed=3)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    raster = write_raster(to / "a.tif", pixels, overviews="inside")
    plain = write_raster(to / "plain.tif", pixels, crs=None, transform=None)
    weights = saved(made, to / "m.pt")
    return SimpleNamespace(weights=weights, model=YOLO(weights), pixels=pixels, raster=raster, plain=plain)


def found_in(home: SimpleNamespace, to: Path, source: Path | None = None, **options):
    usual = {"imgsz": 64, "conf": 0.4, "verbose": False, "project": str(to), "name": "run"}
    (result,) = home.model.predict(str(source or home.raster), **usual | options)
    return result


def test_one_window_finds_what_a_picture_of_it_does(home, tmp_path):
    result = found_in(home, tmp_path, imgsz=SIDE, save_json=True, save=True)
    picture = home.model.predict(home.pixels[..., ::-1].copy(), imgsz=SIDE, conf=0.4, verbose=False)[0]
    assert len(result) and np.allclose(result.rows, picture.boxes.data.numpy(), atol=1e-3)
    read = vectors.read(tmp_path / "run" / "a.gpkg")
    place = Place(tuple(METRE)[:6], UTM)
    assert read.crs == UTM and of_metadata(read.metadata) == place
    assert np.abs(place.boxes(read.geometries) - result.rows[:, :4]).max() < 0.01
    assert set(read.columns["class"]) <= {"a", "b"}
    assert read.columns["score"] == pytest.approx(result.rows[:, 4], abs=1e-5)
    assert read.columns["width_m"] == pytest.approx((result.rows[:, 2] - result.rows[:, 0]) / 2, abs=1e-3)
    assert json.loads(read.metadata["yolotiny"])["levels"] == {"bands": [1, 2, 3], "black": 0, "white": 255, "bits": 8}
    assert [f.name for f in result.files] == ["a.gpkg", "a.json", "a.png"]
    rows = json.loads((tmp_path / "run" / "a.json").read_text())
    assert len(rows) == len(result) and rows[0]["image_id"] == "a" and rows[0]["file_name"] == "a.tif"
    drawn = cv2.imread(str(tmp_path / "run" / "a.png"))
    assert drawn.shape == home.pixels.shape and not np.array_equal(drawn, home.pixels[..., ::-1])
    assert not list((tmp_path / "run").glob("*jsonl"))


@pytest.mark.parametrize("crops", ["none", "grid", "auto", "lsm"])
def test_every_kind_of_crops_looks_at_windows(home, tmp_path, crops):
    result = found_in(home, tmp_path, crops=crops)
    assert len(result) and result.windows.total() == result.windows["seen"] > 1 or crops in ("auto", "lsm")
    assert (result.rows[:, :4] >= 0).all() and (result.rows[:, 2:4] <= SIDE).all()
    assert (np.diff(result.rows[:, 4]) <= 0).all()


def test_crops_read_what_they_look_at_alone(home, tmp_path, monkeypatch):
    read = []
    whole = "yolotiny.rasters.view.View.everything"
    monkeypatch.setattr(whole, lambda view: pytest.fail("a whole window was read"))
    monkeypatch.setattr("yolotiny.rasters.raster.Raster.read", _noted(read))
    found_in(home, tmp_path, crops="auto")
    coarse = [(window, size) for window, _, size in read if size is not None]
    assert coarse and all(size[0] <= 64 and window[3] > size[0] for window, size in coarse)


def _noted(calls: list):
    run = Raster.read
    return lambda self, *a: calls.append((*a, *[None] * (3 - len(a)))) or run(self, *a)


def test_a_finer_scale_is_more_windows(home, tmp_path):
    usual, fine = (found_in(home, tmp_path, crops="grid", **o) for o in ({}, {"pixel_scale": 1.5}))
    tiles = found_in(home, tmp_path, crops="grid", tile=43)
    assert fine.windows.total() == tiles.windows.total() > usual.windows.total()
    assert found_in(home, tmp_path, crops="grid", overlap=0.6).windows.total() > usual.windows.total()


def test_a_batch_finds_what_one_after_the_other_does(home, tmp_path):
    one, four = (found_in(home, tmp_path, batch=n) for n in (1, 4))
    assert len(one) == pytest.approx(len(four), rel=0.02) and one.windows == four.windows


def test_geojson_is_in_degrees(home, tmp_path):
    result = found_in(home, tmp_path, format="geojson")
    content = json.loads(result.files[0].read_text())
    x, y = content["features"][0]["geometry"]["coordinates"][0][0]
    assert len(content["features"]) == len(result) and (round(x), round(y)) == (9, 48)


def test_a_small_tiff_without_a_place_is_a_picture_unless_asked_for(home, tmp_path):
    (result,) = home.model.predict(str(home.plain), imgsz=64, verbose=False, project=str(tmp_path))
    assert hasattr(result, "boxes")
    asked = found_in(home, tmp_path, home.plain, format="gpkg")
    assert np.allclose(Place().boxes(vectors.read(asked.files[0]).geometries), asked.rows[:, :4])
    with pytest.raises(InputError, match="plain.tif has no coordinate system, and GeoJSON is in WGS84"):
        found_in(home, tmp_path, home.plain, format="geojson")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"save_txt": True}, "predict does not read save_txt= of a raster: it is of pictures"),
        ({"vid_stride": 2}, "predict does not read vid_stride= of a raster: it is of videos"),
        ({"uncertainty": True}, "predict does not read uncertainty= of a raster"),
        ({"crops": "grid", "budget": 4}, "budget= says nothing of a raster seen by crops=grid"),
        ({"crops": "grid", "full": True}, "there is no pass over a whole raster"),
        ({"crops": "grid", "infer.scale": 2}, "infer.scale= says nothing of a raster seen by crops=grid"),
        ({"bands": [7]}, r"raster .*a\.tif: it has 3 bands, and bands=\[7\] asks for number 7"),
        ({"format": "onnx"}, "format=onnx: predict writes gpkg or geojson"),
        ({"crops": "grid", "tile": 1}, "must be a whole number from 32 up"),
    ],
)
def test_what_says_nothing_of_a_raster_is_refused_before_anything_is_written(home, tmp_path, options, says):
    with pytest.raises(InputError, match=says) as caught:
        found_in(home, tmp_path, **options)
    assert "\n" not in str(caught.value) and not list(tmp_path.rglob("*"))


def cut_after(monkeypatch, windows: int) -> None:
    """Interrupt the next run behind so many windows."""
    add = journal.Journal.add

    def counted(self, *entry) -> None:
        add(self, *entry)
        if len(self.entries) == windows:
            raise KeyboardInterrupt

    monkeypatch.setattr(journal.Journal, "add", counted)


def test_the_same_command_goes_on_where_a_run_was_cut_off(home, tmp_path, monkeypatch, capsys):
    whole = found_in(home, tmp_path / "whole")
    words = f"predict model={home.weights} source={home.raster} imgsz=64 conf=0.4 project={tmp_path} name=run".split()
    with monkeypatch.context() as patch:
        cut_after(patch, 4)
        assert cli.main(words) == 130
    assert "interrupted; 4 windows are kept in" in capsys.readouterr().err
    looked = []
    with monkeypatch.context() as patch:
        run = Detector.forward
        patch.setattr(Detector, "forward", lambda m, x, *a, **k: looked.append(x.shape) or run(m, x, *a, **k))
        assert cli.main(words) == 0
    windows = whole.windows.total()
    assert sum(shape[2:] == (64, 64) for shape in looked) == windows - 4
    assert f"{len(whole)} objects" in capsys.readouterr().out and [p.name for p in tmp_path.glob("run*")] == ["run"]
    place = Place(tuple(METRE)[:6], UTM)
    assert np.allclose(place.boxes(vectors.read(tmp_path / "run/a.gpkg").geometries), whole.rows[:, :4], atol=0.01)


def test_another_run_leaves_one_that_was_cut_off_alone(home, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        cut_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            found_in(home, tmp_path)
    kept = tmp_path / "run" / "a.windows.jsonl"
    home.model.predictor = None  # as in another program
    other = found_in(home, tmp_path, conf=0.5)  # in a folder of its own
    assert kept.exists() and other.files[0].parent.name == "run-2"
    home.model.predictor = None
    with pytest.raises(InputError, match="is of a run that was cut off, with conf=0.4 and not 0.5"):
        found_in(home, tmp_path, conf=0.5, exist_ok=True)
    home.model.predictor = None
    assert found_in(home, tmp_path).files[0].parent.name == "run" and not kept.exists()


def test_bands_and_stretch_are_those_of_the_raster(home, tmp_path):
    values = np.zeros((SIDE, SIDE, 6), np.uint16)
    values[..., [4, 2, 1]] = home.pixels.astype(np.uint16) * 100 + 7
    path = write_raster(tmp_path / "deep.tif", values)
    result = found_in(home, tmp_path, path, bands=[5, 3, 2], stretch="minmax", imgsz=SIDE)
    low, high = int(home.pixels.min()), int(home.pixels.max())
    seen = ((home.pixels[..., ::-1].astype(np.float32) - low) * (255 / (high - low)) + 0.5).astype(np.uint8)
    picture = home.model.predict(seen.copy(), imgsz=SIDE, conf=0.4, verbose=False)[0]
    assert len(result) == pytest.approx(len(picture), rel=0.02)
    levels = json.loads(vectors.read(result.files[0]).metadata["yolotiny"])["levels"]
    assert levels == {"bands": [5, 3, 2], "black": low * 100 + 7, "white": high * 100 + 7, "bits": None}


def test_several_rasters_have_a_file_each(home, tmp_path):
    with pytest.raises(InputError, match="there is no raster .*gone.tif"):  # told before the first is begun
        home.model.predict([str(home.raster), "gone.tif"], format="gpkg", project=str(tmp_path), verbose=False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "b").mkdir()
    other = shutil.copy(home.raster, tmp_path / "b" / "b.tif")
    options = {"imgsz": 64, "conf": 0.4, "verbose": False, "project": str(tmp_path), "name": "run", "format": "gpkg"}
    first, second = home.model.predict([str(home.raster), str(other)], crops="auto", **options, **{"infer.scale": 4})
    assert [r.files[0].name for r in (first, second)] == ["a.gpkg", "b.gpkg"]
    assert np.array_equal(first.rows, second.rows) and first.windows == second.windows


def test_ogrinfo_reads_what_is_written(home, tmp_path):
    if not shutil.which("ogrinfo"):
        pytest.skip("needs ogrinfo (apt-get install gdal-bin)")
    for form in ("gpkg", "geojson"):
        result = found_in(home, tmp_path, format=form)
        said = subprocess.run(["ogrinfo", "-al", "-so", str(result.files[0])], capture_output=True, text=True).stdout
        assert f"Feature Count: {len(result)}" in said and "Geometry: Polygon" in said
