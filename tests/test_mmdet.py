"""State dicts under mmdetection's names, made from its public configurations and module definitions.

No checkpoint of theirs was at hand. Names and shapes were read in open-mmlab/mmdetection (ResNet, HRNet, FPN, HRFPN),
Chasel-Tsui/mmdet-aitod (NWD-RKA), Hiyuur/SR-TOD and dawn-ech/YOLC.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.ops import deform_conv2d
from ultralytics.utils.torch_utils import initialize_weights

from tests.detectors import load_official
from yolotiny.coders import CenterCoder
from yolotiny.config import load as config
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.nn.center_head import YOLCDetect
from yolotiny.weights import ours, placeless, read_tensors

NC = 3
MEAN, DEVIATION = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
SRTOD = {"name": "srtod", "after": "p2", "from": ["p2", "image"], "module": "SRTOD", "rh_channels": 256}


def layer(name: str, *shape: int) -> dict[str, Tensor]:
    """A convolution or a fully connected layer."""
    return {f"{name}.weight": torch.randn(shape) * 0.1, f"{name}.bias": torch.randn(shape[0])}


def raised(name: str, c1: int, c2: int) -> dict[str, Tensor]:
    """A transposed convolution that doubles the size."""
    return {f"{name}.weight": torch.randn(c1, c2, 4, 4) * 0.1, f"{name}.bias": torch.randn(c2)}


def norm(name: str, c: int) -> dict[str, Tensor]:
    """A batch norm."""
    seen = {"running_mean": torch.randn(c), "running_var": torch.rand(c) + 0.01}
    values = {"weight": torch.rand(c) + 0.5, "bias": torch.randn(c)} | seen | {"num_batches_tracked": torch.tensor(7)}
    return {f"{name}.{k}": v for k, v in values.items()}


def rcnn(cascade: int, regressed: int) -> dict[str, Tensor]:
    """Faster R-CNN, or Cascade R-CNN of so many stages, with boxes for so many classes; R50 and FPN."""
    out = {f"backbone.{k}": v for k, v in resnet50().state_dict().items() if not k.startswith("fc.")}
    for i, c in enumerate((256, 512, 1024, 2048)):
        out |= layer(f"neck.lateral_convs.{i}.conv", 256, c, 1, 1) | layer(f"neck.fpn_convs.{i}.conv", 256, 256, 3, 3)
    out |= layer("rpn_head.rpn_conv", 256, 256, 3, 3)
    out |= layer("rpn_head.rpn_cls", 3, 256, 1, 1) | layer("rpn_head.rpn_reg", 12, 256, 1, 1)
    for stage in [f"{i}." for i in range(cascade)] if cascade > 1 else [""]:
        head = f"roi_head.bbox_head.{stage}"
        out |= layer(f"{head}shared_fcs.0", 1024, 256 * 49) | layer(f"{head}shared_fcs.1", 1024, 1024)
        out |= layer(f"{head}fc_cls", NC + 1, 1024) | layer(f"{head}fc_reg", 4 * regressed, 1024)
    return out


def srtod() -> dict[str, Tensor]:
    """What SR-TOD adds to either: reconstruction head, enhancement and threshold."""
    out = {"learnable_thresh": torch.tensor(0.31)} | layer("rh.out_conv.conv.0", 3, 64, 3, 3)
    for i, c in ((1, 128), (2, 64)):
        out |= raised(f"rh.up{i}.up", 2 * c, c)
        out |= {f"rh.up{i}.conv.double_conv.{k}.weight": torch.randn(c, c, 3, 3) * 0.1 for k in (0, 2)}
    return out | layer("dgfe.mlp.1", 16, 256) | layer("dgfe.mlp.3", 256, 16)


def hrnet(w: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """HRNet of width w: of each convolution its name, that of the norm behind, and its shape."""
    yield from (("conv1", "bn1", (64, 3, 3, 3)), ("conv2", "bn2", (64, 64, 3, 3)))
    yield "layer1.0.downsample.0", "layer1.0.downsample.1", (256, 64, 1, 1)
    for k in range(4):
        shapes = ((64, 256 if k else 64, 1, 1), (64, 64, 3, 3), (256, 64, 1, 1))
        yield from ((f"layer1.{k}.conv{i}", f"layer1.{k}.bn{i}", shape) for i, shape in enumerate(shapes, 1))
    yield "transition1.0.0", "transition1.0.1", (w, 256, 3, 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        new = f"transition{stage - 1}.{stage - 1}.0."
        yield new + "0", new + "1", (w << stage - 1, 256 if stage == 2 else w << stage - 2, 3, 3)
        for m in (f"stage{stage}.{i}." for i in range(modules)):
            for b in range(stage):
                for block in (f"{m}branches.{b}.{k}." for k in range(4)):
                    yield from ((f"{block}conv{i}", f"{block}bn{i}", (w << b, w << b, 3, 3)) for i in (1, 2))
            for i in range(stage):
                for j in range(i + 1, stage):  # a coarser branch comes up
                    yield f"{m}fuse_layers.{i}.{j}.0", f"{m}fuse_layers.{i}.{j}.1", (w << i, w << j, 1, 1)
                for j in range(i):  # a finer one comes down in steps of two, and widens in the last
                    for k in range(i - j):
                        step, c = f"{m}fuse_layers.{i}.{j}.{k}.", w << (i if k == i - j - 1 else j)
                        yield step + "0", step + "1", (c, w << j, 3, 3)


def yolc_head(c: int = 384, feat: int = 96) -> dict[str, Tensor]:
    """YOLC's head on so many channels."""
    head = "bbox_head."
    out = layer(f"{head}local_head.0", c, c, 1, 1) | norm(f"{head}local_head.1", c)
    out |= raised(f"{head}local_head.3", c, 8 * NC) | raised(f"{head}local_head.5", 8 * NC, 8 * NC)
    out |= layer(f"{head}local_head.6", NC, 8, 1, 1)
    out |= layer(f"{head}reg_conv.0", feat, c, 3, 3) | layer(f"{head}reg_conv.2", feat, feat, 3, 3)
    out |= layer(f"{head}xywh_init", 4, feat, 1, 1) | layer(f"{head}bbox_offset", 18, feat, 1, 1)
    return out | {f"{head}xywh_refine.weight": torch.randn(4, feat, 3, 3)}


