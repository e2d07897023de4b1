"""The data set: labels read strictly, tiny boxes kept through augmentation, ignore regions carried along."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.cfg import get_cfg
from ultralytics.utils import LOGGER

from tests.bad_files import write_bad
from tests.tiny_data import add_picture, write_tiny
from yolotiny.data.labels import ignore_file, read_ignore, read_labels
from yolotiny.errors import InputError
from yolotiny.ignore import to_index
from yolotiny.loaders.build import build_dataset
from yolotiny.loaders.dataset import split_ignore
from yolotiny.loaders.perspective import TinyPerspective
from yolotiny.train.autofit import training_samples

GREY = np.full((64, 64, 3), 90, np.uint8)
NAMES = {0: "a", 1: "b"}


def dataset(folder, mode="train", batch=4, imgsz=64, **options):
    args = get_cfg(overrides={"imgsz": imgsz, "deterministic": True, **options})
    return build_dataset(
        args, str(folder / "images" / "train"), {"names": NAMES, "channels": 3}, mode, batch, 32, False
    )


@pytest.fixture
def said(monkeypatch):
    """Lines that are logged as warnings or information."""
    lines = []
    for level in ("info", "warning"):
        monkeypatch.setattr(LOGGER, level, lambda text, *a, **k: lines.append(str(text)))
    return lines


def rows(tmp_path, text):
    file = tmp_path / "x.txt"
    file.write_text(text)
    return read_labels(file, nc=2)


def test_a_label_row_is_class_and_normalised_box(tmp_path):
    got = rows(tmp_path, "1 0.5 0.25 0.1 0.2\n\n0 0.1 0.1 0.05 0.05\n")
    np.testing.assert_allclose(got, [[1, 0.5, 0.25, 0.1, 0.2], [0, 0.1, 0.1, 0.05, 0.05]], rtol=1e-6)


def test_a_polygon_becomes_the_box_round_it(tmp_path):
    np.testing.assert_allclose(rows(tmp_path, "1 0.1 0.2 0.5 0.2 0.3 0.6\n"), [[1, 0.3, 0.4, 0.4, 0.4]], rtol=1e-6)


@pytest.mark.parametrize("text", ["", "\n\n", None])
def test_an_empty_or_missing_label_file_is_background(tmp_path, text):
    if text is not None:
        (tmp_path / "x.txt").write_text(text)
    assert read_labels(tmp_path / "x.txt", nc=2).shape == (0, 5)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0 0.5 0.5 0.1", "4 values; expected 5"),
        ("0 0.5 0.5 0.1 0.1 0.9", "6 values; expected 5"),
        ("car 0.5 0.5 0.1 0.1", "is not numbers"),
        ("0 nan 0.5 0.1 0.1", "NaN or infinite"),
        ("0 0.5 inf 0.1 0.1", "NaN or infinite"),
        ("2 0.5 0.5 0.1 0.1", "class 2 is none of the 2 classes of the data YAML, 0..1"),
        ("-1 0.5 0.5 0.1 0.1", "class -1 is none"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5 is none"),
        ("0 320 240 10 10", "box outside the picture"),
        ("0 -0.2 0.5 0.1 0.1", "box outside the picture"),
        ("0 0.5 0.5 0 0.1", "width or height is not above 0"),
    ],
)
def test_a_row_that_cannot_be_a_box_is_named_by_file_and_row(tmp_path, row, says):
    with pytest.raises(InputError) as error:
        rows(tmp_path, f"0 0.5 0.5 0.1 0.1\n{row}\n")
    assert str(error.value).startswith(f"{tmp_path / 'x.txt'}, row 2: ") and says in str(error.value)


def test_ignore_regions_lie_in_a_folder_beside_the_labels(tmp_path):
    assert ignore_file("/d/labels/train/a.txt") == ignore_file("\\d\\labels\\train\\a.txt")
    assert str(ignore_file("/d/labels/train/a.txt")) == "/d/ignore/train/a.txt"
    assert str(ignore_file("/labels/d/labels/val/a.txt")) == "/labels/d/ignore/val/a.txt"
    (tmp_path / "r.txt").write_text("0.5 0.5 0.2 0.4\n\n")
    np.testing.assert_allclose(read_ignore(tmp_path / "r.txt"), [[0.5, 0.5, 0.2, 0.4, -1]], rtol=1e-6)
    assert read_ignore(tmp_path / "none.txt").shape == (0, 5)


@pytest.mark.parametrize(
    "row", ["0 0.5 0.5 0.2 0.4", "0.5 0.5 0.2", "a b c d", "0.5 nan 0.2 0.4", "0.5 0.5 0.2 0.4 -3", "1 1 1 1 1 1"]
)
def test_a_bad_ignore_row_is_named_by_file_and_row(tmp_path, row):
    (tmp_path / "r.txt").write_text(f"0.5 0.5 0.2 0.4\n{row}\n")
    with pytest.raises(InputError, match="r.txt, row 2: .* is no ignore region; expected 'cx cy w h'"):
        read_ignore(tmp_path / "r.txt")


def test_a_region_keeps_the_class_it_belongs_to_on_its_way_through_a_batch(tmp_path):
    """-1, every class, is no different from no fifth number; -2 is an object of no class."""
    (tmp_path / "r.txt").write_text("0.1 0.5 0.2 0.4\n0.2 0.5 0.2 0.4 -1\n0.3 0.5 0.2 0.4 -2\n0.4 0.5 0.2 0.4 0\n")
    regions = read_ignore(tmp_path / "r.txt")
    cls = to_index(regions[:, 4:], nc=3)
    assert cls.ravel().tolist() == [3, 3, 4, 5]
    batch = {"cls": torch.tensor(cls), "bboxes": torch.tensor(regions[:, :4]), "batch_idx": torch.zeros(4)}
    assert split_ignore(batch, nc=3)["ignore_cls"].tolist() == [-1, -1, -2, 0]


def test_a_two_pixel_box_survives_the_affine_step_and_one_that_left_does_not():
    step = TinyPerspective(degrees=0, translate=0, scale=0, shear=0, perspective=0)
    step.region = np.array([False, False, False, False])
    before = np.array([[10, 10, 12, 12], [0, 0, 20, 20], [0, 0, 20, 20], [5, 5, 5.3, 9]], float).T
    after = np.array([[10, 10, 11, 11], [0, 0, 1, 20], [0, 0, 5, 20], [5, 5, 5.3, 9]], float).T
    assert step.box_candidates(before, after).tolist() == [True, False, True, False]


def test_an_ignore_region_stays_as_long_as_any_of_it_is_inside():
    step = TinyPerspective()
    step.region = np.array([False, True, True])
    before = np.array([[0, 0, 100, 100]] * 3, float).T
    after = np.array([[0, 0, 5, 100], [0, 0, 5, 100], [0, 0, 0, 100]], float).T
    assert step.box_candidates(before, after).tolist() == [False, True, False]


def test_two_pixel_boxes_come_through_mosaic_and_scaling(tmp_path):
    grid = [(0, (x + 1) / 64, (y + 1) / 64, 2 / 64, 2 / 64) for x in range(4, 60, 8) for y in range(4, 60, 8)]
    for i in range(4):
        add_picture(tmp_path, "train", f"{i}.png", GREY, grid)
    data = dataset(tmp_path, mosaic=1.0, scale=0.3, translate=0.0)
    torch.manual_seed(0)
    boxes = torch.cat([data[i % 4]["bboxes"] for i in range(8)]) * 64
    # Four pictures of 49 objects fill a mosaic of twice the side, of which about a quarter is seen.
    assert len(boxes) > 8 * 49 * 0.5
    assert (boxes[:, 2:] <= 2.7).all() and boxes[:, 2].min() < 1.9


def test_bad_pictures_of_every_kind_are_left_out_with_their_reasons(tmp_path, said):
    write_tiny(tmp_path, train=2, val=1)
    bad = write_bad(tmp_path / "bad")
    for i, name in enumerate(bad):  # no two with one label file
        (tmp_path / "bad" / name).rename(tmp_path / "images/train" / (name if name[0] == "." else f"{i}-{name}"))
    assert len(dataset(tmp_path)) == 2
    seen = [name for name in bad if not name.startswith("._")]
    assert any(f"{len(seen)} of {len(seen) + 2} images cannot be read and are left out: " in line for line in said)
    assert any("OPENCV_IO_MAX_IMAGE_PIXELS=1080000000" in line for line in said)
    assert any("1 left out: hidden file" in line for line in said)


def test_pictures_that_do_not_decode_are_left_out_counted_and_named(tmp_path, said):
    write_tiny(tmp_path, train=3, val=1)
    (tmp_path / "images/train/1.png").write_bytes(b"not a picture")
    whole = (tmp_path / "images/train/2.png").read_bytes()
    (tmp_path / "images/train/2.png").write_bytes(whole[: len(whole) // 10])
    for _ in range(2):  # the second time from the label cache
        said.clear()
        assert len(dataset(tmp_path)) == 1
        assert any("2 of 3 images cannot be read and are left out: 1.png, 2.png" in line for line in said)


def test_pictures_are_never_rewritten(tmp_path):
    write_tiny(tmp_path, train=1, val=1)
    file = tmp_path / "images/train/x.jpg"
    cv2.imwrite(str(file), GREY)
    file.write_bytes(file.read_bytes()[:-2])  # the end marker is missing: readable, and others would "restore" it
    before = file.read_bytes()
    dataset(tmp_path)
    assert file.read_bytes() == before


def test_duplicate_rows_are_counted_and_the_order_stays(tmp_path, said):
    row, other = (1, 0.5, 0.5, 0.1, 0.1), (0, 0.2, 0.2, 0.1, 0.1)
    add_picture(tmp_path, "train", "x.png", GREY, [row, other, row, row])
    for _ in range(2):
        said.clear()
        data = dataset(tmp_path)
        assert data.labels[0]["cls"].ravel().tolist() == [1, 0]
        assert any("2 duplicate label rows are left out: x.png" in line for line in said)


def test_a_changed_label_is_noticed_although_the_scan_is_cached(tmp_path):
    add_picture(tmp_path, "train", "x.png", GREY, [(1, 0.5, 0.5, 0.1, 0.1)])
    assert dataset(tmp_path).labels[0]["cls"].item() == 1
    assert (tmp_path / "labels/train.yolotiny.cache").is_file()
    (tmp_path / "labels/train/x.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    with pytest.raises(InputError, match="class 7 is none of the 2 classes"):
        dataset(tmp_path)


def test_runs_that_start_together_do_not_take_the_label_cache_from_each_other(tmp_path, monkeypatch):
    add_picture(tmp_path, "train", "x.png", GREY, [(1, 0.5, 0.5, 0.1, 0.1)])
    dataset(tmp_path)
    (tmp_path / "labels/train/x.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    looked = Path.exists

    def taken_after_a_look(file: Path) -> bool:
        there = looked(file)
        if file.suffix == ".cache":
            file.unlink(missing_ok=True)  # what another run does just then
        return there

    monkeypatch.setattr(Path, "exists", taken_after_a_look)
    assert dataset(tmp_path).labels[0]["cls"].item() == 0
    monkeypatch.undo()
    assert [f.name for f in (tmp_path / "labels").glob("*.cache")] == ["train.yolotiny.cache"]


def test_no_label_file_at_all_and_no_box_at_all_are_two_different_mistakes(tmp_path):
    add_picture(tmp_path, "train", "x.png", GREY, [])
    with pytest.raises(InputError, match="no box in any of the 1 training images"):
        dataset(tmp_path)
    (tmp_path / "labels/train/x.txt").unlink()
    with pytest.raises(
        InputError, match=r"no label file for any of the 1 training images.*expected .*labels/train/x.txt"
    ):
        dataset(tmp_path)


def test_labels_in_a_folder_of_another_name_are_pointed_at(tmp_path, said):
    add_picture(tmp_path, "train", "x.png", GREY, [(0, 0.5, 0.5, 0.1, 0.1)])
    (tmp_path / "labels").rename(tmp_path / "label")
    with pytest.raises(InputError, match=r"expected .*labels/train/x.txt.*is .*/label meant\?"):
        dataset(tmp_path)
    dataset(tmp_path, "val")  # background alone can be validated on
    assert any("no label file for any of the 1 validation images" in line and "/label meant?" in line for line in said)


def test_labels_beside_their_images_are_pointed_at(tmp_path):
    add_picture(tmp_path, "train", "x.png", GREY, [(0, 0.5, 0.5, 0.1, 0.1)])
    (tmp_path / "labels/train/x.txt").rename(tmp_path / "images/train/x.txt")
    with pytest.raises(InputError, match="text files beside the images are not read: move them there"):
        dataset(tmp_path)


def test_a_folder_of_broken_pictures_is_one_clear_error(tmp_path):
    add_picture(tmp_path, "train", "x.png", GREY, [(0, 0.5, 0.5, 0.1, 0.1)])
    (tmp_path / "images/train/x.png").write_bytes(b"zzz")
    with pytest.raises(InputError, match="none of the 1 images of .* can be read"):
        dataset(tmp_path)


@pytest.fixture
def with_regions(tmp_path):
    """Two objects and an ignore region in the left half."""
    objects = [(1, 0.75, 0.25, 0.1, 0.1), (0, 0.75, 0.75, 0.2, 0.2)]
    add_picture(tmp_path, "train", "x.png", GREY, objects, ignore=[(0.25, 0.5, 0.5, 1.0)])
    return tmp_path


def test_ignore_regions_are_boxes_of_one_more_class(with_regions, said):
    data = dataset(with_regions, mode="val")
    assert data.labels[0]["cls"].ravel().tolist() == [1, 0, 2]
    assert data.most_objects == 2
    assert any("1 ignore regions" in line for line in said)
    assert [len(sample.sizes) for sample in training_samples(data, 64)] == [2]


def test_objects_are_counted_by_class_without_regions(with_regions):
    assert dataset(with_regions).class_counts() == {"a": 1, "b": 1}
    assert dataset(with_regions, classes=1).class_counts() == {"a": 0, "b": 1}


def test_ignore_regions_move_with_the_picture(with_regions):
    data = dataset(with_regions, mosaic=0.0, scale=0.0, translate=0.0, fliplr=1.0)
    batch = split_ignore(data.collate_fn([data[0]]), nc=2)
    assert sorted(batch["cls"].view(-1).tolist()) == [0, 1]
    torch.testing.assert_close(batch["ignore_bboxes"], torch.tensor([[0.75, 0.5, 0.5, 1.0]]), atol=0.02, rtol=0)


def test_ignore_regions_come_through_mosaic(with_regions):
    data = dataset(with_regions, mosaic=1.0, scale=0.0, translate=0.0)
    found = [int((data[0]["cls"] == 2).sum()) for _ in range(6)]
    assert min(found) >= 1 and max(found) <= 4


def test_classes_and_single_cls_leave_ignore_regions_alone(with_regions):
    assert dataset(with_regions, classes=1).labels[0]["cls"].ravel().tolist() == [1, 2]
    assert dataset(with_regions, classes=[0, 1]).labels[0]["cls"].ravel().tolist() == [1, 0, 2]
    assert dataset(with_regions, single_cls=True).labels[0]["cls"].ravel().tolist() == [0, 0, 2]
    assert dataset(with_regions, single_cls=True, classes=[0]).labels[0]["cls"].ravel().tolist() == [0, 2]
    (file,) = (with_regions / "ignore").rglob("*.txt")
    file.write_text(f"{file.read_text().strip()} -2\n")
    assert dataset(with_regions, classes=1).labels[0]["cls"].ravel().tolist() == [1, 3]


def test_single_cls_makes_objects_of_all_classes_and_regions_of_none(with_regions, monkeypatch):
    """In training ultralytics has put one name in the place of all by then."""
    monkeypatch.setitem(globals(), "NAMES", {0: "item"})
    data = dataset(with_regions, single_cls=True)
    assert data.labels[0]["cls"].ravel().tolist() == [0, 0, 1] and data.most_objects == 2
    (file,) = (with_regions / "labels").rglob("*.txt")
    file.write_text("7 0.5 0.5 0.1 0.1\n")
    assert dataset(with_regions, single_cls=True).labels[0]["cls"].ravel().tolist() == [0, 1]
    file.write_text("0.5 0.5 0.5 0.1 0.1\n")
    with pytest.raises(InputError, match="row 1: class 0.5 is no whole number from 0 up"):
        dataset(with_regions, single_cls=True)


def test_splitting_gives_the_regions_with_their_picture():
    batch = {
        "cls": torch.tensor([[0.0], [2.0], [1.0], [2.0]]),
        "bboxes": torch.arange(16.0).view(4, 4),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0, 1.0]),
    }
    out = split_ignore(batch, nc=2)
    assert out["cls"].view(-1).tolist() == [0, 1] and out["batch_idx"].tolist() == [0, 1]
    assert out["ignore_idx"].tolist() == [0, 1] and out["ignore_bboxes"][:, 0].tolist() == [4, 12]


def test_sixteen_bit_pictures_keep_their_brightness_and_grey_ones_get_three_channels(tmp_path):
    add_picture(tmp_path, "train", "x.png", np.full((64, 64, 3), 200 << 8, np.uint16), [(0, 0.5, 0.5, 0.1, 0.1)])
    add_picture(tmp_path, "train", "y.png", np.full((64, 64), 50 << 8, np.uint16), [(0, 0.5, 0.5, 0.1, 0.1)])
    data = dataset(tmp_path, mode="val")
    assert [data.load_image(i)[0].shape for i in range(2)] == [(64, 64, 3)] * 2
    assert [int(np.median(data.load_image(i)[0])) for i in range(2)] == [200, 50]
