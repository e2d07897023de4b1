"""The page of `benchmarks/frontier.py` from made rows, what is trained next, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import frontier
from benchmarks.frontier_parts import page, train
from benchmarks.frontier_parts.arms import ARMS, runs
from benchmarks.frontier_parts.measure import shape


def row(arm: str, shown: int, ms: float, ap: float, seed: int = 0) -> dict:
    found = {"arm": arm, "start": "coco", "seed": seed, "trained": 320, "shown": shown, "ms1": ms, "ms2": ms / 2}
    return found | dict.fromkeys(page.SHOWN, ap) | {"spread1": 0.1, "eager": 3 * ms, "memory": 90.0}


ROWS = [row("ultralytics yolov5n", 320, 10, 30), row("a", 320, 5, 29), row("a", 320, 5, 33, 1), row("b", 320, 8, 30)]


def test_a_point_is_a_mean_over_seeds_and_the_frontier_is_what_no_faster_one_beats():
    found = page.points(ROWS, "coco")
    assert [(p["arm"], p["time"], p["AP"], p["n"]) for p in found] == [
        ("a", 0.5, 31, 2),
        ("b", 0.8, 30, 1),
        ("ultralytics yolov5n", 1.0, 30, 1),
    ]
    assert [p["arm"] for p in page.best(found)] == ["a"]
    text = page.table(found)
    assert "**31.0 (29.0-33.0)**" in text and "| 1 | 30.0 |" in text


def test_the_page_is_printed_and_drawn_from_the_file_of_measurements(tmp_path, capsys):
    (tmp_path / "frontier.json").write_text(json.dumps(ROWS))
    assert frontier.main(["page", f"to={tmp_path}", f"plot={tmp_path / 'frontier.png'}"]) == 0
    assert "### coco, 20 epochs" in capsys.readouterr().out and (tmp_path / "frontier-coco.png").stat().st_size > 9000


def test_what_is_trained_is_not_trained_again_and_what_was_cut_goes_on(tmp_path, monkeypatch):
    given = frontier.OPTIONS["train"] | {"data": "d.yaml", "pretrained": "w.pt"}
    todo = runs(tmp_path, "yolotiny-n trained at 288,ultralytics yolov5n")
    assert [(r.start, r.seed) for r in todo] == [("coco", 0), ("coco", 0), ("random", 0), ("coco", 1), ("random", 1)]
    ours, theirs = todo[:2]
    assert ours.folder == tmp_path / "coco" / "yolotiny-n-trained-at-288-0"
    assert "pretrained=w.pt" in train.command(ours, given) and "baseline.py" in train.command(theirs, given)[1]
    assert not any("pretrained" in word for word in train.command(todo[2], given))
    for run in todo[2:]:
        run.folder.mkdir(parents=True)
        run.done.write_text("{}")
    ours.weights.parent.mkdir(parents=True)
    ours.weights.touch()
    assert train.command(ours, given)[-1] == f"resume={ours.weights}"
    seen = []
    monkeypatch.setattr(train, "train", lambda run, given: seen.append(run) or True)
    assert train.train_all(todo, given) == [] and seen == [ours, theirs]


def test_sizes_are_those_of_the_pictures_in_strides():
    assert [shape(s) for s in (288, 320, 416, 640)] == [(256, 288), (256, 320), (352, 416), (512, 640)]
    assert len({a.name for a in ARMS}) == len(ARMS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "unknown command ''"),
        (["train", "data=none.yaml"], "data=none.yaml does not exist"),
        (["page", "hours=3"], "unknown option 'hours' of page"),
        (["measure", "only=yolotiny"], "only=yolotiny: no such arm; did you mean 'yolotiny-s'"),
    ],
)
def test_what_cannot_be_is_one_line(words, said, capsys):
    assert frontier.main(words) == 2
    assert said in capsys.readouterr().err
