"""What is decided of a source as a whole, and told once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.deep_pictures import RGB, deep, tiff, write
from yolotiny.errors import InputError
from yolotiny.pictures.depth import Depth
from yolotiny.pictures.files import Unreadable
from yolotiny.pictures.reader import PictureReader
from yolotiny.pictures.survey import survey


def written(folder, *values):
    return [str(tiff(folder / f"{i}.tif", v)) for i, v in enumerate(values)]


def test_a_dark_picture_among_those_of_16_bits_is_dark(tmp_path):
    files = written(tmp_path, deep(12), deep(16))
    reader = PictureReader()
    assert survey(reader, files) == [
        "pictures of 3 bands of uint16: values up to 65283 taken as 16 bits; stretch= changes that"
    ]
    assert np.array_equal(reader.read(files[0]), RGB[..., ::-1] >> 4)
    alone = PictureReader()
    assert "taken as 12 bits" in survey(alone, files[:1])[0] and alone.depth == Depth(bits=12)


def test_it_is_said_that_values_leave_pictures_dark(tmp_path):
    values = np.tile(deep(12) >> 1, (8, 8, 1))
    values[1, 1] = 65535
    (line,) = survey(PictureReader(), written(tmp_path, values))
    assert "taken as 16 bits, which leaves them dark as 99.9 % lie below" in line


def test_a_source_follows_the_training_and_says_where_it_does_not_fit(tmp_path):
    darker, fits, beyond = written(tmp_path, deep(10), deep(12), deep(16))
    for file in (darker, fits):
        reader = PictureReader.of(own={"bits": 12})
        assert survey(reader, [file])[0].endswith("taken as 12 bits as the model was trained")
        assert reader.depth.bits == 12
    (line,) = survey(reader := PictureReader.of(own={"bits": 12}), [beyond])
    assert "taken as 16 bits, while the model was trained on 12 bits" in line and reader.depth.bits == 16
    own = {"bands": [3, 2, 1], "stretch": "percentile"}
    (line,) = survey(PictureReader.of({"stretch": "minmax"}, own), [fits])
    assert line.endswith("while the model was trained with bands=[3,2,1] stretch=percentile")
    assert "bands 3, 2, 1 read as red, green and blue" in line
    assert PictureReader.of({"bands": [], "stretch": "auto"}, own).depth == Depth()  # an option wins


def test_a_few_values_beyond_the_bits_are_white_and_many_leave_a_picture_out(tmp_path):
    hot, other = deep(12).copy(), deep(14)
    hot[0, 0, 0] = 5000
    files = written(tmp_path, hot, other)
    reader = PictureReader(Depth(bits=12))
    assert reader.read(files[0])[0, 0, 2] == 255
    with pytest.raises(Unreadable, match=r"of its values are above the 12 bits that others have; stretch=percentile"):
        reader.read(files[1])


def test_what_cannot_be_guessed_ends_a_run_only_where_there_is_nothing_else(tmp_path):
    five, good = str(write(tmp_path, "five.tif")), str(write(tmp_path, "8.png"))
    assert survey(PictureReader(), [five, good]) == []
    with pytest.raises(InputError, match="5 bands"):
        survey(PictureReader(), [five])


def test_alpha_and_a_fourth_band_are_told(tmp_path):
    said = [survey(PictureReader(), [str(write(tmp_path, name))])[0] for name in ("rgba.png", "la.png", "four.tif")]
    assert said[0] == "pictures of 3 bands of uint8 and alpha: alpha is left out"
    assert said[1] == "pictures of 1 band of uint8 and alpha: alpha is left out"
    assert "the first three bands are red, green and blue; bands= chooses others" in said[2]


def test_files_of_one_setting_are_told_from_those_of_another():
    tags = [Depth(), Depth(bits=12), Depth((4, 3, 2)), Depth((4, 3, 2), "percentile"), Depth(top=1)]
    assert len({PictureReader(d).tag for d in tags}) == len(tags) and PictureReader().tag == ""


def test_the_floats_of_a_source_have_one_white(tmp_path):
    dark, bright = written(tmp_path, (RGB // 64).astype(np.float32), RGB.astype(np.float32))
    reader = PictureReader()
    survey(reader, [dark, bright])
    assert reader.depth.top == 255 and reader.read(dark).max() == 3
    with pytest.raises(InputError, match="floats from 0 to 1.2, which fill neither 0 to 1 nor 0 to 255"):
        survey(PictureReader(), written(tmp_path, (RGB / 255 * 1.2).astype(np.float32)))
