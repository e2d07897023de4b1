"""What a release says of itself, workflows that name what is there, and the program that tries it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from yolotiny import __version__

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROGRAMS = ROOT / "packaging" / "release"
TAG = re.compile(r"v\d+(\.\d+)*|release/v\d+")
each = pytest.mark.parametrize("file", WORKFLOWS, ids=[file.stem for file in WORKFLOWS])


def program(name: str):
    """A module of packaging/release, which is no package."""
    spec = importlib.util.spec_from_file_location(name, PROGRAMS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def schema(capsys):
    """Holds files to a schema that check-jsonschema brings along; skips without it."""
    checker = pytest.importorskip("check_jsonschema", reason="needs check-jsonschema: pip install check-jsonschema")

    def check(kind: str, *files: Path) -> None:
        code = checker.main(["--builtin-schema", f"vendor.{kind}", *map(str, files)], standalone_mode=False)
        said = capsys.readouterr()
        assert code == 0, said.out + said.err

    return check


def steps(file: Path) -> list[dict]:
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def targets() -> set[str]:
    return set(re.findall(r"^([\w.-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def citation() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_changelog_has_a_dated_section_for_this_version_and_one_for_what_follows():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", text, re.MULTILINE)
    assert heads[0] == ("Unreleased", "") and heads[1][0] == __version__ and heads[1][1]
    assert str(citation()["date-released"]) == heads[1][1]


def test_no_page_names_a_file_of_some_other_version():
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("packaging/*/*.md"),
    ]
    named = {
        found for page in pages for found in re.findall(r"yolotiny(?:_runtime)?-(\d[\d.]*\d)", page.read_text("utf-8"))
    }
    assert named <= {__version__}


def test_the_citation_has_this_version_and_licence_and_says_what_each_paper_is_for():
    cited = citation()
    assert (cited["version"], cited["license"]) == (__version__, "AGPL-3.0-only")
    assert f"\nlicense = {cited['license']} " in (ROOT / "setup.cfg").read_text(encoding="utf-8")
    papers = [entry for entry in cited["references"] if entry["type"] in ("article", "conference-paper")]
    links = " ".join(entry["url"] for entry in papers)
    for number in ("2404.06180", "2511.09891", "2206.13996", "2303.01803", "2405.11276"):
        assert f"arxiv.org/abs/{number}" in links
    assert all(entry["notes"] and entry["authors"] and entry["year"] for entry in papers)


def test_the_citation_follows_its_schema(schema):
    schema("citation-file-format", ROOT / "CITATION.cff")


def test_workflows_follow_their_schema(schema):
    assert [file.stem for file in WORKFLOWS] == ["release", "tests"]
    schema("github-workflows", *WORKFLOWS)
    schema("dependabot", ROOT / ".github" / "dependabot.yml")


@each
def test_a_workflow_runs_targets_and_files_that_are_there(file):
    text = file.read_text(encoding="utf-8")
    made = set(re.findall(r"\bmake ([\w-]+)", "\n".join(step["run"] for step in steps(file) if "run" in step)))
    assert made and made <= targets()
    named = set(re.findall(r"(?<![\w/.])((?:docs|packaging|yolotiny|\.ci)/[\w./-]+|setup\.cfg|constraints\.txt)", text))
    assert named and [name for name in named if not (ROOT / name).exists()] == []


@each
def test_a_workflow_is_read_only_but_where_it_says_so_and_ends_by_itself(file):
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 240 for job in workflow["jobs"].values())
    for step in steps(file):
        action, _, tag = step.get("uses", "none@v0").partition("@")
        assert TAG.fullmatch(tag), f"{action} has no version"
        assert not step.get("uses", "").startswith("actions/checkout@") or step["with"]["persist-credentials"] is False


def test_the_tests_run_on_every_python_that_the_package_is_for():
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    versions = re.findall(r"Programming Language :: Python :: (3\.\d+)", setup)
    tests = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    assert tests["jobs"]["test"]["strategy"]["matrix"]["python"] == versions
    assert program("environments").VERSIONS == tuple(versions)


def test_a_release_builds_every_image_of_docs_docker_and_publishes_what_was_tried():
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    jobs = release["jobs"]
    named = {entry["file"] for entry in jobs["images"]["strategy"]["matrix"]["include"]}
    assert named == {f"docs/docker/{file.name}" for file in (ROOT / "docs/docker").glob("*.Dockerfile")}
    built = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert built[-1].startswith("make release-check ")  # nothing touches dist/ behind it
    assert jobs["pypi"]["needs"] == jobs["images"]["needs"] == "build"
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}


def test_a_security_policy_promises_what_tests_hold_and_names_the_released_version():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert f"now {__version__.rpartition('.')[0]}" in text
    named = re.findall(r"`(tests/[\w/.]+)`", text) + re.findall(r"\]\((docs/[\w/.]+)\)", text)
    assert len(named) == 5 and [name for name in named if not (ROOT / name).exists()] == []


def test_differences_name_files_that_one_lacks_or_that_differ():
    distributions = program("distributions")
    assert distributions.differences({"a": b"1", "b": b"2"}, {"a": b"1", "b": b"2"}) == []
    assert distributions.differences({"a": b"1", "b": b"2"}, {"b": b"3", "c": b"4"}) == ["a", "b", "c"]


def test_contents_of_a_wheel_and_of_an_sdist_have_the_same_names(tmp_path):
    distributions = program("distributions")
    with zipfile.ZipFile(tmp_path / "p-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("p/x.py", "1")
    (tmp_path / "p-1" / "p").mkdir(parents=True)
    (tmp_path / "p-1" / "p" / "x.py").write_text("1")
    with tarfile.open(tmp_path / "p-1.tar.gz", "w:gz") as sdist:
        sdist.add(tmp_path / "p-1", "p-1")
    read = [distributions.contents(tmp_path / name) for name in ("p-1-py3-none-any.whl", "p-1.tar.gz")]
    assert read == [{"p/x.py": b"1"}] * 2


def test_pythons_are_found_by_running_them(tmp_path, monkeypatch):
    environments = program("environments")
    assert environments.find_python(".".join(map(str, sys.version_info[:2]))) == Path(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    shim = tmp_path / "python3.9"  # of pyenv: it is there, and says that no such version is chosen
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert environments.find_python("3.9") is None
    real = tmp_path / "versions" / "3.9.1" / "bin" / "python"
    real.parent.mkdir(parents=True)
    real.write_text("#!/bin/sh\necho 3.9\n")
    real.chmod(0o755)
    assert environments.find_python("3.9") == real


@pytest.mark.parametrize(("word", "said"), [("3.9", "no such Python: 3.9"), ("two", "no such Python: two")])
def test_the_program_refuses_a_python_that_the_package_is_not_for(word, said):
    done = subprocess.run([sys.executable, PROGRAMS / "check.py", word], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(said) and len(done.stderr.splitlines()) == 1
