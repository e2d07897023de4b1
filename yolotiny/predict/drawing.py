"""Pictures of results in which tiny objects stay visible: thin lines round them, a legend in place of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors

from ..pictures.files import save_picture
from ..runtime.drawing import hides, in_a_notebook, legend, outline
from ..text import file_name as inside


@contextmanager
def names_as_text() -> Iterator[None]:
    """Plots of ultralytics in which no class is read as a formula: a class `$\\frac{$` ends a run otherwise."""
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}):
        yield


class TinyResults(Results):
    """ultralytics' results, drawn so that tiny objects can be seen."""

    def save_crop(self, save_dir: str | Path, file_name: str | Path = Path("im.jpg")) -> None:
        """Cut each object out of the picture, as ultralytics does; a class is a folder inside, whatever its name."""
        names = self.names
        self.names = {k: inside(name, k) for k, name in names.items()}
        try:
            super().save_crop(save_dir, file_name)
        finally:
            self.names = names

    def plot(self, *args: Any, labels: bool | None = None, conf: bool | None = None, **kwargs: Any) -> Any:
        """ultralytics' drawing, unless its labels would hide the objects: then thin lines and a legend.

        Args:
            args, kwargs: of ultralytics; with any that is about its lines and letters (`line_width`, `font_size`, ...)
                it is ultralytics' drawing.
            labels, conf: None chooses by the objects' size; True writes the class, or the score, beside each object;
                False leaves it out, `labels=False` the legend too.
        """
        boxes = np.asarray(self.boxes.xyxy.cpu(), float) if self.boxes is not None else np.zeros((0, 4))
        img = kwargs.get("img")
        img = self.orig_img if img is None else img
        colour = isinstance(img, np.ndarray) and img.ndim == 3 and img.shape[2] == 3
        theirs = args or any(kwargs.get(k) is not None for k in ("line_width", "font_size", "font"))
        if theirs or not colour or not kwargs.get("boxes", True) or not hides(boxes, img.shape):
            return super().plot(*args, labels=labels is not False, conf=conf is not False, **kwargs)
        drawn = img.copy()
        self.sketch(drawn, boxes, labels, conf)
        return super().plot(**kwargs | {"img": drawn, "boxes": False})

    def save(self, filename: str | Path | None = None, *args: Any, **kwargs: Any) -> str:
        """Draw into a file, `results_` and the picture's name where none is given; returns its name.

        Args:
            filename: where to.
            args, kwargs: of `plot`.

        Raises:
            InputError: it cannot be written.
        """
        file = str(filename or f"results_{Path(self.path).name}")
        save_picture(file, self.plot(*args, **kwargs))
        return file

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """What a notebook shows of a result at the end of a cell: its picture, with boxes."""
        return in_a_notebook(self.plot(), f"{Path(self.path).name}: {self.verbose().rstrip(', ')}")

    def sketch(self, img: np.ndarray, boxes: np.ndarray, labels: bool | None, conf: bool | None) -> None:
        """Draw tiny boxes, their texts and the legend on a picture.

        Args:
            img: (H, W, 3) uint8 BGR, drawn on.
            boxes: (n, 4) xyxy, pixels of the picture.
            labels, conf: see `plot`.
        """
        kinds = [int(c) for c in self.boxes.cls]
        names = [str(self.names[c]) if labels else "" for c in kinds]
        scores = [f"{s:.2f}" if conf or (labels and conf is None) else "" for s in self.boxes.conf.tolist()]
        texts = [" ".join(filter(None, both)) for both in zip(names, scores, strict=True)]
        outline(img, boxes, [colors(c, True) for c in kinds], texts if any(texts) else None)
        if labels is None:
            found = sorted(Counter(kinds).items())
            legend(img, boxes, {str(self.names[c]): (n, colors(c, True)) for c, n in found})
