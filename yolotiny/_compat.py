"""Everything that touches private state of ultralytics: quiet by default, and safe loading of checkpoints.

Left alone, ultralytics 8.4 reports every run to an analytics service, asks the package index for newer versions,
fetches a font at each dataset check and weights for its mixed-precision check, installs missing packages with pip and
streams training to any logging service whose client is installed. `quiet` turns that off; the environment variable
`YOLOTINY_ONLINE=1` leaves it on. A dataset's own `download:` entry and an `https://` address are still followed: the
user asked for those. Nothing here writes the settings file of ultralytics.

Checkpoints are read without running code hidden in them; `ULTRALYTICS_SAFE_LOAD=0` switches to plain unpickling.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import platform
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .errors import InputError

# Cards whose half-precision convolutions are known to give NaN in training although a forward pass looks right.
FAULTY_HALF = re.compile(r"GTX 16\d\d|\bT(400|550|600|1000|1200|2000)\b|K40m", re.IGNORECASE)
# Packages whose classes a checkpoint may hold besides those of torch and ultralytics. yolotiny.model is not among them:
# its constructor opens files, and a pickle can call constructors.
TRUSTED = re.compile(
    r"yolotiny\.(nn|losses|assigners|coders|(center_|dense_)?criterion|detector|graph|structures|registry)(\.|$)"
    r"|timm\.(models|layers)\.|torchvision\.(ops|models)\."
)
_originals: dict[tuple[str, str], Any] = {}
_asked: dict[str, str] = {}


def _flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on", "y", "t"}


def prepare() -> None:
    """Set the environment that keeps `import ultralytics` off the network. Cheap: imports nothing.

    Also remembers the user's number of threads before ultralytics puts its own there.
    """
    _asked.setdefault("threads", os.environ.get("OMP_NUM_THREADS", ""))
    if not _flag("YOLOTINY_ONLINE"):
        os.environ.setdefault("YOLO_OFFLINE", "1")
        os.environ.setdefault("YOLO_AUTOINSTALL", "0")


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
    if not _flag("YOLOTINY_ONLINE"):
        replaced |= OFFLINE
        # Constants, in case ultralytics was imported before yolotiny could set the environment.
        for module in ("ultralytics.utils", "ultralytics.utils.checks"):
            if _flag("YOLO_OFFLINE"):
                replaced[module, "ONLINE"] = False
            replaced[module, "AUTOINSTALL"] = _flag("YOLO_AUTOINSTALL", True)
    for (module, name), value in replaced.items():
        owner = importlib.import_module(module)
        if not hasattr(owner, name):
            raise RuntimeError(f"ultralytics has no {module}.{name} any more; install ultralytics 8.4.190")
        _originals.setdefault((module, name), getattr(owner, name))
        setattr(owner, name, value)


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


def allow_safe_loading(classes: Iterable[type]) -> None:
    """Let checkpoints hold these classes (a user's own layers, for example) when they are loaded safely."""
    import torch

    torch.serialization.add_safe_globals(list(classes))


def safe_load(weight: str | Path, safe_only: bool | None = None) -> tuple[dict, str]:
    """Load a checkpoint as `torch_safe_load` of ultralytics does, but restricted to known classes by default.

    Classes of yolotiny's layers and of timm and torchvision that the file names are registered first; functions never.

    Raises:
        InputError: the file holds something else.
    """
    import torch

    original = _originals["ultralytics.nn.tasks", "torch_safe_load"]
    safe_only = _flag("ULTRALYTICS_SAFE_LOAD", True) if safe_only is None else safe_only
    scan = getattr(torch.serialization, "get_unsafe_globals_in_checkpoint", None)  # torch 2.6 and later
    if safe_only and scan and Path(weight).is_file():
        with contextlib.suppress(ValueError, RuntimeError, pickle.UnpicklingError):  # no checkpoint: reported below
            allow_safe_loading(filter(None, map(_trusted_class, scan(str(weight)))))
    try:
        return original(weight, safe_only=safe_only)
    except TypeError as error:
        if not isinstance(error.__cause__, pickle.UnpicklingError) or "GLOBAL" not in str(error.__cause__):
            raise
        found = re.search(r"GLOBAL (\S+)", str(error.__cause__))
        raise InputError(
            f"{weight} holds {found[1] if found else 'a class'}, which safe loading does not know; "
            "set ULTRALYTICS_SAFE_LOAD=0 only if you trust whoever made the file"
        ) from error


def _trusted_class(name: str) -> type | None:
    """Return the class called `package.module.Class` when it is defined in a trusted module."""
    module, _, attribute = name.rpartition(".")
    if not TRUSTED.match(module + "."):
        return None
    with contextlib.suppress(ImportError):
        found = getattr(importlib.import_module(module), attribute, None)
        return found if isinstance(found, type) and found.__module__ == module else None
    return None


ALWAYS: dict[tuple[str, str], Callable] = {
    ("ultralytics.nn.tasks", "torch_safe_load"): safe_load,
    ("ultralytics.engine.trainer", "autocast"): autocast,
}
OFFLINE: dict[tuple[str, str], Callable] = {
    ("ultralytics.utils.checks", "check_font"): local_font,
    ("ultralytics.data.utils", "check_font"): local_font,
    ("ultralytics.utils.plotting", "check_font"): local_font,
    ("ultralytics.utils.callbacks", "add_integration_callbacks"): local_callbacks,
    ("ultralytics.utils.downloads", "attempt_download_asset"): local_weights,
    ("ultralytics.engine.trainer", "check_amp"): local_amp_check,
}
