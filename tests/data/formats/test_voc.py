import pytest

from yolotiny.data.formats.voc import NAMES, read_annotation, read_voc
from yolotiny.errors import InputError


def item(name="dog", box=(1, 1, 10, 20), difficult=0):
    x1, y1, x2, y2 = box
    bounds = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{part}<bndbox>{bounds}</bndbox></object>"


def xml(*items):
    return f"<annotation>{''.join(items)}</annotation>"


@pytest.fixture
def source(tmp_path, picture, text):
    root = tmp_path / "raw" / "VOCdevkit"
    for year, lists in {"2007": {"trainval": "000005", "test": "000001"}, "2012": {"trainval": "2008_000002"}}.items():
        for name, stem in lists.items():
            picture(root / f"VOC{year}" / "JPEGImages" / f"{stem}.jpg")
            text(root / f"VOC{year}" / "Annotations" / f"{stem}.xml", xml(item(), item("cat", difficult=1)))
            text(root / f"VOC{year}" / "ImageSets" / "Main" / f"{name}.txt", f"{stem}\n")
    return tmp_path / "raw"


def test_pixels_count_from_one_and_both_ends_belong_to_the_box(tmp_path, text):
    rows = read_annotation(text(tmp_path / "a.xml", xml(item(box=(1, 1, 10, 20)), item("cat", (3, 4, 5.5, 9), 1))))
    assert rows == [
        (0, 0, 10, 20, NAMES.index("dog"), False),
        (2, 3, 5.5, 9, NAMES.index("cat"), True),  # difficult
    ]


def test_train_is_trainval_of_both_years_and_test_that_of_2007(source):
    data = read_voc(source)
    assert {s: [r.name for r in records] for s, records in data.splits.items()} == {
        "train": ["000005.jpg", "2008_000002.jpg"],
        "test": ["000001.jpg"],
    }
    (record,) = data.splits["test"]
    assert record.boxes.tolist() == [[0, 0, 10, 20]] and [NAMES[i] for i in record.ignore_labels] == ["cat"]


@pytest.mark.parametrize(
    "content, says",
    [
        ("<annotation>", "is not an XML file"),
        (xml(item("dgo")), "object 1: unknown class 'dgo'; did you mean 'dog'"),
        (xml(item(), item(box=("", 1, 2, 3))), "object 2: bndbox needs numbers"),
        (xml(item(box=(9, 1, 2, 3))), "object 1: bndbox ends before it begins"),
    ],
)
def test_a_malformed_file_is_named_with_its_object(tmp_path, text, content, says):
    with pytest.raises(InputError, match=rf"a\.xml {says}"):
        read_annotation(text(tmp_path / "a.xml", content))


def test_a_listed_picture_or_annotation_that_is_absent_is_an_error(source):
    year = source / "VOCdevkit" / "VOC2007"
    (year / "Annotations" / "000001.xml").unlink()
    with pytest.raises(InputError, match=r"cannot read .*000001\.xml"):
        read_voc(source)
    (year / "JPEGImages" / "000001.jpg").unlink()
    with pytest.raises(InputError, match=r"lists '000001', but there is no .*000001\.jpg"):
        read_voc(source)
    with pytest.raises(InputError, match="no VOC2007 or VOC2012"):
        read_voc(year / "ImageSets")
