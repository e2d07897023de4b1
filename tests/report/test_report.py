"""What `yolotiny eval` leaves on disk, and what it says to mistakes."""

from __future__ import annotations

import json
import re
from html import unescape

import cv2
import numpy as np
import pytest

from tests.report.conftest import ERRORS, NAMES, write_files
from yolotiny.cli import main as cli
from yolotiny.metrics import PROTOCOLS, evaluate, evaluate_scene, read
from yolotiny.report import write
from yolotiny.report.pictures import LONGEST, worst
from yolotiny.report.plots import PLOTS


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path)


@pytest.fixture
def run(files, capsys):
    """`yolotiny eval` on the small files: run("out=x.json") gives (exit code, stdout, stderr)."""

    def eval_(*words):
        given = {w.split("=")[0] for w in words}
        usual = [f"gt={files.gt}", f"pred={files.pred}", "protocol=aitod"]
        code = cli.main(["eval", *(w for w in usual if w.split("=")[0] not in given), *map(str, words)])
        return code, *capsys.readouterr()

    return eval_


@pytest.fixture
def fails(run):
    """The one line on stderr of a run that must fail."""

    def eval_(*words):
        code, _, err = run(*words)
        assert code == 2 and err.count("\n") == 1 and "Traceback" not in err
        return err.removeprefix("yolotiny: error: ").rstrip()

    return eval_


def test_the_json_says_what_was_measured_how_and_on_what(report, tmp_path):
    found = json.loads((report / "report.json").read_text())
    assert list(found)[:6] == ["protocol", "caps", "imgsz", "data_hash", "images", "about"]
    assert found["protocol"] == "aitod" and found["caps"]["AP"] == 1500 and found["caps"]["AR@1"] == 1
    assert found["imgsz"] == 320 and found["images"] == 3 and found["about"]["model"] == "best.pt"
    files = write_files(tmp_path)
    plain = evaluate(files.gt, files.pred, analysis=True, imgsz=320)
    assert found["intervals"]["why"] and found["intervals"]["units"] == 3
    assert {k: v for k, v in found.items() if k not in ("about", "intervals")} == json.loads(json.dumps(plain))


def test_plots_are_pictures_of_a_readable_size(report):
    for name in PLOTS:
        image = cv2.imread(str(report / f"{name}.png"))
        assert image is not None and image.shape[1] > 600 and image.std() > 5


def test_the_page_stands_alone(report):
    text = (report / "report.html").read_text()
    assert re.findall(r"""(?:src|href)=["']?(?!data:)[^"' >]+""", text) == []
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert "@import" not in text and "url(" not in text
    assert "default-src 'none'" in text


def test_names_of_the_data_cannot_break_out_of_the_page(report):
    text = (report / "report.html").read_text()
    assert "<script>alert" not in text and NAMES[0] in unescape(text)


def test_the_worst_images_come_first_with_all_their_boxes(files):
    found = evaluate_scene(lambda: read(files.gt, files.pred))
    shown = worst(found, 12, files.images)
    assert [(s.file, s.missed, s.false) for s in shown] == [("sub/a.png", 2, 4), ("b.png", 1, 0)]
    kinds = [b["kind"] for s in shown for b in s.boxes]
    assert {k: kinds.count(k) for k in ERRORS} == ERRORS
    assert all(s.source.startswith("data:image/jpeg;base64,") for s in shown)
    assert [s.file for s in worst(found, 1, None)] == ["sub/a.png"] and worst(found, 0, None) == []
    text = {b["kind"]: b["text"] for b in shown[0].boxes}
    assert text["class"].endswith(f"0.80 on a {NAMES[1]}") and text["missed"].endswith("10x10 px")


def test_a_large_picture_is_scaled_down_and_its_boxes_stay_in_its_own_pixels(files):
    cv2.imwrite(str(files.images / "sub/a.png"), np.zeros((64, 2 * LONGEST, 3), np.uint8))
    shown = worst(evaluate_scene(lambda: read(files.gt, files.pred)), 1, files.images)[0]
    assert (shown.width, shown.height) == (96, 64)  # what the ground truth says, not the file


def test_a_picture_of_the_same_name_is_not_shown_for_another(files):
    """A folder that is one of two: the pictures of the other are not in it, although their names are."""
    gt = json.loads(files.gt.read_text())
    for image, name in zip(gt["images"], ("one/a.png", "two/a.png", "c.png"), strict=True):
        image["file_name"] = name
    pred = json.loads(files.pred.read_text())
    shown = worst(evaluate_scene(lambda: read(gt, pred)), 2, files.images / "sub")
    assert [(s.file, bool(s.source)) for s in shown] == [("one/a.png", False), ("two/a.png", False)]
    gt["images"][1]["file_name"] = "two/b.png"
    shown = worst(evaluate_scene(lambda: read(gt, pred)), 2, files.images / "sub")
    assert [(s.file, bool(s.source)) for s in shown] == [("one/a.png", True), ("two/b.png", False)]


def test_a_note_on_how_the_files_were_read_stands_in_all_that_eval_writes(files, run, tmp_path):
    gt = json.loads(files.gt.read_text())
    for image, name in zip(gt["images"], ("2.png", "3.png", "1.png"), strict=True):
        image["file_name"] = name
    files.gt.write_text(json.dumps(gt))
    code, _, said = run(f"report={tmp_path / 'r'}")
    note = "image_id 1 is read as an id, 2.png, and not as the file 1.png"
    assert code == 0 and said.startswith("note: ") and note in said
    assert note in json.loads((tmp_path / "r/report.json").read_text())["notes"][0]
    assert note in unescape((tmp_path / "r/report.html").read_text())


