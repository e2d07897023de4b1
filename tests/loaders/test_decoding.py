"""The same pixels in training, validation, prediction, conversion and checks, whatever the depth of the files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from ultralytics.cfg import get_cfg

from tests.deep_pictures import ASKED, BANDS, BGR, DIGITAL_NUMBERS, GREY, RGB, deep, tiff, write
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.cli.main import main
from yolotiny.data import Conversion, check, convert, stats
from yolotiny.data_file import read_data_file
from yolotiny.errors import InputError
from yolotiny.loaders.build import build_dataset
from yolotiny.loaders.reader import Reader
from yolotiny.loaders.trained import reader_for, section_of
from yolotiny.pictures.reader import PictureReader

FIVE = {"bands": [1, 2, 3]}


def data_of(to: Path, name: str, count: int = 2) -> Path:
    """A data set with the same picture, of one kind, in both splits; returns its data YAML."""
    for split in ("train", "val"):
        for i in range(count):
            file = write(to / "images" / split, name)
            file.rename(file.with_name(f"{split}{i}{file.suffix}"))
            (to / "labels" / split).mkdir(parents=True, exist_ok=True)
            (to / "labels" / split / f"{split}{i}.txt").write_text(f"0 0.5 0.5 {0.1 + i / 100} 0.1\n")
    (to / "data.yaml").write_text(f"path: {to}\ntrain: images/train\nval: images/val\nnames: [a]\n")
    return to / "data.yaml"


def dataset(file: Path, reader: PictureReader | None = None, **options):
    data = read_data_file(file).as_ultralytics()
    args = get_cfg(overrides={"imgsz": 64, "task": "detect", "workers": 0} | options)
    return build_dataset(args, data["train"], data, "val", 2, 32, rect=False, reader=reader)


@pytest.mark.parametrize("name", ["12.png", "12 planar.tif", "0 to 1.tif", "rgba.png", "five 12.tif", "numbers.tif"])
def test_everybody_sees_the_same_pixels(tmp_path, name):
    file, options = data_of(tmp_path / "data", name), ASKED[name][2] if name in ASKED else {}
    images = sorted((tmp_path / "data/images/train").iterdir())
    expected = None
    for made in (dataset(file, PictureReader.of(options)), dataset(file, PictureReader.of(options), cache="ram")):
        shown = made.load_image(0)[0]
        expected = shown if expected is None else expected
        assert np.array_equal(shown, expected) and np.array_equal(made.full(0), expected)
    if "stretch" not in options:
        assert np.array_equal(expected, BGR)
    for _, (seen, _), _ in Reader(list(map(str, images)), 2, pictures=PictureReader.of(options)):
        assert np.array_equal(seen, expected)
    model = YOLO("yolov5n.yaml")
    for source in (tmp_path / "data/images/train", str(images[0]), [cv2.imread(str(images[0]), -1)]):
        if isinstance(source, list) and (source[0] is None or source[0].shape[2] > 3 or "planar" in name):
            continue  # OpenCV does not read these
        if not (isinstance(source, list) and "bands" in options):
            assert np.array_equal(model.predict(source, imgsz=64, verbose=False, **options)[0].orig_img, expected)
    summary = convert(Conversion("yolo", tmp_path / "data", tile=32, overlap=0, **options), tmp_path / "tiles")
    tile = cv2.imread(str(tmp_path / "tiles/images/train/train0__32___0.png"))
    assert np.array_equal(tile, expected[:32, 32:])  # in the range of the whole picture
    assert any("tiles have 8 bits, in the range of the whole picture" in note for note in summary.notes)
    assert stats(file, 64, **options).seen and check(file, 64, **options).seen
    assert not any(p.kind == "unreadable" for p in check(file, 64, **options).problems)


def test_whole_pictures_are_written_anew_where_a_conversion_is_asked_for_bands(tmp_path):
    data_of(tmp_path / "data", "five 12.tif")
    linked = convert(Conversion("yolo", tmp_path / "data"), tmp_path / "linked")
    assert (tmp_path / "linked/images/train/train0.tif").is_symlink() and "8 bits" not in str(linked)
    told = str(convert(Conversion("yolo", tmp_path / "data", **FIVE), tmp_path / "out"))
    assert "bands 1, 2, 3 read as red, green and blue" in told and "written as PNG of 8 bits" in told
    assert np.array_equal(cv2.imread(str(tmp_path / "out/images/val/val1.png")), BGR)
    names = [i["file_name"] for i in json.loads((tmp_path / "out/annotations/val.json").read_text())["images"]]
    assert names == ["val0.png", "val1.png"]
    assert check(tmp_path / "out/data.yaml", 64).errors == check(tmp_path / "linked/data.yaml", 64, **FIVE).errors


@pytest.mark.parametrize("command", [check, stats])
def test_checks_name_what_training_refuses(tmp_path, command):
    file = data_of(tmp_path / "data", "five.tif")
    if command is check:
        notes = [p.note for p in check(file, 64).problems if p.kind == "unreadable"]
        assert len(notes) == 4 and all("give bands=" in note for note in notes)
    else:
        with pytest.raises(InputError, match="give bands="):
            stats(file, 64)
    with pytest.raises(InputError, match="give bands="):
        dataset(file)


def test_a_cache_holds_what_was_asked_for_and_nothing_else(tmp_path):
    file = data_of(tmp_path / "data", "five 12.tif", 1)
    other = {"bands": [4, 3, 2]}
    for options, shown in ((FIVE, BGR), (other, BANDS[..., 1:4]), (FIVE, BGR)):
        made = dataset(file, PictureReader.of(options), cache="disk")
        assert np.array_equal(made.load_image(0)[0], shown)
    kept = sorted(p.name for p in (tmp_path / "data/images/train").glob("*.npy"))
    assert kept == ["train0.b1-2-3.bits12.npy", "train0.b4-3-2.bits12.npy"]
    saved = tmp_path / "data/images/train" / kept[0]
    np.save(saved, np.zeros((48, 64, 3), np.uint8))
    made = dataset(file, PictureReader.of(FIVE), cache="disk")
    assert not made.load_image(0)[0].any()  # it is read
    saved.write_bytes(b"damaged")
    assert np.array_equal(dataset(file, PictureReader.of(FIVE), cache="disk").load_image(0)[0], BGR)
    plain = data_of(tmp_path / "plain", "8.png", 1)
    dataset(plain, cache="disk")
    assert [p.name for p in (tmp_path / "plain/images/train").glob("*.npy")] == ["train0.npy"]


def test_what_was_refused_once_is_not_remembered_as_broken(tmp_path):
    file = data_of(tmp_path / "data", "8.png")
    tiff(tmp_path / "data/images/train/b.tif", BANDS)
    (tmp_path / "data/labels/train/b.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert len(dataset(file)) == 2 and len(dataset(file, PictureReader.of(FIVE))) == 3


def test_arrays_are_refused_and_read_as_files_are(caplog):
    model = YOLO("yolov5n.yaml")
    look = lambda source, **options: model.predict(source, imgsz=64, verbose=False, **options)[0].orig_img  # noqa: E731
    for source in (deep(12)[..., ::-1], [deep(12)[..., ::-1]], BGR, [BGR], RGB[..., ::-1] / 255):
        assert np.array_equal(look(source), BGR)
    assert "values up to 4083 taken as 12 bits" in caplog.text
    for source in (BANDS, [BANDS], DIGITAL_NUMBERS):
        with pytest.raises(InputError, match=r"source.*(bands=|stretch=)") as refused:
            look(source)
        assert "\n" not in str(refused.value)
    assert np.array_equal(look(BANDS, bands=[1, 2, 3]), BGR)
    assert look(DIGITAL_NUMBERS, stretch="percentile").max() == 255
    picture = Image.fromarray(RGB)
    for source in (picture, picture.convert("RGBA"), Image.fromarray(deep(12)[..., 0].copy())):
        assert np.array_equal(look(source), GREY if source.mode[0] == "I" else BGR)
    assert np.array_equal(look(picture, bands=[3, 2, 1]), RGB)
    flat = picture.quantize(16)
    assert np.array_equal(look(flat, bands=[1, 2, 3]), look(flat))  # colours, not numbers of the palette


@pytest.mark.slow
def test_a_model_trained_on_bands_sees_them_ever_after(tmp_path):
    eight = write_tiny(tmp_path / "8")
    for file in sorted((tmp_path / "8/images").rglob("*.png")):
        bgr = cv2.imread(str(file))
        to = Path(str(file).replace("/8/images/", "/12/images/")).with_suffix(".tif")
        to.parent.mkdir(parents=True, exist_ok=True)
        tiff(to, np.dstack([deep(12, bgr), deep(12, bgr[..., :2])]))  # blue, green, red and two more
    (tmp_path / "12/labels").symlink_to(tmp_path / "8/labels")
    twelve = tmp_path / "12/data.yaml"
    twelve.write_text(eight.read_text().replace(str(tmp_path / "8"), str(tmp_path / "12")))
    options = QUICK | {"project": str(tmp_path / "runs"), "workers": 0}
    with pytest.raises(InputError, match="it has 5 bands"):
        YOLO("yolov5n.yaml").train(data=str(twelve), name="none", **options)
    assert not (tmp_path / "runs").exists()
    YOLO("yolov5n.yaml").train(data=str(eight), name="8", **options)
    YOLO("yolov5n.yaml").train(data=str(twelve), name="12", bands=[3, 2, 1], **options)
    rows = [(tmp_path / "runs" / n / "results.csv").read_text().splitlines()[1].split(",") for n in ("8", "12")]
    assert rows[0][2:] == rows[1][2:]  # all but epoch and time
    model = YOLO(tmp_path / "runs/12/weights/best.pt")
    assert section_of(model.model) == {"bands": [3, 2, 1], "bits": 12}
    image = tmp_path / "12/images/val/0.tif"
    eight_bits = cv2.imread(str(tmp_path / "8/images/val/0.png"))
    assert np.array_equal(model.predict(image, imgsz=64, verbose=False)[0].orig_img, eight_bits)
    first = model.val(data=str(twelve), imgsz=64, plots=True, project=str(tmp_path / "runs"), name="val").report
    other = YOLO(tmp_path / "runs/8/weights/best.pt").val(data=str(eight), imgsz=64, plots=False).report
    assert first["AP"] == other["AP"]
    sliced = model.val(data=str(twelve), imgsz=64, plots=False, crops="grid", tile=48).report
    assert sliced["images"] == 4
    file = model.export(format="onnx", imgsz=64)
    assert reader_for(file, {}).depth == reader_for(model.model, {}).depth
    assert np.array_equal(YOLO(file).predict(image, imgsz=64, verbose=False)[0].orig_img, eight_bits)
    assert YOLO(file).val(data=str(twelve), imgsz=64, plots=False).report["images"] == 4


def test_the_command_line_takes_bands_and_stretch(tmp_path, capsys):
    file = data_of(tmp_path / "data", "five 12.tif")
    assert main(["data", "stats", f"data={file}", "bands=[1,2,3]", "stretch=none"]) == 0
    seen = "bands 1, 2, 3 read as red, green and blue; 16 bits, of which the upper 8 are seen"
    assert seen in capsys.readouterr().out
    assert main(["data", "check", f"data={file}", "bands=0"]) == 2
    assert capsys.readouterr().err.strip() == "yolotiny: error: bands=0 is below 1"
