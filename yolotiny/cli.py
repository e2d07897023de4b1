"""The command line: `yolotiny COMMAND key=value ...`. An error is one line and exit code 2; `debug=True` shows it all.

Everything heavy is imported inside the command that needs it, so help, version and mistakes answer at once.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from . import cli_help
from .errors import InputError, did_you_mean

HELP = {"-h", "--help", "help"}
# Options that name something: "007" and "2024-01-31" stay as written. A list in brackets is still a list.
TEXT = {"model", "data", "source", "project", "name", "to", "gt", "pred", "out", "format", "protocol", "baseline"}
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# What a wrong file, value or option ends in: our errors, and those that ultralytics, torch and the system raise.
USER_ERRORS = (OSError, LookupError, ValueError, TypeError, RuntimeError, SyntaxError, ImportError, AssertionError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code: 0 done, 2 a mistake of the user, 1 a bug, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        run(argv)
        return 0
    except KeyboardInterrupt as stop:
        print("; ".join(["yolotiny: interrupted", *map(str, stop.args)]), file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if any(a.lower() in ("debug=true", "debug=1") for a in argv):
            traceback.print_exc()
        ours = isinstance(error, USER_ERRORS)
        hint = "" if ours else f" ({type(error).__name__}, debug=True shows where)"
        print(f"yolotiny: error: {one_line(error)}{hint}", file=sys.stderr)
        return 2 if ours else 1


def run(argv: list[str]) -> None:
    """Find the command, check its options, run it."""
    if not argv or argv[0] in HELP:
        print(cli_help.describe(" ".join(argv[1:])) if len(argv) > 1 else cli_help.overview())
        return
    if argv[0] in ("version", "--version", "-V"):
        print(cli_help.versions())
        return
    words = 2 if argv[0] in cli_help.GROUPS and len(argv) > 1 and "=" not in argv[1] else 1
    name, rest = " ".join(argv[:words]), argv[words:]
    if HELP & {*rest, name.removeprefix(f"{argv[0]} ")}:
        print(cli_help.describe(argv[0] if words == 2 and name not in cli_help.COMMANDS else name))
        return
    if name in cli_help.GROUPS:
        seconds = [n for n in cli_help.COMMANDS if n.startswith(f"{name} ")]
        *most, last = (n.partition(" ")[2] for n in seconds)
        known = f"{', '.join(most)} or {last}" if most else last
        raise InputError(f"{name} needs a second word: {known}, as in: {cli_help.COMMANDS[seconds[0]].example}")
    command = cli_help.find_command(name)
    options = parse(rest, name)
    check(name, command, options)
    options.pop("debug", None)
    RUN[name](**options)


def parse(words: Sequence[str], command: str) -> dict[str, Any]:
    """Turn `key=value` words into a dict; raise InputError for any other word and for a key given twice."""
    options: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key.startswith("-"):
            raise InputError(f"options are written key=value without dashes: {key.lstrip('-')}={value or 'VALUE'}")
        if not equals or not key:
            raise InputError(f"expected key=value, got {word!r}, as in: {cli_help.find_command(command).example}")
        if key in options:
            raise InputError(f"option {key!r} is given twice")
        options[key] = parse_value(key, value)
    return options


def parse_value(key: str, text: str) -> Any:
    """Read a value as YAML would; `1e-3` is a number, `None` is nothing, names, dates and odd text stay as written."""
    import yaml

    if text.lower() in ("none", "null", ""):
        return None
    if key in TEXT and not text.startswith("["):
        return text
    if NUMBER.fullmatch(text) and re.search("[.eE]", text):
        return float(text)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if value is None or isinstance(value, date) else value


def check(name: str, command: cli_help.Command, options: dict[str, Any]) -> None:
    """Raise InputError for an option the command does not have, and for a missing one."""
    known = cli_help.known_options(command)
    for key in options:
        if command.sections and key in cli_help.FORMER:
            raise InputError(f"option {key!r} of {name} is written {cli_help.FORMER[key]} now")
        if not command.sections and key not in known and key.partition(".")[0] not in command.settings:
            raise InputError(f"unknown option {key!r} of {name}{did_you_mean(key, known)}")
        if command.sections and key not in known and key in cli_help.ultralytics_options():
            raise InputError(f"{name} makes no use of option {key!r}; yolotiny help {name} lists what it uses")
    if command.sections:
        from .config import split_overrides

        split_overrides(options, known)
    required = list(command.required)
    if name == "train" and options.get("resume"):  # the checkpoint knows its model and data
        required = ["model"] if options["resume"] is True else []
    if name == "val" and not str(options.get("model")).endswith(".pt"):  # only a checkpoint remembers its data
        required.append("data")
    missing = [key for key in required if options.get(key) is None]
    if missing:
        raise InputError(f"{name} needs {' and '.join(f'{key}=...' for key in missing)}, as in: {command.example}")


def one_line(error: BaseException) -> str:
    """Return the informative line of a message, without colours and decoration."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror + (f": {error.filename}" if error.filename else "")
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0]) if " " in str(error.args[0]) else f"{error.args[0]!r} is missing"
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"^(ERROR|WARNING)[^\w/.~'\"]+", "", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if re.search(r"\w", line)] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def _load(model: str) -> Any:
    from . import YOLO

    return YOLO(model)


