"""The pages: every command and every example in them is known, and runs.

Blocks of a page are run from the first to the last, in a folder with the files that pages name (`tests/pages/room.py`);
what is only checked stands in `NOT_RUN` of `tests/pages/running.py`, with the reason.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
import sys
from types import SimpleNamespace

import pytest
import yaml

import yolotiny.runtime
from tests.pages import reading
from tests.pages.checks import check, complete
from tests.pages.reading import PAGES, Part, commands, parts
from tests.pages.running import NOT_RUN, TRAINING, Reader, runs
from tests.plugging import forget_plugins
from tests.tiny_data import ROOT
from yolotiny import YOLO
from yolotiny.cli.commands import demo
from yolotiny.data import write_demo
from yolotiny.study import worker
from yolotiny.study.driver import Driver

# What a fence may say it holds, and what has to be able to read that.
LANGUAGES = {"bash": str, "python": ast.parse, "yaml": yaml.safe_load, "json": json.loads, "toml": str}
LANGUAGES |= {"text": str, "": str, "span": str}
COMMAND = re.compile(r"^(\$ )?(yolotiny|yolotiny-run|make|pip|python3?) \w", re.MULTILINE)
PLACES = r"(benchmarks|cfg|docs|packaging|tests|yolotiny)/[\w./-]+"
WITH_CODE = [page for page in PAGES if any(map(runs, parts(page)))]


def name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_known_with_its_options_and_files(page):
    variables, wrong = {}, []
    for part in parts(page):
        for command in commands(part, variables):
            try:
                check(command)
            except (Exception, SystemExit) as error:
                wrong.append(f"{part.place}: {command.text}: {error}")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is_and_can_be_read(page):
    for part in parts(page):
        assert part.language in LANGUAGES, f"{part.place}: {part.language} is none of {', '.join(LANGUAGES)}"
        LANGUAGES[part.language](part.text)
        hidden = part.language not in ("bash", "span") and COMMAND.search(part.text)
        assert not hidden, f"{part.place}: commands stand in a block ```bash"


@functools.cache
def words():
    """Every word of the package, its YAML files and the programs beside it."""
    files = [*(ROOT / "yolotiny").rglob("*.py"), *(ROOT / "cfg").rglob("*.yaml"), *(ROOT / "benchmarks").rglob("*.py")]
    return {word for file in files for word in re.findall(r"[A-Za-z_]\w*", file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_option_and_file_that_a_text_names_is_there(page):
    wrong = []
    for part in parts(page):
        if part.language == "span":
            options = [word for word in part.text.split() if re.fullmatch(r"[A-Za-z_][\w.]*=[^=(']*", word)]
            keys = [word.partition("=")[0] for word in options if "(" not in part.text]
            ours = [key for key in keys if not key.isupper() or key.startswith("YOLOTINY_")]
            wrong += [f"{part.place}: {key}" for key in ours if not set(key.split(".")) <= words()]
            if re.fullmatch(PLACES, part.text) and not (ROOT / part.text).exists():
                wrong.append(f"{part.place}: {part.text}")
    assert wrong == []


@pytest.fixture
def bucket(page):
    """The bucket `flights`, with the pictures of a page, and an empty one, for pages that speak of buckets."""
    if "s3://" not in page.read_text(encoding="utf-8"):
        yield
        return
    from tests.bulk.buckets import buckets

    with buckets("flights", "found") as client:
        for file in (ROOT / "cfg" / "pictures").glob("*.jpg"):
            client.upload_file(str(file), "flights", f"2026/{file.name}")
        yield


def start_here(driver, run):
    """Do a run of a study in this process, which knows all libraries already."""
    with open(run.log, "w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        code = worker.main(str(run.asked))
    driver.alive[run.name] = SimpleNamespace(poll=lambda: code)


@pytest.fixture
def cheap(monkeypatch):
    """Trainings of a moment, whatever asks for them, and the runtime's wheel as if it were installed."""
    train = YOLO.train
    monkeypatch.setattr(Driver, "start", start_here)
    monkeypatch.setattr(YOLO, "train", lambda self, **options: train(self, **options | TRAINING))
    monkeypatch.setattr(demo, "write_demo", functools.partial(write_demo, train=4, val=2, imgsz=128))
    monkeypatch.setattr(demo, "IMGSZ", 128)
    monkeypatch.setitem(sys.modules, "yolotiny_runtime", yolotiny.runtime)


