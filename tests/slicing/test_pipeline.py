"""Tiles looked at again: what the network is shown, what comes back, which options reach it, what results carry."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from tests.detectors import awake
from tests.tiny_data import QUICK, write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.predict.results import SlicedResults
from yolotiny.slicing import CoarsePass, SlicedInference, TileBatcher, pipeline
from yolotiny.training_stats import TrainingStats

CROPS = {"type": "lsm", "k": 2, "min_area": 0, "enlarge": 1.0}


def seen(size: tuple[int, int] = (64, 128)) -> np.ndarray:
    """A heat map with one cluster in its upper left quarter."""
    heat = np.zeros(size, np.float32)
    heat[: size[0] // 2, : size[1] // 2] = 1
    return heat


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> YOLO:
    """yolc-n as from a checkpoint, with answers everywhere."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("yolc") / "yolc-n.pt"
    detector = awake(Detector("yolc-n.yaml", nc=2))
    detector.yaml["infer"]["crops"]["min_area"] = 0
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": 128, "task": "detect"}}, file)
    return YOLO(file)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8), (256, 192))


class Network:
    """A detector with one answer to every canvas; keeps what it was shown."""

    def __init__(self, *rows: list[float]):
        self.rows, self.shown = np.float32(rows).reshape(-1, 6), []

    def __call__(self, canvases: np.ndarray) -> list[np.ndarray]:
        self.shown.append(canvases)
        return [self.rows] * len(canvases)


BLANK = np.zeros((200, 400, 3), np.uint8)
NOTHING = np.zeros((0, 6), np.float32)


def run(sliced, detect, image=BLANK, rows=NOTHING, heat=None, ratio=0.5, side=64, fixed=None, conf=0.0):
    """The fine pass over one image."""
    seen = CoarsePass(np.float32(rows).reshape(-1, 6), heat, ratio)
    return sliced.run([image], [seen], TileBatcher(detect, fixed=fixed), (side, side), conf)[0]


def of(section: dict) -> SlicedInference:
    return SlicedInference.from_config(section)


def test_tiles_are_in_pixels_of_the_image_whatever_the_map_s_size():
    find = lambda heat: of({"crops": CROPS}).slicer.find(heat, (128, 256), 1.0, (64, 64))  # noqa: E731
    assert find(seen()) == [(0, 0, 128, 72)]  # cells of 8 x 6 px of the map
    assert find(seen((16, 32)))[0][:2] == (0, 0)
    assert find(seen() * 0) == []


def test_the_network_is_shown_the_file_s_own_pixels_at_the_scale_asked_for():
    sliced = of({"crops": CROPS | {"top_k": 1}, "scale": 2.0})
    image = np.random.default_rng(0).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    sliced.slicer.find = lambda *_: [(100.0, 50.0, 200.0, 150.0)]
    network = Network([10.0, 10, 30, 20, 0.9, 1], [120, 10, 126, 20, 0.8, 1])  # the second in the padding
    coarse = [[110.0, 60, 118, 66, 0.5, 0], [300, 60, 308, 66, 0.4, 0]]
    got = run(sliced, network, image, coarse, np.zeros((20, 40), np.float32))
    shown = network.shown[0][0]
    assert shown.shape == (128, 128, 3)  # coarse pass at half size, twice that is the file's own
    assert np.array_equal(shown[:100, :100], image[50:150, 100:200]) and (shown[100:] == 114).all()
    kept = [[110, 60, 130, 70, 0.9, 1], [300, 60, 308, 66, 0.4, 0]]
    assert got.rows.tolist() == [pytest.approx(row) for row in kept]
    stats = sliced.stats
    assert (stats.images, stats.tiles, stats.forwards, stats.last_scale) == (1, 1, 1, 1.0) and stats.seconds > 0
    sliced.start()
    assert sliced.stats.images == 0


def scale_of(section: dict, **known: float) -> float:
    """Network pixels per pixel of the image that tiles are shown at, after a coarse pass over a quarter."""
    sliced = of({"crops": "grid"} | section)
    sliced.start(TrainingStats(**known))
    run(sliced, Network(), np.zeros((2560, 2560, 3), np.uint8), ratio=0.25, side=320)
    return sliced.stats.last_scale


def test_the_scale_is_the_user_s_then_the_tile_s_then_that_of_the_objects_then_that_of_training():
    assert scale_of({"pixel_scale": 0.7, "crops": {"type": "grid", "tile": 640}}) == 0.7
    assert scale_of({"scale": 1.5}) == 0.375
    assert scale_of({"crops": {"type": "grid", "tile": 640}}) == 0.5
    assert scale_of({}, pixel_scale=0.6) == 0.6
    assert scale_of({}) == 1.0


