"""Every option of `predict` and `val` with every kind of crops: what it does without them it does with them.

Each option of the table has one row here: a value, and what has to be seen of it. One without a row fails a test.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from tests.detectors import awake, pictures
from tests.test_crops import saved
from tests.tiny_data import add_picture
from yolotiny import YOLO
from yolotiny.config.option_table import read_by
from yolotiny.detector import Detector
from yolotiny.errors import InputError
from yolotiny.ops.nms import nwd
from yolotiny.val import validator

SIZE = (96, 128)  # of the pictures
SCALE = 2.0  # network pixels of a crop per pixel of the picture
CROPS: dict[str, dict[str, Any]] = {
    "none": {"crops": "none"},
    "grid": {"crops": "grid", "pixel_scale": SCALE},
    "lsm": {"crops": "lsm", "pixel_scale": SCALE, "infer.crops.min_area": 0},
    "auto": {"crops": "auto", "pixel_scale": SCALE, "infer.crops.threshold": 0.1},
}
ONLY_WITH = "is read with crops only"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> SimpleNamespace:
    """A model that finds boxes, and data whose labels are some of them, so that figures are not 0."""
    to = tmp_path_factory.mktemp("through")
    torch.manual_seed(0)
    made = awake(Detector("yolov5n.yaml", nc=2))
    made.names = {0: "a", 1: "b"}
    model = YOLO(saved(made, to / "m.pt"))
    for i, image in enumerate(pictures(3, SIZE, seed=3)):
        pixels = np.ascontiguousarray((image.permute(1, 2, 0).numpy() * 255).astype(np.uint8))
        found = model.predict(pixels, imgsz=128, conf=0.3, verbose=False)[0].boxes
        rows = [(int(c), *b) for c, b in zip(found.cls, found.xywhn.tolist(), strict=True) if min(b[2:]) > 0.03]
        add_picture(to, "train" if i == 2 else "val", f"{i}.png", pixels, rows[: 3 + i])
    text = f"path: {to}\ntrain: images/train\nval: images/val\nnames: [%s]\n"
    (to / "data.yaml").write_text(text % "a, b")
    (to / "turned.yaml").write_text(text % "b, a")
    video = cv2.VideoWriter(str(to / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, SIZE[::-1])
    for _ in range(3):
        video.write(cv2.imread(str(to / "images/val/0.png")))
    video.release()
    return SimpleNamespace(at=to, model=model, data=to / "data.yaml", source=to / "images/val", before={})


class Case:
    """One option with one kind of crops.

    Attributes:
        crops: its name; `sliced` whether there are any.
        to: an empty folder for what runs write.
        patch: pytest's monkeypatch.
    """

    def __init__(self, home: SimpleNamespace, crops: str, to: Path, patch: pytest.MonkeyPatch):
        self.home, self.crops, self.sliced, self.to, self.patch = home, crops, crops != "none", to, patch
        self.shapes: list[tuple[int, ...]] = []
        self.model = home.model
        self.usual = CROPS[crops] | {"imgsz": 128, "verbose": False, "project": str(to), "name": "run"}

    def predict(self, **options: Any) -> Any:
        """Results of both pictures, one after the other."""
        options = self.usual | {"source": self.home.source, "batch": 1, "max_det": 3000} | options
        return self.model.predict(**{k: v for k, v in options.items() if v is not ...})

    def val(self, **options: Any) -> Any:
        """The metrics, with the rows of predictions.json as `rows`."""
        usual = self.usual | {"data": str(self.home.data), "plots": False, "conf": 0.25, "save_json": True}
        options = usual | {"exist_ok": True, "max_det": 3000} | options
        metrics = self.model.val(**{k: v for k, v in options.items() if v is not ...})
        file = Path(options["project"]) / options["name"] / "predictions.json"
        metrics.rows = rows_of(json.loads(file.read_text())) if file.exists() else None
        return metrics

    def before(self, mode: str) -> Any:
        """What the run gives where the option is not given, once for all options."""
        key = (mode, self.crops)
        if key not in self.home.before:
            run = self.predict if mode == "predict" else self.val
            self.home.before[key] = run(project=str(self.home.at / "before" / mode / self.crops))
        return self.home.before[key]

    def watched(self, mode: str) -> list[tuple[int, ...]]:
        """The shapes of the network's inputs from now on."""
        run = Detector.forward

        def noted(model: Detector, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self.shapes.append(tuple(x.shape))
            return run(model, x, *args, **kwargs)

        self.patch.setattr(Detector, "forward", noted)
        self.predict() if mode == "predict" else None  # the network is set up, which takes forwards of its own
        self.shapes.clear()
        return self.shapes

    def refused(self, call: Callable[..., Any], says: str, **options: Any) -> None:
        with pytest.raises(InputError, match=says) as caught:
            call(**options)
        assert "\n" not in str(caught.value)

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.to.glob(pattern))


