"""A conversion that stops: nothing looks whole that is not, nothing is lost, and the same call goes on."""

import pytest

from yolotiny.data import Conversion, convert
from yolotiny.errors import InputError


@pytest.fixture
def source(tmp_path, picture, text):
    for name in "abc":
        picture(tmp_path / "raw" / "images" / f"{name}.png", 100, 64)
        text(tmp_path / "raw" / "annotations" / f"{name}.txt", "5,5,9,9,1,4,0,0\n")
    return tmp_path / "raw"


def stop_after(n):
    def progress(split, done, total):
        if done == n:
            raise KeyboardInterrupt

    return progress


OPTIONS = {"tile": 64, "overlap": 28}  # two tiles a picture


def interrupted(source, to, force=False, **options):
    with pytest.raises(KeyboardInterrupt, match=r"are in .*\.part; the same command goes on"):
        convert(Conversion("visdrone", source, **OPTIONS | options), to, force, stop_after(4))


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_what_is_unfinished_does_not_look_like_a_data_set(source, tmp_path):
    interrupted(source, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".part"]
    tiles = [p.name for p in (tmp_path / "out" / ".part" / "images" / "train").iterdir()]
    assert sorted(tiles) == ["a__0___0.png", "a__36___0.png", "b__0___0.png", "b__36___0.png"]


def test_the_same_call_goes_on_without_cutting_again_what_is_complete(source, tmp_path, monkeypatch):
    interrupted(source, tmp_path / "out")
    from yolotiny.pictures.reader import PictureReader

    decoded, read = [], PictureReader.read
    monkeypatch.setattr(PictureReader, "read", lambda self, path: decoded.append(path.name) or read(self, path))
    convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out")
    convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "whole")
    assert decoded == ["c.png", "a.png", "b.png", "c.png"]
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    for file in files(tmp_path / "out"):
        if file != "data.yaml":  # it names its folder
            assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


@pytest.mark.parametrize("change", [{"overlap": 20}, {"keep": 0.5}, {"tile": 0, "overlap": None}])
def test_another_call_is_refused_and_force_starts_anew(source, tmp_path, change):
    interrupted(source, tmp_path / "out")
    with pytest.raises(InputError, match="out holds an unfinished conversion with other options or another source"):
        convert(Conversion("visdrone", source, **OPTIONS | change), tmp_path / "out")
    convert(Conversion("visdrone", source, **OPTIONS | change), tmp_path / "out", force=True)
    assert not (tmp_path / "out" / ".part").exists() and (tmp_path / "out" / "data.yaml").is_file()


def test_a_picture_that_changed_in_between_is_not_mixed_with_the_old_one(source, tmp_path, picture):
    interrupted(source, tmp_path / "out")
    picture(source / "images" / "a.png", 100, 63)
    with pytest.raises(InputError, match="another source"):
        convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out")


def test_annotations_that_changed_in_between_are_read_anew(source, tmp_path):
    interrupted(source, tmp_path / "out")
    (source / "annotations" / "a.txt").write_text("")
    assert convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out").splits["train"].empty >= 2


def test_with_force_the_old_data_set_stays_until_the_new_one_is_whole(source, tmp_path):
    convert(Conversion("visdrone", source), tmp_path / "out")
    (tmp_path / "out" / "mine.md").write_text("")
    before = files(tmp_path / "out")
    interrupted(source, tmp_path / "out", force=True)
    assert [f for f in files(tmp_path / "out") if not f.startswith(".part")] == before
    convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out", force=True)
    after = files(tmp_path / "out")
    assert "images/train/a__0___0.png" in after and "images/train/a.png" not in after and "mine.md" in after


def test_a_finished_data_set_is_not_taken_for_an_unfinished_one(source, tmp_path):
    convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out")
    with pytest.raises(InputError, match=r"out is not empty.*force=True"):
        convert(Conversion("visdrone", source, **OPTIONS), tmp_path / "out")


def test_a_copy_that_was_cut_off_is_made_again(source, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        convert(Conversion("visdrone", source, link=False), tmp_path / "out", progress=stop_after(2))
    (tmp_path / "out" / ".part" / "images" / "train" / ".c.png").write_text("half")
    convert(Conversion("visdrone", source, link=False), tmp_path / "out")
    images = tmp_path / "out" / "images" / "train"
    assert sorted(p.name for p in images.iterdir()) == ["a.png", "b.png", "c.png"]
    assert (images / "c.png").read_bytes() == (source / "images" / "c.png").read_bytes()
