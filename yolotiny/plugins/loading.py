"""Importing plugins: because the user named them or installed them, never because a YAML or a checkpoint did.

Files and modules that the user names are imported at once; those that installed packages list under the entry-point
group `yolotiny.parts` when a name is found nowhere else, and when parts are listed. Processes that this one starts
(distributed training, loader workers) learn of the named ones by the environment variable `YOLOTINY_PLUGINS`, and
import them at the same moment.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from .parts import PARTS, Part, describe, forget, loading

GROUP = "yolotiny.parts"  # entry points: name = module
VARIABLE = "YOLOTINY_PLUGINS"
EXAMPLE = "give a file such as my_parts.py, a module, or a list of them"
failed: list[str] = []  # what became of installed plugins that cannot be imported
_looked = False  # whether those were looked for


@dataclass(frozen=True)
class Plugin:
    """What is to be imported.

    Attributes:
        module: its name in Python.
        shown: as a user names it, without its folder.
        carried: as another process finds it.
    """

    module: str
    shown: str
    carried: str


def load(plugins: Any) -> None:
    """Import plugins, each once in a process.

    Args:
        plugins: a file (`"my_parts.py"`, whose folder is then searched for modules, after all others), the name of a
            module, or a list of them, also as one text with commas.

    Raises:
        InputError: nothing there, nothing registered, or an error inside, with file and line; what that plugin had
            registered is taken out again.
    """
    for name in _listed(plugins):
        searched = list(sys.path)
        try:
            plugin = _of_file(name) if _is_file(name) else _of_module(name)
            _import(plugin)
        except InputError:
            sys.path[:] = searched
            raise
        carried = os.environ.get(VARIABLE, "").split(os.pathsep)
        os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*filter(None, carried), plugin.carried]))


def more() -> None:
    """Import what the environment names and what installed packages list, once; called where a name is not found.

    Raises:
        InputError: a plugin that the environment names fails. One of an installed package, which this user may have
            nothing to do with, is left out, and told with the name that is not found.
    """
    global _looked
    named = [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name.strip()]
    try:
        for name in named:
            load(name)
    except InputError as error:
        raise InputError(f"{VARIABLE}: {error}") from error
    if _looked:
        return
    _looked = True  # before they are imported: one of them may ask for a name, too
    from importlib.metadata import entry_points  # not before somebody asks: this is imported with the package

    for point in entry_points(group=GROUP):
        try:
            _import(Plugin(point.module, point.module, point.module))
        except InputError as error:
            failed.append(f"installed plugin {point.name!r} is left out, {error}")


def _listed(plugins: Any) -> list[str]:
    """What the user named, one by one."""
    if isinstance(plugins, str) and "," in plugins and not Path(plugins).is_file():
        plugins = plugins.split(",")
    named = list(plugins) if isinstance(plugins, (list, tuple)) else [plugins]
    if not named:
        raise InputError(f"plugins is an empty list; {EXAMPLE}")
    for one in named:
        if not isinstance(one, (str, Path)) or not str(one).strip():
            raise InputError(f"plugins: {one!r} is no plugin; {EXAMPLE}")
    return [str(one).strip() for one in named]


def _is_file(name: str) -> bool:
    path = Path(name).expanduser()
    return name.endswith(".py") or len(path.parts) > 1 or path.is_file() or (path.is_dir() and not _spec(name))


def _of_file(name: str) -> Plugin:
    """A file by its path; its name becomes that of a module, as with `import`."""
    path = Path(name).expanduser()
    if path.is_dir():
        file = min(path.glob("*.py"), default=path / "my_parts.py")
        raise InputError(f"plugins: {name} is a folder; give a file in it, such as {file}")
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.py")]) if path.parent.is_dir() else ""
        raise InputError(f"plugins: there is no file {name}{near}")
    if path.suffix != ".py":
        raise InputError(f"plugins: {name} is no file of Python, whose name would end in .py")
    file = path.resolve()
    if "." in file.stem:
        raise InputError(f"plugins: {name} has a dot in its name, so it cannot be imported; rename it")
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # last, so that nothing in that folder hides an installed module
    found = _spec(file.stem)
    there = found.origin if found else None
    if not there or not Path(there).is_file() or not file.samefile(there):
        raise InputError(f"plugins: {name} has the name of another module, {there or file.stem}; rename it")
    return Plugin(file.stem, file.name, str(file))


def _of_module(name: str) -> Plugin:
    """A module by its name."""
    if _spec(name) is None:
        near = f"; there is a file: plugins={name}.py" if Path(f"{name}.py").is_file() else f"; {EXAMPLE}"
        raise InputError(f"plugins: there is no module {name!r}{near}")
    return Plugin(name, name, name)


def _spec(module: str) -> Any:
    """How a module would be found; None where there is none, or only a folder without files of Python."""
    importlib.invalidate_caches()  # a file may have been written a moment ago
    if known := sys.modules.get(module):
        return getattr(known, "__spec__", None)
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return found if found and found.origin else None


def _import(plugin: Plugin) -> None:
    """Import a plugin that is not there yet; raise InputError where that fails or registers nothing."""
    with _all_or_nothing(plugin):
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what a command prints may be read by another program
                importlib.import_module(plugin.module)
        except (Exception, SystemExit) as error:
            raise InputError(f"plugins: {_place(error, plugin)}: {describe(error)}") from error
        if not any(_is_of(part, plugin) for part in PARTS.values()):
            raise InputError(f"plugins: {plugin.shown} registers nothing; it has to call yolotiny.plugins.register")


@contextlib.contextmanager
def _all_or_nothing(plugin: Plugin) -> Iterator[None]:
    """What fails in here leaves no part and no module behind, so that a plugin is read anew once it is mended."""
    parts, modules = dict(PARTS), set(sys.modules)
    loading.append(plugin.shown)
    try:
        yield
    except InputError:
        forget([part for key, part in PARTS.items() if parts.get(key) is not part])
        for name in set(sys.modules) - modules:
            if _inside(name, plugin.module):
                del sys.modules[name]
        raise
    finally:
        loading.pop()


def _is_of(part: Part, plugin: Plugin) -> bool:
    """Whether a part came from a plugin, be it that the program itself is that file."""
    return _inside(part.module, plugin.module) or part.file == plugin.carried


def _inside(module: str, plugin: str) -> bool:
    return module == plugin or module.startswith(f"{plugin}.")


def _place(error: BaseException, plugin: Plugin) -> str:
    """Where in the plugin an error came up: its innermost line, or that which Python cannot read."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    folder, package = _home(plugin)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parents = Path(frame.filename).parents
        if folder == parents[0] or (package and folder in parents):
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return plugin.shown


def _home(plugin: Plugin) -> tuple[Path | None, bool]:
    """The folder that holds a plugin, and whether it is a package, so that sub-folders belong to it."""
    found = _spec(plugin.module)
    if found is None or not found.origin:
        return None, False
    return Path(found.origin).parent, bool(found.submodule_search_locations)