def rows_of(entries: list[dict[str, Any]]) -> list[np.ndarray]:
    """(n, 6) xyxy, score, class of each picture of a predictions.json."""
    out: dict[Any, list] = {}
    for e in entries:
        x, y, w, h = e["bbox"]
        out.setdefault(e["image_id"], []).append([x, y, x + w, y + h, e["score"], e["category_id"] - 1])
    return [np.array(out[k], np.float32) for k in sorted(out)]


def arrays(results: Any) -> list[np.ndarray]:
    """The same of results."""
    return [r.boxes.data.numpy() for r in results]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(x.shape == y.shape and np.allclose(x, y, atol=1e-3) for x, y in zip(a, b))  # noqa: B905


def inner(rows: np.ndarray) -> np.ndarray:
    """Rows that the border of the picture did not cut: without crops that happens behind the suppression."""
    return rows[(rows[:, :2] > 0).all(1) & (rows[:, 2] < SIZE[1]) & (rows[:, 3] < SIZE[0])]


def pairs_above(rows: np.ndarray, most: float, across: bool) -> int:
    """Pairs of boxes of one class, or of all where `across`, that overlap by more."""
    rows = inner(rows)
    over = np.triu(box_iou(*[torch.from_numpy(rows[:, :4])] * 2).numpy(), 1) > most + 1e-3
    return int((over & (across | (rows[:, None, 5] == rows[None, :, 5]))).sum())


# Each of the checks below is made of a value: (case, the option's name) -> asserts.
Check = Callable[[Case, str, str], None]


def found(case: Case, mode: str, **options: Any) -> list[np.ndarray]:
    return arrays(case.predict(**options)) if mode == "predict" else case.val(**options).rows


def base(case: Case, mode: str) -> list[np.ndarray]:
    return arrays(case.before(mode)) if mode == "predict" else case.before(mode).rows


def unchanged(value: Any, **more: Any) -> Check:
    """It has to do with speed, or with what is not there: the same boxes."""

    def check(case: Case, mode: str, name: str) -> None:
        assert same(found(case, mode, **{name: value}, **more), base(case, mode))

    return check


def changes(value: Any, **more: Any) -> Check:
    def check(case: Case, mode: str, name: str) -> None:
        got = found(case, mode, **{name: value}, **more)
        assert sum(map(len, got)) and not same(got, base(case, mode))

    return check


def of_crops(value: Any, *kinds: str, seen: Callable[[Any, Any], bool] | None = None, **more: Any) -> Check:
    """A setting of crops: refused without, and where these crops do not have it; else the crops or boxes change."""

    def check(case: Case, mode: str, name: str) -> None:
        run = case.predict if mode == "predict" else case.val
        options = {"pixel_scale": ..., name: value} if name in ("tile", "pixel_scale") else {name: value}
        if not case.sliced:
            case.refused(run, f"^{name}= {ONLY_WITH}", **{"pixel_scale": ...} | options)
        elif case.crops not in kinds:
            case.refused(run, name, **options)
        else:
            assert not same(found(case, mode, **options, **more), base(case, mode))
            if seen is not None and mode == "predict":
                assert all(map(seen, case.predict(**options, **more), case.before(mode)))

    return check


