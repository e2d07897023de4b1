"""The command line: what it understands, what it passes on, and how it fails in one line."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from yolotiny import __version__
from yolotiny.cli import help as cli_help
from yolotiny.cli import main as cli
from yolotiny.cli import table as cli_table
from yolotiny.cli.commands import RUN
from yolotiny.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


class Recorder:
    """Stands in for yolotiny.model.YOLO: writes down what it is asked, raises `error` when there is one."""

    calls: list = []
    error = None
    folder = ROOT / "no-such-folder"

    def __init__(self, model):
        self.model = model
        self.predictor = types.SimpleNamespace(save_dir=self.folder, unread=0, ids=None, lost=0)

    def _note(self, method, options, answer=None):
        Recorder.calls.append((method, self.model, options))
        if Recorder.error:
            raise Recorder.error
        return answer

    def train(self, **options):
        return self._note("train", options)

    def val(self, **options):
        return self._note("val", options)

    def predict(self, **options):
        return self._note("predict", options, iter(["first", "second"]))

    def export(self, **options):
        return self._note("export", options, "best.onnx")

    def info(self, **options):
        return self._note("info", options)


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setitem(sys.modules, "yolotiny.model", types.SimpleNamespace(YOLO=Recorder))
    monkeypatch.setattr(Recorder, "calls", [])
    monkeypatch.setattr(Recorder, "error", None)
    return Recorder


@pytest.fixture
def fails(capsys):
    """Run a command line that must end with code 2, and return its one line."""

    def run(line, code=2):
        assert cli.main(line.split()) == code
        out, err = capsys.readouterr()
        assert err.count("\n") == 1 and err.startswith("yolotiny: ") and "Traceback" not in out + err
        return err.strip()

    return run


def fresh(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "line", ["version", "--version", "help", "-h", "--help", "help train", "predict --help", "trian"]
)
def test_help_versions_and_mistakes_answer_without_torch(line):
    loaded = "[m for m in ('torch', 'ultralytics', 'numpy', 'cv2') if m in sys.modules]"
    assert (
        fresh(f"import sys; from yolotiny.cli import main as cli; cli.main({line.split()!r}); print({loaded})") == "[]"
    )


def test_importing_the_package_loads_no_torch_and_opens_no_socket():
    code = (
        "import socket, sys; socket.socket = None; import yolotiny; print('torch' in sys.modules, yolotiny.__version__)"
    )
    assert fresh(code) == f"False {__version__}"


def test_the_package_is_a_command_as_a_module():
    done = subprocess.run([sys.executable, "-m", "yolotiny", "version"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith(f"yolotiny {__version__}\nultralytics 8.4.")


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import yolotiny

    with pytest.raises(AttributeError, match="YOLLO"):
        _ = yolotiny.YOLLO


def test_yolo_is_taken_from_the_model_module_when_asked_for(model):
    import yolotiny

    assert yolotiny.YOLO is model


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("epochs", "3", 3),
        ("lr0", "1e-3", 0.001),
        ("lr0", ".5", 0.5),
        ("lr0", "-2.5E+2", -250.0),
        ("save", "True", True),
        ("save", "false", False),
        ("classes", "[0, 2]", [0, 2]),
        ("device", "0,1", "0,1"),
        ("augment_scales", "1,1.25,1.5", [1.0, 1.25, 1.5]),
        ("augment_scales", "[1, 1.5]", [1, 1.5]),
        ("augment_scales", "1,x", "1,x"),
        ("device", "cpu", "cpu"),
        ("data", "None", None),
        ("freeze", "null", None),
        ("name", "007", "007"),
        ("name", "2024-01-31", "2024-01-31"),
        ("source", "*.jpg", "*.jpg"),
        ("source", "C:\\pictures", "C:\\pictures"),
        ("source", "[a.jpg, b.jpg]", ["a.jpg", "b.jpg"]),
        ("loss.box", "{type: nwd}", {"type": "nwd"}),
        ("loss.box.type", "nwd", "nwd"),
        ("srtod.fusion", "none", "none"),
        ("srtod.fusion", "null", None),
        ("cache", "*x", "*x"),
        ("cache", "#x", "#x"),
        ("cache", "2024-01-31", "2024-01-31"),
    ],
)
def test_a_value_is_read_as_yaml(key, text, value):
    read = cli.parse_value(key, text)
    assert read == value and type(read) is type(value)


def test_training_passes_every_option_on_and_keeps_debug(model):
    line = "train model=yolov5n.yaml data=d.yaml epochs=2 lr0=1e-3 loss.box.weight=2 protocol=aitod debug=True"
    assert cli.main(line.split()) == 0
    options = {"data": "d.yaml", "epochs": 2, "lr0": 0.001, "loss.box.weight": 2, "protocol": "aitod"}
    assert model.calls == [("train", "yolov5n.yaml", options)]


def test_a_resumed_run_needs_no_data(model):
    assert cli.main(["train", "model=last.pt", "resume=True"]) == 0
    assert model.calls == [("train", "last.pt", {"resume": True})]


def test_validation_and_information_pass_their_options_on(model):
    assert cli.main("val model=best.pt protocol=coco".split()) == 0
    assert cli.main("info model=yolov5n imgsz=320".split()) == 0
    assert model.calls == [("val", "best.pt", {"protocol": "coco"}), ("info", "yolov5n", {"imgsz": 320})]


def test_prediction_saves_and_says_where(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(model, "folder", tmp_path)
    assert cli.main("predict model=best.pt source=a.jpg".split()) == 0
    assert model.calls == [("predict", "best.pt", {"source": "a.jpg", "save": True, "stream": True})]
    assert capsys.readouterr().out == f"2 pictures, results saved to {tmp_path}\n"


def test_prediction_that_is_told_not_to_save_says_so(model, capsys):
    assert cli.main("predict model=best.pt source=a.jpg save=False".split()) == 0
    assert model.calls[0][2]["save"] is False and capsys.readouterr().out == "2 pictures, nothing saved\n"


def test_export_prints_the_file(model, capsys):
    assert cli.main("export model=best.pt format=onnx".split()) == 0
    assert model.calls == [("export", "best.pt", {"format": "onnx"})] and capsys.readouterr().out == "best.onnx\n"


def test_models_lists_names_and_summaries(monkeypatch, capsys):
    monkeypatch.setattr("yolotiny.config.load.available", lambda: [("yolov5[ns]", "small"), ("yolc", "clusters")])
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out == "yolov5[ns]  small\nyolc        clusters\n"


def test_data_commands_pass_only_what_is_given(monkeypatch, capsys):
    def echo(**options):
        return options

    room = types.SimpleNamespace(write_demo=echo, Conversion=echo, convert=lambda *told: told)
    monkeypatch.setitem(sys.modules, "yolotiny.data", room)
    assert cli.main("data demo to=demo seed=3".split()) == 0
    assert cli.main("data convert format=visdrone source=a to=b link=False".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "{'to': 'demo', 'seed': 3}"
    assert lines[1] == "({'format': 'visdrone', 'source': 'a', 'link': False}, 'b', False, None)"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("trian model=a", "unknown command 'trian'; did you mean 'train'"),
        ("train model=a data=b epoch=3", "unknown option 'epoch'; did you mean 'epochs'"),
        ("predict model=a source=b epochs=3", "predict does not read epochs=: use it in train"),
        ("train model=a data=b task=pose", "task=pose: give detect: yolotiny knows detection only"),
        ("export model=a half=True", "written quantize=16 now"),
        ("info model=a imgs=3", "unknown option 'imgs' of info; did you mean 'imgsz'?"),
        ("train --epochs 3", "without dashes: epochs=VALUE"),
        ("train --epochs=3", "without dashes: epochs=3"),
        ("train yolov5n.yaml", "expected key=value, got 'yolov5n.yaml'"),
        ("train model=a model=b", "'model' is given twice"),
        ("train model=a", "train needs data=..., as in: yolotiny train"),
        ("train resume=True", "train needs model=..., as in: yolotiny train"),
        ("predict", "predict needs source=..."),
        ("val", "val needs data=..."),
        ("models get", "models get needs name=..."),
        ("val model=best.onnx", "val needs data=..."),
        ("eval gt=a.json", "eval needs pred=... and protocol=..."),
        ("data", "demo or convert or split or export or suggest or stats or check or assign"),
        ("data demoo to=x", "did you mean 'data demo'"),
        ("data convert to=x", "data convert needs format=... and source=..."),
        ("help trian", "did you mean 'train'"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_write(fails, line, says):
    assert says in fails(line)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("unknown loss 'ndw'; did you mean 'nwd'?"), "unknown loss 'ndw'; did you mean 'nwd'?"),
        (FileNotFoundError(2, "No such file or directory", "d.yaml"), "No such file or directory: d.yaml"),
        (FileNotFoundError("Dataset 'd' images not found\nNote: more"), "Dataset 'd' images not found"),
        (SyntaxError("\n\x1b[31m\x1b[1m'epoch'\x1b[0m is no argument.\n\nusage"), "'epoch' is no argument."),
        (RuntimeError("Error(s) in loading:\n\tMissing key(s): a\n\tb"), "Error(s) in loading: Missing key(s): a"),
        (TypeError("ERROR ❌️ best.pt is broken"), "best.pt is broken"),
        (KeyError("names"), "'names' is missing"),
        (KeyError("no such thing"), "no such thing"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_on_the_way_is_one_line_and_code_2(model, fails, error, line):
    model.error = error
    assert fails("val model=best.pt") == f"yolotiny: error: {line}"


def test_a_bug_says_how_to_see_where_and_ends_with_code_1(model, fails):
    model.error = ZeroDivisionError("division by zero")
    assert "division by zero (ZeroDivisionError, debug=True" in fails("val model=best.pt", code=1)


def test_debug_shows_the_traceback(model, capsys):
    model.error = ValueError("bad")
    assert cli.main(["val", "model=best.pt", "debug=True"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err and err.endswith("yolotiny: error: bad\n")


def test_an_interrupt_is_one_line_and_code_130(model, fails):
    model.error = KeyboardInterrupt()
    assert fails("val model=best.pt", code=130).startswith("yolotiny: interrupted; no figures: ")


def test_a_terminal_sees_how_far_a_conversion_is_and_a_file_does_not(monkeypatch, capsys):
    def convert(asked, to, force, progress):
        for done in (1, 2) if progress else ():
            progress("train", done, 2)
        return asked

    monkeypatch.setitem(sys.modules, "yolotiny.data", types.SimpleNamespace(Conversion=dict, convert=convert))
    line = "data convert format=coco source=a to=b tile=640 overlap=64".split()
    assert cli.main(line) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(line) == 0
    assert "train: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli_table.COMMANDS)
def test_the_help_of_every_command_has_a_line_for_each_option_and_an_example(name, capsys):
    assert cli.main(["help", *name.split()]) == 0
    text = capsys.readouterr().out
    command = cli_table.COMMANDS[name]
    assert command.summary in text and f"example: {command.example}" in text
    listed = {line.split()[0] for line in text.splitlines() if line.startswith("  ")}
    assert cli_help.known_options(name) <= listed


@pytest.mark.parametrize("name", [n for n in cli_table.COMMANDS if n not in ("version", "help")])
def test_every_example_is_a_command_line_that_is_accepted(name):
    command = cli_table.COMMANDS[name]
    words = command.example.split()[1 + len(name.split()) :]
    cli.check(name, command, cli.parse(words, name))
    assert name in RUN and set(command.required) <= cli_help.known_options(name)


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK"])
def test_variables_of_several_processes_that_are_no_numbers_are_told(name, monkeypatch, fails):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv(name, "node1")
    assert f"{name}='node1' in the environment is no whole number" in fails("train data=data.yaml")


def test_help_of_a_group_shows_all_its_commands(capsys):
    assert cli.main(["help", "data"]) == 0 and cli.main(["data", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.count("yolotiny data demo:") == 2 and out.count("yolotiny data convert:") == 2
