import json

import pytest

from yolotiny.data import Conversion, convert
from yolotiny.data.formats.coco import read_coco
from yolotiny.errors import InputError


def content(**changes):
    base = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 50}],
        "categories": [{"id": 9, "name": "ship"}, {"id": 2, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 9, "bbox": [10, 5, 20, 10]},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [90, 40, 30.5, 4]},
            {"id": 3, "image_id": 7, "category_id": 2, "bbox": [0, 20, 40, 20], "iscrowd": 1},
        ],
    }
    return base | changes


@pytest.fixture
def source(tmp_path, picture, text):
    picture(tmp_path / "raw" / "val2017" / "a.jpg")
    text(tmp_path / "raw" / "annotations" / "instances_val2017.json", json.dumps(content()))
    return tmp_path / "raw"


def rewrite(source, **changes):
    (source / "annotations" / "instances_val2017.json").write_text(json.dumps(content(**changes)))


def test_classes_follow_the_order_of_ids_and_ids_are_closed_up(source):
    data = read_coco(source)
    (record,) = data.splits["val"]
    assert data.names == ["car", "ship"]
    assert record.labels.tolist() == [1, 0]
    assert record.boxes.tolist() == [[10, 5, 30, 15], [90, 40, 120.5, 44]]


def test_a_crowd_is_an_ignore_region_and_keeps_its_category(source, tmp_path, load):
    convert(Conversion("coco", source), tmp_path / "out")
    coco = load(tmp_path / "out" / "annotations" / "val.json")
    crowd = coco["annotations"][2]
    assert (crowd["category_id"], crowd["iscrowd"], crowd["ignore"]) == (1, 1, 1)
    assert coco["categories"] == [{"id": 1, "name": "car"}, {"id": 2, "name": "ship"}]
    assert (tmp_path / "out" / "ignore" / "val" / "a.txt").read_text().split() == [
        "0.20000000", "0.60000000", "0.40000000", "0.40000000", "0"
    ]  # fmt: skip


def test_our_own_json_is_a_source_too_with_regions_of_every_kind(source, tmp_path, text):
    first, second = tmp_path / "first", tmp_path / "second"
    rows = [
        {"image_id": 7, "category_id": 2, "bbox": [10, 5, 20, 10], "area": 200},
        {"image_id": 7, "category_id": 2, "bbox": [0, 20, 40, 20], "iscrowd": 1},
        {"image_id": 7, "category_id": 0, "bbox": [50, 20, 40, 20], "iscrowd": 1},
        {"image_id": 7, "category_id": 0, "bbox": [50, 0, 40, 20], "iscrowd": 1, "others": 1},
    ]
    rewrite(source, annotations=rows)
    convert(Conversion("coco", source), first)
    assert [line.split()[4:] for line in (first / "ignore/val/a.txt").read_text().splitlines()] == [["0"], [], ["-2"]]
    convert(Conversion("coco", first), second)
    for file in ("labels/val/a.txt", "ignore/val/a.txt", "annotations/val.json"):
        assert (first / file).read_text() == (second / file).read_text()
    rewrite(source, annotations=[rows[2] | {"iscrowd": 0}])
    with pytest.raises(InputError, match="there is no category with id 0"):
        convert(Conversion("coco", source), tmp_path / "third")


def test_a_box_over_the_edge_is_cut_and_counted(source, tmp_path):
    summary = convert(Conversion("coco", source), tmp_path / "out")  # one ends at 120.5 of 100 px
    assert summary.splits["val"].cut == 1
    assert "  cut 1: box over the edge of its picture by more than 2 px" in str(summary).splitlines()


def test_boxes_are_clipped_but_keep_the_area_of_the_original(source, tmp_path, load):
    convert(Conversion("coco", source), tmp_path / "out")
    cut = load(tmp_path / "out" / "annotations" / "val.json")["annotations"][1]
    assert cut["bbox"] == [90, 40, 10, 4] and cut["area"] == 30.5 * 4


def test_the_area_of_an_outline_counts_where_the_json_states_one(source, tmp_path, load):
    rows = [{"image_id": 7, "category_id": 2, "bbox": [0, 0, 20, 10], "area": area} for area in (150.5, 0, None)]
    rewrite(source, annotations=rows)
    convert(Conversion("coco", source), tmp_path / "out")
    found = load(tmp_path / "out" / "annotations" / "val.json")["annotations"]
    assert [a["area"] for a in found] == [150.5, 200, 200]


