"""Run the notebooks of this folder from clean kernels and keep what they show: `python docs/notebooks/run.py [FILE]`.

What is kept is the same on every machine but for its figures: no counts, no times, no paths of this machine.
"""

from __future__ import annotations

import base64
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import nbformat
import numpy as np
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
SECONDS = 900  # for one cell, on a machine that has other work
LARGE = 100_000  # letters of base64: charts are smaller as PNG, pictures are not
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def execute(file: Path, folder: Path) -> Any:
    """The notebook with new outputs.

    Args:
        file: the notebook; what it holds of earlier outputs is not used.
        folder: where it runs and writes.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    quiet = os.environ | {"PYTHONWARNINGS": "ignore:IProgress not found"}  # of tqdm, without widgets
    NotebookClient(notebook, timeout=SECONDS, kernel_name=KERNEL["name"]).execute(cwd=str(folder), env=quiet)
    return notebook


def tidy(notebook: Any, folder: Path) -> Any:
    """Take out of a notebook what differs from run to run and from machine to machine; returns it.

    Args:
        notebook: as `execute` gives it; changed.
        folder: where it ran: what it says of paths in there is kept as seen from there.
    """
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
            if "text" in output:
                output.text = _plain(output.text, folder)
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = _plain(output.data["text/plain"], folder)
            if len(output.get("data", {}).get("image/png", "")) > LARGE:
                output.data["image/jpeg"] = _jpeg(output.data.pop("image/png"))
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs in which what one stream wrote in pieces is one text."""
    made: list[Any] = []
    for output in outputs:
        last = made[-1] if made else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            made.append(output)
    return made


def _plain(text: str, folder: Path) -> str:
    """A text without colours, without what a progress bar has overwritten, and with paths as seen from a folder."""
    for place in (folder.resolve(), folder):
        text = text.replace(f"{place}/", "").replace(str(place), ".")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in COLOUR.sub("", text).split("\n"))


def _jpeg(png: str) -> str:
    """A picture as JPEG; both are text, as a notebook holds them."""
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_COLOR)
    return base64.b64encode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]).decode()


def main(files: list[Path]) -> None:
    """Run notebooks and write them back."""
    for file in files or sorted(HERE.glob("*.ipynb")):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            notebook = tidy(execute(file, Path(folder)), Path(folder))
        nbformat.write(notebook, file)
        print(f"{file.name}: {time.perf_counter() - start:.0f} s, {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
