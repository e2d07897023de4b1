"""The shape of the house, read from the source: who may import whom, how long a part is, what has to be said."""

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
    {"files", "pace", "text", "yaml_file", "plugins"},
    {"image_files", "picture_io", "picture_names", "picture_scenes", "shipped"},
    {"data_file", "mmdet"},
    {"structures", "boxes", "registry", "ignore", "training_stats", "distributed", "weights", "_compat"},
    {"ops", "limits", "pictures", "fetch"},
    {"rasters"},
    {"coders", "nn", "losses", "assigners", "metrics", "data"},
    {"criterion", "slicing", "report", "serve", "exchange"},
    {"runtime"},
    {"geo"},
    {"config"},
    {"graph"},
    {"detector"},
    {"checkpoint"},
    {"loaders"},
    {"predict"},
    {"val", "track"},
    {"train"},
    {"quantize"},
    {"export"},
    {"analysis"},
    {"model", "engine"},
    {"bulk", "study"},
    {"cli"},
    {"__main__"},
]
LINE = {room: i for i, rooms in enumerate(LINES) for room in rooms}
FREE = {"__init__"}  # the lazy front door may point anywhere
UPWARD: dict[tuple[str, str], str] = {}  # (file, room) that breaks the rule: why
ULTRALYTICS = {"nn", "graph", "detector", "config", "loaders", "predict", "val", "track", "train", "analysis", "model"}
ULTRALYTICS |= {"cli", "study", "checkpoint", "export", "quantize", "_compat"}
FOLDERS = {"yolotiny", "cfg", "datasets", "runs", "tests", "benchmarks", "docs", "packaging"}
GENERATED = {"build", "dist", "site", "venv", "__pycache__"}

# What runs without torch, so that a detector from an exported file can share it. The exceptions end one by one.
NUMPY_ONLY = (
    "data",
    "exchange",
    "slicing",
    "metrics",
    "ops/class_choice",
    "ops/nms",
    "ops/letterbox",
    "ops/suppression",
    "picture_io",
    "pictures",
    "runtime",
    "serve",
    "rasters",
    "geo",
)
TORCH = {"torch", "torchvision", "ultralytics"}
USES_TORCH = {
    "yolotiny/slicing/samplers/tiles.py": "draws the heat map of clusters as training of YOLC does, in torch",
}

# What ultralytics keeps private is touched in _compat alone (`tests/_compat/test_seams.py` looks at the classes too).
# What torch and Python keep private and have no other name for, by file.
PRIVATE: dict[str, tuple[set[str], str]] = {
    "yolotiny/nn/anchor_head.py": ({"_buffers"}, "torch's register_buffer refuses a name that the base class has"),
    "yolotiny/nn/head.py": ({"_BatchNorm"}, "torch's base class of all batch norms, which has no other name"),
    "yolotiny/plugins/parts.py": ({"_getframe"}, "Python's way to see who calls, documented in spite of its name"),
    "yolotiny/weights.py": (
        {"_rebuild_tensor", "_rebuild_tensor_v2", "_utils"},
        "the functions of torch that files of weights name, to be told from all others",
    ),
}

MOST = {"function": 45, "class": 200, "parameters": 6}
# Constructors are built from YAML by the registry, so each parameter is a key that somebody can write.
OPTIONS = "its parameters are the options of a command"
TOO_MUCH = {
    "yolotiny/analysis/assignment.py::analyze_assignment": OPTIONS,
    "yolotiny/analysis/gradients.py::analyze_gradients": OPTIONS,
    "yolotiny/analysis/slicing_sweep.py::tune": OPTIONS,
    "yolotiny/assigners/simota.py::dynamic_k": "the matching of the paper, whose inputs these are",
    "yolotiny/cli/commands/evaluation.py::evaluate": OPTIONS,
    "yolotiny/loaders/build.py::build_dataset": "what ultralytics' trainer and validator know when they ask for data",
}

