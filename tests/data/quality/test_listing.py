import pytest

from yolotiny.data.quality.listing import read_listing
from yolotiny.errors import InputError

YAML = "path: .\ntrain: images/train\nval: images/val\nnames: [car, ship]\n"


@pytest.fixture
def root(tmp_path, picture, text):
    for name in ("train/a.jpg", "train/deep/b.png", "val/c.jpg"):
        picture(tmp_path / "images" / name)
    text(tmp_path / "data.yaml", YAML)
    return tmp_path


def names(images):
    return [p.name for p in images]


def test_a_file_and_its_folder_are_the_same_data_set(root):
    for data in (root, root / "data.yaml", str(root)):
        listing = read_listing(data)
        assert {s: names(p) for s, p in listing.splits.items()} == {"train": ["a.jpg", "b.png"], "val": ["c.jpg"]}
        assert listing.names == ["car", "ship"] and listing.annotations == {}


def test_a_name_means_a_file_in_cfg_datasets_and_its_path_starts_from_the_current_folder(root, monkeypatch):
    monkeypatch.chdir(root)
    with pytest.raises(InputError, match=r"cfg/datasets/hit-uav\.yaml: there is no folder 'datasets/hit-uav'"):
        read_listing("hit-uav")
    (root / "datasets").mkdir()
    (root / "images" / "test").mkdir()
    (root / "datasets" / "hit-uav").symlink_to(root)
    listing = read_listing("hit-uav")
    assert names(listing.splits["val"]) == ["c.jpg"] and listing.names[0] == "Person"


def test_lists_folders_and_several_of_both(root, text):
    text(root / "some.txt", "./images/train/a.jpg\n\nimages/train/gone.jpg\nimages/train/deep/b.png\n")
    text(root / "data.yaml", YAML.replace("images/train", "[some.txt, images/val]"))
    listing = read_listing(root)
    assert names(listing.splits["train"]) == ["a.jpg", "b.png", "c.jpg"]
    assert listing.absent == {"train": [(root / "some.txt", 3, root / "images/train/gone.jpg")]}


def test_two_dots_too_many_are_forgiven_as_in_training(root, text):
    text(root / "data.yaml", "train: ../images/train\nvalidation: ../images/val\nnames: [a]\n")
    assert [len(p) for p in read_listing(root).splits.values()] == [2, 1]


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("names: [a]\n", "names no split"),
        ("names: [a]\ntrain: elsewhere\n", "no folder or list"),
        ("names: [a]\ntrain: images\npath: /no/such\n", "no folder '/no/such'"),
        ("train: images\n", "'names' must list"),
    ],
)
def test_a_data_yaml_that_points_nowhere_is_one_line(root, text, yaml, says):
    text(root / "data.yaml", yaml)
    with pytest.raises(InputError, match=says) as e:
        read_listing(root)
    assert "\n" not in str(e.value)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(InputError, match="did you mean 'visdrone'"):
        read_listing("visdron")
