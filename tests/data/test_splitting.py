"""Data sets divided anew, with what shows one scene on one side."""

import shutil

import numpy as np
import pytest
import yaml

from tests.data.quality.test_overlaps import ground
from tests.tiny_data import add_picture, write_tiny
from yolotiny.cli.main import main
from yolotiny.data import check, split
from yolotiny.data.splitting import divide, group
from yolotiny.data_file import read_data_file
from yolotiny.errors import InputError


def lists(file):
    """The names of the pictures of train and of val."""
    found = read_data_file(file).usable("train", "val")
    return [{image.name for image in found[name].images} for name in ("train", "val")]


@pytest.fixture
def videos(tmp_path):
    """Six videos of four frames, two of which show a rare class; data.yaml names one folder."""
    rng = np.random.default_rng(0)
    for video in range(6):
        for frame in range(4):
            rows = [(int(video < 2), 0.5, 0.5, 0.1, 0.1), (0, 0.2, 0.2, 0.1, 0.1)]
            noise = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            add_picture(tmp_path / "data", "all", f"v{video}x_{frame:04}.png", noise, rows)
    file = tmp_path / "data" / "data.yaml"
    file.write_text("path: .\ntrain: images/all\nnames: [car, ship]\nprotocol: visdrone\n")
    return file


def test_folds_hold_every_picture_in_val_once_and_no_scene_on_both_sides(videos, tmp_path, capsys):
    assert main(["data", "split", f"data={videos}", f"to={tmp_path / 'cv'}", "folds=3"]) == 0
    said = capsys.readouterr().out
    assert "24 pictures, of 6 scenes" in said and "fold2 val: 8 pictures; car " in said
    seen = []
    for i in range(3):
        train, val = lists(tmp_path / "cv" / f"fold{i}.yaml")
        assert len(train) == 16 and len(val) == 8 and not {n[:3] for n in train} & {n[:3] for n in val}
        assert read_data_file(tmp_path / "cv" / f"fold{i}.yaml").protocol == "visdrone"
        seen += val
    assert len(seen) == len(set(seen)) == 24


def test_a_share_for_val_holds_its_part_of_each_class(videos, tmp_path):
    made = split(videos, tmp_path / "half", val=0.5)
    train, val = lists(tmp_path / "half" / "data.yaml")
    assert len(train) == len(val) == 12
    assert made.parts[0].counts == {"train": {"car": 20, "ship": 4}, "val": {"car": 20, "ship": 4}}


def test_a_seed_gives_the_same_and_another_one_other_scenes(videos, tmp_path):
    vals = []
    for i, seed in enumerate((0, 0, 1, 2, 3)):
        split(videos, tmp_path / str(i), seed=seed)
        vals.append(frozenset(lists(tmp_path / str(i) / "data.yaml")[1]))
    assert vals[0] == vals[1] and len(set(vals)) > 1


def test_crops_that_share_pixels_are_one_scene_whatever_their_names(tmp_path):
    scene, other = ground(0), ground(1)
    crops = {"b": scene[:200, :200], "q": scene[10:210, 120:320], "z": scene[15:215, 200:400], "c": other[:200, :200]}
    files = [add_picture(tmp_path, "train", f"{name}.png", crop, []) for name, crop in crops.items()]
    assert group(files) == [[0, 1, 2], [3]]  # the first and the third share nothing, but both hang on the second


def test_what_it_writes_moves_with_the_pictures_and_passes_the_check(videos, tmp_path):
    split(videos, tmp_path / "data" / "new", val=0.3)
    shutil.move(tmp_path / "data", tmp_path / "elsewhere")
    report = check(tmp_path / "elsewhere" / "new", imgsz=64)
    assert not report.errors and report.pictures == {"train": 16, "val": 8}


def test_train_and_val_are_taken_together_and_test_stays(tmp_path):
    file = write_tiny(tmp_path / "data", train=4, val=2)
    (tmp_path / "data" / "images" / "test").mkdir()
    add_picture(tmp_path / "data", "test", "t.png", np.zeros((64, 64, 3), np.uint8), [])
    file.write_text(file.read_text() + "test: images/test\nannotations: {val: a.json, test: b.json}\n")
    made = split(file, tmp_path / "new", folds=2, together=False)
    assert made.pictures == 6
    content = yaml.safe_load((tmp_path / "new" / "fold0.yaml").read_text())
    assert content["annotations"] == {"test": str(tmp_path / "data" / "b.json")}
    assert [image.name for image in read_data_file(tmp_path / "new" / "fold0.yaml").found("test").images] == ["t.png"]


def test_groups_of_any_size_fill_every_part():
    groups = [[0, 1, 2, 3, 4, 5, 6], [7], [8]]
    of = divide(groups, [{0: 1}] * 9, [1 / 3] * 3, seed=0)
    assert sorted(np.bincount(of)) == [1, 1, 7]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"val": 0.5, "folds": 2}, "val=0.5 and folds=2: each fold has its own part for val"),
        (
            {"folds": 7},
            "show 6 scenes, too few for 7 parts; together=False divides scenes too",
        ),
        ({"folds": 30, "together": False}, "there are 24 pictures, too few for 30 parts"),
        ({"folds": 1}, "folds=1: give a whole number from 2 to 100"),
        ({"val": 1.0}, "val=1.0: give a share of the pictures between 0 and 1"),
    ],
)
def test_what_cannot_be_divided_is_said_and_nothing_written(videos, tmp_path, options, said):
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        split(videos, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_a_folder_in_use_and_a_yaml_without_splits_are_refused(videos, tmp_path):
    with pytest.raises(InputError, match="not an empty folder; name another one"):
        split(videos, videos.parent)
    (tmp_path / "none.yaml").write_text("path: data\nnames: [a]\ntest: images/all\n")
    with pytest.raises(InputError, match="names neither train nor val"):
        split(tmp_path / "none.yaml", tmp_path / "new")


def test_a_test_split_that_is_not_there_is_said_before_anything_is_written(videos, tmp_path):
    videos.write_text(videos.read_text() + "test: images/nowhere\n")
    with pytest.raises(InputError, match="nowhere"):
        split(videos, tmp_path / "new")
    assert not (tmp_path / "new").exists()
