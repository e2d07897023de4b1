"""Pictures of every depth and number of bands become the same eight bits, whoever reads them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image
from ultralytics.utils.patches import imread

from tests.deep_pictures import ASKED, BANDS, BGR, GREY, RGB, SEEN, deep, tiff, write
from yolotiny.errors import InputError
from yolotiny.pictures.depth import Depth, Unclear
from yolotiny.pictures.files import Unreadable, image_size
from yolotiny.pictures.reader import PictureReader
from yolotiny.pictures.survey import survey


@pytest.mark.parametrize("name", SEEN)
def test_what_needs_no_option_is_seen_as_its_eight_bits(tmp_path, name):
    file, reader = write(tmp_path, name), PictureReader()
    survey(reader, [str(file)])
    assert np.array_equal(reader.read(file), SEEN[name][1])
    assert image_size(file) == (64, 48)


@pytest.mark.parametrize("name", ASKED)
def test_what_nobody_can_guess_is_one_line_with_the_option_and_is_seen_with_it(tmp_path, name):
    _, said, options, seen = ASKED[name]
    file = write(tmp_path, name)
    with pytest.raises(InputError) as refused:
        survey(PictureReader(), [str(file)])
    assert said in str(refused.value) and str(file) in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(Unreadable):
        PictureReader().read(file)
    reader = PictureReader.of(options)
    assert len(survey(reader, [str(file)])) == 1
    assert np.abs(reader.read(file).astype(int) - seen).max() <= ("stretch" in options)


def test_pictures_of_eight_bits_are_those_of_before(tmp_path):
    picture = Image.fromarray(RGB)
    made = {"a.png": picture, "a.jpg": picture, "a.webp": picture, "a.bmp": picture, "a.tif": picture}
    made |= {"cmyk.jpg": picture.convert("CMYK"), "palette.png": picture.quantize(16), "grey.png": picture.convert("L")}
    made |= {"palette.tif": picture.quantize(16), "grey.tif": picture.convert("L"), "bit.tif": picture.convert("1")}
    made |= {"clear.png": picture.quantize(16), "a.avif": picture}
    for name, one in made.items():
        one.save(tmp_path / name, **({"transparency": 0} if name == "clear.png" else {}))
        for channels, flags in ((3, cv2.IMREAD_COLOR), (1, cv2.IMREAD_GRAYSCALE)):
            reader = PictureReader(channels=channels)
            assert survey(reader, [str(tmp_path / name)]) == [], name
            assert np.array_equal(reader.read(tmp_path / name), imread(tmp_path / name, flags)), (name, channels)
    turned = picture.getexif()
    turned[274] = 6
    picture.save(tmp_path / "turned.jpg", exif=turned)
    assert PictureReader().read(tmp_path / "turned.jpg").shape == (64, 48, 3)
    assert np.abs(PictureReader().read(tmp_path / "cmyk.jpg").astype(int) - BGR).mean() < 30


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_tiff_is_upright_whichever_library_reads_it(tmp_path, turn):
    tag = {"extratags": [(274, "H", 1, turn, True)]}
    files = [tiff(tmp_path / "8.tif", RGB, **tag), tiff(tmp_path / "12.tif", deep(12), **tag)]
    files += [tiff(tmp_path / "five.tif", BANDS, **tag)]
    first, deeper, five = (PictureReader(Depth((1, 2, 3) if f.name == "five.tif" else None)).read(f) for f in files)
    assert np.array_equal(first, deeper) and np.array_equal(first, five)
    assert all(image_size(f) == first.shape[1::-1] for f in files)


def test_bands_are_taken_in_the_order_given(tmp_path):
    file = write(tmp_path, "five 12.tif")
    assert np.array_equal(PictureReader(Depth((4, 3, 2))).read(file), BANDS[..., [1, 2, 3]])
    assert np.array_equal(PictureReader(Depth((5,))).read(file), np.repeat(BANDS[..., 4:], 3, 2))
    assert np.array_equal(PictureReader(Depth((3, 2, 1))).read(write(tmp_path, "8.png")), RGB)
    assert np.array_equal(PictureReader(Depth((4, 2, 1))).read(write(tmp_path, "rgba.png")), BANDS[..., [0, 1, 3]])
    pages = tiff(tmp_path / "pages.tif", np.moveaxis(BANDS, -1, 0).copy(), photometric="minisblack", planarconfig=None)
    assert np.array_equal(PictureReader(Depth((1, 2, 3))).read(pages), BGR)
    assert np.array_equal(PictureReader().read(pages), GREY)  # the first page
    for bands, said in (((6, 2, 1), "asks for number 6"), ((1, 2), "give one band, or 3")):
        with pytest.raises(Unreadable, match=said):
            PictureReader(Depth(bands)).read(file)


def test_networks_of_other_channels_get_as_many_bands(tmp_path):
    five, four, grey = write(tmp_path, "five 12.tif"), write(tmp_path, "four.tif"), write(tmp_path, "12 grey.tif")
    assert np.array_equal(PictureReader(channels=5).read(five), BANDS)
    assert np.array_equal(PictureReader(channels=4).read(four), imread(four, cv2.IMREAD_UNCHANGED))
    assert np.array_equal(PictureReader(channels=1).read(grey), RGB[..., :1])
    assert np.array_equal(PictureReader(Depth((5, 1)), channels=2).read(five), BANDS[..., [4, 0]])
    with pytest.raises(Unreadable, match="it has 3 bands, and the network reads 4"):
        PictureReader(channels=4).read(write(tmp_path, "12.png"))


def test_arrays_follow_the_same_rules():
    reader = PictureReader()
    assert not reader.takes(BGR) and reader.takes(deep(12)) and reader.takes(BANDS)
    assert np.array_equal(reader.of_array(deep(12)[..., ::-1]), BGR)  # blue first, as OpenCV has it
    assert np.array_equal(reader.of_array(np.dstack((deep(12)[..., ::-1], deep(16)[..., 0]))), BGR)  # alpha
    assert np.array_equal(reader.of_array(BGR / 255), BGR)
    assert np.array_equal(reader.of_array(BGR.astype(np.int64)), BGR)
    assert np.array_equal(reader.of_array(deep(12)[..., 0]), GREY)
    with pytest.raises(Unclear, match="values of type complex64"):
        reader.of_array(BGR.astype(np.complex64))
    with pytest.raises(Unclear, match="5 bands"):
        reader.of_array(BANDS)
    assert np.array_equal(PictureReader(Depth((1, 2, 3))).of_array(BANDS), BGR)


def test_a_stretch_is_of_the_whole_picture_and_spares_the_tails(tmp_path):
    values = np.full((200, 200, 3), 1000, np.uint16)
    values[:100] = 3000
    values[0, 0], values[0, 1] = 0, 65535  # one dead and one hot pixel
    file = tiff(tmp_path / "a.tif", values)
    by_quantile, by_ends = (PictureReader(Depth(stretch=s)).read(file) for s in ("percentile", "minmax"))
    assert by_quantile[199, 0].tolist() == [0, 0, 0] and by_quantile[50, 0].tolist() == [255, 255, 255]
    assert by_ends[199, 0].tolist() == [4, 4, 4] and by_ends[50, 0].tolist() == [12, 12, 12]
    assert PictureReader(Depth(stretch="none")).read(file)[50, 0].tolist() == [3000 >> 8] * 3


def test_a_compression_that_needs_a_package_names_it(tmp_path, monkeypatch):
    file = write(tmp_path, "five 12.tif")

    def lacks(self, *args, **kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr("tifffile.TiffPage.asarray", lacks)
    with pytest.raises(Unreadable, match="its compression of 5 bands of uint16 needs the package imagecodecs"):
        PictureReader(Depth((1, 2, 3))).read(file)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bands": [0, 1, 2]}, "bands=[0, 1, 2]: give the numbers of bands, from 1 on"),
        ({"bands": "red"}, "bands=red: give the numbers of bands"),
        ({"bands": True}, "bands=True: give"),
        ({"stretch": "percentil"}, "unknown stretch 'percentil'; did you mean 'percentile'?"),
    ],
)
def test_options_that_cannot_be_are_one_line(given, said):
    with pytest.raises(InputError) as refused:
        PictureReader.of(given)
    assert said in str(refused.value)
