import pytest

from yolotiny.data.formats.voc import read_voc
from yolotiny.errors import InputError

OBJECT = "<object><name>{}</name><difficult>{}</difficult><bndbox>{}</bndbox></object>"
BOUNDS = "<xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>20</ymax>"


def xml(*names, difficult=0):
    return "<annotation>" + "".join(OBJECT.format(name, difficult, BOUNDS) for name in names) + "</annotation>"


@pytest.fixture
def source(tmp_path, picture, text):
    for stem in ("a", "b"):
        picture(tmp_path / "JPEGImages" / f"{stem}.png")
        text(tmp_path / "Annotations" / f"{stem}.xml", xml("van", "antenna", "ignore"))
    return tmp_path


def test_classes_of_ones_own_are_those_found_or_those_of_a_list(source, text):
    data = read_voc(source)
    record, _ = data.splits["train"]
    assert (data.names, record.labels.tolist(), record.ignore_labels.tolist()) == (["antenna", "van"], [1, 0], [-1])
    text(source / "labelmap.txt", "# label:color:parts:actions\nbackground:0,0,0::\nvan:::\nantenna:::\n")
    assert read_voc(source).names == ["van", "antenna"]
    text(source / "labelmap.txt", "van:::\n")
    with pytest.raises(InputError, match=r"a\.xml: unknown class 'antenna'"):
        read_voc(source)


def test_lists_tell_the_splits(source, text):
    text(source / "ImageSets" / "Main" / "train.txt", "a\n")
    text(source / "ImageSets" / "Main" / "val.txt", "b\n")
    text(source / "ImageSets" / "Main" / "trainval.txt", "a\nb\n")
    text(source / "ImageSets" / "Main" / "van_train.txt", "a 1\n")  # a class's own list
    found = read_voc(source).splits
    assert {split: [r.name for r in records] for split, records in found.items()} == {
        "train": ["a.png"],
        "val": ["b.png"],
    }
    text(source / "ImageSets" / "Main" / "val.txt", "c\n")
    with pytest.raises(InputError, match=r"lists 'c', but there is no picture c\.\*"):
        read_voc(source)


def test_folders_of_splits_with_xml_beside_the_pictures(tmp_path, picture, text):
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.jpg")
        text(tmp_path / split / "a.xml", xml("van", difficult=1))
    found = read_voc(tmp_path).splits
    assert {split: records[0].ignore_labels.tolist() for split, records in found.items()} == {"train": [0], "val": [0]}


def test_an_xml_file_more_is_counted_and_one_less_an_error(source, text):
    text(source / "Annotations" / "c.xml", xml())
    assert read_voc(source).dropped["train"] == {"annotation file without an image, or on no list": 1}
    (source / "Annotations" / "a.xml").unlink()
    with pytest.raises(InputError, match=r"a\.png has no annotation file .*a\.xml"):
        read_voc(source)
