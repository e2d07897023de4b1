"""Builds the three files of a release and tries them in empty environments, on every Python that is here.

    python packaging/release/check.py               # what `make release-check` runs
    python packaging/release/check.py 3.10 3.13     # these with all their packages, torch too: 6 GB each; or: all

Checked are metadata, licences, notices, that everything of cfg is in, and that the sdist builds the same wheels. Then,
on each Python, yolotiny-runtime with its packages finds objects in the shipped pictures; yolotiny answers `version` and
`help` with PyYAML alone beside it, its modules compile, and pip finds a version of all it needs. That yolotiny finds
objects is seen with the packages of the Python that runs this program, and on those Pythons that are named. What is
left in dist/ is what was tried.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from distributions import build, check_contents
from environments import VERSIONS, Environment, find_python

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "cfg" / "pictures"
MODEL = ROOT / "cfg" / "weights" / "yolotiny-n-hit-uav.onnx"


def main() -> None:
    """Check all; arguments are the Pythons to install everything on."""
    asked = VERSIONS if sys.argv[1:] == ["all"] else tuple(sys.argv[1:])
    if unknown := sorted(set(asked) - set(VERSIONS)):
        sys.exit(f"no such Python: {', '.join(unknown)}; there are {', '.join(VERSIONS)}, or all")
    pythons = {version: find_python(version) for version in VERSIONS}
    if absent := [version for version in asked if pythons[version] is None]:
        sys.exit(f"Python {', '.join(absent)} is not here: neither on the PATH nor in pyenv")
    version = re.search(r'^__version__ = "(.+)"', (ROOT / "yolotiny/__init__.py").read_text(encoding="utf-8"), re.M)[1]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        built = sdist, full, runtime = build(ROOT, place)
        check_contents(ROOT, version, *built)
        print(f"{sdist.name}, {full.name}, {runtime.name}: whole, and the sdist builds the same wheels", flush=True)
        for name, python in pythons.items():
            if python is None:
                print(f"Python {name}: skipped, not here (neither on the PATH nor in pyenv)", flush=True)
                continue
            try_runtime(name, Environment(python, place / f"runtime{name}"), runtime)
            if name in asked:
                try_full(name, Environment(python, place / f"full{name}"), full, version, whole=True)
            elif python == Path(sys.executable):
                try_full(name, Environment(python, place / f"full{name}"), full, version, whole=False)
            else:
                try_alone(name, Environment(python, place / f"alone{name}"), full, version)
        shutil.rmtree(ROOT / "dist", ignore_errors=True)  # of other versions too: all that is in it gets released
        (ROOT / "dist").mkdir()
        for file in built:
            shutil.copy(file, ROOT / "dist")
    print(f"dist/ has {', '.join(file.name for file in built)}")


def try_runtime(name: str, environment: Environment, wheel: Path) -> None:
    """yolotiny-runtime with all its packages, none of them torch, on the shipped pictures."""
    begun = time.monotonic()
    environment.pip(wheel)
    code = "import importlib.util as u; print(*(n for n in ('torch', 'ultralytics', 'yolotiny') if u.find_spec(n)))"
    there = environment.run("python", "-c", code).strip()
    assert not there, f"the environment of yolotiny-runtime has {there}"

    def look(pictures: Path, out: Path) -> Path:
        environment.run("yolotiny-run", MODEL, pictures, "--json", out.with_suffix(".json"), "--quiet")
        return out.with_suffix(".json")

    found = environment.objects(look, PICTURES)
    finish(name, environment, f"yolotiny-runtime with its packages: {found} objects in the shipped pictures", begun)


def try_full(name: str, environment: Environment, wheel: Path, version: str, whole: bool) -> None:
    """yolotiny with the packages that pip finds (`whole`), or with those of the Python that runs this program."""
    begun = time.monotonic()
    if whole:
        environment.pip(wheel)
    else:
        environment.pip("--no-deps", wheel)
        environment.borrow()
    answers(environment, version)

    def look(pictures: Path, out: Path) -> Path:
        words = ("predict", f"source={pictures}", "save_json=True", f"project={out}", "name=found")
        environment.run("yolotiny", *words)
        return out / "found" / "predictions.json"

    found = environment.objects(look, PICTURES)
    packages = "its packages" if whole else f"the packages of {sys.executable}"
    finish(name, environment, f"yolotiny with {packages}: {found} objects in the shipped pictures", begun)


def try_alone(name: str, environment: Environment, wheel: Path, version: str) -> None:
    """yolotiny with nothing but PyYAML beside it, and what pip would install."""
    begun = time.monotonic()
    environment.pip("pyyaml")
    environment.pip("--no-deps", wheel)
    answers(environment, version)
    environment.pip("--dry-run", "--ignore-installed", wheel)
    finish(name, environment, "yolotiny without torch: version, help, modules; pip finds all that it needs", begun)


def answers(environment: Environment, version: str) -> None:
    """What has to work without torch, and on each Python."""
    assert environment.run("yolotiny", "version").startswith(f"yolotiny {version}\n")
    assert "predict" in environment.run("yolotiny", "help")
    place = environment.run("python", "-c", "import yolotiny; print(yolotiny.__file__)").strip()
    assert Path(place).is_relative_to(environment.packages), f"yolotiny is taken from {place}"
    environment.check_files("yolotiny")


def finish(name: str, environment: Environment, what: str, begun: float) -> None:
    """Say what was seen, and make room for the next environment."""
    print(f"Python {name}: {what} ({time.monotonic() - begun:.0f} s)", flush=True)
    shutil.rmtree(environment.place)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"this is no release yet: {error}")
