"""AP by the milliseconds of the exported file: our detectors and those that a user could pick instead.

    python benchmarks/frontier.py train data=datasets/hit-uav/data.yaml pretrained=yolov5n.pt to=runs/frontier
    python benchmarks/frontier.py measure data=datasets/hit-uav/data.yaml to=runs/frontier
    python benchmarks/frontier.py page to=runs/frontier plot=docs/frontier.png

`train` takes hours (`hours=40` at most, `only=` some arms); started again it does what is missing. Ours are trained by
`yolotiny train`, theirs by ultralytics' trainer under its defaults, on the same pictures, batch and epochs; the last
epoch counts. There are two starts, in a table each: the tensors of the public YOLOv5n where they fit (20 epochs), and
random weights (60). `measure` scores what is trained at every size that it is used at, under the AI-TOD protocol by our
evaluator, and runs the ONNX files in turn on one thread and on two. `page` prints the tables, and draws them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.frontier_parts import page as pages  # noqa: E402
from benchmarks.frontier_parts.arms import ARMS, STARTS, runs  # noqa: E402
from benchmarks.frontier_parts.measure import measure  # noqa: E402
from benchmarks.frontier_parts.train import train_all  # noqa: E402
from benchmarks.words import read_words  # noqa: E402
from yolotiny.errors import InputError, did_you_mean  # noqa: E402

SHARED = {"data": "", "to": "runs/frontier", "only": ""}
OPTIONS = {
    "train": SHARED
    | {
        "pretrained": "",
        "hours": "40",
        "threads": "1",
        "device": "cpu",
        "workers": "0",
        "cache": "ram",
        "amp": "False",
    },
    "measure": SHARED | {"rounds": "40"},
    "page": {"to": "runs/frontier", "plot": ""},
}


def read_options(words: list[str]) -> tuple[str, dict[str, str]]:
    """The command and its options, each known, and the arms of `only`."""
    name, given = read_words(words, OPTIONS)
    names = [a.name for a in ARMS]
    for arm in filter(None, given.get("only", "").split(",")):
        if arm not in names:
            raise InputError(f"only={arm}: no such arm{did_you_mean(arm, names)}")
    if "data" in given and not Path(given["data"]).is_file():
        raise InputError(f"data={given['data']} does not exist; name the data YAML of HIT-UAV")
    return name, given


def main(words: list[str]) -> int:
    """The exit code: 0, 1 where a training failed, 2 for what cannot be."""
    try:
        name, given = read_options(words)
        to = Path(given["to"]).resolve()
        if name == "train":
            if not Path(given["pretrained"]).is_file():
                raise InputError(f"pretrained={given['pretrained']} does not exist; name the tensors of YOLOv5n")
            given |= {k: str(Path(given[k]).resolve()) for k in ("data", "pretrained")}
            failed = train_all(runs(to, given["only"]), given)
            print("\n".join(f"failed: {f}" for f in failed))
            return int(bool(failed))
        if name == "measure":
            given["data"] = str(Path(given["data"]).resolve())
            trained = [r for r in runs(to, given["only"]) if r.weights.exists()]
            if not trained:
                raise InputError(f"nothing is trained in {to}; `train` does it")
            (to / "frontier.json").write_text(json.dumps(measure(trained, given), indent=1), encoding="utf-8")
            return 0
        return show(to, given["plot"])
    except InputError as error:
        print(error, file=sys.stderr)
        return 2


def show(to: Path, plot: str) -> int:
    """Print a table for each start, and draw the first one's frontier, or all with the start in their names."""
    file = to / "frontier.json"
    if not file.is_file():
        raise InputError(f"{file} does not exist; `measure` writes it")
    rows = json.loads(file.read_text(encoding="utf-8"))
    for start in (s for s in STARTS if any(r["start"] == s for r in rows)):
        found = pages.points(rows, start)
        print(f"### {start}, {STARTS[start]} epochs\n\n{pages.table(found)}\n")
        if plot:
            path = Path(plot)
            pages.plot(found, path.with_stem(f"{path.stem}-{start}"), f"HIT-UAV val, {start} start")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
