"""Rasters of every kind are read in parts, in eight bits, and know where they lie."""

from __future__ import annotations

import numpy as np
import pytest

from tests.raster_files import METRE, bright_in, corners, rasterio, squares, write_raster
from yolotiny.errors import InputError
from yolotiny.pictures.depth import Depth
from yolotiny.pictures.reader import PictureReader
from yolotiny.rasters.levels import Levels
from yolotiny.rasters.raster import Raster
from yolotiny.rasters.view import View

TILED = {"tiled": True, "blockxsize": 16, "blockysize": 16}
KINDS = {
    "1 band of uint8": (squares(count=1) * 200, "uint8", {}),
    "3 bands of uint8": (squares(count=3) * 200, "uint8", {}),
    "4 bands of uint8": (squares(count=4) * 200, "uint8", {"photometric": "RGB"}),
    "8 bands of uint16, tiled": (
        squares(count=8) * 3000,
        "uint16",
        {"tiled": True, "blockxsize": 16, "blockysize": 16},
    ),
    "floats up to 1, in strips": (squares(count=3), "float32", {"blockysize": 8}),
    "floats without data": (np.where(squares(count=1) > 0, 1, np.nan), "float32", {"nodata": np.nan}),
    "with alpha": (np.dstack([squares(count=3) * 200, np.full((160, 160), 255)]), "uint8", {"alpha": True}),
    "overviews inside": (squares(count=3) * 200, "uint8", {"overviews": "inside"}),
    "overviews outside": (squares(count=3) * 200, "uint8", {"overviews": "outside"}),
}


def whole(path, bands=None, stretch="auto", channels=3) -> View:
    raster = Raster(str(path))
    h, w = raster.size
    levels, _ = Levels.of(raster, PictureReader(Depth.of(bands, stretch), channels))
    return View(raster, (0, 0, w, h), levels, channels)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_raster_shows_its_objects_where_they_are(kind, tmp_path):
    values, dtype, profile = KINDS[kind]
    path = write_raster(tmp_path / "a.tif", values.astype(dtype), **profile)
    view = whole(path, bands=[8, 2, 1] if values.shape[2] == 8 else None)
    found = bright_in(view.everything())[:, :4]
    assert np.array_equal(found[np.lexsort(found.T)], corners())
    assert view.shape == (160, 160, 3) and view[10:30, 5:25].shape == (20, 20, 3)
    assert np.array_equal(view[50:70, 40:100], view.everything()[50:70, 40:100])
    assert view.shown((80, 80)).shape == (80, 80, 3)


def test_three_bands_are_blue_first_as_in_pictures(tmp_path):
    values = np.zeros((8, 8, 3), np.uint8)
    values[..., 0] = 200  # red
    assert whole(write_raster(tmp_path / "a.tif", values)).everything()[0, 0].tolist() == [0, 0, 200]


def test_the_chosen_bands_are_seen(tmp_path):
    values = np.arange(5, dtype=np.uint8).reshape(1, 1, 5) * np.ones((8, 8, 1), np.uint8)
    path = write_raster(tmp_path / "a.tif", values)
    assert whole(path, bands=[5, 3, 1]).everything()[0, 0].tolist() == [0, 2, 4]
    assert whole(path, bands=4).everything()[0, 0].tolist() == [3, 3, 3]
    with pytest.raises(InputError, match=r"a\.tif: it has 5 bands, and bands=\[9\] asks for number 9"):
        whole(path, bands=9)
    with pytest.raises(InputError, match="nothing says which are red, green and blue: give bands="):
        whole(path)


def test_a_stretch_holds_for_all_of_a_raster_and_not_for_each_window(tmp_path):
    values = np.linspace(1000, 2000, 64 * 64).reshape(64, 64, 1).astype(np.uint16)
    view = whole(write_raster(tmp_path / "a.tif", values), stretch="minmax")
    first, last = view[0:4, 0:64], view[60:64, 0:64]
    assert first.max() < 20 and last.min() > 235
    assert view.levels.as_dict() == {"bands": [1], "black": 1000.0, "white": 2000.0, "bits": None}


