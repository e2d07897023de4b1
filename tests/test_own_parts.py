"""docs/own_parts.md: every example is run as it stands there, from a folder outside the package."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.detectors import batch
from tests.plugging import PAGE, forget_plugins, write_examples
from tests.tiny_data import QUICK, ROOT, trained, write_tiny
from yolotiny import YOLO, plugins
from yolotiny.cli import main as cli
from yolotiny.data.augment import Sample
from yolotiny.detector import Detector
from yolotiny.plugins import KINDS
from yolotiny.slicing import MERGES, SLICERS
from yolotiny.val.validator import told_of

EXAMPLES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL))
YAMLS = dict(re.findall(r"```yaml\n# (\w+)\.yaml\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder with all files of the page, to stand in."""
    write_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget_plugins()


def test_the_page_has_an_example_and_a_row_of_each_kind():
    registered = set(re.findall(r'^register\("(\w+)"', "".join(EXAMPLES.values()), re.MULTILINE))
    assert registered == KINDS.keys()
    rows = [tuple(map(str.strip, line.split("|")[1:4])) for line in PAGE.splitlines() if line.startswith("| [`")]
    assert [(re.match(r"\[`(\w+)`", kind)[1], what, where) for kind, what, where in rows] == [
        (kind, k.what, k.where) for kind, k in KINDS.items()
    ]


def test_no_example_has_more_than_20_lines():
    lengths = {name: sum(bool(line.strip()) for line in code.splitlines()) for name, code in EXAMPLES.items()}
    assert {name: n for name, n in lengths.items() if n > 20} == {}


BUILT = {  # of each model file: the class of the page, and where it is found
    "layer": ("Gate", lambda model: model.model.gate),
    "head": ("ModestDetect", lambda model: model.model[-1]),
    "coder": ("UnboundCoder", lambda model: model.model[-1].coder),
    "assigner": ("Nearest", lambda model: model.criterion.assign),
    "loss": ("CornerLoss", lambda model: model.criterion.box.of),
    "localisation": ("SquaredLoss", lambda model: model.criterion.bins),
    "aux": ("MeanAbs", lambda model: model.terms["sparse"]),
}


@pytest.mark.parametrize("name", BUILT)
def test_a_model_file_uses_an_example_as_it_uses_ours(name, room):
    plugins.load(f"{name}.py")
    made = Detector(f"{name}.yaml", nc=2)
    vector, parts = made.loss(batch((64, 64)))
    vector.sum().backward()
    assert all(torch.isfinite(v).all() for v in parts.values()) and vector.sum() > 0
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in made.parameters() if p.requires_grad)
    expected, find = BUILT[name]
    assert type(find(made)).__name__ == expected
    assert set(made.yaml["parts_from"].values()) == {f"{name}.py"}


def test_the_graph_and_the_yaml_both_supply_a_layer_by_the_names_of_its_parameters(room):
    plugins.load("layer.py")
    squeeze = Detector("layer.yaml", nc=2).model.gate.gate[1]
    assert (squeeze.in_channels, squeeze.out_channels) == (64, 8)  # c1 of the graph, over the YAML's 8


def test_the_coder_of_the_page_decodes_what_it_encodes(room):
    plugins.load("coder.py")
    head = Detector("coder.yaml", nc=2).model[-1]
    priors = head.priors([torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 2, 2)])
    boxes = torch.cat((priors.centers - 3, priors.centers + 5), 1)
    back = head.coder.decode(head.coder.encode(boxes, priors), priors)
    assert torch.allclose(back, boxes, atol=1e-3) and head.coder.reaches(boxes, priors).all()


def test_a_loss_gets_what_training_measured_by_the_name_of_its_parameter(room):
    plugins.load("loss.py")
    cfg = Detector("loss.yaml", nc=2).yaml | {"loss": {"box": {"type": "corner"}}}
    a, b = torch.tensor([[0.0, 0.0, 8.0, 8.0]]), torch.tensor([[8.0, 8.0, 16.0, 16.0]])
    for measured, far in (({}, 8 / 12.7), ({"object_size": 4.0}, 2.0)):
        box = Detector(cfg | {"measured": measured}, nc=2).init_criterion().box
        assert box(a, b).item() == pytest.approx(far, abs=1e-5) and box.weight == 0.05  # YOLOv5's own weight


def test_the_augmentation_of_the_page_turns_boxes_and_ignore_regions_with_the_picture(room):
    plugins.load("augmentation.py")
    step = plugins.kinds.locate("data.augment:AUGMENTATIONS")["turn"](p=1.0)
    image = np.zeros((8, 8, 3), np.uint8)
    image[1:2, 5:7] = 255  # 1 px high
    boxes = np.array([[5, 1, 7, 2], [0, 0, 8, 4]], np.float32)
    made = step(Sample(image, boxes, np.array([0, -1])))
    (x1, y1, x2, y2), region = made.boxes.astype(int).tolist()
    assert made.image[y1:y2, x1:x2].min() == 255 and made.image.sum() == image.sum()
    assert region == [0, 0, 4, 8] and made.labels.tolist() == [0, -1]


