"""The three files of a release: built from what git knows, and looked into."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path

NOTICES = ("LICENSE", "NOTICE")
RUNTIME = "packaging/runtime"


def build(root: Path, place: Path) -> tuple[Path, Path, Path]:
    """The sdist and the wheels of yolotiny and yolotiny-runtime, in `place`/dist.

    Files that git does not know cannot get into them. Both wheels are built a second time, from the sdist.

    Raises:
        AssertionError: the sdist builds another wheel than the checkout.
    """
    tree, dist, again = (place / name for name in ("tree", "dist", "again"))
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (root / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name)
    _backend("--sdist", tree, dist)
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        file.extractall(place / "sdist", filter="data")
    (source,) = (place / "sdist").iterdir()
    for project in (".", RUNTIME):
        _backend("--wheel", tree / project, dist)
        _backend("--wheel", source / project, again)
    wheels = {file.name: file for file in dist.glob("*.whl")}
    assert len(wheels) == 2, f"two wheels are to be built, not {sorted(wheels)}"
    for name, wheel in wheels.items():
        differing = differences(contents(wheel), contents(again / name))
        assert not differing, f"{name} built from the sdist differs in {differing}"
    (runtime,) = (file for name, file in wheels.items() if name.startswith("yolotiny_runtime-"))
    (full,) = (file for file in wheels.values() if file != runtime)
    return sdist, full, runtime


def _backend(kind: str, source: Path, out: Path) -> None:
    """Run `python -m build` without a network."""
    command = [sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out.parent)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def contents(file: Path) -> dict[str, bytes]:
    """The files in a wheel or an sdist by name; names in an sdist without the folder that holds all."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    found = {}
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            if (stream := archive.extractfile(member) if member.isfile() else None) is not None:
                found[member.name.partition("/")[2]] = stream.read()
    return found


def differences(a: dict[str, bytes], b: dict[str, bytes]) -> list[str]:
    """Names of files that only one of two archives has, or that differ."""
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def metadata(files: dict[str, bytes]) -> dict[str, str]:
    """The metadata of a distribution, the first value of each field."""
    (name,) = (name for name in files if name == "PKG-INFO" or name.endswith(".dist-info/METADATA"))
    message = BytesParser(policy=compat32).parsebytes(files[name])
    return {key: str(message[key]) for key in message.keys()}


def check_contents(root: Path, version: str, sdist: Path, full: Path, runtime: Path) -> None:
    """Metadata, licences, notices, and everything in cfg.

    Raises:
        AssertionError: what is missing or differs.
    """
    for file in (sdist, full, runtime):
        files = contents(file)
        said = metadata(files)
        assert said["Version"] == version, f"{file.name} says version {said['Version']}, yolotiny {version}"
        licence = said.get("License-Expression") or said.get("License", "")
        assert licence.startswith("AGPL-3.0-only"), f"{file.name} says licence {licence!r}"
        assert said.get("Requires-Python") == "<3.14,>=3.10", f"{file.name} is for {said.get('Requires-Python')}"
        for notice in NOTICES:
            held = [text for name, text in files.items() if name.rpartition("/")[2] == notice]
            assert held and set(held) == {(root / notice).read_bytes()}, f"{file.name} lacks {notice}"
    for file, inside in ((sdist, ""), (full, "yolotiny/")):
        files = contents(file)
        shipped = [path for path in (root / "cfg").rglob("*") if path.is_file()]
        lost = [path.name for path in shipped if files.get(f"{inside}{path.relative_to(root)}") != path.read_bytes()]
        assert shipped and not lost, f"{file.name} lacks {lost} of cfg"
    done = subprocess.run(
        [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, (sdist, full, runtime))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