def refuses(value: Any, says: str, with_crops: str = "") -> Check:
    def check(case: Case, mode: str, name: str) -> None:
        run = case.predict if mode == "predict" else case.val
        case.refused(run, with_crops if case.sliced and with_crops else says, **{name: value})

    return check


def writes(pattern: str, **options: Any) -> Check:
    def check(case: Case, mode: str, name: str) -> None:
        run = case.predict if mode == "predict" else case.val
        assert not case.files(pattern)
        run(**{name: True} | options)
        assert case.files(pattern)

    return check


def drawn(value: Any) -> Check:
    """The picture that is saved looks otherwise."""

    def check(case: Case, mode: str, name: str) -> None:
        pictures = []
        for folder, options in (("plain", {}), ("other", {name: value})):
            case.predict(save=True, source=case.home.source / "0.png", conf=0.3, **options, **{"name": folder})
            (file,) = case.files(f"{folder}/*0.*")
            pictures.append(cv2.imread(str(file)))
        assert not np.array_equal(*pictures)

    return check


def shown(says: Callable[[tuple[int, ...]], bool], **options: Any) -> Check:
    """What the network is given says whether the option holds."""

    def check(case: Case, mode: str, name: str) -> None:
        shapes = case.watched(mode)
        (case.predict if mode == "predict" else case.val)(**options)
        first = next(s for s in shapes if s[-1] > 32)
        assert says(first), shapes

    return check


def suppresses(across: bool, most: float, **options: Any) -> Check:
    """No two boxes are left that overlap by more, and some were there before."""

    def check(case: Case, mode: str, name: str) -> None:
        got = found(case, mode, iou=most, **options)
        assert sum(map(len, got)) and sum(pairs_above(x, most, across) for x in base(case, mode))
        assert sum(pairs_above(x, most, across) for x in got) == 0

    return check


def by_nwd(case: Case, mode: str, name: str) -> None:
    """No two boxes of a class are more alike than 0.85 where objects are seen best."""
    got, c = found(case, mode, nms_metric="nwd", nms_c=24.0), 24.0 / (SCALE if case.sliced else 1)
    assert not same(got, base(case, mode))
    for rows in map(inner, got):
        i, j = np.triu_indices(len(rows), 1)
        alike = nwd(rows[i, :4], rows[j, :4], c) > 0.85 + 1e-3
        assert not (alike & (rows[i, 5] == rows[j, 5])).any()


def by_size_of_nwd(case: Case, mode: str, name: str) -> None:
    few, many = (sum(map(len, found(case, mode, nms_metric="nwd", nms_c=c))) for c in (80.0, 8.0))
    assert 0 < few < many


def scored(case: Case, mode: str, name: str) -> None:
    got, usual = found(case, mode, conf=0.4), base(case, mode)
    assert 0 < sum(map(len, got)) < sum(map(len, usual)) and all((x[:, 4] > 0.4).all() for x in got)


def capped(case: Case, mode: str, name: str) -> None:
    assert all(0 < len(x) <= 5 for x in found(case, mode, max_det=5))  # val leaves out what lies in the padding


def of_class(case: Case, mode: str, name: str) -> None:
    got = found(case, mode, classes=[1])
    named = found(case, mode, classes="b")
    assert all(np.array_equal(a, b) for a, b in zip(got, named, strict=True))
    assert sum(map(len, got)) == sum(int((x[:, 5] == 1).sum()) for x in base(case, mode)) > 0
    assert all((x[:, 5] == 1).all() for x in got)


def of_data(case: Case, mode: str, name: str) -> None:
    got = found(case, mode, data=str(case.home.at / "turned.yaml"))
    for rows, usual in zip(got, base(case, mode), strict=True):
        assert np.array_equal(rows[:, 5], 1 - usual[:, 5]) and np.allclose(rows[:, :5], usual[:, :5])


def without_data(case: Case, mode: str, name: str) -> None:
    of_data(case, mode, name)
    case.refused(case.val, "val needs data=", data=None)


