"""Exports to 8 bits: which layers stay in float, how far answers move, and what is refused."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from ultralytics.nn.autobackend import AutoBackend

from tests.detectors import awake, pictures
from tests.tiny_data import write_tiny
from yolotiny import YOLO
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.quantize import eight_bits
from yolotiny.quantize.onnx_file import in_float, write_onnx

SIZE = 128


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Soft pictures, as those that the models are awake on."""
    import cv2

    folder = tmp_path_factory.mktemp("data")
    file = write_tiny(folder, train=6, val=1, size=SIZE)
    for i, image in enumerate(pictures(6, (SIZE, SIZE), seed=3)):
        cv2.imwrite(str(folder / f"images/train/{i}.png"), (image.permute(1, 2, 0).numpy() * 255)[..., ::-1])
    return file


def model_of(name: str, folder: Path) -> YOLO:
    """A model that sees something, as from a checkpoint in a folder."""
    torch.manual_seed(0)
    detector = awake(Detector(f"{name}.yaml", nc=2))
    torch.save({"model": detector, "ema": None, "epoch": -1, "train_args": {"imgsz": SIZE}}, folder / f"{name}.pt")
    return YOLO(folder / f"{name}.pt")


def moved(model: YOLO, file: str) -> tuple[float, float, float]:
    """Mean change of scores above .25, median change of their boxes in sides of the box, share of them that stay.

    Weights that were never trained answer to the smallest change: trained ones move by a small part of the bounds.
    """
    backend = AutoBackend(file, device=torch.device("cpu"), verbose=False)
    x = pictures(2, (SIZE, SIZE), seed=9)
    with torch.no_grad():
        wanted = model.model(x)[0].numpy()
    got = np.concatenate([np.asarray(backend(one[None])) for one in x])
    score, other = wanted[:, 4:].max(1), got[:, 4:].max(1)
    good = score > 0.25
    side = np.sqrt(wanted[:, 2] * wanted[:, 3])[good]
    shift = np.abs(got - wanted)[:, :4].max(1)[good] / side
    assert good.sum() > 20
    return np.abs(other - score)[good].mean(), np.median(shift), (other[good] > 0.15).mean()


def convolutions(file: str) -> dict[str, bool]:
    """Convolutions of an ONNX file by name: True where they compute in 8 bits."""
    import onnx

    graph = onnx.load(file).graph
    makers = {out: n.op_type for n in graph.node for out in n.output}
    both = {
        n.name: {makers.get(i) == "DequantizeLinear" for i in n.input[:2]} for n in graph.node if n.op_type == "Conv"
    }
    assert all(len(kinds) == 1 for kinds in both.values())  # input and weight alike
    return {name: kinds.pop() for name, kinds in both.items()}


@pytest.mark.slow
def test_an_onnx_file_keeps_its_first_and_last_layers_and_the_decode_in_float(data, tmp_path):
    """One that reads what a layer in 8 bits reads too, as the finer level here, reads it before it is rounded."""
    import onnx

    model = model_of("yolov5n-p2p3", tmp_path)
    file = model.export(format="onnx", quantize=8, imgsz=SIZE, data=str(data))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["yolov5n-p2p3.pt", "yolov5n-p2p3_int8.onnx"]
    eight = convolutions(file)
    first = {n for n in eight if n.startswith(("/model.0/", "/model.1/", "/model.2/"))}
    head = {n for n in eight if n.startswith("/model.25/")}  # box, objectness and classes of two levels
    last = head | {"/model.21/cv3/conv/Conv", "/model.24/cv3/conv/Conv"}
    assert (len(first), len(head)) == (7, 6)
    assert {n for n, yes in eight.items() if not yes} == first | last and len(eight) == 63
    decode = [n for n in onnx.load(file).graph.node if n.name.startswith("/model.25/")]
    assert len(decode) > 20 and not any("QuantizeLinear" in n.op_type for n in decode)
    score, box, stay = moved(model, file)
    assert score < 0.05 and box < 0.25 and stay > 0.95, (score, box, stay)
    found = YOLO(file).predict(np.full((SIZE, SIZE, 3), 90, np.uint8), imgsz=SIZE, verbose=False)
    assert found[0].names == model.names


