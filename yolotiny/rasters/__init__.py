"""Rasters with a place on Earth, and vector files of what lies in them, without torch.

needs       the libraries of the extra `geo`, imported where they are used
sources     which sources are rasters, and which go on as pictures
raster      a file read in parts, never whole
levels      how its values become eight bits, by its statistics
view        a part of it as the array that pictures are
place       pixels to places and back
vectors     polygons in GeoPackage and GeoJSON
reader      rasters where data sets have pictures
"""