def test_bits_are_those_that_the_raster_uses(tmp_path):
    values = (squares(count=1) * 4000).astype(np.uint16)
    path = write_raster(tmp_path / "a.tif", values)
    assert whole(path).everything().max() == 4000 >> 4
    assert whole(path, stretch="none").everything().max() == 4000 >> 8
    assert Levels.of(Raster(str(path)), PictureReader())[1] == "1 band of uint16: values up to 4000 taken as 12 bits"


def test_values_that_nobody_can_tell_the_meaning_of_are_refused(tmp_path):
    path = write_raster(tmp_path / "a.tif", squares(count=1) * 30)
    with pytest.raises(InputError, match=r"raster .*a\.tif: floats from 0 to 30, which fill neither"):
        whole(path)


@pytest.mark.parametrize("how", ["nodata", "mask", "alpha"])
def test_what_holds_no_data_is_black_and_told(how, tmp_path):
    values, held = np.full((32, 32, 3), 90, np.uint8), np.ones((32, 32), bool)
    held[:, :16] = False
    profile = {"mask": held} if how == "mask" else {}
    if how == "nodata":
        values[~held], profile = 7, {"nodata": 7}
    if how == "alpha":
        values, profile = np.dstack([values, held * np.uint8(255)]), {"alpha": True}
    view = whole(write_raster(tmp_path / "a.tif", values, **profile))
    assert np.array_equal(view.held(), held)
    assert view.everything()[:, :16].max() == 0 and view.everything()[:, 16:].min() == 90


def test_a_palette_is_read_as_its_colours(tmp_path):
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8") as file:
        file.write(np.full((1, 4, 4), 3, np.uint8))
        file.write_colormap(1, {3: (10, 20, 30, 255)})
    assert whole(tmp_path / "a.tif").everything()[0, 0].tolist() == [30, 20, 10]


def test_a_raster_knows_its_place(tmp_path):
    raster = Raster(str(write_raster(tmp_path / "a.tif", squares().astype(np.uint8))))
    assert raster.place.crs == "EPSG:32632" and raster.place.transform == tuple(METRE)[:6] and raster.georeferenced
    plain = Raster(str(write_raster(tmp_path / "b.tif", squares().astype(np.uint8), crs=None, transform=None)))
    assert not plain.georeferenced


def test_what_is_no_raster_is_told_in_one_line(tmp_path):
    (tmp_path / "a.tif").write_text("nothing")
    for path, says in (("a.tif", "cannot open the raster"), ("b.tif", "there is no raster"), ("", "is a folder")):
        with pytest.raises(InputError, match=says) as caught:
            Raster(str(tmp_path / path))
        assert "\n" not in str(caught.value)


def test_a_mosaic_of_files_is_read_and_one_of_addresses_is_not(tmp_path):
    write_raster(tmp_path / "a.tif", (squares() * 200).astype(np.uint8))
    text = (
        '<VRTDataset rasterXSize="160" rasterYSize="160"><SRS>EPSG:32632</SRS><GeoTransform>0,1,0,0,0,-1</GeoTransform>'
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="%d">%s</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    (tmp_path / "a.vrt").write_text(text % (1, "a.tif"))
    assert len(bright_in(whole(tmp_path / "a.vrt").everything())) == 5
    for address in ("/vsicurl/http://127.0.0.1:9/a.tif", "http://127.0.0.1:9/a.tif", "/vsis3/bucket/a.tif"):
        (tmp_path / "b.vrt").write_text(text % (0, address))
        with pytest.raises(InputError, match=r"b\.vrt reads from the network .*, which nobody asked for"):
            Raster(str(tmp_path / "b.vrt"))
        (tmp_path / "c.tif").write_text(text % (0, address))  # GDAL goes by what is in a file, not by its name
        (tmp_path / "d.vrt").write_text(text % (1, "c.tif"))
        for name in ("c.tif", "d.vrt"):
            with pytest.raises(InputError, match=r"c\.tif reads from the network"):
                Raster(str(tmp_path / name))


def test_a_raster_in_an_archive_is_read(tmp_path):
    import zipfile

    path = write_raster(tmp_path / "a.tif", (squares() * 200).astype(np.uint8))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "a.tif")
    assert len(bright_in(whole(f"/vsizip/{tmp_path}/a.zip/a.tif").everything())) == 5
