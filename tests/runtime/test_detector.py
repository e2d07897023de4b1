"""The runtime finds what the full package finds with the same file, crop by crop, and what a user may ask of it."""

from __future__ import annotations

import json
import threading

import cv2
import numpy as np
import pytest

from tests.detectors import pictures as noise
from tests.runtime.conftest import CELL, METADATA, hand_made, squares
from yolotiny import YOLO
from yolotiny.errors import InputError
from yolotiny.metrics import evaluate_arrays
from yolotiny.runtime import Detector, tracker_of
from yolotiny.runtime.metadata import read_metadata

SIZES = ((128, 128), (150, 261), (161, 320), (90, 233))


def pictures() -> list[np.ndarray]:
    """(H, W, 3) uint8 of several shapes."""
    return [(noise(1, size, i)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for i, size in enumerate(SIZES)]


def assert_same(results, found, crops) -> None:
    """Results of ultralytics beside ours, to a hundredth of a pixel and 1e-5 of a score."""
    assert len(results) == len(found) and sum(map(len, found)) > 9
    for wanted, got in zip(results, found, strict=True):
        rows = wanted.boxes.data.numpy()
        np.testing.assert_allclose(got.rows[:, :4], rows[:, :4], atol=0.01)
        np.testing.assert_allclose(got.rows[:, 4:], rows[:, 4:], atol=1e-5)
        assert got.names == wanted.names
        if crops != "none":
            np.testing.assert_array_equal(got.crops, wanted.crops)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["static", "dynamic", "nms"])
@pytest.mark.parametrize("crops", ["none", "grid", "lsm", "auto"])
def test_boxes_are_those_of_the_full_package(exported, kind, crops):
    options = {"crops": crops, "conf": 0.3} | ({"imgsz": 128} if kind == "dynamic" else {})
    full, ours = YOLO(exported[kind]), Detector(exported[kind])
    wanted = [full.predict(picture, verbose=False, **options)[0] for picture in pictures()]
    assert_same(wanted, [ours(picture, **options)[0] for picture in pictures()], crops)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"agnostic_nms": True, "max_det": 9, "iou": 0.3},
        {"classes": ["boat"], "conf": 0.1},
        {"nms_metric": "nwd"},
        {"nms_metric": "nwd", "nms_c": 30.0, "iou": 0.6},
        {"crops": "grid", "tile": 100, "overlap": 0.3, "merge": "nmm"},
        {"crops": "grid", "full": False, "pixel_scale": 0.5},
        {"crops": "lsm", "k": 3, "top_k": 20, "prior": 0.2},
        {"crops": "auto", "budget": 3},
        {"batch": 4},
    ],
)
def test_options_mean_the_same(exported, options):
    file = exported["dynamic" if "batch" in options else "static"]
    told = options | ({"imgsz": 128} if "batch" in options else {})
    full, ours = YOLO(file).predict(pictures(), verbose=False, **told), Detector(file)(pictures(), **told)
    assert_same(full, ours, options.get("crops", "none"))


@pytest.mark.slow
@pytest.mark.parametrize("crops", ["none", "grid", "lsm", "auto"])
def test_average_precision_is_that_of_the_checkpoint(exported, crops):
    """Objects are what the checkpoint is surest of, some of them moved by a pixel."""
    options = {"crops": crops, "conf": 0.05, "imgsz": 128}
    checkpoint, ours = YOLO(exported["checkpoint"]), Detector(exported["dynamic"])
    scored: list[list] = [[], []]
    for picture in pictures():
        truth = checkpoint.predict(picture, verbose=False, **options | {"conf": 0.2})[0].boxes.data.numpy()
        truth[::3, :4] += 1
        wanted = checkpoint.predict(picture, verbose=False, **options)[0].boxes.data.numpy()
        for images, rows in zip(scored, (wanted, ours(picture, **options)[0].rows), strict=True):
            images.append((truth[:, :4], truth[:, 5], [], rows[:, :4], rows[:, 4], rows[:, 5]))
    theirs, got = (evaluate_arrays(images, ours.names)["AP"] for images in scored)
    assert theirs > 0.1 and got == pytest.approx(theirs, abs=0.002)


