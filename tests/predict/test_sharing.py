"""Settings of a call belong to the call: threads, calls inside an open stream, and what a model keeps between calls."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ultralytics.models.yolo.detect import DetectionPredictor

from tests.tiny_data import trained
from yolotiny import YOLO
from yolotiny.predict.predictor import Predictor

SETTINGS = [
    {"conf": 0.001, "imgsz": 64},
    {"conf": 0.002, "imgsz": 128, "classes": [1]},
    {"conf": 0.001, "imgsz": 96, "crops": "grid", "tile": 64},
    {"conf": 0.003, "imgsz": 128, "max_det": 7},
]
PICTURE = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)


@pytest.fixture
def model() -> YOLO:
    return YOLO(trained().best)


@pytest.fixture
def look(tmp_path):
    """The boxes of a call."""

    def found(model, settings, source=PICTURE, **options):
        (result,) = model.predict(source, verbose=False, project=str(tmp_path), **settings, **options)
        return result.boxes.data.numpy()

    return found


def test_threads_that_share_a_model_get_what_each_gets_alone(model, look, monkeypatch):
    alone = [look(YOLO(trained().best), settings) for settings in SETTINGS]
    assert len({len(rows) for rows in alone}) == len(alone)
    set_up, before = [], Predictor.setup_model
    monkeypatch.setattr(Predictor, "setup_model", lambda self, *a, **k: set_up.append(1) or before(self, *a, **k))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: look(model, SETTINGS[i % 4]), range(12)))
    for i, rows in enumerate(found):
        np.testing.assert_allclose(rows, alone[i % 4], atol=1e-4)
    assert len(set_up) == 1  # one network for all


def test_a_call_inside_an_open_stream_of_the_same_model_has_its_result(model, look, tmp_path):
    outer, inner = (look(YOLO(trained().best), settings) for settings in SETTINGS[:2])
    options = {"verbose": False, "project": str(tmp_path)} | SETTINGS[0]
    for result in model.predict([PICTURE] * 3, stream=True, batch=1, **options):
        np.testing.assert_allclose(look(model, SETTINGS[1]), inner, atol=1e-4)
        np.testing.assert_allclose(result.boxes.data, outer, atol=1e-4)


@pytest.mark.slow
def test_validation_export_and_training_go_on_inside_an_open_stream(look, tmp_path):
    run = trained()
    model = YOLO(shutil.copy(run.best, tmp_path))  # an export lands beside it
    outer = look(model, SETTINGS[0])
    within = [
        lambda: model.val(data=str(run.data), imgsz=64, plots=False, project=str(tmp_path), verbose=False),
        lambda: model.export(format="torchscript", imgsz=64),
        lambda: model.train(data=str(run.data), epochs=1, imgsz=64, batch=4, project=str(tmp_path), plots=False),
    ]
    stream = model.predict([PICTURE] * 3, stream=True, batch=1, verbose=False, project=str(tmp_path), **SETTINGS[0])
    for result, call in zip(stream, within, strict=True):
        call()
        np.testing.assert_allclose(result.boxes.data, outer, atol=1e-4)


def test_options_of_the_network_are_of_the_call_too(model, look):
    look(model, {"imgsz": 64})
    network = model.predictor.model.network
    look(model, {"imgsz": 64, "conf": 0.5})
    assert model.predictor.model.network is network
    look(model, {"imgsz": 64}, channels_last=False)
    assert model.predictor.model.network is not network
    assert model.predictor.args.channels_last is False
    look(model, {"imgsz": 64})
    assert model.predictor.args.channels_last is not False


def test_weights_that_are_loaded_later_are_looked_with(model, look):
    assert len(look(model, SETTINGS[0]))
    head = {k: v - 20 for k, v in model.model.state_dict().items() if k.startswith("model.24.") and k.endswith(".bias")}
    model.load(model.model.state_dict() | head)
    assert not len(look(model, SETTINGS[0]))


def test_a_class_of_the_user_s_own_predicts(model, look):
    class Own(Predictor):
        pass

    expected = look(model, SETTINGS[2])
    np.testing.assert_allclose(look(model, SETTINGS[2], predictor=Own), expected, atol=1e-4)
    assert type(model.predictor) is Own


def test_a_predictor_of_ultralytics_gets_the_numbers_of_the_classes_that_are_named(model, look):
    look(model, {"conf": 0.001, "imgsz": 64, "classes": "b"}, predictor=DetectionPredictor)
    assert type(model.predictor) is DetectionPredictor and model.predictor.args.classes == [1]


def test_a_predictor_works_without_a_model_object_around_it(model, look, tmp_path):
    made = Predictor(
        overrides={"model": str(trained().best), "project": str(tmp_path), "verbose": False, **SETTINGS[0]}
    )
    (found,) = made(PICTURE, model=model.model)
    np.testing.assert_allclose(found.boxes.data, look(model, SETTINGS[0]), atol=1e-4)


def test_calls_that_save_to_the_same_place_share_their_folder(model, look, tmp_path):
    for stem in ("a", "b"):
        look(model, SETTINGS[0], save_txt=True, name=stem)
        look(model, SETTINGS[0], save_txt=True, name=stem)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_tracks_go_on_although_the_model_predicts_between(model, tmp_path):
    options = {"imgsz": 64, "verbose": False, "project": str(tmp_path)}
    model.track(PICTURE, persist=True, **options)
    first = model.predictor.tracks
    model.predict(PICTURE, **options)
    model.track(PICTURE, persist=True, **options)
    assert model.predictor.tracks is first
    model.track(PICTURE, **options)
    assert model.predictor.tracks is not first


def test_a_head_that_chooses_boxes_itself_has_the_settings_of_the_call_in_turn(tmp_path):
    model, options = YOLO("yolo26n.yaml"), {"imgsz": 64, "nms": False, "verbose": False, "project": str(tmp_path)}
    put = []
    for _ in model.predict([PICTURE] * 2, stream=True, batch=1, max_det=400, **options):
        head = model.predictor.model.network.model.model[-1]
        put.append(head.max_det)
        model.predict(PICTURE, max_det=500, **options)
        put.append(head.max_det)
    assert put == [400, 500, 400, 500]
