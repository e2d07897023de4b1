"""The notebooks of docs/notebooks: what is stored of them, and that they run from a clean kernel."""

from __future__ import annotations

import re
import runpy
import shutil

import pytest

from tests.tiny_data import ROOT

nbformat = pytest.importorskip("nbformat", reason="needs nbformat: pip install nbformat nbclient ipykernel")
pytest.importorskip("nbclient", reason="needs nbclient: pip install nbclient ipykernel")
pytest.importorskip("ipykernel", reason="needs ipykernel: pip install ipykernel")

FOLDER = ROOT / "docs" / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
PLACE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|usr|opt|var|mnt|Users|private)/|[A-Z]:\\\\")
MOST_BYTES = 400_000
run = runpy.run_path(str(FOLDER / "run.py"))


def outputs(notebook) -> list:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_there_is_a_notebook_for_each_step():
    names = ["1-first-detector", "2-large-pictures", "3-own-loss", "4-honest-evaluation", "5-export-and-run"]
    assert [file.stem for file in FILES] == names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_notebook_shows_its_results_and_nothing_of_the_machine(file):
    notebook = nbformat.read(file, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5) and file.stat().st_size < MOST_BYTES
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids) >= 10
    assert notebook.cells[0].source.startswith("# ")
    stored = outputs(notebook)
    kinds = {kind for output in stored for kind in output.get("data", {})}
    assert kinds & {"image/png", "image/jpeg"} and not any(o.output_type == "error" for o in stored)
    assert not [o.text for o in stored if o.get("name") == "stderr"], "a warning is no result"
    texts = [o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in stored]
    assert not [text for text in texts + [cell.source for cell in notebook.cells] if PLACE.search(text)]
    assert all(cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_links_of_a_notebook_lead_to_files(file):
    prose = "\n".join(c.source for c in nbformat.read(file, 4).cells if c.cell_type == "markdown")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", prose)]
    assert links and not [link for link in links if "://" not in link and not (FOLDER / link).exists()]


def test_what_differs_from_run_to_run_is_not_stored(tmp_path):
    png = "A" * 10
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "mine", "display_name": "Mine"}})
    stream = [
        nbformat.v4.new_output("stream", name="stdout", text=t) for t in ("0 %\r50 %\r", f"100 %\n{tmp_path}/a\n")
    ]
    result = nbformat.v4.new_output(
        "execute_result", {"text/plain": f"'{tmp_path}'", "image/png": png}, execution_count=3
    )
    cell = nbformat.v4.new_code_cell(
        "1", outputs=[*stream, result], execution_count=3, metadata={"execution": {"a": "1"}}
    )
    made.cells = [cell]
    (tidy,) = run["tidy"](made, tmp_path).cells
    assert tidy.outputs[0].text == "100 %\na\n" and tidy.outputs[1].data == {"text/plain": "'.'", "image/png": png}
    assert tidy.execution_count is None is tidy.outputs[1].execution_count and not tidy.metadata
    assert made.metadata.kernelspec.name == "python3"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_runs_from_a_clean_kernel_and_its_own_checks_hold(file, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    copy = shutil.copy(file, tmp_path)
    made = run["execute"](copy, tmp_path)  # a cell that fails, or a claim that does not hold, ends it
    (checks,) = [cell for cell in made.cells if "checks" in cell.metadata.get("tags", ())]
    assert checks.source.count("assert ") >= 3
    shown = [[o.output_type for o in cell.outputs] for cell in made.cells if cell.cell_type == "code"]
    stored = [
        [o.output_type for o in cell.outputs] for cell in nbformat.read(file, 4).cells if cell.cell_type == "code"
    ]
    assert [bool(each) for each in shown] == [bool(each) for each in stored]