def test_without_sizes_and_pictures_the_boxes_give_the_size(files):
    gt = json.loads(files.gt.read_text())
    gt["images"] = [{"id": im["id"]} for im in gt["images"]]
    pred = json.loads(files.pred.read_text())
    shown = worst(evaluate_scene(lambda: read(gt, pred)), 1, None)[0]
    assert (shown.file, shown.width, shown.height, shown.source) == ("image 1", 96, 64, "")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_its_report(files, tmp_path, protocol):
    found = evaluate_scene(lambda: read(files.gt, files.pred), protocol)
    text = write(tmp_path, found, {"data": files.gt, "model": None}, None)[-1].read_text()
    assert f"<dd>{protocol}</dd>" in text and "not stated" in text


@pytest.mark.parametrize(("objects", "detections"), [(True, False), (False, True), (False, False)])
def test_a_report_without_objects_or_detections_is_still_a_report(files, tmp_path, objects, detections):
    gt, pred = json.loads(files.gt.read_text()), json.loads(files.pred.read_text())
    gt["annotations"] = gt["annotations"] if objects else []
    found = evaluate_scene(lambda: read(gt, pred if detections else []))
    assert len(write(tmp_path, found, {"data": None, "model": None}, None)) == 2 + len(PLOTS)


def test_eval_prints_the_tables_and_writes_json_into_a_new_folder(run, tmp_path):
    code, out, err = run(f"out={tmp_path / 'new' / 'deep' / 'r.json'}")
    assert code == 0 and err == ""
    assert out.startswith("aitod, up to 1500 detections") and "confidence at best F1" in out and "recall by size" in out
    assert json.loads((tmp_path / "new/deep/r.json").read_text())["analysis"]["iou"] == 0.5
    assert sorted(p.name for p in (tmp_path / "new/deep").iterdir()) == ["r.json"]


def test_worst_limits_the_images_of_the_page(run, tmp_path):
    assert run(f"report={tmp_path / 'r'}", "worst=1")[0] == 0
    assert (tmp_path / "r/report.html").read_text().count("no picture") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["out={to}/file/r.json"], "cannot be made"),
        (["out={to}"], "is a folder: name a JSON file"),
        (["report={to}/file"], "cannot be made"),
        (["images={to}"], "images= is for the page: give report=FOLDER too"),
        (["worst=3"], "worst= is for the page: give report=FOLDER too"),
        (["report={to}/r", "images={to}/none"], "images: there is no folder"),
        (["report={to}/r", "images={to}"], "holds none of the 3 pictures of the ground truth, such as sub/a.png"),
        (["report={to}/r", "worst=many"], "worst=many: give a whole number from 0 to 10,000"),
        (["report={to}/r", "worst=-1"], "worst=-1 is below 0"),
        (["imgsz=big"], "imgsz=big: give a whole number of pixels, from 1 to 65,536"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_computed(fails, tmp_path, monkeypatch, words, says):
    (tmp_path / "file").write_text("keep me")
    monkeypatch.setattr("yolotiny.metrics.analyse", lambda *_: pytest.fail("it was computed"))
    assert says in fails(*(w.format(to=tmp_path) for w in words))
    assert (tmp_path / "file").read_text() == "keep me"


def row(**change):
    return {"image_id": 1, "category_id": 1, "bbox": [4, 4, 10, 10], "score": 0.5} | change


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (row(category_id=7), "unknown category_id 7"),
        (row(image_id=99), "image_id 99 is neither an image id nor a file stem"),
        (row(score=1.01), "score 1.01 is outside 0..1"),
        (row(score=-0.5), "score -0.5 is outside 0..1"),
    ],
)
def test_a_bad_detection_is_named_by_file_and_row_and_no_report_is_written(fails, tmp_path, bad, says):
    (tmp_path / "bad.json").write_text(json.dumps([row(), bad]))
    line = fails(f"pred={tmp_path / 'bad.json'}", f"out={tmp_path / 'out.json'}")
    assert line.startswith(f"{tmp_path / 'bad.json'} row 2: ") and says in line
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("which", ["gt", "pred"])
def test_json_that_ends_early_is_named_and_an_older_report_is_kept(fails, files, tmp_path, which):
    (tmp_path / "cut.json").write_text(getattr(files, which).read_text()[:-40])
    (tmp_path / "out.json").write_text("the one before")
    line = fails(f"{which}={tmp_path / 'cut.json'}", f"out={tmp_path / 'out.json'}")
    assert line.startswith(f"{tmp_path / 'cut.json'} ends early") and "(line 1, column" in line
    assert (tmp_path / "out.json").read_text() == "the one before"


def test_a_file_of_no_detections_gives_0_and_is_no_error(run, tmp_path):
    (tmp_path / "none.json").write_text("[]")
    code, out, _ = run(f"pred={tmp_path / 'none.json'}", f"out={tmp_path / 'out.json'}")
    assert code == 0 and json.loads((tmp_path / "out.json").read_text())["AP"] == 0


def test_a_class_without_objects_is_left_out_of_the_mean_and_that_is_said(run, files, tmp_path):
    gt = json.loads(files.gt.read_text())
    gt["categories"].append({"id": 3, "name": "van"})
    (tmp_path / "more.json").write_text(json.dumps(gt))
    first, second = run(), run(f"gt={tmp_path / 'more.json'}")
    assert "no ground truth: van" in second[1] and "no ground truth" not in first[1]
    assert first[1].splitlines()[2] == second[1].splitlines()[2]  # the row of all classes


def test_a_disk_that_is_full_leaves_the_report_before(run, fails, tmp_path, monkeypatch):
    out = tmp_path / "out.json"
    assert run(f"out={out}")[0] == 0
    before = out.read_text()

    def full(self, data):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert fails(f"out={out}") == f"cannot write {out}: No space left on device"
    assert out.read_text() == before and not list(tmp_path.glob("*.part"))
