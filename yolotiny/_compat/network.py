"""What ultralytics fetches or sends, done with what lies on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from .loggers import attach
from .places import Place, originals


def local_font(font: str = "Arial.ttf") -> str:
    """Return a font file that is already on this machine: the user's, the system's, else matplotlib's DejaVu Sans."""
    from matplotlib import font_manager
    from ultralytics.utils import USER_CONFIG_DIR

    own = USER_CONFIG_DIR / Path(font).name
    found = [f.fname for f in font_manager.fontManager.ttflist if font in f.fname and os.path.exists(f.fname)]
    return str(own) if own.exists() else found[0] if found else font_manager.findfont("DejaVu Sans")


def local_weights(file: str | Path, *args: Any, **kwargs: Any) -> str:
    """Return the path of a weight file on this machine; an https address is downloaded, a missing name is an error."""
    from ultralytics.utils import SETTINGS

    text = str(file).strip()
    if text.lower().startswith(("http:/", "https:/")):
        return originals["ultralytics.utils.downloads", "attempt_download_asset"](text, *args, **kwargs)
    for path in (Path(text), Path(SETTINGS["weights_dir"]) / text):
        if path.exists():
            return str(path)
    raise InputError(f"weights {text!r} are not on this machine; give a path, or set YOLOTINY_ONLINE=1 to download")


LOCAL: dict[Place, Callable] = {
    ("ultralytics.utils.checks", "check_font"): local_font,
    ("ultralytics.data.utils", "check_font"): local_font,
    ("ultralytics.utils.plotting", "check_font"): local_font,
    ("ultralytics.utils.callbacks", "add_integration_callbacks"): attach,
    ("ultralytics.utils.downloads", "attempt_download_asset"): local_weights,
}
