"""Everything that touches private state of ultralytics: quiet by default, and checkpoints that are only read.

Left alone, ultralytics 8.4 reports every run to an analytics service, asks the package index for newer versions,
fetches a font at each dataset check and weights for its mixed-precision check, installs missing packages with pip and
streams training to any logging service whose client is installed. `quiet` turns that off; the environment variable
`YOLOTINY_ONLINE=1` leaves it on. A data set's own `download:` entry is not run in either case: it comes with the file,
not from the user. Nothing here writes the settings file of ultralytics.

Checkpoints are read without unpickling an object of theirs (`engine.checkpoint`); nothing switches that off.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._compat_files import READING, _flag, _originals, online
from .errors import InputError
from .silence import silence

# Cards whose half-precision convolutions are known to give NaN in training although a forward pass looks right.
FAULTY_HALF = re.compile(r"GTX 16\d\d|\bT(400|550|600|1000|1200|2000)\b|K40m", re.IGNORECASE)
_asked: dict[str, str] = {}
_seams: dict[str, Callable[[str], dict[str, Any]]] = {}  # what other rooms put in the place of its own


def prepare() -> None:
    """Set the environment that keeps `import ultralytics` off the network. Cheap: imports nothing.

    Also remembers the user's number of threads before ultralytics puts its own there.
    """
    _asked.setdefault("threads", os.environ.get("OMP_NUM_THREADS", ""))
    if not online():
        silence()


def need_folder() -> None:
    """Raise InputError where the current folder was removed: the libraries under torch would end the process."""
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder does not exist any more; go to another one") from None


def cpu_threads() -> int:
    """Threads of a run on the CPU: `OMP_NUM_THREADS` where the user set it, else every core this process may use.

    ultralytics takes one core less, and so half of a machine with two.
    """
    first = _asked.get("threads", "").partition(",")[0].strip()
    if first.isdigit() and int(first):
        return int(first)
    allowed = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def quiet() -> None:
    """Replace what ultralytics would do on the network, and make its checkpoint loading safe. May be called repeatedly.

    Raises:
        RuntimeError: the installed ultralytics has moved one of the replaced names.
    """
    need_folder()
    prepare()
    replaced: dict[tuple[str, str], Any] = ALWAYS | {("ultralytics.utils.torch_utils", "NUM_THREADS"): cpu_threads()}
    if not online():
        replaced |= OFFLINE
        # Constants, in case ultralytics was imported before yolotiny could set the environment.
        for module in ("ultralytics.utils", "ultralytics.utils.checks"):
            if _flag("YOLO_OFFLINE"):
                replaced[module, "ONLINE"] = False
            replaced[module, "AUTOINSTALL"] = _flag("YOLO_AUTOINSTALL", True)
    from ultralytics.utils import LOGGER

    ours = logging.getLogger("yolotiny")  # of rooms that know no ultralytics: their lines go where its own go
    ours.handlers, ours.propagate = LOGGER.handlers, LOGGER.propagate
    ours.setLevel(LOGGER.level)
    for (module, name), value in replaced.items():
        owner = importlib.import_module(module)
        if not hasattr(owner, name):
            raise RuntimeError(f"ultralytics has no {module}.{name} any more; install ultralytics 8.4.190")
        _originals.setdefault((module, name), getattr(owner, name))
        setattr(owner, name, value)
    importlib.import_module("ultralytics.utils").LOGGER.addFilter(plain_record)


def plain_record(record: Any) -> bool:
    """Let a log record pass, its message without codes for the terminal that a name in it may have brought."""
    from .text import without_codes

    record.msg, record.args = without_codes(record.getMessage()), ()
    return True


def local_font(font: str = "Arial.ttf") -> str:
    """Return a font file that is already on this machine: the user's, the system's, else matplotlib's DejaVu Sans."""
    from matplotlib import font_manager
    from ultralytics.utils import USER_CONFIG_DIR

    own = USER_CONFIG_DIR / Path(font).name
    found = [f.fname for f in font_manager.fontManager.ttflist if font in f.fname and os.path.exists(f.fname)]
    return str(own) if own.exists() else found[0] if found else font_manager.findfont("DejaVu Sans")