def from_array(case: Case, mode: str, name: str) -> None:
    given = [cv2.imread(str(f)) for f in sorted(case.home.source.glob("*.png"))]
    assert same(arrays(case.predict(source=given)), base(case, mode))
    case.refused(case.predict, "predict needs source=", source=None)


def placed(case: Case, mode: str, name: str) -> None:
    """`project`, `name` and `exist_ok` say where a run is written."""
    run = case.predict if mode == "predict" else case.val
    for times in (1, 2):
        run(save_txt=True, exist_ok=name != "name", project=str(case.to / "p"), name="n")
        # calls of predict on one model share a folder
        assert len(case.files("p/n*")) == (times if (mode, name) == ("val", "name") else 1)


def told(case: Case, mode: str, name: str) -> None:
    room = "ultralytics.engine.predictor" if mode == "predict" else "ultralytics.models.yolo.detect.val"
    lines: list[str] = []
    case.patch.setattr(f"{room}.LOGGER.info", lambda text, *a: lines.append(str(text)))
    run = case.predict if mode == "predict" else case.val
    run(verbose=False)
    few = len(lines)
    run(verbose=True)
    assert len(lines) - few > few


def compiled(case: Case, mode: str, name: str) -> None:
    calls: list[Any] = []
    room = "predictor" if mode == "predict" else "validator"
    keep = lambda model, **options: calls.append(options["mode"]) or model  # noqa: E731
    case.patch.setattr(f"ultralytics.engine.{room}.attempt_compile", keep)
    case.model = YOLO(case.home.at / "m.pt")
    assert same(found(case, mode, compile="reduce-overhead"), base(case, mode)) and calls == ["reduce-overhead"]


def laid_out(case: Case, mode: str, name: str) -> None:
    for last in (True, False):
        case.model = YOLO(case.home.at / "m.pt")
        forward, seen = Detector.forward, []  # the first ones set the network up
        weight = lambda m: next(p for p in m.parameters() if p.dim() == 4 and p.shape[1] > 1 and p.shape[2] > 1)  # noqa: E731
        note = lambda m, x, *a, **k: seen.append(weight(m).is_contiguous()) or forward(m, x, *a, **k)  # noqa: B023, E731
        case.patch.setattr(Detector, "forward", note)
        got = sum(map(len, found(case, mode, channels_last=last)))
        case.patch.setattr(Detector, "forward", forward)
        assert seen[-1] is not last and got == pytest.approx(sum(map(len, base(case, mode))), rel=0.05)


def uncertain(case: Case, mode: str, name: str) -> None:
    case.refused(case.predict, "needs a checkpoint whose boxes are distributions", uncertainty=True)


def embedded(case: Case, mode: str, name: str) -> None:
    if case.sliced:
        return case.refused(case.predict, "features of the whole picture: leave crops=", embed=[2])
    assert [type(x) for x in case.predict(embed=[2])] == [torch.Tensor] * 2
    return None


def in_json(case: Case, mode: str, name: str) -> None:
    run = case.predict if mode == "predict" else case.val
    run(save_json=False, exist_ok=True)
    assert not case.files("run/predictions.json")
    run(save_json=True, exist_ok=True)
    rows = rows_of(json.loads((case.to / "run/predictions.json").read_text()))
    assert [len(x) for x in rows] == [len(x) for x in base(case, mode)]


def labelled(columns: int, **options: Any) -> Check:
    def check(case: Case, mode: str, name: str) -> None:
        (case.predict if mode == "predict" else case.val)(save_txt=True, **options)
        tables = [np.loadtxt(f, ndmin=2) for f in case.files("run/labels/*.txt")]
        assert [t.shape for t in tables] == [(len(x), columns) for x in base(case, mode)]

    return check


def in_frames(case: Case, mode: str, name: str) -> None:
    case.predict(source=case.home.at / "v.avi", save=True, save_frames=True)
    assert len(case.files("run/v_frames/*")) == 3


def strides(case: Case, mode: str, name: str) -> None:
    assert len(case.predict(source=case.home.at / "v.avi", vid_stride=2)) == 1  # frames 2, 4, ... of three


