"""Which crops are worth their time: many settings on the same pictures with one loaded model, picture by picture."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ultralytics.cfg import get_cfg
from ultralytics.utils import TQDM, ops

from ..config.options import SUPPRESSION, defaults
from ..config.run_files import find_data, protocol_of
from ..data_file import read_data_file
from ..errors import InputError, number, whole
from ..loaders.build import build_dataset
from ..loaders.dataset import TinyDataset
from ..loaders.trained import reader_for, reading_given
from ..metrics import MOST_SAMPLES, PROTOCOLS, SAMPLES, GroundTruth, Picture, evaluate_scene, from_arrays
from ..metrics.coverage import share_of
from ..predict.predictor import Predictor
from ..predict.results import SlicedResults
from ..predict.sharing import prepare
from ..training_stats import TrainingStats
from ..val.ground_truth import ground_truth
from ..val.validator import MIN_SIDE_PX, Validator, told_of
from .sweep_grid import Setting, make_settings, usual_sizes
from .sweep_report import Report, Row

CONF = 0.001  # least score, as in validation
STRIDE_PX = 32  # sides of an input are multiples of it
SAVE_EVERY_SECONDS = 60.0  # so that a run that is killed leaves something


class Measured(Predictor):
    """Keeps what validation keeps, and leaves its warnings about caps to validation."""

    multi_label = True
    warns = False


class Candidate:
    """One setting at work: predicts, takes the time, and keeps what it found.

    Args:
        setting: the setting.
        predictor: made for it, on the network that all settings share.
    """

    def __init__(self, setting: Setting, predictor: Measured):
        self.setting, self.predictor = setting, predictor
        self.images: list[tuple] = []
        self.pictures: list[Picture] = []
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self.areas: list[float] = []

    def see(self, picture: np.ndarray, known: GroundTruth) -> None:
        """Predict on a picture; decoding it is not in the time, what is done with its pixels is.

        Args:
            picture: (H, W, C), 0..255, as read.
            known: what is to be found in it.
        """
        p = self.predictor
        p.batch, busy = ([known.picture.file], [picture], [""]), time.process_time()
        with torch.inference_mode(), ops.Profile(device=p.device) as clock:
            shown = p.preprocess([picture])
            (found,) = p.postprocess(p.inference(shown), shown, [picture])
        self.cpu.append(time.process_time() - busy)
        rows = found.boxes.data.float().cpu()
        rows = rows[((rows[:, 2:4] - rows[:, :2]) >= MIN_SIDE_PX).all(1)]  # as validation leaves them out
        self.images.append(known.beside(rows[:, :4], rows[:, 4], rows[:, 5]))
        self.pictures.append(known.picture)
        self.seconds.append(clock.dt)
        crops = found.crops if isinstance(found, SlicedResults) else torch.zeros(0, 4)
        self.areas.append(share_of(crops.numpy(), picture.shape[:2]))

    def forget(self) -> None:
        """Start anew, as after a picture that was only for warming up."""
        for kept in (self.images, self.pictures, self.seconds, self.cpu, self.areas):
            kept.clear()
        if self.predictor.sliced is not None:
            p = self.predictor
            p.sliced.start(TrainingStats.of(p.model), warns=False, suppress=p.nms_config.suppression)

    def row(self, pictures: int, names: Any, protocol: str, samples: int) -> Row:
        """What the first so many pictures say of this setting; `samples` of 0 without an interval."""
        made = from_arrays(self.images[:pictures], names, self.pictures[:pictures])
        report = evaluate_scene(lambda: made, protocol, samples=samples).report
        figures = {k: 100 * (report.get(k) or 0.0) for k in told_of(protocol)}
        sliced = self.predictor.sliced
        forwards = 1.0 if sliced is None else sliced.full + sliced.stats.forwards / max(sliced.stats.images, 1)
        means = [float(np.mean(x[:pictures])) for x in (self.seconds, self.cpu, self.areas)]
        return Row(self.setting, figures, forwards, *means, report.get("intervals"))


def tune(
    model: Any,
    data: str,
    to: str | Path,
    within: float = 0.5,
    protocol: str | None = None,
    split: str = "val",
    limit: int = 100,
    minutes: float = 30.0,
    device: Any = None,
    bands: Any = None,
    stretch: Any = "",
    samples: int = SAMPLES,
    **given: Any,
) -> Report:
    """Compare settings of crops, and find the cheapest whose AP lies near that of the best.

    Every picture is decoded once and goes through all settings in turn, so a load of the machine that comes and goes
    falls on all of them. The first picture is looked at once more before, which is not counted.

    Args:
        model: a `YOLO`.
        data: the data YAML.
        to: folder for `tune.json`, `tune.csv` and `tune.png`, written at the end and every minute.
        within: points of AP below the best that are given for speed.
        protocol: how detections are scored; by default as in val.
        split: of the data.
        limit: pictures at most, evenly chosen.
        minutes: after this time what was measured has to do.
        device: as in predict.
        bands: as in predict; None for those of the training.
        stretch: as in predict; "" for that of the training.
        samples: drawn data sets for the intervals of AP at the end; 0 for none.
        given: lists of `imgsz`, `crops` and settings of crops, see `make_settings`.

    Raises:
        InputError: an option that makes no sense, or data or classes that do not fit.
        KeyboardInterrupt: passed on, after what was measured is written.
    """
    number(within, "within")
    whole(limit, "limit", 1)
    whole(samples, "samples", 0, MOST_SAMPLES)
    number(minutes, "minutes", ends="(]")
    rules = model.rules_by({}, ("protocol", *SUPPRESSION))
    file = find_data(data, split)
    protocol = protocol or rules.pop("protocol", None) or protocol_of(file) or "aitod"
    PROTOCOLS.find(protocol)
    rules.pop("protocol", None)
    args = get_cfg(overrides={"task": "detect", "mode": "val", "data": file, "split": split, **defaults(rules)})
    content = read_data_file(Path(file)).as_ultralytics()
    source = model.model if model.model_is_module else model.ckpt_path or model.model_name
    reader = reader_for(source, reading_given(bands, stretch), content["channels"])
    dataset = build_dataset(args, content[split], content, "val", 1, STRIDE_PX, rect=False, reader=reader)
    Validator.check_max_det(args, {split: dataset})
    settings = make_settings(given, _sizes(model, dataset))
    # a wrong setting is told before anything is loaded
    sliced = [model.sliced_by(setting.changes) for setting in settings]
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(limit, len(dataset))).round().astype(int))
    told = {"suppression": rules, "names": content["names"]}
    shared = {"iou": args.iou, "max_det": args.max_det, "device": device, "data": file}
    candidates = [_candidate(model, *each, shared, told) for each in zip(settings, sliced, strict=True)]
    report = Report(Path(to), str(model.ckpt_path or model.model_name), file, protocol, within, len(chosen))
    Sweep(candidates, dataset, content["names"], report, samples).run(chosen, 60 * minutes)
    return report


@dataclass(frozen=True)
class Sweep:
    """All settings on the pictures of a data set, one picture after the other.

    Attributes:
        candidates: the settings at work.
        dataset: the pictures and their labels.
        names: class names by label.
        report: gets a row for each setting, and is written.
        samples: drawn data sets for the intervals of the last report.
    """

    candidates: Sequence[Candidate]
    dataset: TinyDataset
    names: Mapping[int, str]
    report: Report
    samples: int = 0

    def run(self, chosen: np.ndarray, seconds: float) -> None:
        """Go through the pictures numbered `chosen`, (n,), until `seconds` are over, and write the report.

        Raises:
            KeyboardInterrupt: passed on; what was measured is written, if all settings saw a picture.
        """
        start = saved = time.monotonic()
        try:
            for done, i in enumerate(TQDM(chosen, desc="tune-crops", unit="picture")):
                if done and time.monotonic() - start > seconds:
                    break
                self._look_at(int(i), warm=not done)
                if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                    self._write(done + 1)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            if not self.pictures:
                raise
            self._write(self.pictures, self.samples)
            said = f"{self.pictures} of {len(chosen)} pictures are in {self.report.folder}"
            raise KeyboardInterrupt(said) from None
        self._write(self.pictures, self.samples)

    @property
    def pictures(self) -> int:
        """How many pictures all settings have seen."""
        return min(len(c.seconds) for c in self.candidates)

    def _write(self, pictures: int, samples: int = 0) -> None:
        self.report.rows = [c.row(pictures, self.names, self.report.protocol, samples) for c in self.candidates]
        self.report.pictures = pictures
        self.report.write()

    def _look_at(self, i: int, warm: bool) -> None:
        """All settings on picture `i`; with `warm` once more before, uncounted."""
        known = ground_truth(self.dataset, i)
        image = self.dataset.reader.read(known.picture.file)
        for c in self.candidates:
            if warm:
                c.see(image, known)
                c.forget()
            c.see(image, known)


def _sizes(model: Any, dataset: TinyDataset) -> list[int]:
    """Input sizes to try: of the training, its multiples, and that at which objects look as in training."""
    cfg = model.configuration
    trained = model.overrides.get("imgsz") or 640
    trained = int(max(trained) if isinstance(trained, (list, tuple)) else trained)
    longest = max(max(size) for size in dataset.sizes.values())
    training, sides = TrainingStats.of_config(cfg), []
    for label in dataset.labels:
        h, w = dataset.sizes[label["im_file"]]
        sides.append(np.sqrt(label["bboxes"][:, 2] * w * label["bboxes"][:, 3] * h))
    mean = float(np.concatenate(sides).mean()) if any(map(len, sides)) else 0.0
    wanted = training.tile_object_size
    scale = wanted / mean if wanted and mean else training.pixel_scale  # as crops are shown
    return usual_sizes(trained, longest, longest * scale if scale else None)


def _candidate(
    model: Any, setting: Setting, sliced: Any, shared: Mapping[str, Any], told: Mapping[str, Any]
) -> Candidate:
    """A predictor for a setting, on the network that all share.

    Args:
        model: a `YOLO`.
        setting: the setting; `sliced`: its `SlicedInference`, or None.
        shared: options of all settings.
        told: how boxes are suppressed, and the names of the data's classes.
    """
    options = {"task": "detect", "mode": "predict", "model": str(model.ckpt_path or model.model_name)}
    options |= {"imgsz": setting.imgsz, "conf": CONF, "save": False, "verbose": False, "rect": True, "batch": 1}
    p = Measured(overrides=options | dict(shared), sliced=sliced, **told)
    prepare(p, model)
    p.setup_source(["nothing.png"])  # for the input size alone: the data set reads the pictures
    if list(p.imgsz) != [-(-setting.imgsz // STRIDE_PX) * STRIDE_PX] * 2:
        fixed = "x".join(map(str, p.imgsz))
        raise InputError(f"the exported model takes {fixed} only: give imgsz={max(p.imgsz)}, or export dynamic=True")
    return Candidate(setting, p)
