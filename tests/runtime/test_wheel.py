"""The wheel `yolotiny-runtime`: what it needs and nothing else, under a name of its own, beside the full package."""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import pytest

from tests.runtime.conftest import squares
from tests.runtime.test_cli import BLOCKED

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging" / "runtime"
PACKAGE = ROOT / "yolotiny"
STANDARD = set(sys.stdlib_module_names)
LIBRARIES = {"numpy", "cv2", "onnxruntime", "openvino", "lap", "yaml", "PIL", "tifffile"}
SERVE = {"fastapi", "starlette", "pydantic", "uvicorn", "python_multipart", "prometheus_client"}  # its extra


def listed() -> set[Path]:
    """The files of yolotiny that setup.py takes."""
    tree = ast.parse((PACKAGING / "setup.py").read_text(encoding="utf-8"))
    (rooms,) = (n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ROOMS")
    chosen = ast.literal_eval(rooms).items()
    return {file for room, names in chosen for name in names for file in (PACKAGE / room).glob(f"{name}.py")}


def imported(file: Path) -> set[Path]:
    """The files of yolotiny that a file imports, and the packages they lie in; asserts that it does so relatively."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        allowed = STANDARD | LIBRARIES | (SERVE if file.parent.name == "serve" else set())
        assert {name.partition(".")[0] for name in names} <= allowed, (file, names)
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        for target in (base, *(base / alias.name for alias in node.names)):
            found |= {f for f in (target.with_suffix(".py"), target / "__init__.py") if f.is_file()}
    packages = {p / "__init__.py" for f in found for p in f.parents if PACKAGE in p.parents}
    return {f for f in found | packages if f != PACKAGE / "__init__.py" and f.is_file()}


def test_it_takes_what_the_runtime_imports_relatively_and_no_more():
    needed, waiting = set(), {PACKAGE / "runtime" / name for name in ("__init__.py", "__main__.py")}
    while waiting:
        needed |= waiting
        waiting = set().union(*map(imported, waiting)) - needed
    files = listed()
    assert needed - files == set(), "packaging/runtime/setup.py leaves out what the runtime needs"
    assert files - needed == set(), "packaging/runtime/setup.py takes what the runtime does not import"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that the checkout stays clean."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    for name in ("yolotiny", "packaging"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    words = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out]
    done = subprocess.run([*map(str, words), str(source / "packaging/runtime")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_it_holds_one_package_the_licence_and_the_only_script_of_that_name(wheel):
    with zipfile.ZipFile(wheel) as z:
        files = {name: z.read(name).decode() for name in z.namelist()}
    assert wheel.stat().st_size < 1 << 20
    assert {name.partition("/")[0].partition("-")[0] for name in files} == {"yolotiny_runtime"}
    assert {f"yolotiny_runtime/serve/page.{kind}" for kind in ("html", "css", "js")} <= files.keys()
    about = {name.rpartition("/")[2]: text for name, text in files.items() if ".dist-info/" in name}
    assert (
        about["entry_points.txt"].split()
        == "[console_scripts] yolotiny-run = yolotiny_runtime.runtime.cli:main".split()
    )
    assert about["LICENSE"] == (ROOT / "LICENSE").read_text() and about["NOTICE"] == (ROOT / "NOTICE").read_text()
    needs = [
        line for line in about["METADATA"].splitlines() if line.startswith("Requires-Dist") and "extra" not in line
    ]
    assert len(needs) == 7 and not any("torch" in line or "ultralytics" in line for line in needs)
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert "yolotiny-run" not in config["options.entry_points"]["console_scripts"]


@pytest.mark.slow
def test_installed_it_runs_without_the_full_package(wheel, bright, tmp_path):
    target = tmp_path / "installed"
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel]
    subprocess.run([*map(str, words)], check=True, capture_output=True)
    cv2.imwrite(str(tmp_path / "p.png"), squares((1, 2, 255)))
    blocked = BLOCKED.replace('"torch",', '"torch", "yolotiny",')
    code = f"{blocked}\nfrom yolotiny_runtime.runtime.cli import main\nimport yolotiny_runtime\n"
    code += f"print(yolotiny_runtime.__version__, yolotiny_runtime.Detector)\nsys.exit(main({[str(bright), 'p.png']}))"
    env = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    version = (ROOT / "yolotiny/__init__.py").read_text().split('__version__ = "')[1].split('"')[0]
    assert done.stdout.startswith(f"{version} <class 'yolotiny_runtime.") and "p.png 64x64: 1 bright" in done.stdout