@pytest.mark.long
@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_every_block_runs(page, bucket, cheap, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reader = Reader(page, tmp_path)
    try:
        for part in reader.read():
            print(f"--- {part.place}\n{part.text}")
    finally:
        reader.end()
        forget_plugins()


def of(text, language="bash"):
    return Part(ROOT / "README.md", 1, language, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yolotiny trian data=demo", "unknown command 'trian'"),
        ("yolotiny train data=demo modle=yolov5n", "unknown option 'modle'"),
        ("yolotiny train model=yolov5n", "train needs data="),
        ("yolotiny train data=demo epochs=many", "epochs"),
        ("yolotiny val model=a.pt data=demo && yolotiny export model=a.pt fromat=onnx", "unknown option 'fromat'"),
        ("D='data=demo imgz=64'\nyolotiny train model=yolov5n $D", "unknown option 'imgz'"),
        ("torchrun --nproc-per-node=2 -m yolotiny train data=demo lr=1", "unknown option 'lr'"),
        ("docker run -v data:/data yolotiny train model=yolov5n", "train needs data="),
        ("yolotiny-run best.onnx pictures --cropped auto", "unrecognized arguments: --cropped"),
        ("python benchmarks/crops.py model=best.pt date=demo", "has no date"),
        ("python benchmarks/cropped.py", "No such file"),
        ("make everything", "the Makefile has"),
        ("pip install 'yolotiny[all]'", r"yolotiny\[all\]"),
        ("pytest tests/test_nothing.py", "test_nothing"),
        ("wget example.org", "add 'wget' to CHECKS"),
    ],
)
def test_a_mistake_in_a_page_is_found(text, says):
    with pytest.raises((Exception, SystemExit), match=says):
        for command in commands(of(text), {}):
            check(command)


def test_a_line_in_the_middle_of_a_text_may_be_a_part_of_one():
    (one,) = commands(of("yolotiny val k=0", "span"), {})
    check(one)
    assert not complete(one) and not complete(next(commands(of("yolotiny models get NAME", "span"), {})))
    assert complete(next(commands(of("yolotiny val data=demo", "span"), {})))
    assert list(commands(of("yolotiny", "span"), {})) == []


PAGE = """
```yaml
# mine.yaml
base: yolov5n.yaml
```

With `yolotiny info model=mine.yaml` it is as large as before, and `yolotiny info model=FILE` takes others.

```bash
D=imgsz=64    # a comment
make runtime-wheel && yolotiny info model=mine.yaml $D
cp mine.yaml pictures/copy.yaml
```

```python
x = len(camera)
```

```python
assert x == 2 and MineLoss().weight == 1
```

```bash
yolotiny info model=pictures/copied.yaml
```
"""


def test_a_reader_goes_from_the_first_block_to_the_one_that_fails(tmp_path, monkeypatch, capsys):
    (tmp_path / "page.md").write_text(PAGE)
    monkeypatch.setattr(reading, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    read = []
    with pytest.raises(AssertionError, match="exit code 2: yolotiny info model=pictures/copied.yaml"):
        for part in Reader(tmp_path / "page.md", tmp_path).read():
            read.append(part.line)
    assert read == [7, 9, 15, 19, 23]
    assert (tmp_path / "pictures/copy.yaml").read_text() == "# mine.yaml\nbase: yolov5n.yaml\n"
    assert "did you mean 'copy'?" in capsys.readouterr().err


def test_everything_that_is_not_run_is_still_in_the_pages():
    lines = [command.text for page in PAGES for part in parts(page) for command in commands(part, {})]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, line) for line in lines)] == []