# Tests of the package as a whole, which no module bears the name of.
WHOLE = {
    "tests/gpu/": "what needs a card, or pretends to",
    "tests/hostile/": "files made to do harm, at every door",
    "tests/golden/": "whole runs against what they gave before",
    "tests/test_architecture.py": "the shape of the package",
    "tests/test_devices.py": "every model as on another device",
    "tests/test_draw.py": "the program that draws the pictures of the pages",
    "tests/test_docstrings.py": "what docstrings of the package say",
    "tests/test_frontier.py": "the program that puts AP beside milliseconds",
    "tests/test_gpu_benchmark.py": "the program that measures on a card",
    "tests/test_others.py": "checkpoints of others",
    "tests/test_release.py": "versions, citation, workflows, and the programs that try a release",
    "tests/runtime/test_wheel.py": "the runtime's own wheel, built and installed",
    "tests/slicing/test_any_detector.py": "slicing round detectors of others",
    "tests/slicing/test_docs.py": "the examples of docs/slicing.md",
    "tests/cli/test_interrupted.py": "Ctrl-C in every command",
    "tests/cli/test_sampled_lines.py": "unusual values through whole command lines",
    "tests/config/test_accepted_values.py": "unusual values of every option, at every door",
    "tests/data/test_bad_pictures.py": "bad pictures through every reader",
    "tests/test_terminals.py": "every command on every kind of terminal",
    "tests/test_combinations.py": "parts on every model, and what the documentation shows",
    "tests/test_bad_input.py": "mistakes of users at every door",
    "tests/test_crops.py": "crops with every kind of model and exported file, in prediction and validation",
    "tests/test_class_order.py": "which class is which, in every command",
    "tests/test_options_through_crops.py": "every option of predict and val with every kind of crops",
    "tests/test_cluster_files.py": "the files of docs/cluster",
    "tests/test_docker.py": "the Dockerfiles of docs/docker",
    "tests/test_distributed.py": "training in several processes",
    "tests/test_example.py": "the file, the picture and the programs of docs/example",
    "tests/test_export.py": "every model and its exported file",
    "tests/test_learning.py": "heads of every family learn, and find it in evaluation",
    "tests/test_feature_modules.py": "SARL and SR-TOD through training, saving and export",
    "tests/test_models.py": "every model file that ships",
    "tests/test_notebooks.py": "the notebooks of docs",
    "tests/test_offline.py": "the whole main job without a network",
    "tests/test_own_parts.py": "parts that users bring, at every door",
    "tests/test_pages.py": "what README and docs show",
    "tests/test_packaging.py": "the wheel, built and installed",
    "tests/test_site.py": "the pages as a site",
    "tests/test_ugs.py": "UGS through training, saving and export",
}

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


def uses(tree: ast.AST, file: str, *libraries: str) -> bool:
    return any(name.split(".")[0] in libraries for name in imports(tree, file))


def modules_imported(tree: ast.AST, file: str, modules: set[str]) -> set[str]:
    """The modules of the package that are loaded when this file is: at its top, not in its functions."""
    top = ast.Module([n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))], [])
    found = set()
    for name in imports(top, file):
        while name and name not in modules:
            name = name.rpartition(".")[0]
        found.add(name)
    return found - {"", "yolotiny"}


def private_touched(tree: ast.AST, own: set[str]) -> set[str]:
    """Names with an underscore that a file asks of a parent class, or of anybody where nobody here defines them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            parent = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super"
            if parent or node.attr not in own:
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ultralytics"):
            found |= {a.name for a in node.names if a.name.startswith("_")}
    return found - {"_asdict", "_replace", "_fields"}  # of named tuples, public in spite of their names


def private_defined(tree: ast.AST) -> set[str]:
    names = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    names |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    return names | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def parts(tree: ast.AST, file: str) -> Iterator[tuple[str, str, ast.AST]]:
    """(kind, `file::Class.name`, node) of every function and class; functions within functions count as their own."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                kind = "class" if isinstance(child, ast.ClassDef) else "function"
                yield kind, f"{file}::{prefix}{child.name}", child
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(tree, "")


def length(node: ast.AST) -> int:
    """Lines of a function or a class without its docstring and what is written over it."""
    body = node.body
    said = body[0] if ast.get_docstring(node) is not None else None
    return node.end_lineno - node.lineno + 1 - (said.end_lineno - said.lineno + 1 if said else 0)


def parameters(node: ast.AST) -> int:
    args = node.args
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def too_much(tree: ast.AST, file: str) -> Iterator[str]:
    """What is longer, or asks for more, than may be."""
    for kind, name, node in parts(tree, file):
        if length(node) > MOST[kind]:
            yield name
        built = kind == "class" or node.name in ("__init__", "__new__")
        if not built and parameters(node) > MOST["parameters"]:
            yield name


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {short(p): ast.parse(p.read_text(encoding="utf-8"), filename=str(p)) for p in FILES}


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("yolotiny/losses/box.py", "from ..boxes import iou", set()),
        ("yolotiny/losses/box.py", "from .bins import two_hot", set()),  # inside one room
        ("yolotiny/losses/box.py", "from .. import boxes, errors", set()),
        ("yolotiny/slicing/slicers/grid.py", "from ...errors import InputError", set()),
        ("yolotiny/cli/main.py", "from yolotiny import YOLO", set()),
        ("yolotiny/losses/box.py", "from ..assigners import SimOTA", {"assigners"}),  # a sibling
        ("yolotiny/boxes.py", "def f():\n    from .detector import Detector", {"detector"}),  # lazy, and to the right
        ("yolotiny/data/voc.py", "import yolotiny.config as c", {"config"}),
        ("yolotiny/train/trainer.py", "from yolotiny import YOLO", {"model"}),
        ("yolotiny/train/trainer.py", "from ..analysis import feature_maps", {"analysis"}),
        ("yolotiny/errors.py", "from .boxes import iou", {"boxes"}),
        ("yolotiny/nn/neck.py", "from ..nowhere import x", {"nowhere"}),
    ],
)
def test_the_reader_of_imports_sees_what_a_person_would(file, line, expected):
    assert broken(ast.parse(line), file) == expected


def test_every_room_has_a_place_in_the_order(trees):
    rooms = {room_of(file) for file in trees}
    assert rooms - LINE.keys() - FREE == set(), "give the new room a line in LINES"