def train(model: str | None = None, **options: Any) -> None:
    """Train; an interrupted run needs no more than `resume=last.pt`."""
    _load(model or options["resume"]).train(**options)


def val(model: str, **options: Any) -> None:
    """Measure a model; the figures are logged."""
    _load(model).val(**options)


def predict(model: str, **options: Any) -> None:
    """Predict and save; results are dropped one by one, so that a folder of huge pictures fits into memory."""
    loaded = _load(model)
    pictures = sum(1 for _ in loaded.predict(**{"save": True} | options, stream=True))
    unread = loaded.predictor.unread
    if unread and not pictures:
        raise InputError(f"none of the {unread} pictures of {options['source']} can be decoded")
    count = f"{pictures} pictures" + (f", {unread} more cannot be decoded" if unread else "")
    folder = Path(loaded.predictor.save_dir)
    print(f"{count}, results saved to {folder}" if folder.is_dir() else f"{count}, nothing saved")


def export(model: str, **options: Any) -> None:
    """Write the model in another format and print the file."""
    print(_load(model).export(**options))


def info(model: str, imgsz: int = 640) -> None:
    """Show layers, parameters and GFLOPs."""
    _load(model).info(imgsz=imgsz)


def demo(to: str = "runs/demo") -> None:
    """Run the demo; it prints its own summary."""
    from .demo import run

    run(to)


def models() -> None:
    """List the shipped models."""
    from .config import available

    found = available()
    width = max((len(name) for name, _ in found), default=0)
    for name, summary in found:
        print(f"{name:<{width}}  {summary}".rstrip())


def data_demo(**options: Any) -> None:
    """Write the synthetic data set and print its data.yaml."""
    from .data import write_demo

    print(write_demo(**options))


def data_convert(**options: Any) -> None:
    """Convert a data set and print its counts."""
    from .data import convert

    print(convert(**options))


def analyze_gradients(model: str, data: str, baseline: str | None = None, **options: Any) -> None:
    """Print the variance of the localisation gradient, and the ratio to that of a baseline."""
    from .engine.gradients import study

    names = dict.fromkeys([model, *([baseline] if baseline else [])])
    if baseline == model:
        raise InputError("analyze gradients: model and baseline are the same")
    report = study({name: _load(name).model for name in names}, data, **options)
    for name, row in report["models"].items():
        print(f"{name}: variance {row['variance']:.4g} of ln |gradient|, {row['pairs']} pairs, {row['still']} at rest")
    if "ratio" in report:
        print(f"ratio baseline / model: {report['ratio']:.3g}")
    print(f"saved to {options.get('to', 'runs/analyze/gradients')}")


def data_assign(
    model: str,
    data: str,
    to: str = "runs/assign",
    imgsz: int | None = None,
    images: int = 200,
    sizes: Any = (4, 12, 32),
    **changes: Any,
) -> None:
    """Compare a model's assigner with its family's own on training pictures; print the table."""
    from .engine.assign import study

    loaded = _load(model)
    loaded._check_is_pytorch_model()
    imgsz = imgsz or loaded.overrides.get("imgsz", 640)
    sides = sizes if isinstance(sizes, (list, tuple)) else [float(x) for x in str(sizes).split(",")]
    print(study(loaded.model, data, to, imgsz, images, sides, bool(loaded.ckpt), changes))


def evaluate(gt: str, pred: str, protocol: str, out: str | None = None, backend: str | None = None) -> None:
    """Score detections, print the table, and write the report when `out` is given."""
    from . import metrics

    report = metrics.evaluate(gt, pred, protocol=protocol, backend=backend)
    print(metrics.table(report))
    if out is not None:
        Path(out).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


RUN: dict[str, Callable[..., None]] = {
    "train": train,
    "val": val,
    "predict": predict,
    "export": export,
    "info": info,
    "demo": demo,
    "models": models,
    "data demo": data_demo,
    "data convert": data_convert,
    "analyze gradients": analyze_gradients,
    "data assign": data_assign,
    "eval": evaluate,
}