def twenty_px() -> np.ndarray:
    """Six detections of 16 x 25 px: 20 px by the square root of the area."""
    return np.float32([[20.0 * i, 0, 20 * i + 16, 25, 0.9, 0] for i in range(6)])


def test_objects_are_brought_to_the_size_they_were_trained_at():
    sliced, network = of({"crops": "grid"}), Network()
    sliced.start(TrainingStats(object_size=10.0))
    run(sliced, network, np.zeros((640, 640, 3), np.uint8), twenty_px(), side=320)
    assert network.shown[0].shape == (1, 320, 320, 3) and len(network.shown) == 1  # all of it at half size


def test_objects_of_tiles_are_brought_to_the_size_they_had_in_tiles_of_training():
    sliced, network = of({"crops": "grid"}), Network()
    sliced.start(TrainingStats.of({"object_size": 10.0, "crop_object_size": 20.0, "pixel_scale": 0.3}))
    run(sliced, network, np.zeros((640, 640, 3), np.uint8), twenty_px(), side=320)
    assert sliced.stats.last_scale == 1.0 and sliced.objects.trained == 20.0


def test_auto_is_told_how_large_objects_were_in_training():
    sliced = of({"crops": "auto"})
    sliced.start(TrainingStats(crop_object_size=20.0, object_size=10.0))
    assert sliced.slicer.context == 20.0
    sliced.start()
    assert sliced.slicer.context == 12.0


@pytest.fixture
def lines(monkeypatch) -> list[str]:
    """What is warned of."""
    said: list[str] = []
    monkeypatch.setattr(pipeline.logger, "warning", said.append)
    return said


def test_a_tile_larger_than_an_image_is_told_once(lines):
    sliced, batcher = of({"crops": {"type": "grid", "tile": 640}}), TileBatcher(Network())
    small, large = np.zeros((50, 60, 3), np.uint8), np.zeros((700, 640, 3), np.uint8)
    found = sliced.run([small, large, small], [CoarsePass(NOTHING, None, 1.0)] * 3, batcher, (64, 64))
    assert [len(f.tiles) for f in found] == [1, 2, 1]
    assert lines == ["tile=640 is larger than a picture of 60x50: it is seen whole"]


def test_a_coarse_pass_that_is_far_too_small_is_told_once_with_the_size_to_give(lines):
    heat = np.zeros((20, 40), np.float32)
    for crops, ratio in (("auto", 0.2), ("auto", 0.1), ("auto", 0.1), ("grid", 0.1)):
        sliced = of({"crops": crops, "pixel_scale": 0.5})
        for _ in range(2):
            run(sliced, Network(), heat=heat, ratio=ratio)
    sliced = of({"crops": "auto"})
    sliced.start(TrainingStats(object_size=10, pixel_scale=0.5))
    large = [[20.0 * i, 0, 20 * i + 80, 80, 0.9, 0] for i in range(6)]
    run(sliced, Network(), BLANK, large, heat, ratio=0.1)  # it takes objects to be of 80 px
    said = "small objects may be missed: the coarse pass shows the picture 5.0 times smaller than crops at 0.5 network "
    assert lines == [said + "pixels per pixel; imgsz=128 is half of that"] * 3
    sliced.start(TrainingStats(object_size=10, pixel_scale=0.5), warns=False)
    run(sliced, Network(), BLANK, large, heat, ratio=0.1)
    assert len(lines) == 3


@pytest.mark.parametrize("crops", [CROPS, "lsm", "auto"])
def test_a_coarse_pass_that_sees_nothing_asks_for_no_tiles(crops):
    network = Network()
    got = run(of({"crops": crops, "pixel_scale": 1.0}), network, heat=np.zeros((20, 40), np.float32), side=96)
    assert not network.shown and got.rows.shape == (0, 6) and got.tiles.shape == (0, 4)


def test_a_detector_of_one_input_size_is_shown_that_and_large_tiles_in_parts():
    network, sliced = Network(), of({"crops": CROPS, "pixel_scale": 1.0})
    sliced.slicer.find = lambda *_: [(0.0, 0.0, 50.0, 40.0), (100.0, 0.0, 250.0, 96.0)]
    got = run(sliced, network, heat=np.zeros((2, 4), np.float32), side=96, fixed=(96, 96))
    assert [x.shape[1:3] for x in network.shown] == [(96, 96)] * 3
    assert got.tiles.tolist() == [[0, 0, 50, 40], [100, 0, 196, 96], [154, 0, 250, 96]]


