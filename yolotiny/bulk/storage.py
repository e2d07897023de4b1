"""Files on a disk or in a bucket by the same few words; what is written is whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator

import pyarrow as pa
from pyarrow import fs

from ..errors import InputError

BUCKETS = ("s3://", "gs://", "gcs://", "abfs://", "abfss://", "hdfs://")
PARTS = "tmp"  # folder of what is being written
KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
REASONS = {  # what a store answers, in words that say what to do
    "NO_SUCH_BUCKET": "there is no such bucket",
    "NETWORK_CONNECTION": "nobody answers there; AWS_ENDPOINT_URL names another server",
    "ACCESS_DENIED": f"no credentials, or none that may do this: {KEYS}",
    "INVALID_ACCESS_KEY_ID": f"these credentials are not known there: {KEYS}",
    "SIGNATURE_DOES_NOT_MATCH": f"the secret key is wrong: {KEYS}",
}


class Unreachable(InputError):
    """A disk or a bucket that cannot be used: no fault of a picture, so the run ends, to be taken up again."""


def is_bucket(address: object) -> bool:
    """Whether a source or a folder lies in a bucket."""
    return isinstance(address, str) and address.lower().startswith(BUCKETS)


class Store:
    """A folder on a disk, or what lies below a prefix of a bucket. It is pickled as its address.

    Args:
        address: a folder, or such as s3://bucket/prefix; credentials, region and AWS_ENDPOINT_URL come from the
            environment.

    Raises:
        Unreachable: in all methods, where the system or the bucket cannot do it.
    """

    def __init__(self, address: str):
        self.address, self.bucket = address.rstrip("/") or address, is_bucket(address)
        with told(address, "open"):
            if self.bucket:
                self.files, self.root = fs.FileSystem.from_uri(self.address)
            else:
                self.files, self.root = fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(address))
        self.root = self.root.rstrip("/")

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.address,)

    def names(self, folder: str) -> set[str]:
        """The names of the files that lie in a folder; none where there is no such folder."""
        with told(self.address, "list"):
            found = self.files.get_file_info(fs.FileSelector(f"{self.root}/{folder}", allow_not_found=True))
        return {each.base_name for each in found if each.is_file}

    def below(self) -> list[str]:
        """The paths of all files, folders included, as seen from here, by name."""
        try:
            with told(self.address, "list"):
                found = self.files.get_file_info(fs.FileSelector(self.root, recursive=True))
        except FileNotFoundError:
            return []
        return sorted(each.path[len(self.root) + 1 :] for each in found if each.is_file)

    def read(self, name: str) -> bytes:
        """The content of a file; FileNotFoundError where there is none."""
        with told(f"{self.address}/{name}", "read"):
            with self.files.open_input_stream(f"{self.root}/{name}") as file:
                return file.read()

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[pa.NativeFile]:
        """A file to read parts of; FileNotFoundError where there is none."""
        with told(f"{self.address}/{name}", "read"):
            with self.files.open_input_file(f"{self.root}/{name}") as file:
                yield file

    def write(self, name: str, content: bytes | pa.Buffer) -> None:
        """Write a file under another name, and rename it."""
        part, place = f"{self.root}/{PARTS}/{uuid.uuid4().hex}", f"{self.root}/{name}"
        with told(f"{self.address}/{name}", "write"):
            for path in () if self.bucket else (part, place):
                self.files.create_dir(os.path.dirname(path))
            with self.files.open_output_stream(part) as file:
                file.write(content)
            self.files.move(part, place)

    def tidy(self) -> None:
        """Remove what was being written when a run was killed."""
        with contextlib.suppress(OSError):
            self.files.delete_dir(f"{self.root}/{PARTS}")


@contextlib.contextmanager
def told(where: str, doing: str) -> Iterator[None]:
    """Turn what a file system raises into one line of ours; a file that is not there stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise Unreachable(f"cannot {doing} {where}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What went wrong, without the words of the library."""
    text = " ".join(str(error).split())
    if code := re.search(r"AWS Error (\w+)", text):
        status = "ACCESS_DENIED" if "403" in text else code[1]
        return REASONS.get(status) or re.sub(r" \(Request ID.*", "", text.rpartition("operation: ")[2])
    text = getattr(error, "strerror", None) or text
    return re.sub(r".*Detail: (\[errno \d+\] )?", "", text) or type(error).__name__