def in_window(case: Case, mode: str, name: str) -> None:
    pictures: list[Any] = []
    case.patch.setattr("ultralytics.engine.predictor.check_imshow", lambda *a, **k: True)
    case.patch.setattr("yolotiny.predict.predictor.Predictor.show", lambda self, *a, **k: pictures.append(a))
    case.predict(show=True)
    assert len(pictures) == 2


def report_says(key: Callable[[dict], Any], **options: Any) -> Check:
    """A figure of the report, which is another without the option."""

    def check(case: Case, mode: str, name: str) -> None:
        assert key(case.val(**options).report) != key(case.before(mode).report)

    return check


def on_page(case: Case, mode: str, name: str) -> None:
    seen: list[Any] = []
    plain_plots(case)
    case.patch.setattr("yolotiny.val.validator.write", lambda *a: seen.append(a[4]) or [Path("report.json")])
    case.val(worst=3, plots=True)
    assert seen == [3]


def read_as(**options: Any) -> Check:
    """Pictures of three bands read otherwise show the network something else."""

    def check(case: Case, mode: str, name: str) -> None:
        assert not same(found(case, mode, **options), base(case, mode))

    return check


def with_intervals(case: Case, mode: str, name: str) -> None:
    asked: list[int] = []
    run = validator.evaluate_scene
    noted = lambda *a, **k: asked.append(k["samples"]) or run(*a, **k)  # noqa: E731
    case.patch.setattr("yolotiny.val.validator.evaluate_scene", noted)
    case.val(samples=3)
    assert asked == [3]


def plain_plots(case: Case) -> None:
    """Plots that take long and that nobody looks at here stay out."""
    for name in ("plot_pr_curve", "plot_mc_curve", "ConfusionMatrix.plot"):
        case.patch.setattr(f"ultralytics.utils.metrics.{name}", lambda *a, **k: None)
    for name in ("plot_val_samples", "plot_predictions"):
        case.patch.setattr(f"yolotiny.val.validator.Validator.{name}", lambda *a, **k: None)
    case.patch.setattr("yolotiny.val.validator.write", lambda *a: [Path("report.json")])


def batched(case: Case, mode: str, name: str) -> None:
    shapes = case.watched(mode)
    n = 2 if mode == "predict" else 1  # not the usual ones
    got = found(case, mode, batch=n)
    assert next(s for s in shapes if s[-1] > 32)[0] == n and len(got) == 2
    assert [len(x) for x in got] == pytest.approx([len(x) for x in base(case, mode)], rel=0.05)


def looks_twice(case: Case, mode: str, name: str) -> None:
    if mode == "val":
        assert ("crops" in case.before(mode).report) == case.sliced
    else:
        assert all(len(getattr(r, "crops", ())) > 0 for r in case.before(mode)) == case.sliced


def plotted(case: Case, mode: str, name: str) -> None:
    drawings: list[str] = []
    plain_plots(case)
    case.patch.setattr("ultralytics.utils.metrics.plot_pr_curve", lambda *a, **k: drawings.append("pr"))
    case.val(plots=False)
    assert not drawings
    case.val(plots=True)
    assert drawings


def compared(**options: Any) -> Check:
    """`visualize` of val draws hits and misses, with or without names and scores."""

    def check(case: Case, mode: str, name: str) -> None:
        plain_plots(case)
        drawings: list[tuple] = []
        draw = lambda labels, *a, **k: drawings.append((len(labels["cls"]), k["show_labels"], k["show_conf"]))  # noqa: E731
        case.patch.setattr("ultralytics.utils.plotting.plot_images", draw)
        case.val(plots=True, visualize=True, **options)
        assert [x[1:] for x in drawings] == [(options.get("show_labels", True), options.get("show_conf", True))] * 2
        assert all(x[0] for x in drawings)

    return check