def test_an_object_where_parts_of_a_tile_overlap_is_there_once():
    """A detector of one size sees a cluster in parts; both have the object at (160, 20)."""
    found = {}
    for merge in ("replace", None):
        answers = iter([[[60.0, 20, 70, 30, 0.9, 0]], [[6.0, 20, 16, 30, 0.8, 0]]])
        sliced = of({"crops": CROPS, "pixel_scale": 1.0} | ({"merge": merge} if merge else {}))
        sliced.slicer.find = lambda *_: [(100.0, 0.0, 250.0, 96.0)]
        got = run(
            sliced,
            lambda x, answers=answers: [np.float32(next(answers))],
            heat=np.zeros((2, 4), np.float32),
            side=96,
            fixed=(96, 96),
        )
        found[merge] = got.rows[:, :5].tolist()
    one, other = pytest.approx([160, 20, 170, 30, 0.9]), pytest.approx([160, 20, 170, 30, 0.8])
    assert found == {"replace": [one, other], None: [one]}


def test_the_coarse_pass_has_a_word_in_the_score_of_what_tiles_find():
    found = {}
    for prior in (0.0, 0.5):
        network = Network([10.0, 10, 20, 20, 0.64, 0], [40, 40, 50, 50, 0.5, 0])
        sliced = of({"crops": CROPS, "pixel_scale": 1.0, "prior": prior})
        sliced.slicer.find = lambda *_: [(100.0, 50.0, 164.0, 114.0)]
        heat = np.zeros((20, 40), np.float32)
        heat[6, 11] = 0.16  # at the first of the two; nothing was said of the other's place
        got = run(sliced, network, rows=[[300.0, 60, 308, 66, 0.4, 0]], heat=heat, conf=0.1)
        found[prior] = got.rows[:, 4].tolist()
    assert found == {0.0: pytest.approx([0.64, 0.5, 0.4]), 0.5: pytest.approx([0.4, 0.32])}  # sqrt(.5 * .001) < .1


def test_an_unknown_setting_is_refused_by_name():
    for section, said in (
        ({"crop": {}}, "infer.crop .*crops"),
        ({"crops": {"type": "lsm", "kk": 2}}, "'kk'"),
        ({"crops": "grids"}, "'grids'"),
        ({"merge": "replce"}, "replace"),
        ({"scale": 0}, "infer.scale"),
        ({"max_side": True}, "infer.max_side"),
        ({"full": 2}, "infer.full"),
        ({"crops": "lsm", "full": False}, "full=False goes with crops=grid"),
        (
            {"crops": "lsm", "prior": 1},
            "configuration: infer.prior=1 must be a number from 0 up to below 1",
        ),
        ({"crops": "grid", "full": False, "prior": 0.1}, "prior= is the weight of the pass over the whole"),
    ):
        with pytest.raises(InputError, match=said):
            of(section)


def test_results_carry_their_crops_and_draw_them(model, picture):
    with_crops, without = (model.predict(picture, imgsz=128, verbose=False, k=k)[0] for k in (2, 0))
    assert isinstance(with_crops, SlicedResults) and 1 <= len(with_crops.crops) <= 2 and not len(without.crops)
    assert (with_crops.crops >= 0).all() and (with_crops.crops[:, 2] <= 256).all()
    assert not np.array_equal(with_crops.plot(boxes=False), picture)
    assert np.array_equal(without.plot(boxes=False), picture) and np.array_equal(with_crops.orig_img, picture)
    assert torch.equal(with_crops[0:1].cpu().crops, with_crops.crops)


def test_options_reach_the_fine_pass_and_are_not_remembered(model, picture):
    def boxes(**options):
        return model.predict(picture, imgsz=128, verbose=False, **options)[0].boxes.data

    usual, merged = boxes(), boxes(merge="nms")
    assert usual.shape != merged.shape or not torch.equal(usual, merged)
    assert not torch.equal(boxes(**{"infer.scale": 1.0})[:5], usual[:5])
    assert len(model.predict(picture, imgsz=128, verbose=False, top_k=1)[0].crops) == 1
    assert torch.equal(boxes(), usual)


