"""The shape of the house, read from the source: who may import whom, how long a file is, what has to be said."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "yolotiny"

# A room may import the rooms of the lines above it, never one of its own line. A new room needs a place here.
LINES = [
    {"errors"},
    {"text", "yaml_file", "silence", "plugins", "files"},
    {"data_file"},
    {"_compat_files"},
    {"structures", "boxes", "registry", "rows", "lookup", "training_stats", "distributed", "_compat"},
    {"ops", "limits"},
    {"coders", "nn", "losses", "assigners", "metrics", "data", "slicing"},
    {"criterion", "graph", "config", "weights", "report"},
    {"detector"},
    {"engine"},
    {"model"},
    {"demo", "cli_table"},
    {"commands", "cli_help"},
    {"cli"},
    {"__main__"},
]
LINE = {room: i for i, rooms in enumerate(LINES) for room in rooms}
FREE = {"__init__"}  # the lazy front door may point anywhere
EXCEPTIONS: set[tuple[str, str]] = set()  # (file, room) pairs that break the rule, each with its reason beside it
ULTRALYTICS = {"nn", "graph", "detector", "engine", "model", "commands", "_compat", "_compat_files"}
FOLDERS = {"yolotiny", "cfg", "datasets", "runs", "tests", "benchmarks", "docs"}
GENERATED = {"build", "dist", "venv", "__pycache__"}

FILES = sorted(PACKAGE.rglob("*.py"))
YAMLS = sorted((ROOT / "cfg").rglob("*.yaml"))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(file: str) -> str:
    """`yolotiny/nn/blocks.py` -> `nn`, `yolotiny/boxes.py` -> `boxes`."""
    return file.split("/")[1].removesuffix(".py")


def imports(tree: ast.AST, file: str) -> Iterator[str]:
    """Every module a file imports, in full, wherever in the file: `from ..boxes import iou` -> `yolotiny.boxes.iou`."""
    package = file.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def rooms_imported(tree: ast.AST, file: str) -> set[str]:
    """The other rooms a file imports; the package's own public names count as the room they come from."""
    names = {name.split(".")[1] for name in imports(tree, file) if name.startswith("yolotiny.")}
    return {"model" if name == "YOLO" else name for name in names} - {room_of(file), "__version__"}


def broken(tree: ast.AST, file: str) -> set[str]:
    """The rooms a file imports although they do not lie above it."""
    room = room_of(file)
    if room in FREE:
        return set()
    return {other for other in rooms_imported(tree, file) if LINE.get(other, len(LINES)) >= LINE[room]}


def uses(tree: ast.AST, file: str, library: str) -> bool:
    return any(name.split(".")[0] == library for name in imports(tree, file))


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {short(p): ast.parse(p.read_text(encoding="utf-8"), filename=str(p)) for p in FILES}


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("yolotiny/losses/box.py", "from ..boxes import iou", set()),
        ("yolotiny/losses/box.py", "from .bins import two_hot", set()),  # inside one room
        ("yolotiny/losses/box.py", "from .. import boxes, errors", set()),
        ("yolotiny/cli.py", "from yolotiny import YOLO", set()),
        ("yolotiny/losses/box.py", "from ..assigners import SimOTA", {"assigners"}),  # a sibling
        ("yolotiny/boxes.py", "def f():\n    from .detector import Detector", {"detector"}),  # lazy, and to the right
        ("yolotiny/data/voc.py", "import yolotiny.config as c", {"config"}),
        ("yolotiny/engine/trainer.py", "from yolotiny import YOLO", {"model"}),
        ("yolotiny/errors.py", "from .boxes import iou", {"boxes"}),
        ("yolotiny/nn/neck.py", "from ..nowhere import x", {"nowhere"}),
    ],
)
def test_the_reader_of_imports_sees_what_a_person_would(file, line, expected):
    assert broken(ast.parse(line), file) == expected


def test_every_room_has_a_place_in_the_order(trees):
    rooms = {room_of(file) for file in trees}
    assert rooms - LINE.keys() - FREE == set(), "give the new room a line in LINES"


def test_imports_point_left_only_and_siblings_do_not_know_each_other(trees):
    found = {(file, room) for file, tree in trees.items() for room in broken(tree, file)}
    assert found - EXCEPTIONS == set()
    assert EXCEPTIONS - found == set(), "an exception nobody needs any more"


def test_ultralytics_is_imported_only_where_it_is_allowed(trees):
    rooms = {room_of(file) for file, tree in trees.items() if uses(tree, file, "ultralytics")}
    assert rooms <= ULTRALYTICS


def test_no_file_is_longer_than_300_lines():
    lengths = {short(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert {file: n for file, n in lengths.items() if n > 300} == {}, "a file over 300 lines is two ideas"


def test_every_module_and_every_public_function_and_class_says_what_it_is(trees):
    silent = [file for file, tree in trees.items() if not ast.get_docstring(tree)]
    for file, tree in trees.items():
        for node in tree.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{file}:{node.lineno} {node.name}")
    assert silent == []


def test_the_top_level_has_only_the_agreed_folders():
    found = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")}
    found = {name for name in found - GENERATED if not name.endswith(".egg-info")}
    assert found <= FOLDERS
    assert {"yolotiny", "cfg", "tests"} <= found


def test_every_yaml_begins_by_saying_what_it_is():
    assert YAMLS, "cfg/ holds no YAML"
    assert [short(p) for p in YAMLS if not p.read_text(encoding="utf-8").startswith("# ")] == []
