"""Plugins: what a user may name, what comes of it, and how each mistake is one line."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.messages import assert_says
from tests.plugging import forget_plugins, write_examples
from tests.tiny_data import ROOT
from yolotiny import graph, plugins
from yolotiny.cli import main as cli
from yolotiny.config import load as config
from yolotiny.data.augment import AUGMENTATIONS, Sample, augment, build_steps
from yolotiny.errors import InputError
from yolotiny.loaders.augmenting import OwnAugmentations
from yolotiny.losses import BOX_LOSSES, SIMILARITIES
from yolotiny.registry import build

LOSS = """
from yolotiny.plugins import register
class Mine:
    def __init__(self, weight=1.0, c=2.0):
        self.weight, self.c = weight, c
register("loss", "mine", Mine)
"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    """An empty folder to stand in, and no plugin before and after."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget_plugins()


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def says(capsys, *words: str) -> str:
    """The one line on stderr of a command that fails with exit code 2."""
    assert cli.main([*words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("yolotiny: error: ")


def test_a_registered_name_is_built_as_ours_are_and_forgotten_ones_are_not(room):
    plugins.load(write("my_parts.py", LOSS))
    assert build({"type": "mine", "c": 3.0}, BOX_LOSSES).c == 3.0
    assert SIMILARITIES["mine"] is BOX_LOSSES["mine"]  # losses that reshape another find it too
    forget_plugins()
    assert "mine" not in BOX_LOSSES and "mine" not in SIMILARITIES


@pytest.mark.parametrize("how", [str, Path, lambda file: [file, file], lambda file: f"{file},{file}"])
def test_a_plugin_is_imported_once_however_often_it_is_named(how, room):
    write("my_parts.py", LOSS + "open('times', 'a').write('x')\n")
    for _ in range(2):
        plugins.load(how("my_parts.py"))
    plugins.load(room / "my_parts.py")
    assert Path("times").read_text() == "x"


def test_a_module_and_a_package_are_named_as_python_names_them(room, monkeypatch):
    monkeypatch.syspath_prepend(room)
    Path("lab").mkdir()
    write("lab/__init__.py", "from . import losses\n")
    write("lab/losses.py", LOSS)
    plugins.load("lab")
    assert plugins.listing().splitlines()[1].split() == ["loss", "mine", "lab"]


def test_a_plugin_imports_the_file_beside_it_and_hides_no_installed_module(room):
    Path("parts").mkdir()
    write("parts/my_layers.py", "VALUE = 7.0\n")
    write("parts/yaml.py", "raise ValueError('not this one')\n")
    plugins.load(write("parts/my_parts.py", "import yaml, my_layers\n" + LOSS.replace("2.0", "my_layers.VALUE")))
    assert build("mine", BOX_LOSSES).c == 7.0
    sys.modules.pop("my_layers")


MISTAKES = [
    ("nothing.py", None, "there is no file nothing.py"),
    ("nowhere", None, "there is no module 'nowhere'; give a file such as my_parts.py, a module, or a list of them"),
    ("3", None, "there is no module '3'; give a file such as my_parts.py, a module, or a list of them"),
    ("json", None, "json registers nothing; it has to call yolotiny.plugins.register"),
    ("one.py", "x = 1", "one.py registers nothing; it has to call yolotiny.plugins.register"),
    ("notes.txt", "x = 1", "notes.txt is no file of Python, whose name would end in .py"),
    ("my.parts.py", LOSS, "my.parts.py has a dot in its name, so it cannot be imported; rename it"),
    ("broken.py", "x = (", "broken.py, line 1: SyntaxError: '(' was never closed"),
    ("zero.py", "\n1/0", "zero.py, line 2: ZeroDivisionError: division by zero"),
    ("lacks.py", "import nosuchthing", "lacks.py, line 1: ModuleNotFoundError: No module named 'nosuchthing'"),
    ("exits.py", "import sys\nsys.exit(3)", "exits.py, line 2: it calls sys.exit while it is loaded"),
    ("late.py", LOSS + "raise KeyError('x')", "late.py, line 7: KeyError: 'x'"),
]


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES, ids=[m[0] or "empty" for m in MISTAKES])
def test_a_plugin_that_cannot_be_imported_is_one_line_and_leaves_nothing_behind(name, text, message, room, capsys):
    if text is not None:
        write(name, text)
    before, searched = dict(BOX_LOSSES), list(sys.path)
    assert says(capsys, "models", f"plugins={name}") == f"plugins: {message}"
    assert (dict(BOX_LOSSES), sys.path) == (before, searched) and Path(name).stem not in {*sys.modules} - {"json"}
    assert plugins.loading.VARIABLE not in os.environ


def test_a_plugin_that_was_mended_is_read_anew(room):
    with pytest.raises(InputError, match="ZeroDivisionError"):
        plugins.load(write("my_parts.py", LOSS + "1/0\n"))
    plugins.load(write("my_parts.py", LOSS))
    assert "mine" in BOX_LOSSES


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "plugins is an empty list; give a file such as my_parts.py, a module, or a list of them"),
        (3, "plugins: 3 is no plugin; give a file such as my_parts.py, a module, or a list of them"),
        (["a", None], "plugins: None is no plugin; give a file such as my_parts.py, a module, or a list of them"),
        ("parts", "plugins: parts is a folder; give a file in it, such as parts/mine.py"),
        ("json.py", "plugins: json.py has the name of another module, "),
        ("late", "plugins: there is no module 'late'; there is a file: plugins=late.py"),
    ],
)
def test_what_is_no_plugin_is_said_in_one_line(given, message, room):
    Path("parts").mkdir()
    for name in ("parts/mine.py", "json.py", "late.py"):
        write(name, LOSS)
    with assert_says(message, more=message.endswith(", ")):
        plugins.load(given)