@pytest.mark.slow
def test_tracks_have_the_numbers_of_the_full_package(exported):
    frames = [np.roll(pictures()[0], 2 * i, 1) for i in range(6)]
    wanted = YOLO(exported["static"]).track(frames, verbose=False)
    got = Detector(exported["static"])(frames, tracker="bytetrack-nwd")
    for theirs, ours in zip(wanted, got, strict=True):
        assert ours.ids.tolist() == ([] if theirs.boxes.id is None else theirs.boxes.id.int().tolist())
        np.testing.assert_allclose(ours.rows, theirs.boxes.data[:, [0, 1, 2, 3, 5, 6]].numpy(), atol=1e-3)
    assert sum(map(len, got)) > 20


@pytest.mark.slow
def test_a_folder_of_openvino_gives_what_onnx_runtime_gives(exported, tmp_path):
    pytest.importorskip("openvino")
    import openvino as ov

    ov.save_model(ov.Core().read_model(exported["static"]), tmp_path / "a.xml", compress_to_fp16=False)
    (tmp_path / "metadata.yaml").write_text(json.dumps(read_metadata(exported["static"])))
    onnx, openvino = (Detector(file)(pictures()[:2], conf=0.3) for file in (exported["static"], tmp_path))
    for a, b in zip(onnx, openvino, strict=True):
        assert len(a) == len(b)
        np.testing.assert_allclose(a.rows, b.rows, atol=0.05)


@pytest.mark.slow
def test_a_dynamic_file_takes_the_size_it_was_exported_at_and_any_other(exported):
    detector = Detector(exported["dynamic"])
    picture = pictures()[1]
    assert_same(
        YOLO(exported["dynamic"]).predict([picture], conf=0.1, verbose=False), detector([picture], conf=0.1), "none"
    )
    assert detector.size_of(None) == (128, 128) and detector.size_of(200) == (224, 224)
    assert Detector(exported["dynamic"], imgsz=64).size_of(None) == (64, 64)


def test_a_square_is_found_where_it_lies(bright):
    (found,) = Detector(bright)(squares((1, 2, 255), (6, 6, 200)))
    assert found.boxes.tolist() == [[8, 16, 16, 24], [48, 48, 56, 56]] and found.classes.tolist() == [0, 0]
    assert found.scores.tolist() == pytest.approx([1, 200 / 255]) and found.counts() == {"bright": 2}
    assert found.path == "image0.jpg" and len(found.crops) == 0 and found.ids is None


def test_crops_see_what_a_picture_shown_small_hides(bright):
    image = squares((20, 9, 255), size=(256, 256))
    detector = Detector(bright)
    assert len(detector(image)[0]) == 0
    (found,) = detector(image, crops="grid", tile=64, overlap=0)
    assert found.boxes.tolist() == [[160, 72, 168, 80]] and len(found.crops) == 16


def test_a_file_with_crops_of_its_own_uses_them_and_a_user_may_not_want_them(tmp_path):
    infer = '{"crops": {"type": "grid", "tile": 64, "overlap": 0.0}}'
    detector = Detector(hand_made(tmp_path / "a.onnx", metadata=METADATA | {"infer": infer}))
    image = squares((20, 9, 255), size=(256, 256))
    assert len(detector(image)[0].crops) == 16 and len(detector(image, tile=128)[0].crops) == 4
    assert len(detector(image, crops="none")[0].crops) == 0
    assert len(detector(image, crops={"type": "grid", "tile": 256})[0].crops) == 1


def test_the_map_of_a_file_leads_crops_in_the_place_of_its_scores(tmp_path):
    image = cv2.resize(squares((1, 2, 255)), (256, 256))
    kinds = {scale: Detector(hand_made(tmp_path / f"{scale}.onnx", heatmap=scale)) for scale in (1.0, 0.0)}
    crops = {scale: len(d(image, crops="lsm", pixel_scale=1)[0].crops) for scale, d in kinds.items()}
    assert crops[1.0] > 0 and crops[0.0] == 0


