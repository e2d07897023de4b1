"""Which sources are rasters: those that say their place or that no picture reader opens, and what is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from tests.raster_files import squares, write_raster
from yolotiny.errors import InputError
from yolotiny.rasters import sources
from yolotiny.rasters.raster import Raster
from yolotiny.rasters.sources import rasters_of


def test_a_raster_says_its_place_or_is_asked_for(tmp_path):
    values = squares(count=3).astype(np.uint8)
    placed = str(write_raster(tmp_path / "placed.tif", values))
    plain = str(write_raster(tmp_path / "plain.tif", values, crs=None, transform=None))
    (tmp_path / "a.vrt").write_text("<VRTDataset/>")
    for source in (placed, str(tmp_path / "a.vrt"), "/vsizip/a.zip/b.tif"):
        assert rasters_of(source) == [source]
    for source in (plain, str(tmp_path), "gone.tif", "a.mp4", 0, values, [placed], None):
        assert rasters_of(source) == []
    assert rasters_of(plain, "gpkg") == [plain] and rasters_of([plain, placed], "geojson") == [plain, placed]
    assert rasters_of(tmp_path / "placed.tif") == [placed]


def test_jpeg_2000_is_a_raster_where_it_says_its_place(tmp_path):
    values = squares(count=3).astype(np.uint8)
    placed = write_raster(tmp_path / "placed.jp2", values, driver="JP2OpenJPEG")
    plain = write_raster(tmp_path / "plain.jp2", values, driver="JP2OpenJPEG", crs=None, transform=None)
    assert rasters_of(placed) == [str(placed)] and rasters_of(plain) == []


def test_a_tiff_that_no_picture_reader_opens_is_a_raster(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "a.tif", squares().astype(np.uint8), crs=None, transform=None)
    monkeypatch.setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "1000")
    assert rasters_of(path) == [str(path)]


def test_without_the_extra_a_geotiff_is_the_picture_that_it_was(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "a.tif", squares().astype(np.uint8))
    monkeypatch.setattr(sources, "installed", lambda: False)
    assert rasters_of(path) == []


def test_a_format_of_models_is_for_export():
    with pytest.raises(InputError, match="format=onnx: predict writes gpkg or geojson; export writes models"):
        rasters_of("a.tif", "onnx")
    with pytest.raises(InputError, match="format=gpkg is of rasters: give source=FILE"):
        rasters_of(np.zeros((4, 4, 3), np.uint8), "gpkg")


def test_a_library_that_is_missing_is_one_line_with_what_to_install(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "a.tif", squares().astype(np.uint8))

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("yolotiny.rasters.needs.importlib.import_module", absent)
    with pytest.raises(InputError, match=r"package rasterio, which is not installed: pip install 'yolotiny\[geo\]'"):
        Raster(str(path))
    assert rasters_of(path) == []