def local_callbacks(instance: Any) -> None:
    """Attach only those logging callbacks that stay on this machine (TensorBoard, Ray Tune) and are switched on."""
    from ultralytics.utils import SETTINGS

    if "Trainer" not in type(instance).__name__:
        return
    for key in ("tensorboard", "raytune"):
        if SETTINGS[key] is True:
            for event, function in importlib.import_module(f"ultralytics.utils.callbacks.{key}").callbacks.items():
                if function not in instance.callbacks[event]:
                    instance.callbacks[event].append(function)


def local_weights(file: str | Path, *args: Any, **kwargs: Any) -> str:
    """Return the path of a weight file on this machine; an https address is downloaded, a missing name is an error."""
    from ultralytics.utils import SETTINGS

    text = str(file).strip()
    if text.lower().startswith(("http:/", "https:/")):
        return _originals["ultralytics.utils.downloads", "attempt_download_asset"](text, *args, **kwargs)
    for path in (Path(text), Path(SETTINGS["weights_dir"]) / text):
        if path.exists():
            return str(path)
    raise InputError(f"weights {text!r} are not on this machine; give a path, or set YOLOTINY_ONLINE=1 to download")


def half_agrees(device: Any, dtype: Any = None) -> bool:
    """Return whether convolutions in half precision, forward and backward, stay within 2 % of full precision.

    Args:
        device: torch.device to try.
        dtype: half type, torch.float16 unless given.
    """
    import torch
    from torch.nn import functional as F

    generator = torch.Generator().manual_seed(0)  # its own: the seed of the user's run stays untouched
    image = torch.rand(2, 3, 64, 64, generator=generator)
    kernels = [torch.randn(16, c, 3, 3, generator=generator) / (9 * c) ** 0.5 for c in (3, 16, 16)]

    def run(half: bool) -> list[torch.Tensor]:
        weights = [k.to(device).requires_grad_() for k in kernels]
        x = image.to(device)
        with torch.enable_grad(), torch.autocast(device.type, dtype=dtype or torch.float16, enabled=half):
            for w in weights:
                x = F.silu(F.conv2d(x, w, stride=2, padding=1))
        (x.float().square().mean() * 1024).backward()  # scaled as a GradScaler would, against underflow
        return [x.detach().float(), *(w.grad.float() for w in weights)]

    return all((a - b).abs().max() <= 0.02 * b.abs().max() for a, b in zip(run(True), run(False), strict=True))


def local_amp_check(model: Any) -> bool:
    """Decide about mixed precision by a small numeric trial on the model's own device, without fetching weights."""
    import torch
    from ultralytics.utils import LOGGER

    device = next(model.parameters()).device
    if device.type in {"cpu", "mps"}:
        return False
    faulty = device.type == "cuda" and FAULTY_HALF.search(torch.cuda.get_device_name(device))
    if faulty or not half_agrees(device):
        LOGGER.warning(f"half precision is not reliable on {device}: training runs in full precision")
        return False
    return True


def autocast(enabled: Any, device: str = "cuda") -> Any:
    """Mixed precision as ultralytics' `autocast` gives it, and bfloat16 on a CPU too, where that one refuses.

    Args:
        enabled: a bool or a dtype.
        device: type of the device.
    """
    import torch

    if device == "cpu" and enabled is torch.bfloat16:
        return torch.autocast("cpu", torch.bfloat16)
    return _originals["ultralytics.engine.trainer", "autocast"](enabled, device=device)


