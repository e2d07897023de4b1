"""Weights that a user asks for by name: from the address that a list gives, and what that list says, or not at all.

A list is a YAML file, `cfg/weights.yaml` or a user's own. What came of a file stays beside its place as `NAME.part`
until all of it is there and has the SHA-256 of the list.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from . import _compat
from .errors import InputError, did_you_mean
from .files import cannot_write, move
from .shipped import cfg_dir, weights_of_package
from .yaml_file import read_yaml

BLOCK = 1 << 20  # bytes
PATIENCE = 60  # seconds without a byte
KEYS = ("about", "licence", "page", "address", "sha256")
Progress = Callable[[str, int, int], None]  # what, how many bytes are here, of how many


@dataclass(frozen=True)
class Entry:
    """What a list says of a file.

    Attributes:
        name: of the file, without a folder.
        about, licence: one line each.
        page: where people find it.
        address: http or https, empty where none is known.
        sha256: 64 hexadecimal digits, empty where there is no address.
    """

    name: str
    about: str = ""
    licence: str = ""
    page: str = ""
    address: str = ""
    sha256: str = ""


def entries(file: str | Path | None = None) -> dict[str, Entry]:
    """What a list holds, by name.

    Args:
        file: a YAML file; None for the one that comes with the package.

    Raises:
        InputError: no such file, a name with a folder in it, an address without a hash, or what no list holds.
    """
    path = Path(file or cfg_dir() / "weights.yaml")
    return {str(name): _entry(str(name), said, path) for name, said in read_yaml(path, "a list of weights").items()}


def _entry(name: str, said: Any, file: Path) -> Entry:
    where = f"{file}, {name}"
    if Path(name).name != name or not Path(name).suffix:
        raise InputError(f"{where}: a name of weights is that of a file without its folder, such as best.pt")
    if not isinstance(said, dict):
        raise InputError(f"{where}: expected {', '.join(KEYS)}, each with a text")
    for key, value in said.items():
        if key not in KEYS:
            raise InputError(f"{where}: unknown key {key!r}{did_you_mean(key, KEYS)}")
        if not isinstance(value, (str, type(None))):
            raise InputError(f"{where}: {key} is {value!r}, which is no text; write it in quotation marks")
    entry = Entry(name, **{key: value or "" for key, value in said.items()})
    if entry.address and urlsplit(entry.address).scheme not in ("http", "https"):
        raise InputError(f"{where}: address {entry.address!r} begins with neither http:// nor https://")
    if entry.address and not re.fullmatch("[0-9a-fA-F]{64}", entry.sha256):
        raise InputError(f"{where}: an address needs sha256, the 64 hexadecimal digits that sha256sum prints")
    return entry


def get(
    name: str, to: str | Path = ".", file: str | Path | None = None, progress: Progress | None = None
) -> tuple[Path, Entry]:
    """Fetch weights, and go on where an earlier call was cut off; nothing is fetched twice.

    Args:
        name: of a file in the list.
        to: the folder for it.
        file: the list, see `entries`.
        progress: called with the name, the bytes that are here, and how many there are.

    Returns:
        Where the file is, of shipped weights in the package, and what the list says of it.

    Raises:
        InputError: no such name or no address, `YOLO_OFFLINE=1`, an address that does not answer or stops, another
            file than the list says, another file in its place, or a folder that cannot be written.
    """
    known = entries(file)
    if name not in known:
        raise InputError(f"{file or 'cfg/weights.yaml'} holds no weights {name!r}{did_you_mean(name, known)}")
    entry, place = known[name], Path(to) / name
    if not entry.address:
        return _without_address(entry), entry
    if place.exists():
        if place.is_file() and sha256_of(place) == entry.sha256.lower():
            return place, entry
        raise InputError(f"{place} is there and is another file than the list says; move it, or give to=FOLDER")
    if _compat.offline():
        raise InputError(f"YOLO_OFFLINE is set: {name} is not fetched from {entry.address}; unset it to fetch")
    part = place.with_name(f"{name}.part")
    with _told(part, entry):
        _fetch(entry, part, progress)
    found = sha256_of(part)
    if found != entry.sha256.lower():
        part.unlink()
        raise InputError(f"{entry.address} gave another file than the list says (SHA-256 {found}); it was removed")
    move(part, place)
    return place, entry


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    made = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            made.update(block)
    return made.hexdigest()


def _without_address(entry: Entry) -> Path:
    """The file of the package; InputError where there is none, so that nobody knows where it is."""
    if found := weights_of_package(entry.name):
        return found
    hint = f"; look at {entry.page}" if entry.page else ""
    raise InputError(f"no address of {entry.name} is known here{hint}")


@contextlib.contextmanager
def _told(part: Path, entry: Entry) -> Iterator[None]:
    """Say of a fetch that stops why it did, and that the same command goes on."""

    def kept() -> str:
        size = part.stat().st_size if part.is_file() else 0
        return f"; {size:,} bytes are kept in {part}, and the same command goes on" if size else ""

    try:
        yield
    except HTTPError as error:
        raise InputError(f"{entry.address} answered {error.code} {error.reason}{kept()}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, InputError):
            raise
        inner = getattr(error, "reason", error)  # what is behind an error of urllib
        reason = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
        raise InputError(f"{entry.address} cannot be fetched: {reason}{kept()}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(*filter(None, [kept().removeprefix("; ")])) from None


def _fetch(entry: Entry, part: Path, progress: Progress | None) -> None:
    """Add to `part` what it lacks of the file.

    Raises:
        InputError: the answer ended early, or `part` cannot be written.
        OSError, HTTPException: no answer.
    """
    have = part.stat().st_size if part.is_file() else 0
    wanted = Request(entry.address, headers={"User-Agent": "yolotiny"})
    if have:
        wanted.add_header("Range", f"bytes={have}-")
    try:
        answer = urlopen(wanted, timeout=PATIENCE)
    except HTTPError as error:
        if have and error.code == 416:  # there is no more of it: all came before, or what came is of another file
            return
        raise
    with answer:
        goes_on = answer.status == 206 and str(answer.headers["Content-Range"]).startswith(f"bytes {have}-")
        have = have if goes_on else 0  # a server that knows no ranges sends all of it
        total = have + int(answer.headers["Content-Length"] or 0)
        while block := answer.read(BLOCK):
            _put(block, part, "ab" if have else "wb")
            have += len(block)
            if progress:
                progress(entry.name, have, max(total, have))
    if have < total:
        raise http.client.HTTPException(f"it ended after {have:,} of {total:,} bytes")


def _put(block: bytes, part: Path, mode: str) -> None:
    """Write a piece; a full disk is told from a network that fails."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open(mode) as file:
            file.write(block)
    except OSError as error:
        raise cannot_write(part, error) from error
