import pytest

from yolotiny.data.formats.json_pictures import DOUBTFUL, MISSING, OUTSIDE, find_pictures
from yolotiny.data.records import Dataset
from yolotiny.errors import InputError


@pytest.fixture
def find(tmp_path, picture):
    """`find(files on disk, names in the JSON)`: what is found, seen from the folder, and the notes."""

    def look(disk, names):
        for file in disk:
            picture(tmp_path / file)
        data = Dataset([], {})
        found = find_pictures(names, tmp_path / "annotations" / "train.json", tmp_path, "train", data)
        return [image.relative_to(tmp_path).as_posix() if image.name else why for image, why in found], data.notes

    return look


@pytest.mark.parametrize(
    ("disk", "name"),
    [
        ("train/a b.jpg", "a%20b.jpg"),
        ("train/a.JPG", "a.jpg"),
        ("train/seq1/a.jpg", "seq1\\a.jpg"),
        ("train/seq1/a.jpg", "a.jpg"),
        ("train/a.jpg", "/home/me/set/train/a.jpg"),
        ("train/a.jpg", "C:\\set\\train\\a.jpg"),
        ("images/train/a.jpg", "Images/Train/A.jpg"),
        ("train/100%25.jpg", "100%2525.jpg"),
    ],
)
def test_a_name_in_another_form_finds_its_file_and_is_told(find, disk, name):
    found, (note,) = find([disk], [name])
    assert found == [disk]
    assert note.startswith("train: 1 file names of train.json are written otherwise on disk, such as ")


def test_the_very_name_goes_first_and_is_not_told(find):
    assert find(["train/a.jpg", "train/A.jpg"], ["a.jpg", "A.jpg"]) == (["train/a.jpg", "train/A.jpg"], [])


def test_a_name_that_fits_two_files_or_a_file_that_fits_two_names_is_left_alone(find):
    names = ["x/b.jpg", "y/b.jpg", "C.jpg", "gone.jpg", "a.jpg"]
    found, _ = find(["train/b.jpg", "train/1/c.jpg", "train/2/c.jpg", "train/a.jpg"], names)
    assert found == [DOUBTFUL, DOUBTFUL, DOUBTFUL, MISSING, "train/a.jpg"]


def test_nothing_is_taken_from_outside_the_data_set(find, tmp_path, picture):
    other = picture(tmp_path.parent / f"{tmp_path.name}-other" / "x.jpg")
    names = ["a.jpg", f"../../{other.parent.name}/x.jpg", str(other), "../images/b.jpg", "gone.jpg"]
    found, _ = find(["train/a.jpg", "images/b.jpg"], names)
    assert found == ["train/a.jpg", OUTSIDE, OUTSIDE, "train/../images/b.jpg", MISSING]
    with pytest.raises(InputError, match=r"train.json names pictures outside .*, such as .*x.jpg; give a source that"):
        find([], [str(other)])


def test_a_link_in_the_data_set_is_of_it(find, tmp_path, picture):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.jpg").symlink_to(picture(tmp_path.parent / f"{tmp_path.name}-other" / "x.jpg"))
    assert find([], ["a.jpg"])[0] == ["train/a.jpg"]


def test_another_folder_of_the_same_name_is_another_picture(find):
    with pytest.raises(InputError, match="none of the 1 images"):
        find(["train/seq2/a.jpg"], ["seq1/a.jpg"])


def test_a_list_of_nothing_or_of_one_file_twice_is_refused(find):
    with pytest.raises(InputError, match="lists no image"):
        find([], [])
    with pytest.raises(InputError, match=r"images\[1\]: a.jpg is images\[0\] already"):
        find(["train/a.jpg"], ["a.jpg", "a.jpg"])
