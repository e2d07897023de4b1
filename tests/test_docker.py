"""The Dockerfiles, read: what they name is there. No image is built, as that needs docker and a network."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest

from yolotiny.runtime.serve_command import parser

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "docs" / "docker").glob("*.Dockerfile"))
NAMES = [file.name.partition(".")[0] for file in FILES]
IMAGE = re.compile(r"[a-z0-9]+([._/-][a-z0-9]+)*:[\w.-]{1,127}")  # a name with a tag, as Docker spells them
each = pytest.mark.parametrize("file", FILES, ids=NAMES)


def instructions(file: Path) -> list[tuple[str, str]]:
    """(instruction, the rest of its line) in their order; continued lines are one."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line.strip())]


def values(file: Path, instruction: str) -> list[str]:
    return [rest for word, rest in instructions(file) if word == instruction]


def extras() -> dict[str, set[str]]:
    """The extras of each package, by what pip is given for it."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    runtime = (ROOT / "packaging/runtime/pyproject.toml").read_text(encoding="utf-8")
    section = runtime.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    return {
        ".": set(config["options.extras_require"]),
        "wheel": set(re.findall(r"^([\w-]+) = ", section, re.MULTILINE)),
    }


def test_there_is_one_for_the_runtime_and_one_for_training():
    assert NAMES == ["runtime", "training"]


@each
def test_every_instruction_is_one_of_docker_and_every_image_has_a_tag(file):
    known = set("FROM RUN COPY WORKDIR USER EXPOSE ENV HEALTHCHECK ENTRYPOINT CMD".split())
    assert {word for word, _ in instructions(file)} <= known and instructions(file)[0][0] == "FROM"
    images = [rest.split()[0] for rest in values(file, "FROM")]
    assert images and all(IMAGE.fullmatch(image) for image in images)
    major = re.search(r"python:3\.(\d+)", images[-1])
    assert major and 10 <= int(major[1]) <= 13


@each
def test_what_is_copied_is_there_and_not_left_out_of_what_docker_sees(file):
    stages = {rest.split()[2] for rest in values(file, "FROM") if " AS " in rest}
    seen = {
        line[1:] for line in (file.parent / f"{file.name}.dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = set()
    for rest in values(file, "COPY"):
        *sources, _ = [word for word in rest.split() if not word.startswith("--")]
        if (stage := re.search(r"--from=(\w+)", rest)) is not None:
            assert stage[1] in stages
            continue
        copied |= set(sources)
    assert copied == seen and [name for name in copied if not (ROOT / name).exists()] == []


@each
def test_what_is_installed_has_the_extras_that_are_named(file):
    named = re.findall(r'"([^"]*)\[([\w,]+)\]"', " ".join(values(file, "RUN")))
    assert len(named) == 1
    for target, names in named:
        assert set(names.split(",")) <= extras()["." if target == "." else "wheel"]
    assert "constraints.txt" not in "".join(values(file, "RUN")) or (ROOT / "constraints.txt").is_file()


@each
def test_it_runs_as_nobody_special_a_command_that_the_package_brings(file):
    assert values(file, "USER") == ["10001"] and "--uid 10001" in " ".join(values(file, "RUN"))
    order = [word for word, _ in instructions(file)]
    assert order.index("USER") > max(i for i, word in enumerate(order) if word == "RUN")
    (entry,) = (json.loads(rest) for rest in values(file, "ENTRYPOINT"))
    declared = ROOT / ("packaging/runtime/pyproject.toml" if file.name.startswith("runtime") else "setup.cfg")
    assert re.search(rf"^\s*{entry[0]} = ", declared.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_service_is_told_what_it_understands_and_asked_for_its_health_where_it_listens():
    (file,) = (f for f in FILES if f.name.startswith("runtime"))
    command = json.loads(values(file, "CMD")[0])
    assert command[0] == "serve"
    told = parser("yolotiny-run serve").parse_args(command[1:])
    assert told.host == "0.0.0.0" and values(file, "EXPOSE") == [str(told.port)]  # others decide who may reach it
    assert f"http://127.0.0.1:{told.port}/health" in values(file, "HEALTHCHECK")[0]
    assert f"{told.model}:ro" in file.read_text(encoding="utf-8")  # what the comment mounts is what is served


def test_no_image_of_the_runtime_has_torch():
    (file,) = (f for f in FILES if f.name.startswith("runtime"))
    assert "torch" not in " ".join(rest for _, rest in instructions(file))
    assert "--no-deps" in " ".join(values(file, "RUN"))  # the wheel alone comes from the first stage
