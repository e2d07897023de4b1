import pytest

from yolotiny.data.formats.cvat import read_cvat
from yolotiny.errors import InputError

LABELS = "".join(f"<label><name>{name}</name></label>" for name in ("ship", "car", "ignore"))
META = f"<meta><task><labels>{LABELS}</labels></task></meta>"
BOX = '<box label="car" xtl="10" ytl="5" xbr="30.5" ybr="20" z_order="0"/>'


def xml(*shapes, name="a.png", more="", meta=META):
    return f'<annotations><version>1.1</version>{meta}<image id="0" name="{name}" width="100" height="50" {more}>' + (
        "".join(shapes) + "</image></annotations>"
    )


@pytest.fixture
def read(tmp_path, picture, text):
    """What is read of one picture with these shapes."""

    def of(*shapes, **more):
        picture(tmp_path / "images" / more.get("name", "a.png"))
        text(tmp_path / "annotations.xml", xml(*shapes, **more))
        return read_cvat(tmp_path)

    return of


def test_classes_are_the_labels_in_their_order_and_ignore_is_a_region(read):
    mark = '<attribute name="ignore">true</attribute>'
    ignored = BOX.replace("/>", f">{mark}</box>").replace("car", "ship")
    data = read(BOX, BOX.replace("car", "ignore"), ignored)
    (record,) = data.splits["train"]
    assert data.names == ["ship", "car"]
    assert (record.labels.tolist(), record.ignore_labels.tolist()) == ([1], [-1, 0])
    assert record.boxes.tolist() == [[10, 5, 30.5, 20]]
    assert data.notes == ["label 'ignore' marks ignore regions of every class"]


@pytest.mark.parametrize(
    ("shape", "box"),
    [
        ('<polygon label="car" points="10,5;30,7;20,20"/>', [10, 5, 30, 20]),
        ('<ellipse label="car" cx="20" cy="10" rx="5" ry="3"/>', [15, 7, 25, 13]),
        ('<mask label="car" rle="1" left="3" top="4" width="6" height="5"/>', [3, 4, 9, 9]),
        ('<box label="car" xtl="10" ytl="10" xbr="30" ybr="14" rotation="90"/>', [18, 2, 22, 22]),
    ],
)
def test_other_shapes_count_with_the_box_round_them(read, shape, box):
    (record,) = read(shape).splits["train"]
    assert record.boxes.round(9).tolist() == [box]


def test_shapes_without_a_box_are_counted(read):
    data = read(BOX, '<polyline label="car" points="1,2;3,4"/>', '<tag label="ship"/>')
    assert data.dropped["train"] == {"shape without a box: polyline": 1, "shape without a box: tag": 1}


def test_the_subset_is_the_split_else_the_name_of_the_file(read, tmp_path, picture, text):
    assert read(BOX, more='subset="Validation"').splits.keys() == {"val"}
    picture(tmp_path / "more" / "val" / "images" / "b.png")
    text(tmp_path / "more" / "val" / "annotations.xml", xml(BOX, name="b.png"))
    assert read_cvat(tmp_path / "more").splits.keys() == {"val"}
    assert read_cvat(tmp_path / "more" / "val").splits.keys() == {"train"}  # a project may be called anything
    (tmp_path / "more" / "val" / "annotations.xml").rename(tmp_path / "more" / "val" / "test.xml")
    assert read_cvat(tmp_path / "more" / "val" / "test.xml").splits.keys() == {"test"}


def test_without_a_list_of_labels_classes_are_those_found_by_name(read):
    assert read(BOX, BOX.replace("car", "boat"), meta="").names == ["boat", "car"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<annotations>", r"annotations\.xml is not an XML file"),
        ("<!DOCTYPE a><annotations/>", "declares entities"),
        ("<annotation/>", "is no file of CVAT: its root is annotation"),
        ("<annotations><track/></annotations>", "is 'CVAT for video'; export as 'CVAT for images 1.1'"),
        ("<annotations/>", "lists no image"),
        (xml(name=""), "image 1: it has no name"),
        (xml(BOX.replace("30.5", "x")), r"image a\.png shape 1: xbr is no number \('x'\)"),
        (xml(BOX.replace("30.5", "nan")), r"shape 1: xbr is no number \('nan'\)"),
        (xml(BOX.replace("30.5", "3")), r"shape 1: it ends before it begins \(10,5 to 3,20\)"),
        (xml(BOX, BOX.replace("car", "")), "shape 2: it has no label"),
        (xml(BOX.replace("car", "cra")), "unknown class 'cra'; did you mean 'car'"),
        (xml('<polygon label="car" points="1,2;3"/>'), "expected points x,y;x,y;x,y, found '1,2;3'"),
        (xml(BOX).replace('"100"', '"wide"'), "'width' is no number of pixels but 'wide'"),
        (xml(BOX, name="b.png"), "none of the 1 images of .* found"),
    ],
)
def test_a_malformed_file_is_named_with_its_place(tmp_path, picture, text, content, says):
    picture(tmp_path / "images" / "a.png")
    text(tmp_path / "annotations.xml", content)
    with pytest.raises(InputError, match=says):
        read_cvat(tmp_path)


def test_a_folder_without_a_file_says_what_to_export(tmp_path):
    with pytest.raises(InputError, match="no XML file in .*; export from CVAT as 'CVAT for images 1.1'"):
        read_cvat(tmp_path)