@pytest.mark.slow
def test_a_file_of_distributions_agrees_too(data, tmp_path):
    model = model_of("yolov5n-p2p3-ugs", tmp_path)
    file = model.export(format="onnx", quantize="int8", imgsz=SIZE, data=str(data), dynamic=True)
    score, box, stay = moved(model, file)
    assert score < 0.1 and box < 0.25 and stay > 0.95, (score, box, stay)
    assert sum(convolutions(file).values()) == 48


@pytest.mark.slow
def test_openvino_in_8_bits_agrees_and_keeps_the_decode_in_float(data, tmp_path, exact_openvino):
    pytest.importorskip("nncf")
    import openvino

    model = model_of("yolov5n-p2p3", tmp_path)
    folder = model.export(format="openvino", quantize=8, imgsz=SIZE, data=str(data))
    operations = openvino.Core().read_model(next(Path(folder).glob("*.xml"))).get_ordered_ops()
    rounded = [op for op in operations if op.get_type_name() == "FakeQuantize"]
    reads = {i.get_node().get_friendly_name() for op in rounded for i in op.output(0).get_target_inputs()}
    assert len(rounded) > 20 and not any(".model.25" in name or ".model.24.cv3" in name for name in reads)
    score, box, stay = moved(model, folder)
    assert score < 0.1 and box < 0.25 and stay > 0.95, (score, box, stay)


def test_first_and_last_layers_of_a_graph_that_can_be_checked_by_eye():
    """Two branches with a layer that both read; of the layers before, those at half and a fourth of the size."""
    onnx = pytest.importorskip("onnx")
    make = onnx.helper.make_node
    box, score = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in ("box", "score"))
    rows = [("half", "Conv", "picture", 2), ("fourth", "Conv", "half", 2), ("eighth", "Conv", "fourth", 2)]
    rows += [("neck", "Conv", "eighth", 1), ("shared", "Conv", "neck", 1), ("box", "Conv", "shared", 1)]
    rows += [("classes", "Conv", "shared", 1), ("score", "Sigmoid", "classes", None)]
    nodes = [
        make(kind, [source, "w"], [name], name, **({"strides": [s, s]} if s else {})) for name, kind, source, s in rows
    ]
    picture = onnx.helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, None)
    graph = onnx.helper.make_graph(nodes, "g", [picture], [box, score])
    assert in_float(graph) == {"half", "fourth", "shared", "box", "classes", "score"}


def test_what_stands_in_ultralytics_place_takes_what_it_gives_and_leaves_again():
    from ultralytics.engine import exporter
    from ultralytics.utils.export import onnx, openvino

    names = [list(inspect.signature(f).parameters) for f in (onnx.onnx_int8_quantize, write_onnx)]
    assert names[0] == names[1] and "quantize" in inspect.signature(openvino.torch2openvino).parameters
    before = exporter.Exporter, onnx.onnx_int8_quantize, openvino.torch2openvino
    assert "get_int8_calibration_dataloader" in vars(exporter.Exporter)
    with eight_bits({"format": "onnx"}):
        assert issubclass(exporter.Exporter, before[0]) and onnx.onnx_int8_quantize is write_onnx
        assert openvino.torch2openvino is not before[2]
    assert (exporter.Exporter, onnx.onnx_int8_quantize, openvino.torch2openvino) == before


@pytest.mark.parametrize("kind", ["onnx", "openvino", "engine"])
def test_without_data_nothing_is_exported(kind, tmp_path, monkeypatch):
    for room in ("quantize", "export.formats"):
        monkeypatch.setattr(f"yolotiny.{room}.find_spec", lambda name: True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^export: 8 bits need data=FILE\.yaml, whose pictures set the range"):
        YOLO("yolov5n.yaml").export(format=kind, quantize=8)
    assert list(tmp_path.iterdir()) == []


def test_data_that_is_not_there_and_a_missing_library_are_told_before_anything_is_written(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = YOLO("yolov5n.yaml")
    with pytest.raises(InputError, match="^data file 'nowhere.yaml' does not exist"):
        model.export(format="onnx", quantize=8, data="nowhere.yaml")
    with pytest.raises(InputError, match="names no split 'test'"):
        model.export(format="onnx", quantize=8, data=str(data), split="test")
    monkeypatch.setattr("yolotiny.quantize.find_spec", lambda name: None if name == "nncf" else True)
    said = r"^export: format=openvino quantize=8 needs nncf: pip install 'yolotiny\[deploy\]'$"
    with pytest.raises(InputError, match=said):
        model.export(format="openvino", quantize=8, data=str(data))
    assert list(tmp_path.iterdir()) == []