def slow_bfloat16() -> bool:
    """Whether this processor is known to have no instructions for bfloat16, which then takes longer than float32."""
    import torch

    tells = [getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile")]
    return platform.machine() in {"x86_64", "AMD64"} and all(tells) and not any(tell() for tell in tells)


@contextlib.contextmanager
def _swapped(*places: tuple[str, str, Any]) -> Iterator[None]:
    """Other values for (module, name, value) places, for a while."""
    before = [getattr(importlib.import_module(module), name) for module, name, _ in places]
    for module, name, value in places:
        setattr(importlib.import_module(module), name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(places, before, strict=True):
            setattr(importlib.import_module(module), name, value)


def alone() -> contextlib.AbstractContextManager[None]:
    """Validation in here is of this process only, on the device that its options name, and waits for no other."""
    none = ("torch.distributed", "is_initialized", lambda: False)
    return _swapped(none, *((module, "RANK", -1) for module in RANKS))


@contextlib.contextmanager
def shared_on_cpu(wanted: bool) -> Iterator[None]:
    """The wrapper round a model that several processes train is given no index of a device, which a CPU has not."""
    from torch.nn.parallel import DistributedDataParallel

    class OnCPU(DistributedDataParallel):
        def __init__(self, module: Any, device_ids: Any = None, **options: Any):
            super().__init__(module, **options)

    with _swapped(("torch.nn.parallel", "DistributedDataParallel", OnCPU)) if wanted else contextlib.nullcontext():
        yield


def read_checkpoints_by(read: Callable[[str], dict[str, Any]]) -> None:
    """Say what reads checkpoints from now on: file -> its dict, with modules under `model` and `ema`."""
    _seams["read"] = read


def torch_safe_load(weight: str | Path, safe_only: bool | None = None) -> tuple[dict[str, Any], str]:
    """Read a checkpoint; every way of ultralytics to one ends here. Never unpickles, whatever `safe_only` says.

    Raises:
        InputError: no checkpoint that can be opened.
    """
    file = importlib.import_module("ultralytics.utils.downloads").attempt_download_asset(weight)
    return _seams["read"](file), file


def build_theirs(name: str, config: dict[str, Any]) -> Any:
    """A network of ultralytics from its configuration: no text in it is evaluated, no layer of it fetches weights.

    Args:
        name: a class of ultralytics.nn.tasks.
        config: as such a network has it under `yaml`.

    Raises:
        InputError: no such network, or a configuration that does not make one.
    """
    from ultralytics.nn import tasks

    kind = getattr(tasks, {"YOLOv10DetectionModel": "DetectionModel"}.get(name, name), None)
    if not (isinstance(kind, type) and issubclass(kind, tasks.BaseModel)) or kind.__module__ != tasks.__name__:
        raise InputError(f"ultralytics has no network {name}")
    for row in [*config.get("backbone", []), *config.get("head", [])]:
        if row[2] == "TorchVision":
            row[3] = [*row[3][:2], None, *row[3][3:]]
        if not isinstance(row[1], int) or row[1] > 1000:
            raise InputError(f"{row[1]!r} repeats of {row[2]}")
    act, restricted = tasks.Conv.default_act, tasks._SafeLoad._local
    restricted.active = True
    try:
        return kind(config, ch=config.get("channels", config.get("ch", 3)), verbose=False)
    except (KeyError, AttributeError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"{name} of ultralytics does not take it ({str(error).strip().splitlines()[0]})") from error
    finally:
        restricted.active, tasks.Conv.default_act = False, act


ALWAYS: dict[tuple[str, str], Callable] = {
    ("ultralytics.nn.tasks", "torch_safe_load"): torch_safe_load,
    ("ultralytics.engine.trainer", "autocast"): autocast,
    **READING,
}
RANKS = ("ultralytics.engine.validator", "ultralytics.models.yolo.detect.val")  # that know which process they are
OFFLINE: dict[tuple[str, str], Callable] = {
    ("ultralytics.utils.checks", "check_font"): local_font,
    ("ultralytics.data.utils", "check_font"): local_font,
    ("ultralytics.utils.plotting", "check_font"): local_font,
    ("ultralytics.utils.callbacks", "add_integration_callbacks"): local_callbacks,
    ("ultralytics.utils.downloads", "attempt_download_asset"): local_weights,
    ("ultralytics.engine.trainer", "check_amp"): local_amp_check,
}
