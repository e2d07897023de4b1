"""Pixels to places on Earth and back, on every kind of raster and in both kinds of files."""

from __future__ import annotations

import numpy as np
import pytest

from tests.raster_files import DEGREE, METRE, TURNED, UTM, WGS84, corners
from yolotiny.errors import InputError
from yolotiny.rasters import vectors
from yolotiny.rasters.place import Place, between, of_metadata

PLACES = {
    "UTM": Place(tuple(METRE)[:6], UTM),
    "degrees": Place(tuple(DEGREE)[:6], WGS84),
    "turned": Place(tuple(TURNED)[:6], UTM),
}


def test_a_known_corner_lies_where_the_transform_says():
    place = PLACES["UTM"]
    assert place.to_earth(np.array([[10.0, 12.0]])).tolist() == [[500_005, 5_299_994]]
    assert place.metres(np.array([[0, 0, 6.0, 8.0]])).tolist() == [[3, 4]]
    assert PLACES["turned"].metres(np.array([[0, 0, 6.0, 8.0]])) == pytest.approx(np.array([[3, 4]]), rel=1e-3)
    assert PLACES["degrees"].metres(np.array([[0, 0, 6.0, 8.0]])) is None and Place().metres(np.ones((1, 4))) is None


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("suffix", vectors.SUFFIXES)
def test_boxes_come_back_from_a_file_within_half_a_pixel(kind, suffix, tmp_path):
    place, boxes = PLACES[kind], corners()
    found = vectors.Features(place.polygons(boxes), {"class": np.array(["car"] * 5, object)}, place.crs)
    vectors.write(tmp_path / f"a{suffix}", found, {"place": place.as_dict()})
    read = vectors.read(tmp_path / f"a{suffix}")
    assert read.crs == (place.crs if suffix == ".gpkg" else WGS84)
    assert of_metadata(read.metadata) == place
    back = place.boxes(between(read.geometries, read.crs, place.crs))
    assert np.abs(back - boxes).max() < 0.01
    assert read.columns["class"].tolist() == ["car"] * 5


def test_geojson_has_longitude_before_latitude(tmp_path):
    place = PLACES["UTM"]
    vectors.write(tmp_path / "a.geojson", vectors.Features(place.polygons(corners()), {}, place.crs), {})
    x, y = vectors.read(tmp_path / "a.geojson").geometries[0].centroid.coords[0]
    assert (x, y) == pytest.approx((9.0, 47.85), abs=0.02)


def test_no_object_is_a_file_without_features(tmp_path):
    for suffix in vectors.SUFFIXES:
        empty = vectors.Features(PLACES["UTM"].polygons(np.zeros((0, 4))), {"score": np.zeros(0)}, UTM)
        vectors.write(tmp_path / f"a{suffix}", empty, {})
        assert len(vectors.read(tmp_path / f"a{suffix}").geometries) == 0


def test_pixels_without_a_place_go_into_a_geopackage_only(tmp_path):
    found = vectors.Features(Place().polygons(corners()), {"score": np.ones(5)})
    vectors.write(tmp_path / "a.gpkg", found, {})
    read = vectors.read(tmp_path / "a.gpkg")
    assert read.crs == "" and np.array_equal(Place().boxes(read.geometries), corners())
    with pytest.raises(InputError, match="the raster has no coordinate system"):
        vectors.write(tmp_path / "a.geojson", found, {})
    assert not (tmp_path / "a.geojson").exists()


def test_a_file_that_is_none_is_told_in_one_line(tmp_path):
    (tmp_path / "a.gpkg").write_text("nothing")
    (tmp_path / "b.geojson").write_text("{}")
    for name in ("a.gpkg", "b.geojson", "c.gpkg"):
        with pytest.raises(InputError, match=name) as caught:
            vectors.read(tmp_path / name)
        assert "\n" not in str(caught.value) and "pyogrio" not in str(caught.value)


def test_a_field_that_is_not_there_gets_the_nearest(tmp_path):
    found = vectors.Features(np.zeros(0), {"kind": np.zeros(0)})
    with pytest.raises(InputError, match="a.gpkg has no field 'kin'; did you mean 'kind'"):
        found.column("kin", "a.gpkg")
