"""`YOLO`: the class users meet, with ultralytics' methods over our detectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import DEFAULT_CFG_DICT, LOGGER, RANK
from ultralytics.utils.files import increment_path

from . import checkpoint
from ._compat.model import SeamedModel
from .analysis.feature_maps import sheet_after_training
from .analysis.formats import Asked, Benchmark, benchmark
from .analysis.slicing_sweep import Report
from .analysis.slicing_sweep import tune as compare_crops
from .config.exported import ExportedFile
from .config.lookup import file_meant
from .config.option_table import check
from .config.options import (
    PREDICTION,
    RULES,
    SUPPRESSION,
    defaults,
    of_split,
    reading_of,
    rules_of,
    sort_options,
)
from .config.run_files import check_source, find_data, protocol_of, run_root
from .config.slicing import section_of
from .data_file import class_names, find_file
from .detector import Detector
from .errors import InputError
from .export import export
from .metrics import SAMPLES
from .nn.head import family_of
from .ops.class_choice import class_numbers
from .ops.postprocess import check_metric
from .plugins import load as load_plugins
from .predict.predictor import TEXTS, Predictor, is_ours
from .predict.rasters import check_options, fingerprint, predict_rasters
from .predict.sharing import prepare
from .predict.uncertainty import UncertainPredictor
from .rasters.sources import rasters_of
from .report import WORST
from .runtime.sources import usual_batch
from .slicing import SlicedInference
from .track.config import section_to_track, tracker_of
from .track.predictor import TrackPredictor, Tracks
from .train.interrupted import is_complete, resumable
from .train.processes import SharedTrainer
from .train.rendezvous import earlier
from .train.request import TrainingRequest
from .train.run_writes import in_one_line
from .train.stopping import says_how_to_go_on
from .train.trainer import Trainer
from .val.sliced_validator import SlicedValidator
from .val.validator import Validator
from .val.wanted import Wanted

WRITES = ("save", "save_txt", "save_json", "save_crop", "save_frames", "visualize")  # options that leave files


class HookedTrainer(Trainer):
    """The trainer with what happens beside its loop; a process of distributed training finds it here by its name."""

    hooks = (sheet_after_training,)


class YOLO(SeamedModel):
    """A detector to train, validate, predict with and export.

    Args:
        model: a model file of ours or of ultralytics (`"yolotiny-n.yaml"`, `"yolox-nano-p2.yaml"`), a checkpoint
            (`"best.pt"`, or the shipped `"yolotiny-n-hit-uav.pt"`), or an exported model (`"best.onnx"`).
        task: only "detect"; kept for ultralytics' signature.
        verbose: print a summary.
        plugins: files or modules with parts of your own, see `plugins.load`.

    Raises:
        InputError: no such model; the nearest names are given. A plugin that cannot be imported.
    """

    _tracks: Tracks | None = None  # those of the last call of `track`
    exported = ExportedFile()  # what an exported file says of itself

    def __init__(
        self, model: str | Path = "yolotiny-n.yaml", task: str | None = None, verbose: bool = False, plugins: Any = None
    ):
        if plugins is not None:
            load_plugins(plugins)
        super().__init__(file_meant(str(model)), task=task or "detect", verbose=verbose)

    @property
    def task_map(self) -> dict[str, dict[str, Any]]:
        """ultralytics' table of what serves a task."""
        parts = {"model": Detector, "trainer": HookedTrainer, "validator": Validator, "predictor": Predictor}
        return {"detect": parts}

    def build_new(self, cfg: str, task: str | None = None, verbose: bool = False) -> None:
        """Build from a model file."""
        self.cfg, self.task, self.model_name = cfg, "detect", cfg
        self.model = Detector(cfg, verbose=verbose and RANK == -1)
        self.overrides |= {"model": cfg, "task": "detect"}
        self.model.args = {**DEFAULT_CFG_DICT, **self.overrides}

    def open_file(self, weights: str, task: str | None = None) -> None:
        """Open a checkpoint or an exported model."""
        super().open_file(weights, task)
        if self.model_is_module and type(self.model) not in (Detector, DetectionModel):
            raise InputError(f"{weights} holds a {type(self.model).__name__}, which is no detector of boxes")
        self.exported = ExportedFile() if self.model_is_module else ExportedFile.read(str(self.model))
        self.overrides |= self.exported.usual

    @property
    def model_is_module(self) -> bool:
        """True for PyTorch models, False for exported ones."""
        return isinstance(self.model, nn.Module)

    @property
    def configuration(self) -> dict[str, Any]:
        """The model file, or the sections of it that an exported file has."""
        return self.model.yaml if self.model_is_module else self.exported.configuration

    def only_networks(self) -> None:
        """What methods of ultralytics ask that have no place here."""
        self.need_network("this")

    def need_network(self, command: str) -> None:
        """Raise InputError for an exported file, which `command` cannot look into."""
        if not self.model_is_module:
            raise InputError(f"{command} needs a checkpoint or a model file; {self.model_name} is an exported model")

    def save(self, filename: str | Path = "saved_model.pt") -> None:
        """Write the network as it is now, as a checkpoint of plain data in half precision."""
        self.need_network("save")
        checkpoint.write(checkpoint.describe(self.model, self.model.args), Path(filename))

    def load(self, weights: Any) -> YOLO:
        """Take over matching tensors from a file, module or state dict (see `Detector.load`)."""
        self.need_network("load")
        self.model.load(weights)
        self.predictor = None  # its network is a copy with the weights from before
        self.overrides["pretrained"] = weights if isinstance(weights, (str, Path)) else True
        return self

    @property
    def has_weights(self) -> bool:
        """True once a checkpoint was opened or weights were loaded."""
        return bool(self.ckpt or self.overrides.get("pretrained"))

    @property
    def own_head(self) -> bool:
        """True for a detector of ours, False for one that ends in a head of ultralytics, and for exported models."""
        return self.model_is_module and bool(family_of(self.model.model[-1]))

    def warn_untrained(self) -> None:
        """Log that a network without trained weights detects nothing, where this is one."""
        if self.model_is_module and not self.has_weights:
            LOGGER.warning(f"{self.model_name} is untrained: its detections mean nothing; give a checkpoint")

    def train(self, **options: Any) -> Any:
        """Train; options as in ultralytics, dotted ones for the model (`loss.box.weight=2`), and `recipe=FILE`.

        A model file names a recipe in `cfg/train`: its values stand where the user gives none. `recipe=none` switches
        it off.

        Returns:
            ultralytics' metrics of the best checkpoint.
        """
        self.need_network("train")
        if not isinstance(self.model, Detector):
            file = str(self.ckpt_path)
            raise InputError(f"{file} was made by ultralytics; train with YOLO('yolo11n.yaml').load({file!r})")
        plain, changes = sort_options("train", options, self.own_head)
        if (last := earlier(SharedTrainer.begun)) is not None:
            return gone_on(self, last, plain)
        if plain.get("resume"):
            return resumed(self, plain.pop("resume"), plain, changes)
        request = TrainingRequest.of(self, plain, changes)
        self.trainer = HookedTrainer(overrides=request.args, _callbacks=self.callbacks)
        with self.trainer.or_nothing():  # what the model cannot do is told before the data are scanned
            self.trainer.model = self.trainer.get_model(cfg=request.cfg, weights=request.weights)
            check_metric(request.cfg.get("eval") or {}, self.trainer.model.model[-1])
            if self.own_head:
                self.trainer.model.init_criterion()
        tell_beginning("asked for", {"model": self.model_name} | plain | changes, self.trainer.save_dir)
        return self._run_trainer()

    def tune(self, *args: Any, **options: Any) -> Any:
        """Not offered: ultralytics' search starts a trainer of its own."""
        raise InputError("tune is not part of yolotiny; compare settings as arms: yolotiny study run file=FILE.yaml")

    def benchmark(self, data: str, to: str | Path = "runs/benchmark", **options: Any) -> Benchmark:
        """Megabytes, milliseconds and AP by size of every format beside the checkpoint's; `options` as in `Asked`."""
        return benchmark(self, to, Asked(data, **options))

    def tune_crops(self, data: str, to: str | Path | None = None, **options: Any) -> Report:
        """Find the cheapest crops of nearly the best AP; `options` and errors as of `analysis.slicing_sweep.tune`.

        What it finds is in `to`, by default runs/tune-crops, numbered where that exists.
        """
        self.warn_untrained()
        return compare_crops(self, data, to or increment_path("runs/tune-crops"), **options)

    def _run_trainer(self) -> Any:
        """Train, then stand on the best checkpoint."""
        with says_how_to_go_on(self.trainer), in_one_line(self.trainer, self.trainer.so_far):
            self.trainer.train()
        if RANK in {-1, 0}:
            kept = self.trainer.best if self.trainer.best.exists() else self.trainer.last
            self.open_file(str(kept))
            self.metrics = getattr(self.trainer.validator, "metrics", None)
            self.predictor = None
        return self.metrics

    def val(self, validator: Any = None, **options: Any) -> Any:
        """Validate; `metrics.report` holds the figures of the tiny-object protocol."""
        runner = validator_for(self, validator, options)
        with in_one_line(runner), self.exported.in_one_line():
            runner(model=self.model)
        self.metrics = runner.metrics
        self.metrics.report = runner.report
        return self.metrics

    def sliced_by(self, changes: dict[str, Any], read: Any = section_of) -> SlicedInference | None:
        """What the model file says about crops, with `changes` to it, as `read` has it; None without crops."""
        cfg = self.configuration
        where = cfg.get("yaml_file") or self.model_name
        changes = {k: v for k, v in changes.items() if k.partition(".")[0] == "infer"}
        section = read(cfg.get("infer"), changes, where)
        sliced = None if section is None else SlicedInference.from_config(section, where)
        if sliced is not None and sliced.needs_heatmap:
            self.exported.tell_of_boxes()
        return sliced

    def predict(self, source: Any = None, stream: bool = False, predictor: Any = None, **options: Any) -> Any:
        """Predict on pictures, folders, videos or arrays; gives ultralytics `Results`.

        With `uncertainty=True`, a detector of distributions (`-ugs`) says of each box how far it may be off, see
        `UncertainResults`; where pictures are saved, uncertainty.json is too. A raster, see `rasters_of`, gives a
        `RasterResult`, and its vector file is written.
        """
        return predicted(self, source, stream, options, predictor)

    def track(self, source: Any = None, stream: bool = False, persist: bool = False, **options: Any) -> Any:
        """Predict, and follow objects from frame to frame: `boxes.id` of the `Results` says which is which.

        Args:
            source: a video, a stream, a folder of pictures in the order of their names, or arrays.
            stream: give results one by one.
            persist: tracks go on from the last call, and from one video to the next.
            options: those of `predict`, with `conf` 0.1; `tracker`, and its settings by dotted name.
        """
        check("track", {"persist": persist})
        settings, rest = tracker_of(options)
        self._tracks = self._tracks if persist and self._tracks else Tracks()
        told = {"settings": settings, "persist": persist, "tracks": self._tracks}
        return predictor_for(self, TrackPredictor, told, source, {"conf": 0.1} | rest)(source=source, stream=stream)

    def rules_by(self, changes: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """Rules of evaluation by name: those of the model's configuration, under those given now; checked."""
        head = self.model.model[-1] if self.model_is_module else None
        return rules_of(self.configuration.get("eval") or {}, changes, names, head)

    def export(self, **options: Any) -> str:
        """Export; `format` as in ultralytics (onnx, torchscript, openvino, engine, ...). Returns the file or folder."""
        self.need_network("export")
        plain, _ = sort_options("export", options, self.own_head)
        self.warn_untrained()
        return export(self.model, of_split(plain), self.callbacks["on_export_start"], super().export)


def resumed(owner: YOLO, resume: Any, options: dict[str, Any], changes: dict[str, Any]) -> Any:
    """Go on with an interrupted run, that of the owner's checkpoint where `resume` names none; see `YOLO.train`."""
    resume = resume if isinstance(resume, (str, Path)) else owner.ckpt_path
    path = resumable(resume, owner.model_name, options, changes)
    args = options | {"model": path, "resume": path, "mode": "train", "task": "detect"}
    owner.trainer = HookedTrainer(overrides=args, _callbacks=owner.callbacks)
    tell_beginning("goes on", {"resume": path} | options, owner.trainer.save_dir)
    return owner._run_trainer()


def gone_on(owner: YOLO, last: Path, options: dict[str, Any]) -> Any:
    """Go on with the run that torchrun has started this process anew for; one that is complete is not done again."""
    if not is_complete(checkpoint.read(last)):
        return resumed(owner, last, {k: options[k] for k in ("device", "workers") if k in options}, {})
    SharedTrainer.begun += 1
    LOGGER.info(f"the run of {last} is complete")
    best = last.with_name("best.pt")
    owner.open_file(str(best if best.exists() else last))
    return None


def tell_beginning(how: str, options: dict[str, Any], folder: Path) -> None:
    """Say once what a training was asked for, and where it leaves what it finds."""
    if RANK in {-1, 0}:
        asked = ", ".join(f"{k}={v}" for k, v in options.items())
        LOGGER.info(f"{how}: {asked}; run: {folder}, args.yaml there has every option")


def validator_for(owner: YOLO, kind: Any, options: dict[str, Any]) -> Any:
    """The validator of one call of `val`, told all that it has to know.

    Args:
        owner: of the model.
        kind: the user's own class, or None.
        options: of the call.
    """
    plain, changes = sort_options("val", options, owner.own_head)
    owner.exported.check_size(plain.get("imgsz"))
    plain = of_split(plain)
    worst, samples, scales = plain.pop("worst", WORST), plain.pop("samples", SAMPLES), scales_of(plain, owner)
    rules, sliced, reading = owner.rules_by(changes, RULES), owner.sliced_by(changes), reading_of(changes)
    owner.warn_untrained()
    if not (data := plain.get("data") or owner.overrides.get("data")):
        raise InputError("val needs data=FILE.yaml")
    plain["data"] = find_data(data, plain.get("split") or "val")
    if "classes" in plain:
        plain["classes"] = class_numbers(plain["classes"], class_names(Path(plain["data"])), str(plain["data"]))
    plain["project"] = run_root(plain.get("project"), "val")
    args = {**owner.overrides, "rect": True, **defaults(rules), **plain, "mode": "val"}
    runner = (kind or (Validator if sliced is None else SlicedValidator))(args=args, _callbacks=owner.callbacks)
    runner.rules(rules, protocol_of(args["data"]))
    runner.wanted = Wanted(reading, plain.get("workers"), worst, samples, owner.exported)
    runner.scales = scales
    if isinstance(runner, SlicedValidator):
        runner.sliced = sliced
    return runner


def predictor_for(owner: YOLO, kind: Any, told: dict[str, Any], source: Any, options: Any, own: Any = None) -> Any:
    """A predictor of `kind` (which is `told` something besides), or of the user's `own` class, for one call.

    Each call has one for itself, so calls of several threads, and those inside an open stream, do not meet.
    """
    mode = "track" if kind is TrackPredictor else "predict"
    check_source(mode, source)
    plain, changes = sort_options(mode, options, owner.own_head)
    plain.pop("uncertainty", None)
    scales = scales_of(plain, owner)
    if plain.get("embed") is not None:
        plain["embed"] = _layers(owner, plain["embed"])
    owner.exported.check_size(plain.get("imgsz"))
    if kind is UncertainPredictor:
        UncertainPredictor.check(owner.model)
    sliced = owner.sliced_by(changes, section_to_track if mode == "track" else section_of)
    if sliced is not None and kind is UncertainPredictor:
        raise InputError("uncertainty=True is of one pass over a picture; leave it out, or write crops=none")
    if sliced is not None and plain.get("embed") is not None and any(k.startswith("infer.") for k in changes):
        raise InputError("embed= gives features of the whole picture: leave crops= and its settings out")
    rules = owner.rules_by(changes, SUPPRESSION)
    names = class_names(find_file(plain["data"])) if plain.get("data") else None
    texts = {k: plain[k] for k in TEXTS if k in plain}
    told = {"suppression": rules, "sliced": sliced, "texts": texts, "exported": owner.exported} | told
    told |= {"names": names, "pictures": reading_of(changes)}
    owner.warn_untrained()
    plain |= {"project": run_root(plain.get("project"), mode, any(map(plain.get, WRITES))), "mode": mode}
    args = owner.overrides | PREDICTION | {"batch": usual_batch(source)} | TEXTS | defaults(rules) | plain
    kind = own or kind
    if not is_ours(kind) and "classes" in plain and owner.model_is_module:  # it knows numbers only
        args["classes"] = class_numbers(plain["classes"], owner.model.names, "the model")
    made = prepare(kind(overrides=args, _callbacks=owner.callbacks, **told if is_ours(kind) else {}), owner)
    made.args.augment = scales or made.args.augment
    return made


def scales_of(plain: dict[str, Any], owner: YOLO) -> tuple[float, ...]:
    """Take `augment_scales` out of a user's options -> the sizes, 1 first; () where there are none.

    Raises:
        InputError: an exported file, a head of ultralytics, augment=False beside them.
    """
    scales = plain.pop("augment_scales", None)
    if scales is None:
        return ()
    owner.need_network("augment_scales=")
    if not owner.own_head:
        raise InputError("augment_scales= is read by heads of this package; one of ultralytics has sizes of its own")
    if plain.get("augment") is False:
        raise InputError("augment_scales= is read with augment=True: leave augment=False out")
    return tuple(sorted(map(float, scales), key=lambda s: s != 1))


def predicted(owner: YOLO, source: Any, stream: bool, options: dict[str, Any], own: Any = None) -> Any:
    """Results of a prediction, by the user's `own` class of predictors where there is one; see `YOLO.predict`."""
    check("predict", options)
    rasters = rasters_of(source, options.get("format"))
    if not rasters:
        kind = UncertainPredictor if options.get("uncertainty") else Predictor
        return predictor_for(owner, kind, {}, source, options, own)(source=source, stream=stream)
    check_options(options)
    if own is not None and not is_ours(own):
        raise InputError("a raster is looked at by a class of predictors that is made from yolotiny's Predictor")
    predictor = predictor_for(owner, Predictor, {}, rasters, options, own)
    results = predict_rasters(predictor, rasters, options, fingerprint(owner.model))
    return results if stream else list(results)


def _layers(owner: YOLO, asked: int | Sequence[int]) -> list[int]:
    """The numbers of layers that `embed=` asks for, counted from the end where below 0."""
    owner.need_network("embed=")
    count = len(owner.model.model)
    numbers = [int(n) for n in (asked if isinstance(asked, (list, tuple)) else [asked])]
    if wrong := [n for n in numbers if not -count <= n < count]:
        raise InputError(f"embed={wrong[0]}: {owner.model_name} has layers 0 to {count - 1}")
    return sorted({n % count for n in numbers})