def test_threads_that_share_a_detector_get_their_own_boxes(bright):
    detector = Detector(bright)
    wrong = []

    def ask(i: int) -> None:
        image = squares((i, i, 255), size=(64, 64))
        for n in range(15):
            (found,) = detector(image, **({"crops": "grid", "tile": 64} if n % 2 else {}))
            if found.boxes[:1].tolist() != [[i * CELL, i * CELL, (i + 1) * CELL, (i + 1) * CELL]]:
                wrong.append((i, found.boxes))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_results_come_one_by_one_and_pictures_are_read_when_their_turn_comes(bright, pictures, monkeypatch):
    stream = Detector(bright).stream(sorted(pictures.glob("[ab].png")))
    assert next(stream).path.endswith("a.png")
    (pictures / "b.png").unlink()
    with pytest.raises(StopIteration):
        next(stream)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 0.1}, "unknown option 'confidence'; did you mean 'conf'"),
        ({"conf": 1.5}, "conf=1.5 must be a number from 0 to 1"),
        ({"crops": "gird"}, "unknown slicer 'gird'.*did you mean 'grid'"),
        ({"tile": 64}, "tile= is read with crops only"),
        ({"crops": "grid", "k": 3}, "slicer 'grid'.* takes no argument 'k'"),
        ({"imgsz": 320}, "takes 64x64 pixels only: leave imgsz out, or export with dynamic=True"),
        ({"imgsz": 0}, "imgsz=0 must be one or two whole numbers of pixels"),
        ({"batch": 0}, "batch=0 must be a whole number from 1 up"),
        ({"classes": [-1]}, "classes: there is no class -1 in .*, which has 0 bright, 1 dull"),
        ({"classes": "brigt"}, "classes: there is no class 'brigt' in .*, which has .*; did you mean 'bright'"),
        ({"classes": 7}, "classes: there is no class 7 in .*, which has 0 bright, 1 dull"),
        ({"nms_metric": "nwd"}, "does not say how large its objects are; give nms_c=PIXELS"),
        ({"tracker": "botsort"}, "botsort needs more than boxes and is not in the runtime"),
    ],
)
def test_what_a_call_cannot_have_is_one_line_before_a_picture_is_read(bright, options, message):
    with pytest.raises(InputError, match=message) as caught:
        Detector(bright)("nowhere.jpg", **options)
    assert "\n" not in str(caught.value)


def test_a_file_without_metadata_says_what_is_taken_for_granted(tmp_path, caplog):
    bare = hand_made(tmp_path / "bare.onnx", metadata={})
    assert Detector(bare).names == {0: "class0", 1: "class1"}
    assert "bare.onnx has no metadata: taken are 2 classes by number (names=), stride 32, 64x64" in caplog.text
    caplog.clear()
    assert Detector(bare, names=["a", "b"]).names[1] == "b" and not caplog.text


def test_frames_one_by_one_have_the_tracks_of_a_stream(bright):
    frames = [squares((1 + i // 2, 2, 255), (6, 1 + i // 3, 200)) for i in range(8)]
    detector, tracker = Detector(bright), tracker_of("bytetrack-nwd")
    together = [found.ids.tolist() for found in detector.stream(frames, tracker="bytetrack-nwd")]
    assert [detector(frame, tracker=tracker)[0].ids.tolist() for frame in frames] == together
    assert together[0] == together[-1] == [1, 2]


def test_what_a_files_merge_leaves_double_is_one_track(tmp_path):
    infer = '{"crops": {"type": "grid", "tile": 64, "overlap": 0.5}, "merge": "replace"}'
    detector = Detector(hand_made(tmp_path / "a.onnx", metadata=METADATA | {"infer": infer}))
    image = squares((5, 5, 255), size=(128, 128))
    assert len(detector(image)[0]) == 4 and len(detector(image, tracker=True)[0]) == 1
    assert len(detector(image, tracker=True, merge="replace")[0]) > 1