def test_slicer_and_merge_are_options_of_predict(room):
    plugins.load(["slicer.py", "merge.py"])
    pictures = str(trained().data.parent / "images" / "val")
    model = YOLO(trained().best)
    looked = {"crops": "middle", "infer.crops.share": 0.5, "merge": "trust_tiles", "pixel_scale": 1.0}
    found = model.predict(pictures, imgsz=64, **looked)
    assert [r.crops.round().tolist() for r in found] == [[[24, 24, 72, 72]]] * len(found)
    assert "middle" in SLICERS and "trust_tiles" in MERGES


def test_the_protocol_of_the_page_scores_and_its_figures_are_columns(room):
    options = f"model={trained().best} data={trained().data} imgsz=64 project={room} plots=False device=cpu"
    assert cli.main(f"val {options} protocol=dots plugins=protocol.py".split()) == 0
    metrics = YOLO(trained().best).val(
        data=str(trained().data), imgsz=64, project=str(room), protocol="dots", plots=False
    )
    assert metrics.report["protocol"] == "dots" and {"AP", "AP25", "AP_dot"} <= metrics.report.keys()
    assert told_of("dots") == ("AP", "AP25", "AP_dot")


def test_the_converter_of_the_page_is_a_format(room):
    data = write_tiny(room / "raw", train=2, val=1)
    pictures = sorted((data.parent / "images" / "train").iterdir())
    with (pictures[0].parent / "boxes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "x1", "y1", "x2", "y2"])
        rows.writerows([(p.name, 10, 10, 14, 15) for p in pictures])
    line = f"data convert format=sheet source={pictures[0].parent} to=converted plugins=converter.py"
    assert cli.main(line.split()) == 0
    labels = [p.read_text() for p in sorted(Path("converted/labels/train").iterdir())]
    assert len(labels) == 2 and labels[0].startswith("0 0.12500000 0.13020833")
    assert "protocol: aitod" in Path("converted/data.yaml").read_text()


def interrupt(trainer):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_run_with_parts_of_a_plugin_from_training_to_the_exported_file(room, capsys):
    text = YAMLS["layer"] + "loss: {box: {type: corner}}\naugmentations: [{type: turn, p: 1.0}]\n"
    Path("mine.yaml").write_text(text)
    needed = ["layer.py", "loss.py", "augmentation.py"]
    data = write_tiny(room / "data")
    quick = QUICK | {"data": str(data), "project": str(room), "name": "run", "epochs": 2}
    model = YOLO("mine.yaml", plugins=needed)
    model.add_callback("on_model_save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.train(**quick)
    last = room / "run" / "weights" / "last.pt"
    forget_plugins()

    def fails(line):
        assert cli.main(line.split()) == 2
        *_, said = capsys.readouterr().err.strip().splitlines()
        return said

    for line in (f"train resume={last}", f"val model={last}", f"predict model={last} source=data/images/val"):
        assert "plugins=" in fails(line)
    named = f"plugins=[{','.join(needed)}]"
    assert cli.main(f"train resume={last} {named}".split()) == 0
    best = last.with_name("best.pt")
    assert cli.main(f"predict model={best} source=data/images/val imgsz=64 project={room} {named}".split()) == 0
    assert cli.main(f"export model={best} format=torchscript imgsz=64 {named}".split()) == 0
    forget_plugins()
    exported = best.with_suffix(".torchscript")
    assert cli.main(f"predict model={exported} source=data/images/val imgsz=64 project={room}".split()) == 0


@pytest.mark.slow
def test_a_training_process_started_from_a_file_knows_the_plugins(room):
    """What ultralytics starts for each device, here one on the CPU: the file, and nothing else of this process."""
    from ultralytics.utils.dist import ddp_cleanup, generate_ddp_file

    from yolotiny.train.trainer import Trainer

    Path("mine.yaml").write_text(YAMLS["layer"] + "loss: {box: {type: corner}}\naugmentations: turn\n")
    plugins.load(["layer.py", "loss.py", "augmentation.py"])
    data = write_tiny(room / "data")
    options = QUICK | {"data": str(data), "project": str(room), "name": "run", "model": "mine.yaml", "task": "detect"}
    trainer = Trainer(overrides=options)
    trainer.model = trainer.get_model(cfg="mine.yaml")
    file = generate_ddp_file(trainer)
    try:
        done = subprocess.run([sys.executable, file], capture_output=True, text=True, cwd=ROOT)
    finally:
        ddp_cleanup(trainer, file)
    assert done.returncode == 0, done.stderr
    assert "parts_from:" in (room / "run" / "model.yaml").read_text()