def yolc() -> dict[str, Tensor]:
    """YOLC of the public configuration: HRNet of width 48, HRFPN with one level of 384 channels."""
    out: dict[str, Tensor] = {}
    for conv, behind, shape in hrnet(48):
        out |= {f"backbone.{conv}.weight": torch.randn(shape)} | norm(f"backbone.{behind}", shape[0])
    out |= layer("neck.reduction_conv.conv", 384, 48 * 15, 1, 1) | layer("neck.fpn_convs.0.conv", 384, 384, 3, 3)
    return out | yolc_head()


@pytest.mark.slow
@pytest.mark.parametrize(("cascade", "regressed"), [(1, NC), (3, 1)], ids=["faster", "cascade"])
def test_tensors_of_rcnn_find_their_places(cascade, regressed):
    """Faster R-CNN has boxes for each class there, and their mean for all here."""
    theirs = rcnn(cascade, regressed)
    cfg = config.override(config.load("frcnn-r50.yaml"), {"detect.cascade": cascade})
    made = Detector(cfg, nc=NC).eval()
    loaded, total = load_official(made, theirs)
    assert loaded == total and placeless(theirs, cfg["official"], made.state_dict()) == []
    state, last = made.state_dict(), "" if cascade == 1 else f"{cascade - 1}."
    fc = theirs[f"roi_head.bbox_head.{last}fc_cls.weight"]
    assert torch.equal(state[f"model.2.cls.{cascade - 1}.weight"], torch.cat((fc[-1:], fc[:-1])))
    boxes = theirs[f"roi_head.bbox_head.{last}fc_reg.bias"].view(regressed, 4)
    torch.testing.assert_close(state[f"model.2.reg.{cascade - 1}.bias"], boxes.mean(0))
    assert torch.equal(state["model.1.m.inner_blocks.3.0.weight"], theirs["neck.lateral_convs.3.conv.weight"])
    backbone = resnet50().eval()
    backbone.load_state_dict({k[9:]: v for k, v in theirs.items() if k.startswith("backbone.")}, strict=False)
    x, mine = torch.rand(1, 3, 32, 32), made.model[0].m
    with torch.no_grad():
        wanted = backbone.bn1(backbone.conv1((x * 255 - MEAN.view(3, 1, 1)) / DEVIATION.view(3, 1, 1)))
        found = mine.bn1(mine.conv1(x))
    inside = slice(2, -2)  # their border is grey, ours black
    assert torch.allclose(found[..., inside, inside], wanted[..., inside, inside], atol=1e-3)


