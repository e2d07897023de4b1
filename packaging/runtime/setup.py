"""Which files of yolotiny go into the wheel `yolotiny-runtime`, under the import name `yolotiny_runtime`."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NAME = "yolotiny_runtime"
SOURCE = Path("../../yolotiny")  # seen from this folder, where builders run
ROOMS = {  # folder of yolotiny: the modules of it that the runtime imports; a test holds this to what is imported
    "": ("errors", "files", "pace", "picture_io", "picture_names", "registry", "text", "training_stats", "yaml_file"),
    "ops": ("__init__", "class_choice", "letterbox", "nms", "suppression"),
    "pictures": ("*",),
    "plugins": ("*",),
    "runtime": ("*",),
    "runtime/track": ("*",),
    "serve": ("*",),
    "slicing": ("*",),
    "slicing/slicers": ("*",),
}


def modules(room: str) -> list[Path]:
    """The files of a room."""
    files = [file for name in ROOMS[room] for file in sorted((SOURCE / room).glob(f"{name}.py"))]
    return [Path("root.py"), *files] if not room else files


def package(room: str) -> str:
    """The import name of a room."""
    return ".".join([NAME, *filter(None, room.split("/"))])


class FromYolotiny(build_py):
    """Takes modules from yolotiny; root.py becomes the package's own `__init__`."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        room = "/".join(package.split(".")[1:])
        return [(package, "__init__" if file.name == "root.py" else file.stem, str(file)) for file in modules(room)]


setup(
    version=re.search(r'__version__ = "(.+)"', (SOURCE / "__init__.py").read_text(encoding="utf-8"))[1],
    packages=[package(room) for room in ROOMS],
    package_data={package("serve"): ["page.*"]},
    package_dir={package(room): (SOURCE / room).as_posix() for room in ROOMS},
    cmdclass={"build_py": FromYolotiny},
)