def test_image_ids_of_the_source_are_kept(source, tmp_path, load):
    convert(Conversion("coco", source), tmp_path / "out")
    coco = load(tmp_path / "out" / "annotations" / "val.json")
    assert coco["images"] == [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 50}]
    assert {a["image_id"] for a in coco["annotations"]} == {7}


def test_absent_images_and_wrong_sizes_are_counted(source, picture):
    picture(source / "val2017" / "b.jpg", 40, 40)
    more = [
        {"id": 8, "file_name": "b.jpg", "width": 100, "height": 50},
        {"id": 9, "file_name": "c.jpg", "width": 100, "height": 50},
    ]
    rewrite(source, images=content()["images"] + more)
    data = read_coco(source)
    assert len(data.splits["val"]) == 1
    assert data.dropped["val"] == {"image size differs from the JSON": 1, "image file missing": 1}


def test_no_image_at_all_is_an_error_that_says_where_it_looked(source):
    (source / "val2017" / "a.jpg").unlink()
    with pytest.raises(InputError, match=r"none of the 1 images.*val2017"):
        read_coco(source)


@pytest.mark.parametrize("where", ["images/val", "val", "images", "annotations", "."])
def test_images_are_found_in_the_usual_places(source, where, picture):
    (source / "val2017" / "a.jpg").unlink()
    picture(source / where / "a.jpg")
    assert len(read_coco(source).splits["val"]) == 1


def test_one_json_beside_its_images_takes_the_split_of_its_folder(tmp_path, picture, text):
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.jpg")
        text(tmp_path / split / "_annotations.coco.json", json.dumps(content()))
    assert list(read_coco(tmp_path).splits) == ["train", "val"]
    assert list(read_coco(tmp_path / "valid").splits) == ["val"]
    assert list(read_coco(tmp_path / "valid" / "_annotations.coco.json").splits) == ["val"]


def row(**entry):
    return {"annotations": [entry]}


