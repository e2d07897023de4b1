"""What a user installs: the wheel holds the package, the YAML files and the licence, and works without the checkout."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, **kwargs) -> str:
    """Run a command and return what it prints; when it fails, the test shows why."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, **kwargs)
    assert done.returncode == 0, f"{command} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def version() -> str:
    """`__version__` as written, which has to be a plain string: the builder reads it without importing the package."""
    tree = ast.parse((ROOT / "yolotiny/__init__.py").read_text(encoding="utf-8"))
    values = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets) == "__version__"
    ]
    assert len(values) == 1
    return ast.literal_eval(values[0])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that the checkout stays clean and no earlier build leaks into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("yolotiny", "cfg"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as z:
        return {name: z.read(name) for name in z.namelist()}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A folder with nothing but the unpacked wheel; dependencies come from the environment of the tests."""
    target = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel)
    return target


@pytest.fixture
def python(installed, tmp_path):
    """Run Python in an empty folder, where `yolotiny` can only be the installed wheel."""
    env = os.environ | {"PYTHONPATH": str(installed), "YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0"}
    return lambda *args: run(sys.executable, *args, cwd=tmp_path, env=env)


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split())
    found = {p.parent.relative_to(ROOT).as_posix().replace("/", ".") for p in ROOT.glob("yolotiny/**/__init__.py")}
    assert listed == found | {"yolotiny.cfg"}


def test_every_pinned_tool_is_asked_for_by_setup_cfg():
    wanted = (ROOT / "setup.cfg").read_text(encoding="utf-8").lower()
    pins = [line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
    names = {pin[0].lower() for pin in pins if len(pin) > 1 and not pin[0].startswith("#")}
    indirect = {"opencv-python-headless", "setuptools"}
    assert {n for n in names - indirect if n not in wanted} == set()
    assert {"torch", "ultralytics", "numpy", "ruff", "pytest"} <= names


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["models", "datasets", "train", "trackers", "augment"])
def test_the_wheel_holds_every_yaml_of_a_folder(contents, folder):
    ours = {f"yolotiny/{p.relative_to(ROOT).as_posix()}" for p in ROOT.glob(f"cfg/{folder}/**/*.yaml")}
    assert ours, f"cfg/{folder} is empty"
    assert {n for n in contents if n.startswith(f"yolotiny/cfg/{folder}/")} == ours


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_nothing_of_tests_or_data(contents):
    ours = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("yolotiny/**/*.py")}
    assert {n for n in contents if n.endswith(".py")} == ours
    assert {n.split("/")[0] for n in contents if ".dist-info" not in n} == {"yolotiny"}


@pytest.mark.slow
@pytest.mark.parametrize(("room", "count"), [("report", 2), ("serve", 3)])
def test_the_wheel_holds_what_pages_are_made_of(contents, room, count):
    kinds = (".html", ".css", ".js")
    ours = {p.relative_to(ROOT).as_posix() for p in (ROOT / "yolotiny" / room).iterdir() if p.suffix in kinds}
    assert len(ours) == count and ours <= contents.keys()


@pytest.mark.slow
def test_the_wheel_holds_weights_and_pictures_with_what_is_said_of_them(contents):
    for folder, count in (("weights", 3), ("pictures", 7)):
        ours = {f"yolotiny/cfg/{folder}/{p.name}": p.read_bytes() for p in (ROOT / "cfg" / folder).iterdir()}
        assert len(ours) == count
        assert {n: text for n, text in contents.items() if n.startswith(f"yolotiny/cfg/{folder}/")} == ours
    assert contents["yolotiny/cfg/weights.yaml"] == (ROOT / "cfg" / "weights.yaml").read_bytes()


@pytest.mark.slow
def test_the_wheel_carries_licence_version_and_command(contents, version):
    info = f"yolotiny-{version}.dist-info"
    for notice in ("LICENSE", "NOTICE"):
        held = [text for name, text in contents.items() if name.startswith(info) and name.endswith(f"/{notice}")]
        assert held == [(ROOT / notice).read_bytes()]
    metadata = contents[f"{info}/METADATA"].decode()
    assert f"Version: {version}\n" in metadata
    assert "Provides-Extra: deploy\n" in metadata and "Requires-Dist: torch>=2.4\n" in metadata
    assert "yolotiny = yolotiny.cli.main:main" in contents[f"{info}/entry_points.txt"].decode()


@pytest.mark.slow
def test_the_installed_wheel_is_not_shadowed_by_the_checkout(python, installed):
    place = python("-c", "import yolotiny; print(yolotiny.__file__)").strip()
    assert Path(place).resolve().is_relative_to(installed.resolve())


@pytest.mark.slow
def test_the_installed_wheel_tells_its_version(python, version):
    assert version in python("-m", "yolotiny", "version")


@pytest.mark.slow
def test_the_installed_wheel_finds_something_on_the_first_picture(python, installed):
    pictures = installed / "yolotiny" / "cfg" / "pictures"
    said = python("-m", "yolotiny", "predict", f"source={pictures}", "imgsz=320")
    assert "model=yolotiny-n-hit-uav.pt" in said and "3 pictures, results saved" in said
    assert re.search(r"\d+ Cars", said) and re.search(r"\d+ Persons", said)


@pytest.mark.slow
def test_the_installed_wheel_lists_its_models(python):
    listed = [line.split()[0] for line in python("-m", "yolotiny", "models").splitlines()]
    families = {re.sub(r"\[\w+\]|-\{[\w,]+\}", "", name) for name in listed}  # "yolov5[nsmlx]-p2" is yolov5-p2.yaml
    assert families == {p.stem for p in ROOT.glob("cfg/models/*.yaml")}
