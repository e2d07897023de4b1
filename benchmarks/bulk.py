"""Pictures a second of prediction over many pictures: one process, the local engine, Ray; and memory over time.

    python benchmarks/bulk.py model=best.pt pictures=5000 memory=20000 to=runs/bulk

`pictures` small pictures are made (64 px), and looked at by `predict` in one process, by out= with one and two local
workers, and by Ray with two. What an engine costs is measured with a look that finds nothing, which leaves the engine
alone. `memory` pictures go through one local worker, whose resident memory is noted at every tenth of the way.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from yolotiny.bulk.look import OpenModel
from yolotiny.bulk.plan import Plan
from yolotiny.bulk.run import predict
from yolotiny.bulk.shard import Found
from yolotiny.bulk.storage import Store
from yolotiny.bulk.work import Engine, work

USUAL = {"model": "best.pt", "pictures": 5000, "memory": 20000, "imgsz": 64, "to": "runs/bulk"}


class Nothing:
    """A look that finds nothing, at once."""

    def __call__(self, pictures: Sequence[str]) -> Iterator[Found]:
        return (Found(picture, (64, 64)) for picture in pictures)


def load_nothing(number: int) -> Nothing:
    """What workers are given where the engine alone is measured."""
    return Nothing()


class Watched(OpenModel):
    """A model whose worker notes its memory."""

    def __init__(self, log: Path, *words: Any):
        super().__init__(*words)
        self.log = log

    def __call__(self, number: int) -> Any:
        look, log = super().__call__(number), self.log

        def watched(pictures: Sequence[str]) -> Iterator[Found]:
            yield from look(pictures)
            with log.open("a") as file:
                file.write(f"{len(pictures)} {resident(os.getpid()):.1f}\n")

        return watched


def resident(process: int) -> float:
    """MiB of memory of a process (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def make(folder: Path, count: int) -> list[str]:
    """Write pictures of soft patches, those that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    files = [folder / f"{i:06d}.png" for i in range(count)]
    for file in files:
        patches = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        if not file.exists():
            cv2.imwrite(str(file), cv2.resize(patches, (64, 64), interpolation=cv2.INTER_CUBIC))
    return [str(file.absolute()) for file in files]


def one_process(options: dict[str, Any], pictures: list[str]) -> float:
    """Seconds of plain predict, after a first picture that loads all there is to load."""
    from yolotiny import YOLO

    model, words = YOLO(options["model"]), {"imgsz": options["imgsz"], "verbose": False, "save": False}
    list(model.predict(pictures[:1], stream=True, **words))
    start = time.perf_counter()
    for _ in model.predict(pictures, stream=True, **words):
        pass
    return time.perf_counter() - start


def timed(run: Any) -> dict[str, float]:
    """Seconds from the call and from the first shard that was done to the end, and the pictures of each."""
    begun, seen = time.perf_counter(), []

    def note(what: str, done: int, total: int) -> None:
        seen.append((time.perf_counter(), done))

    run(note)
    whole = time.perf_counter() - begun
    (first, before), (last, after) = seen[0], seen[-1]
    return {"seconds": round(whole, 2), "per_second": round((after - before) / (last - first), 1)}


def engines(options: dict[str, Any], pictures: list[str], to: Path) -> dict[str, Any]:
    """Each engine over the same pictures: with the model, and with a look that finds nothing."""
    seconds = one_process(options, pictures)
    out: dict[str, Any] = {
        "one process": {"seconds": round(seconds, 2), "per_second": round(len(pictures) / seconds, 1)}
    }
    print(json.dumps(out), flush=True)
    words = {"model": options["model"], "source": pictures, "imgsz": options["imgsz"]}
    for kind, workers in (("local", 1), ("local", 2), ("ray", 2)):
        name = f"{kind} {workers}"
        folder = {"out": to / name.replace(" ", "-"), "engine": kind, "workers": workers}
        found = timed(lambda note: predict(**words, **folder, progress=note))  # noqa: B023
        plan = Plan.begin(Store(str(to / f"nothing-{kind}-{workers}")), {"job": "nothing"}, pictures)
        start = timed(lambda note: work(plan, load_nothing, Engine(kind, workers), note))  # noqa: B023
        out[name] = found | {"overhead_us": round(1e6 / start["per_second"], 1), "start_s": round(start["seconds"], 1)}
        print(json.dumps({name: out[name]}), flush=True)
    return out


def memory(options: dict[str, Any], pictures: list[str], to: Path) -> list[dict[str, float]]:
    """MiB of a worker and of its driver at every tenth of the way."""
    log, driver = to / "memory.log", []
    plan = Plan.begin(Store(str(to / "memory")), {"job": "memory"}, pictures)
    load = Watched(log, os.path.abspath(options["model"]), {"imgsz": options["imgsz"]}, ["cpu"], {})
    work(plan, load, Engine(workers=1), lambda *said: driver.append(resident(os.getpid())))
    rows, done, out = [line.split() for line in log.read_text().splitlines()], 0, []
    for i, (count, mib) in enumerate(rows):
        done += int(count)
        if i % max(len(rows) // 10, 1) == 0 or i == len(rows) - 1:
            out.append({"pictures": done, "worker_mib": float(mib), "driver_mib": round(driver[i], 1)})
    return out


def main(words: list[str]) -> None:
    """Measure, print, and write bulk.json."""
    options: dict[str, Any] = USUAL | dict(word.split("=", 1) for word in words)
    options = {k: type(USUAL[k])(v) for k, v in options.items()}
    to = Path(options["to"])
    pictures = make(to / "pictures", max(options["pictures"], options["memory"]))
    for old in to.iterdir():
        if old.name != "pictures":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    found: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "options": options}
    found |= {"engines": engines(options, pictures[: options["pictures"]], to)}
    found |= {"memory": memory(options, pictures[: options["memory"]], to)}
    (to / "bulk.json").write_text(json.dumps(found, indent=2))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    import bulk  # this file as a module, by which other processes find what is in it

    bulk.main(sys.argv[1:])
