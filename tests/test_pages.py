"""The pages: every command and every example in them is known, and runs.

Blocks of a page are run from the first to the last, in a folder with the files that pages name (`tests/pages/room.py`);
what is only checked stands in `NOT_RUN` of `tests/pages/running.py`, with the reason.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.pages.checks import CHECKS
from tests.pages.reading import PAGES, commands, parts
from tests.pages.running import CHEAP, NOT_RUN, TRAINING, Reader
from tests.plugging import forget_plugins
from tests.tiny_data import ROOT

LANGUAGES = {"bash", "python", "yaml", "json", "toml", "text", "", "span"}
WITH_CODE = [page for page in PAGES if any(part.language in ("bash", "python") or Reader.inline(part) for part in parts(page))]


def name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_known_with_its_options_and_files(page):
    variables, wrong = {}, []
    for part in parts(page):
        for command in commands(part, variables):
            try:
                assert command.kind in CHECKS, f"add {command.kind!r} to CHECKS, and to NOT_RUN where it cannot run"
                CHECKS[command.kind](command)
            except (Exception, SystemExit) as error:
                wrong.append(f"{part.place}: {command.text}: {error}")
    assert wrong == []


@pytest.fixture
def bucket(request):
    """The bucket `flights`, with the pictures of a page, and an empty one, for pages that speak of buckets."""
    if "s3://" not in request.getfixturevalue("page").read_text(encoding="utf-8"):
        yield
        return
    from tests.bulk.buckets import buckets

    with buckets("flights", "found") as client:
        for file in (ROOT / "cfg" / "pictures").glob("*.jpg"):
            client.upload_file(str(file), "flights", f"2026/{file.name}")
        yield


@pytest.mark.long
@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_every_block_runs(page, bucket, tmp_path, monkeypatch):
    from yolotiny import YOLO

    train = YOLO.train
    monkeypatch.setattr(YOLO, "train", lambda self, **options: train(self, **options | TRAINING))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, tmp_path)
    try:
        for part in reader.read():
            print(f"--- {part.place}\n{part.text}")
    finally:
        reader.end()
        forget_plugins()
