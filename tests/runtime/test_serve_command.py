"""`serve` from the command line: its help, and mistakes in one line before anything listens."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.runtime.test_cli import ROOT, run
from yolotiny.picture_io import LIMIT
from yolotiny.runtime.cli import main
from yolotiny.runtime.serve_command import parser


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: model; yolotiny-run serve --help"),
        (["none.onnx"], "there is no file none.onnx; give an exported model"),
        (["BROKEN"], "is no whole ONNX file"),
        (["MODEL", "--provider", "cudda"], "unknown provider 'cudda' of onnxruntime"),
        (["MODEL", "--imgsz", "320"], "takes 64x64 pixels only"),
        (["MODEL", "--port", "TAKEN"], "cannot listen at 127.0.0.1 port TAKEN: address already in use; give others"),
        (["MODEL", "--port", "99999"], "port=99999 must be a whole number from 0 to 65,535"),
        (["MODEL", "--port", "http"], "argument --port: invalid int value: 'http'"),
        (["MODEL", "--host", "nowhere.invalid"], "cannot listen at nowhere.invalid port"),
        (["MODEL", "--queue", "0"], "queue=0 must be a whole number from 1 up; write for example 16"),
        (["MODEL", "--timeout", "nan"], "timeout=nan must be a number above 0; write for example 60"),
        (["MODEL", "--max-bytes", "-1"], "max-bytes=-1 must be a whole number from 1 up"),
        (["MODEL", "--max-pixels", "0"], "max-pixels=0 must be a whole number from 1 up"),
        (["MODEL", "--crops", "grid"], "unrecognized arguments: --crops grid"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(bright, tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.setenv(LIMIT, "")  # which it sets for its worker
    (tmp_path / "broken.onnx").write_bytes(bright.read_bytes()[:99])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        places = {"MODEL": bright, "BROKEN": tmp_path / "broken.onnx", "TAKEN": port}
        own = ["--port", "0"] if "--port" not in words else []
        code, said, errors = run(capsys, "serve", *[places.get(word, word) for word in words], *own)
    assert code == 2 and said == "" and errors.count("\n") == 1, errors
    assert errors.startswith("yolotiny-run: error: ") and message.replace("TAKEN", port) in errors


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "python_multipart", "prometheus_client"])
def test_without_its_packages_it_says_what_to_install(bright, missing):
    serve = f"from yolotiny.runtime.cli import main; sys.exit(main(['serve', {str(bright)!r}, '--port', '0']))"
    words = [sys.executable, "-c", f"import sys; sys.modules[{missing!r}] = None; {serve}"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60)
    said = f"yolotiny-run: error: serve needs {missing}: pip install 'yolotiny[serve]'\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_the_docs_name_every_option():
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    options = [word for action in parser("x")._actions for word in action.option_strings if word.startswith("--")]
    assert len(options) > 9 and [word for word in options if f"`{word}`" not in text and word != "--help"] == []


def test_help_names_the_bounds_and_that_of_the_runtime_names_serve(capsys):
    for words, text in ((["serve", "--help"], "--max-pixels"), (["--help"], "serve best.onnx answers over HTTP")):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0 and text in " ".join(capsys.readouterr().out.split())
