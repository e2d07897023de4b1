"""What the commands do, one function each; `cli_table.COMMANDS` says what they take.

Everything heavy is imported inside the command that needs it, so help, version and mistakes answer at once.
"""

from __future__ import annotations

from collections.abc import Callable

from . import analyze, bulk, data, evaluation, models, study

# A command gives nothing, or an exit code.
RUN: dict[str, Callable[..., int | None]] = {
    "train": models.train,
    "val": models.val,
    "predict": models.predict,
    "track": models.track,
    "results": bulk.results,
    "tune-crops": analyze.tune_crops,
    "export": models.export,
    "benchmark": analyze.benchmark,
    "info": models.info,
    "demo": models.demo,
    "models": models.models,
    "models get": models.get,
    "data demo": data.demo,
    "data convert": data.convert,
    "data split": data.split,
    "data export": data.export,
    "data suggest": data.suggest,
    "data stats": data.stats,
    "data check": data.check,
    "data assign": data.assign,
    "analyze maps": analyze.maps,
    "analyze gradients": analyze.gradients,
    "eval": evaluation.evaluate,
    "eval compare": evaluation.compare,
    "study run": study.run,
    "study table": study.table,
    "study plot": study.plot,
}