@pytest.mark.slow
def test_tensors_of_srtod_find_their_places_and_enhance_as_there():
    theirs = rcnn(1, NC) | srtod()
    cfg = config.load("frcnn-r50.yaml") | {"insert": [SRTOD]}
    made = Detector(cfg, nc=NC).eval()
    loaded, total = load_official(made, theirs)
    assert loaded == total and placeless(theirs, cfg["official"], made.state_dict()) == []
    p2, image = torch.randn(1, 256, 4, 5), torch.rand(1, 3, 16, 20)
    with torch.no_grad():
        found = made.model.srtod([p2, image])
        x = p2
        for i in (1, 2):
            x = F.conv_transpose2d(x, theirs[f"rh.up{i}.up.weight"], theirs[f"rh.up{i}.up.bias"], 2, 1)
            for k in (0, 2):
                x = F.conv2d(x, theirs[f"rh.up{i}.conv.double_conv.{k}.weight"], padding=1).relu()
        made_up = F.conv2d(x, theirs["rh.out_conv.conv.0.weight"], theirs["rh.out_conv.conv.0.bias"], padding=1)
        wrong = (made_up.sigmoid() - image).abs().mean(1, keepdim=True) > theirs["learnable_thresh"]
        fc = lambda x, i: F.linear(x, theirs[f"dgfe.mlp.{i}.weight"], theirs[f"dgfe.mlp.{i}.bias"])  # noqa: E731
        gate = sum(fc(fc(v, 1).relu(), 3) for v in (p2.mean((2, 3)), p2.amax((2, 3)))).sigmoid()[..., None, None]
    mask = wrong[..., ::4, ::4].float()
    assert 0 < mask.mean() < 1
    torch.testing.assert_close(found.aux["recon"], made_up.sigmoid(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.out, p2 * gate * (1 + mask), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_tensors_of_yolc_find_their_places():
    theirs = yolc()
    cfg = config.override(config.load("yolc.yaml"), {"p2.smooth": True, "detect.swapped": True})
    made = Detector(cfg, nc=NC)
    loaded, total = load_official(made, theirs)
    assert loaded == total
    assert placeless(theirs, cfg["official"], made.state_dict()) == []
    state, same = made.state_dict(), "stage4.0.branches.3.0.conv1.weight"
    assert torch.equal(state[f"model.0.m.{same}"], theirs[f"backbone.{same}"])
    plain = Detector(config.load("yolc.yaml"), nc=NC)
    left = placeless(theirs, cfg["official"], plain.state_dict())
    assert left == ["neck.fpn_convs.0.conv.weight", "neck.fpn_convs.0.conv.bias"]


def test_the_head_of_yolc_answers_as_the_official_one():
    """On few channels: the norm's statistics take the bias before it, and boxes are refined where its code looks."""
    c, feat, prefix = 16, 8, "bbox_head."
    theirs = yolc_head(c, feat) | {"backbone.conv1.weight": torch.zeros(1, 1, 1, 1), "neck.x": torch.zeros(1)}
    local = nn.Sequential(
        nn.Conv2d(c, c, 1),
        nn.BatchNorm2d(c),
        nn.ReLU(),
        nn.ConvTranspose2d(c, 8 * NC, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(8 * NC, 8 * NC, 4, 2, 1),
        nn.Conv2d(8 * NC, NC, 1, groups=NC),
    ).eval()
    local.load_state_dict({k.removeprefix(f"{prefix}local_head."): v for k, v in theirs.items() if "local_head" in k})
    head, f = YOLCDetect(NC, [c], [4.0], CenterCoder(), hidden=feat, swapped=True).eval(), torch.randn(2, c, 5, 6)
    initialize_weights(head)  # as every detector
    renamed = ours(theirs, config.load("yolc.yaml")["official"], bgr=False)
    head.load_state_dict({k.removeprefix("model.2."): v for k, v in renamed.items() if k.startswith("model.2.")})
    of = lambda name: (theirs[f"{prefix}{name}.weight"], theirs.get(f"{prefix}{name}.bias"))  # noqa: E731
    with torch.no_grad():
        found = head.raw([f])
        r = F.conv2d(F.conv2d(f, *of("reg_conv.0"), padding=1).relu(), *of("reg_conv.2"), padding=1)
        coarse, share = F.conv2d(r, *of("xywh_init")), F.conv2d(r, *of("bbox_offset")).sigmoid()
        dx, dy, rx, ry = coarse.split(1, 1)
        rx, ry = rx.clamp(min=0), ry.clamp(min=0)  # boxes of a trained network have a size
        row, column = torch.meshgrid(torch.arange(3.0) - 1, torch.arange(3.0) - 1, indexing="ij")
        # A tap's first offset moves it down; the official code gives it what lies along x of the box, and so on.
        down = dx - rx + 2 * rx * share[:, 0::2] - row.reshape(1, 9, 1, 1)
        right = dy - ry + 2 * ry * share[:, 1::2] - column.reshape(1, 9, 1, 1)
        offsets = torch.stack((down, right), 2).flatten(1, 2)
        refined = deform_conv2d(r, offsets, theirs[f"{prefix}xywh_refine.weight"], padding=1)
        torch.testing.assert_close(found.heat[0], local(f), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.box[0], coarse)
    torch.testing.assert_close(found.box[1], refined, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("meta", [{"CLASSES": ("a", "b")}, {"dataset_meta": {"classes": ["a", "b"]}}])
def test_a_file_tells_its_classes(meta, tmp_path):
    tensors = {"backbone.conv1.weight": torch.zeros(2, 3, 1, 1), "neck.x.weight": torch.zeros(1)}
    torch.save({"meta": meta, "state_dict": tensors}, tmp_path / "epoch_12.pth")
    found = read_tensors(tmp_path / "epoch_12.pth")
    assert found.names == {0: "a", 1: "b"} and found.origin == "mmdetection checkpoint"


@pytest.mark.parametrize(
    "odd",
    [
        {"backbone.conv1.weight": torch.zeros(3)},
        {"roi_head.bbox_head.fc_reg.bias": torch.tensor(1.0)},
        {"bbox_head.local_head.0.bias": torch.zeros(2), "bbox_head.local_head.1.running_var": torch.zeros(3)},
    ],
)
def test_official_names_on_tensors_that_are_none_are_one_line(odd):
    given = {"backbone.conv1.weight": torch.zeros(2, 3, 1, 1), "neck.x.weight": torch.zeros(1)} | odd
    with pytest.raises(InputError, match=r"the given state dict cannot be read as a checkpoint, it is damaged or of"):
        Detector("frcnn.yaml", nc=2).load(given)


def test_what_finds_no_place_is_said(caplog):
    made = Detector("frcnn.yaml", nc=2)
    state = made.state_dict() | {"model.99.weight": torch.zeros(3), "model.99.num_batches_tracked": torch.zeros(1)}
    made.load(state)
    assert "No place here for 1 of the tensors given: model.99.weight" in caplog.text