@pytest.mark.parametrize(
    "changes, says",
    [
        (row(image_id=7, category_id=3, bbox=[0, 0, 1, 1]), r"annotations\[0\].*no category with id 3"),
        (row(image_id=6, category_id=2, bbox=[0, 0, 1, 1]), r"annotations\[0\].*no image with id 6"),
        (row(image_id=7, category_id=2, bbox=[0, 0, 1]), "left, top, width, height"),
        (row(image_id=7, category_id=2, bbox=[0, 0, float("nan"), 1]), "left, top"),
        (row(image_id=7, category_id=2, bbox=[0, 0, -1, 1]), "left, top"),
        (row(image_id=7, bbox=[0, 0, 1, 1]), "'category_id' is missing"),
        ({"annotations": None}, "no list 'annotations'"),
        ({"images": 2 * content()["images"]}, r"images\[1\]: a second image with id 7"),
        ({"images": [{"file_name": "a.jpg"}]}, r"images\[0\]: 'id' is missing"),
        ({"categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "car"}]}, "share an id or a name"),
    ],
)
def test_bad_entries_are_named_by_file_and_place(source, changes, says):
    rewrite(source, **changes)
    with pytest.raises(InputError, match=rf"instances_val2017\.json.*{says}"):
        read_coco(source)


def test_a_broken_json_is_one_line(source):
    (source / "annotations" / "instances_val2017.json").write_text("{")
    with pytest.raises(InputError, match=r"instances_val2017\.json is not a JSON file") as e:
        read_coco(source)
    assert "\n" not in str(e.value)


def test_a_class_only_a_later_split_knows_is_an_error(source, text):
    other = content(categories=[{"id": 2, "name": "cars"}, {"id": 9, "name": "ship"}])
    text(source / "annotations" / "instances_train2017.json", json.dumps(other))
    (source / "train2017").symlink_to(source / "val2017")
    with pytest.raises(InputError, match="'car' is not in the first split's JSON; did you mean 'cars'"):
        read_coco(source)


def test_a_split_of_which_nothing_is_left_is_refused_with_the_reasons(source, tmp_path):
    rewrite(source, images=[content()["images"][0] | {"width": 99}])
    with pytest.raises(InputError, match=r"no picture of val is left \(1 times image size differs from the JSON\)"):
        convert(Conversion("coco", source), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_json_without_images_is_refused(source, tmp_path, picture, text):
    text(source / "annotations" / "instances_train2017.json", json.dumps(content(images=[], annotations=[])))
    with pytest.raises(InputError, match=r"instances_train2017\.json lists no image"):
        convert(Conversion("coco", source), tmp_path / "out")


def test_a_width_of_nothing_is_that_of_the_file(source, tmp_path, load):
    rewrite(source, images=[{"id": 7, "file_name": "a.jpg", "width": 0, "height": None}])
    summary = convert(Conversion("coco", source), tmp_path / "out")
    assert load(tmp_path / "out" / "annotations" / "val.json")["images"][0]["width"] == 100
    assert "val: 1 pictures without width and height in the JSON: those of the files are taken" in summary.notes


GROUPED = [
    {"id": 0, "name": "traffic", "supercategory": "none"},
    {"id": 2, "name": "car", "supercategory": "traffic"},
    {"id": 9, "name": "ship", "supercategory": "traffic"},
]


def test_a_category_that_only_groups_others_is_no_class(source, tmp_path):
    rewrite(source, categories=GROUPED)
    summary = convert(Conversion("coco", source), tmp_path / "out")
    data = read_coco(source)
    assert data.names == ["car", "ship"] and data.splits["val"][0].labels.tolist() == [1, 0]
    assert data.splits["val"][0].ignore_labels.tolist() == [0]
    assert "category 'traffic' is left out: it groups others, and no annotation is of it" in summary.notes


def test_a_category_that_groups_others_and_has_objects_is_a_class(source):
    rewrite(source, categories=GROUPED, annotations=[{"image_id": 7, "category_id": 0, "bbox": [0, 0, 9, 9]}])
    assert read_coco(source).names == ["traffic", "car", "ship"]


def test_a_group_whose_objects_lie_in_absent_pictures_is_a_class(source):
    images = [*content()["images"], {"id": 8, "file_name": "gone.jpg"}]
    rows = [*content()["annotations"], {"image_id": 8, "category_id": 0, "bbox": [0, 0, 9, 9]}]
    rewrite(source, categories=GROUPED, images=images, annotations=rows)
    assert read_coco(source).names == ["traffic", "car", "ship"]


def test_a_category_without_objects_that_groups_nothing_stays_and_is_told(source, tmp_path):
    rewrite(source, categories=[*GROUPED[1:], {"id": 10, "name": "bus", "supercategory": "bus"}])
    summary = convert(Conversion("coco", source), tmp_path / "out")
    assert read_coco(source).names == ["car", "ship", "bus"] and "no object in any split: bus" in summary.notes


def test_numbers_of_categories_that_change_are_told_and_kept_in_the_data_yaml(source, tmp_path):
    summary = convert(Conversion("coco", source), tmp_path / "out")
    assert any(note.endswith("the JSON counts from 1): 2 -> 0 car, 9 -> 1 ship") for note in summary.notes)
    assert "#   9 -> 1 ship\n" in (tmp_path / "out" / "data.yaml").read_text()


def test_only_crowds_are_told(source, tmp_path):
    rewrite(source, annotations=[a | {"iscrowd": 1} for a in content()["annotations"]])
    assert "val holds no object, 3 ignore regions" in convert(Conversion("coco", source), tmp_path / "out").notes


def test_an_outline_without_a_box_counts_as_the_box_round_it(source):
    outline = [[10, 5, 30, 5, 30, 15], [12, 6, 40, 6, 12, 9]]
    rewrite(source, annotations=[{"image_id": 7, "category_id": 9, "bbox": [], "segmentation": outline}])
    assert read_coco(source).splits["val"][0].boxes.tolist() == [[10, 5, 40, 15]]


@pytest.mark.parametrize("entry", [{}, {"bbox": "1,2,3,4"}, {"bbox": ["1", "2", "3", "4"]}, {"segmentation": {"a": 1}}])
def test_an_annotation_without_numbers_is_refused_by_its_place(source, entry):
    rewrite(source, annotations=[{"image_id": 7, "category_id": 9} | entry])
    with pytest.raises(InputError, match=r"annotations\[0\]: bbox must be left, top, width, height"):
        read_coco(source)


@pytest.mark.real
def test_a_real_json_with_few_of_its_images_converts_those(real_data, tmp_path):
    summary = convert(Conversion("coco", real_data / "skyfusion-valid"), tmp_path / "out")
    assert summary.splits["val"].images == 19
    assert summary.splits["val"].dropped == {"image file missing": 449 - 19}