def test_imports_point_one_way_and_siblings_do_not_know_each_other(trees):
    found = {(file, room) for file, tree in trees.items() for room in broken(tree, file)}
    assert found - UPWARD.keys() == set()
    assert UPWARD.keys() - found == set(), "an exception nobody needs any more"


def test_no_file_imports_itself_by_way_of_others(trees):
    modules = {file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in trees}
    graph = {
        file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): modules_imported(tree, file, modules)
        for file, tree in trees.items()
    }
    while graph:  # take away what imports nothing that is left; a circle stays
        leaves = {m for m, others in graph.items() if not (others - {m}) & graph.keys()}
        assert leaves, f"a circle of imports among {sorted(graph)}"
        graph = {m: others for m, others in graph.items() if m not in leaves}


def test_ultralytics_is_imported_only_where_it_is_allowed(trees):
    rooms = {
        room_of(file) for file, tree in trees.items() if uses(tree, file, "ultralytics") and file not in USES_TORCH
    }
    assert rooms <= ULTRALYTICS


def test_what_a_runtime_without_torch_shares_imports_none(trees):
    shared = {f: t for f, t in trees.items() if f.split("yolotiny/")[1].removesuffix(".py").startswith(NUMPY_ONLY)}
    found = {file for file, tree in shared.items() if uses(tree, file, *TORCH)}
    assert found - USES_TORCH.keys() == set()
    assert USES_TORCH.keys() - found == set(), "an exception nobody needs any more"


def test_what_ultralytics_keeps_private_is_touched_in_one_place(trees):
    own = set().union(*(private_defined(tree) for tree in trees.values()))
    found = {
        file: names
        for file, tree in trees.items()
        if room_of(file) != "_compat" and (names := private_touched(tree, own))
    }
    assert {f: names - PRIVATE.get(f, (set(), ""))[0] for f, names in found.items()} == dict.fromkeys(found, set())
    gone = {f: names - found.get(f, set()) for f, (names, _) in PRIVATE.items()}
    assert gone == dict.fromkeys(PRIVATE, set()), "an exception nobody needs any more"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("class A(B):\n    def _f(self):\n        super()._f()", {"_f"}),
        ("from ultralytics.x import _hidden, shown", {"_hidden"}),
        ("def f(model):\n    return model._theirs, model._ours, model.shown, model.__dict__", {"_theirs"}),
        ("def f(point):\n    return point._replace(x=1)", set()),
    ],
)
def test_the_reader_of_private_names_sees_what_a_person_would(code, names):
    assert private_touched(ast.parse(code), {"_f", "_ours"}) == names


def test_functions_and_classes_are_small_and_ask_for_little(trees):
    found = {name for file, tree in trees.items() for name in too_much(tree, file)}
    assert found - TOO_MUCH.keys() == set(), f"split it: at most {MOST}"
    assert TOO_MUCH.keys() - found == set(), "an exception nobody needs any more"


def test_exceptions_give_a_reason():
    reasons = [*UPWARD.values(), *USES_TORCH.values(), *TOO_MUCH.values(), *WHOLE.values()]
    assert all(len(reason) > 10 for reason in [*reasons, *(why for _, why in PRIVATE.values())])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(a, b, c, d, e, f):\n    pass", []),
        ("def f(a, b, c, d, e, f, *, g):\n    pass", ["x.py::f"]),
        ("class A:\n    def f(self, a, b, c, d, e, f):\n        pass", []),
        ("class A:\n    def __init__(self, a, b, c, d, e, f, g):\n        pass", []),
        ("def f():\n" + "    x = 1\n" * 44, []),
        ("def f():\n" + "    x = 1\n" * 45, ["x.py::f"]),
        ('def f():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * 44, []),  # what is said of it is not counted
        ("class A:\n" + "    x = 1\n" * 200, ["x.py::A"]),
        ("def f():\n    def g():\n" + "        x = 1\n" * 45, ["x.py::f", "x.py::f.g"]),
    ],
)
def test_the_reader_of_lengths_sees_what_a_person_would(code, found):
    assert list(too_much(ast.parse(code), "x.py")) == found


def test_tests_mirror_the_package():
    """`tests/a/test_b.py` or `test_b_more.py` tests `yolotiny/a/b.py` or all of the room `yolotiny/a/b/`."""
    astray = []
    for test in sorted((ROOT / "tests").rglob("test_*.py")):
        name = short(test)
        room = PACKAGE / test.relative_to(ROOT / "tests").parent
        words = test.stem.removeprefix("test_").split("_")
        beginnings = ["_".join(words[:n]) for n in range(1, len(words) + 1)]
        known = {p.stem for p in (room.iterdir() if room.is_dir() else ()) if p.is_dir() or p.suffix == ".py"}
        known |= {p.lstrip("_") for p in known} | {room.name}
        if not known & set(beginnings) and not name.startswith(tuple(WHOLE)):
            astray.append(name)
    assert astray == [], "name a test after what it tests, or give a reason in WHOLE"
    assert [name for name in WHOLE if not (ROOT / name).exists()] == []


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