BOTH: dict[str, Check] = {
    "imgsz": shown(lambda shape: max(shape[2:]) < 128, imgsz=64),
    "batch": batched,
    "device": unchanged("cpu"),
    "classes": of_class,
    "project": placed,
    "name": placed,
    "exist_ok": placed,
    "verbose": told,
    "rect": shown(lambda shape: shape[2] == shape[3] >= 128, rect=False),
    "compile": compiled,
    "channels_last": laid_out,
    "task": unchanged("detect"),
    "save_json": in_json,
    "conf": scored,
    "iou": suppresses(False, 0.2),
    "max_det": capped,
    "agnostic_nms": suppresses(True, 0.3, agnostic_nms=True),
    "nms_metric": by_nwd,
    "nms_c": by_size_of_nwd,
    "nms": refuses(False, "has no head without NMS"),
    "augment": changes(True),
    "augment_scales": changes([1, 1.25]),
    "quantize": unchanged(16),  # a CPU computes in 32 bits
    "dnn": unchanged(True),  # it is of ONNX files
    "crops": looks_twice,
    "pixel_scale": of_crops(1.0, "grid", "lsm", "auto"),
    "tile": of_crops(40, "grid", seen=lambda a, b: len(a.crops) > len(b.crops)),
    "overlap": of_crops(0.6, "grid", seen=lambda a, b: len(a.crops) > len(b.crops)),
    "full": of_crops(False, "grid"),
    "k": of_crops(0, "lsm", seen=lambda a, b: len(a.crops) < len(b.crops)),
    "top_k": of_crops(1, "lsm"),
    "prior": of_crops(0.5, "grid", "lsm", "auto"),
    "budget": of_crops(1, "grid", "lsm", "auto", seen=lambda a, b: len(a.crops) < len(b.crops)),
    "merge": of_crops("nms", "grid", "lsm", "auto"),
    "bands": read_as(bands=[3, 2, 1]),
    "stretch": read_as(stretch="minmax"),
    "save_txt": labelled(5),
    "save_conf": labelled(6, save_conf=True),
}
TABLE: dict[str, dict[str, Check]] = {
    "predict": BOTH
    | {
        "data": of_data,
        "source": from_array,
        "uncertainty": uncertain,
        "save": writes("run/*.*"),
        "save_crop": writes("run/crops/*/*"),
        "save_frames": in_frames,
        "show": in_window,
        "show_labels": drawn(True),
        "show_conf": drawn(True),
        "show_boxes": drawn(False),
        "line_width": drawn(4),
        "visualize": refuses(True, "predict does not read visualize="),
        "embed": embedded,
        "vid_stride": strides,
        "workers": refuses(2, "give out=DIR too"),
        "stream_buffer": unchanged(True),  # it is of cameras
        "format": refuses("onnx", "predict writes gpkg or geojson"),  # it is of rasters, see tests/predict
    },
    "val": BOTH
    | {
        "data": without_data,
        "workers": unchanged(2),  # on a CPU pictures are read in this process
        "cache": unchanged("ram"),
        "fraction": report_says(lambda r: r["n_gt"]["all"], fraction=0.5),
        "single_cls": report_says(lambda r: len(r["per_class"]), single_cls=True),
        "split": report_says(lambda r: r["n_gt"]["all"], split="train"),
        "plots": plotted,
        "protocol": report_says(lambda r: r["protocol"], protocol="coco"),
        "worst": on_page,
        "samples": with_intervals,
        "visualize": compared(),
        "show_labels": compared(show_labels=False),
        "show_conf": compared(show_conf=False),
    },
}
CASES = [(mode, name, crops) for mode in TABLE for name, crops in itertools.product(TABLE[mode], CROPS)]


@pytest.mark.parametrize(("mode", "name", "crops"), CASES)
def test_an_option_does_with_crops_what_it_does_without(mode, name, crops, home, tmp_path, monkeypatch):
    case = Case(home, crops, tmp_path, monkeypatch)
    case.before(mode)  # now, so that what a check counts or replaces is of its own runs, whichever check comes first
    TABLE[mode][name](case, mode, name)


@pytest.mark.parametrize("mode", list(TABLE))
def test_every_option_of_the_table_has_a_row_here(mode):
    assert read_by(mode).keys() == TABLE[mode].keys()
