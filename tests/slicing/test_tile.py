"""Tiles of pictures of any number of bands, alone and on a canvas."""

from __future__ import annotations

import numpy as np
import pytest

from yolotiny.slicing import Canvas, Tile


@pytest.mark.parametrize("bands", [1, 3, 4, 5, 7])
@pytest.mark.parametrize("scale", [0.3, 0.8, 1, 1.5])
def test_every_band_is_shown_as_it_is_alone_and_beside_another_tile(bands, scale):
    image = np.random.default_rng(0).integers(0, 256, (120, 150, bands)).astype(np.uint8)
    tiles = [Tile.of((20, 10, 81, 71), image.shape[:2], scale), Tile.of((90, 50, 131, 91), image.shape[:2], scale)]
    (canvas,) = Canvas.packed(tiles, (192, 192), 32)
    drawn = canvas.draw(image)
    for tile, x, y in canvas.places:
        w, h = tile.shown
        alone = np.dstack([tile.cut(np.ascontiguousarray(image[..., i : i + 1])) for i in range(bands)])
        assert tile.cut(image).shape == (h, w, bands)
        np.testing.assert_array_equal(tile.cut(image), alone)
        np.testing.assert_array_equal(drawn[y : y + h, x : x + w], alone)