def test_the_traceback_is_there_for_who_asks(room, capsys):
    write("zero.py", "1/0")
    assert cli.main(["models", "plugins=zero.py", "debug=True"]) == 2
    assert 'zero.py", line 1, in <module>' in capsys.readouterr().err


def test_what_a_plugin_prints_does_not_mix_with_what_a_command_prints(room, capsys):
    assert cli.main(["help", "plugins=" + write("my_parts.py", LOSS + "print('hello')\n")]) == 0
    out, err = capsys.readouterr()
    assert err == "hello\n" and "hello" not in out
    assert out.endswith("\n\nparts of plugins\n  loss          mine                 my_parts.py\n")


REGISTER = "from yolotiny.plugins import register\n"
WRONG = [
    ('register("los", "x", dict)', "unknown kind of part 'los'; did you mean 'loss'?"),
    ('register("loss", 3, dict)', "3 cannot name a loss; take a word such as 'mine'"),
    ('register("loss", "none", dict)', "'none' cannot name a loss; take a word such as 'mine'"),
    ('register("layer", "nn.Mine", dict)', "'nn.Mine' cannot name a layer; take a word such as 'mine'"),
    ('register("loss", "ciou", dict)', "there is a box loss 'ciou' already; take another name"),
    ('register("layer", "C3", dict)', "ultralytics has a layer 'C3'; take another name"),
    ('register("layer", "SARL", dict)', "there is a module 'SARL' already; take another name"),
    ('register("merge", "x", 3)', "merge 'x' of my_parts.py has to be a class, not 3; docs/own_parts.md shows one"),
    ('register("merge", "x")', "TypeError: register() missing 1 required positional argument: 'part'"),
    (
        'register("slicer", "x", int)',
        "slicer 'x' of my_parts.py has to be a subclass of Slicer, not the class int; docs/own_parts.md shows one",
    ),
    (
        'register("converter", "x", len)',
        "converter 'x' of my_parts.py has to be a Format, not <built-in function len>; docs/own_parts.md shows one",
    ),
    (
        'register("protocol", "x", 3)',
        "protocol 'x' of my_parts.py has no 'figures', which is read of it; docs/own_parts.md shows one",
    ),
    (
        'register("loss", "x", lambda beta: beta)',
        "loss 'x' of my_parts.py takes no 'weight', which is always passed; docs/own_parts.md shows one",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_a_part_that_does_not_fit_is_refused_with_its_line(call, message, room):
    with assert_says(f"plugins: my_parts.py, line 2: {message}"):
        plugins.load(write("my_parts.py", REGISTER + call))


def test_two_plugins_do_not_share_a_name(room):
    plugins.load(write("first.py", LOSS))
    with assert_says("plugins: second.py, line 6: there is a box loss 'mine' of first.py already; take another name"):
        plugins.load(write("second.py", LOSS))
    assert BOX_LOSSES["mine"].__module__ == "first"


def test_a_cell_of_a_notebook_may_run_again(room):
    for _ in range(2):
        exec(LOSS, {"__name__": "__main__"})
    with assert_says("there is a box loss 'mine' of <string> already; take another name"):
        exec(LOSS.replace("Mine", "Other"), {"__name__": "__main__"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("pass", "loss 'x' of my_parts.py has no 'weight', which is read of it; docs/own_parts.md shows one"),
        ("raise KeyError('beta')", "loss 'x' of my_parts.py cannot be made: KeyError: 'beta'"),
    ],
)
def test_a_constructor_that_fails_is_one_line_that_names_the_plugin(body, message, room):
    text = f"{REGISTER}class X:\n  def __init__(self, weight=1.0):\n    {body}\nregister('loss', 'x', X)\n"
    plugins.load(write("my_parts.py", text))
    with assert_says(message):
        build("x", BOX_LOSSES)


def test_a_model_file_imports_nothing_and_says_what_is_missing(room):
    write("my_parts.py", LOSS + "open('imported', 'w')\n")
    with assert_says("plugins in a.yaml: a model file imports nothing; give plugins=FILE.py with the command"):
        config.load(write("a.yaml", "base: yolov5n.yaml\nplugins: my_parts.py\n"))
    config.load(write("b.yaml", "base: yolov5n.yaml\nparts_from: {mine: my_parts.py}\nloss: {box: {type: mine}}\n"))
    with pytest.raises(InputError, match="^unknown box loss 'mine'.*; it came from my_parts.py: give plugins=my_parts"):
        build("mine", BOX_LOSSES)
    assert not Path("imported").exists()
    with pytest.raises(InputError, match="^unknown box loss 'other'.*; one of your own comes with plugins=FILE$"):
        build("other", BOX_LOSSES)


def test_a_note_may_be_any_name_that_a_file_can_have(room):
    write("my own pärts.py", LOSS)
    plugins.load("my own pärts.py")
    noted = plugins.parts_from({"loss": "mine"})
    assert noted == {"mine": "my own pärts.py"}
    config.load(config.load("yolov5n.yaml") | {"parts_from": noted})


@pytest.mark.parametrize("note", ["my_parts.py", "{mine: 3}", r'{mine: "a\e[31m"}', "{mine: ../../a.py}", "[a]"])
def test_a_note_that_no_message_should_repeat_is_refused(note, room):
    with assert_says("parts_from in a.yaml must be a mapping such as {mine: my_parts.py}, which is only a note"):
        config.load(write("a.yaml", f"base: yolov5n.yaml\nparts_from: {note}\n"))


def install(room: Path, text: str) -> None:
    """Put a package with a plugin into `room`, as pip would."""
    about = room / "lab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[yolotiny.parts]\nours = lab_parts\n")
    (room / "lab_parts.py").write_text(text)


def test_parts_of_an_installed_package_are_imported_when_a_name_is_not_found(room, monkeypatch):
    monkeypatch.syspath_prepend(room)
    install(room, LOSS)
    assert build("ciou", BOX_LOSSES).weight == 1.0 and "lab_parts" not in sys.modules
    assert build("mine", BOX_LOSSES).c == 2.0
    assert plugins.parts_from({"loss": {"box": {"type": "mine"}}}) == {"mine": "lab_parts"}


def test_the_list_of_models_has_the_parts_of_installed_packages(room, monkeypatch, capsys):
    monkeypatch.syspath_prepend(room)
    install(room, LOSS)
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out.endswith("\n\nparts of plugins\n  loss          mine                 lab_parts\n")


def test_an_installed_package_that_fails_is_left_out_and_told_where_a_name_is_missing(room, monkeypatch):
    monkeypatch.syspath_prepend(room)
    install(room, "1/0")
    for _ in range(2):
        with assert_says(
            "unknown box loss 'ciuo'; did you mean 'ciou' or 'iou'?; installed plugin 'ours' is left out, "
            "plugins: lab_parts.py, line 1: ZeroDivisionError: division by zero"
        ):
            BOX_LOSSES.find("ciuo")
    assert build("ciou", BOX_LOSSES).weight == 1.0


def test_importing_the_package_and_help_look_for_no_installed_plugin(room):
    install(room, "raise SystemExit('imported')")
    code = (
        "import sys, yolotiny.cli.main; yolotiny.cli.main.main(['help', 'train']); sys.exit('lab_parts' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{room}"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).returncode == 0


def test_a_process_that_this_one_starts_finds_the_plugin_although_it_stands_elsewhere(room):
    plugins.load(write("my_parts.py", LOSS))
    code = "from yolotiny.registry import Registry, build; from yolotiny.plugins import more; more(); import my_parts"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_environment_may_name_plugins_too(room, monkeypatch):
    monkeypatch.setenv(plugins.loading.VARIABLE, os.pathsep.join(["", write("my_parts.py", LOSS)]))
    assert build("mine", BOX_LOSSES).c == 2.0
    monkeypatch.setenv(plugins.loading.VARIABLE, "gone.py")
    with assert_says("YOLOTINY_PLUGINS: plugins: there is no file gone.py; there are: my_parts.py"):
        BOX_LOSSES.find("other")


@pytest.mark.parametrize("where", ["__init__", "forward"])
def test_a_layer_with_a_mistake_of_any_kind_is_one_line(where, room):
    body = "def __init__(self, c1):\n    super().__init__()\n  def forward(self, x):\n    return x\n"
    broken = (
        body.replace("super().__init__()", "missing") if where == "__init__" else body.replace("return x", "missing")
    )
    text = f"from torch import nn\n{REGISTER}class Bad(nn.Module):\n  {broken}register('layer', 'Bad', Bad)\n"
    plugins.load(write("my_parts.py", text))
    cfg = config.load("yolov5n.yaml") | {"insert": [{"name": "bad", "after": "p3", "module": "Bad"}], "nc": 2}
    with pytest.raises(InputError, match="row bad.*name 'missing' is not defined"):
        graph.build(cfg)


def test_yolo_takes_plugins_and_its_methods_say_so():
    from yolotiny import YOLO

    with assert_says("plugins: there is no file gone.py"):
        YOLO("yolov5n.yaml", plugins="gone.py")
    from yolotiny.config.options import sort_options

    with assert_says("val does not read plugins=: give it to YOLO(..., plugins=...)"):
        sort_options("val", {"plugins": "gone.py"}, True)


def test_every_command_takes_plugins(monkeypatch, room, capsys):
    seen = []
    monkeypatch.setattr(plugins, "load", seen.append)
    for name, command in cli.COMMANDS.items():
        if name in ("help", "version"):
            continue
        monkeypatch.setitem(cli.RUN, name, lambda **options: None)
        assert cli.main([*command.example.split()[1:], "plugins=my_parts.py"]) == 0, capsys.readouterr().err
    assert seen == ["my_parts.py"] * (len(cli.COMMANDS) - 2)


IMAGE = np.zeros((16, 16, 3), np.uint8)


def sample(*boxes, labels=None):
    return Sample(IMAGE, np.array(boxes, np.float32).reshape(-1, 4), np.array(labels or [0] * len(boxes)))


def shifted(by: float):
    return lambda s: Sample(s.image, s.boxes + np.array([by, 0, by, 0], np.float32), s.labels)


def test_a_step_keeps_tiny_boxes_and_cuts_those_that_cross_the_border():
    made = augment(sample([2, 2, 2.25, 2.25], [4, 0, 12, 4]), "shift", shifted(8), 2)
    assert made.boxes.tolist() == [[10, 2, 10.25, 2.25], [12, 0, 16, 4]]


def test_of_a_sixteenth_that_is_left_an_object_goes_and_an_ignore_region_stays():
    made = augment(sample([0, 0, 16, 4], [0, 0, 16, 4], labels=[0, -1]), "shift", shifted(15), 2)
    assert made.labels.tolist() == [-1] and made.boxes.tolist() == [[15, 0, 16, 4]]
    assert len(augment(made, "shift", shifted(1), 2).boxes) == 0


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (lambda s: None, "gives a NoneType instead of a Sample"),
        (
            lambda s: Sample(s.image[:8], s.boxes, s.labels),
            "gives a picture of 8 x 16 x 3 uint8 for one of 16 x 16",
        ),
        (lambda s: Sample(s.image / 2, s.boxes, s.labels), "gives a picture of 16 x 16 x 3 float64 for one of 16 x"),
        (
            lambda s: Sample(s.image, s.boxes[:0], s.labels),
            "gives boxes of 0 x 4 with labels of 1; expected N x 4",
        ),
        (lambda s: Sample(s.image, s.boxes * np.nan, s.labels), "gives a box that is not finite"),
        (lambda s: Sample(s.image, s.boxes, s.labels + 2), "gives a label that is none of the 2 classes"),
        (lambda s: 1 / 0, "fails: ZeroDivisionError: division by zero"),
    ],
)
def test_a_step_that_gives_something_else_is_told_by_its_name(step, message):
    with assert_says(f"augmentation 'odd' {message}", more=True):
        augment(sample([1, 1, 3, 3]), "odd", step, 2)