def test_validation_looks_twice_and_agrees_with_prediction(model, tmp_path):
    data = write_tiny(tmp_path / "data", val=2, size=128)
    common = {"data": str(data), "imgsz": 128, "plots": False, "verbose": False, "project": str(tmp_path), "conf": 0.25}
    rows = {}
    for k in (0, 2):
        model.val(k=k, save_json=True, name=str(k), batch=2, workers=0, **common)
        found = json.loads((tmp_path / str(k) / "predictions.json").read_text())
        rows[k] = [(r["file_name"], r["category_id"], *np.round(r["bbox"])) for r in found]
    assert rows[0] != rows[2]
    predicted = model.predict(str(tmp_path / "data/images/val/0.png"), imgsz=128, verbose=False, k=2)[0]
    ours = sum(r[0] == "0.png" for r in rows[2])
    assert len(predicted.crops) and abs(len(predicted) - ours) <= 0.02 * ours  # val leaves out rows beside the picture


def test_wrong_settings_are_one_line(picture):
    for model, wrong, said in (
        ("yolov5n.yaml", {"k": 2}, "k= is read with crops only; say which: crops=grid, lsm, auto"),
        ("yolov5n.yaml", {"crops": "grid", "k": 2}, "'grid' .* takes no argument 'k'"),
        ("yolov5n.yaml", {"crops": "lsn"}, "unknown slicer 'lsn'.*'lsm'"),
        ("yolov5n.yaml", {"crops": "grid", "overlap": 1.0}, "overlap=1.0: give a number from 0 up to below 1"),
        ("yolov5n.yaml", {"crops": "grid", "tile": 0}, "tile=0"),
        ("yolc-n.yaml", {"k": -1}, "k=-1"),
        ("yolc-n.yaml", {"merge": "sum"}, "unknown merge"),
        ("yolc-n.yaml", {"top_k": 0}, "top_k=0"),
        ("yolc-n.yaml", {"crops": "none", "k": 2}, "k= is read with crops only"),
    ):
        with pytest.raises(InputError, match=said):
            YOLO(model).predict(picture, **wrong)


def test_test_time_augmentation_changes_what_is_found(model, picture):
    plain, augmented = (
        model.predict(picture, imgsz=128, verbose=False, k=0, augment=a)[0].boxes.data for a in (False, True)
    )
    assert len(plain) != len(augmented) or not torch.equal(plain, augmented)
    assert (augmented[:, [0, 2]] <= 256).all() and (augmented[:, [1, 3]] <= 192).all()


def test_sizes_of_augmentation_may_be_told_and_are_those_of_clusters_too(model, picture, tmp_path):
    found = [
        model.predict(picture, imgsz=128, verbose=False, augment_scales=s, **k)[0].boxes.data
        for s in ([1], [1.5, 1])
        for k in ({"k": 0}, {"k": 2})
    ]
    assert len({len(x) for x in found}) > 1 and not torch.equal(found[0], found[2])
    for wrong, said in (
        (
            {"augment_scales": [1.25, 1.5]},
            "augment_scales=.1.25, 1.5.: give a list of sizes beside imgsz",
        ),
        ({"augment_scales": [1, 2], "augment": False}, "leave augment=False out"),
    ):
        with pytest.raises(InputError, match=said):
            model.predict(picture, **wrong)
    with pytest.raises(InputError, match="augment_scales= is read by heads of this package"):
        YOLO("yolov8n.yaml").predict(picture, augment_scales=[1, 2])


def test_a_video_is_looked_at_frame_by_frame(model, picture, tmp_path):
    file = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"MJPG"), 5, (256, 192))
    for shift in (0, 8, 16):
        writer.write(np.roll(picture, shift, 1))
    writer.release()
    results = list(model.predict(str(file), imgsz=128, stream=True, save=True, project=str(tmp_path), verbose=False))
    assert len(results) == 3 and all(len(r.crops) for r in results)
    assert any((tmp_path / "predict").glob("clip.*"))


@pytest.mark.slow
def test_yolc_trains_on_clusters_and_validates(tmp_path):
    data = write_tiny(tmp_path / "data")
    model = YOLO("yolc-n.yaml")
    options = {**QUICK, "imgsz": 96, "epochs": 2, "crop_train.probability": 1.0, "crop_train.min_area": 0}
    model.train(data=str(data), project=str(tmp_path), name="run", **options)
    head, *rows = (tmp_path / "run" / "results.csv").read_text().splitlines()
    assert len(rows) == 2 and "train/heat_loss" in head and "train/coarse_loss" in head
    again = YOLO(tmp_path / "run" / "weights" / "best.pt")
    assert again.model.yaml["crop_train"]["probability"] == 1.0
    assert again.val(data=str(data), imgsz=96, batch=2, plots=False, verbose=False, project=str(tmp_path)).report