def test_a_step_is_tried_before_training_and_unknown_ones_are_told(room):
    plugins.load(write("odd.py", f"{REGISTER}register('augmentation', 'odd', lambda: lambda sample: 3)"))
    with assert_says("augmentation 'odd' gives a int instead of a Sample"):
        build_steps(["odd"], "a.yaml", 32, 3, 2)
    known = "there are: odd, aerial, thermal, and the transforms of albumentations"
    with assert_says(
        f"unknown augmentation 'dust' in a.yaml: augmentations; {known}; one of your own comes with plugins=FILE"
    ):
        build_steps("dust", "a.yaml", 32, 3, 2)
    with assert_says("augmentations in a.yaml must be a list of names or mappings, not 3"):
        build_steps(3, "a.yaml", 32, 3, 2)
    assert build_steps(None, "a.yaml", 32, 3, 2) == []


def test_every_kind_of_ignore_region_travels_through_a_step():
    """Classes 0 and 1; 2 is a region of every class, 3 one of no class, 4 and 5 those of class 0 and 1."""
    from ultralytics.utils.instance import Instances

    seen = []
    boxes = np.array([[4.0, 4.0, 2.0, 2.0]] * 6, np.float32) / 16
    labels = {"img": IMAGE, "cls": np.arange(6, dtype=np.float32)[:, None]}
    labels["instances"] = Instances(boxes, bbox_format="xywh", normalized=True)
    made = OwnAugmentations([("look", lambda s: (seen.append(s), s)[1])], 2)(labels)
    assert seen[0].labels.tolist() == [0, 1, -1, -2, -3, -4]
    assert made["cls"].ravel().tolist() == [0, 1, 2, 3, 4, 5] and made["cls"].dtype == np.float32
    assert made["instances"].bboxes[0].tolist() == [3, 3, 5, 5]


def test_a_loader_worker_that_starts_anew_gets_the_step(room):
    write_examples(room)
    plugins.load("augmentation.py")
    step = AUGMENTATIONS["turn"](p=0.5)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(type, (step,)).__module__ == "augmentation"
