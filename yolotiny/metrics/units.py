"""Which pictures belong together: tiles of one scene and frames of one video, as far as the names of files tell.

Pictures of one scene resemble each other, so a figure of many of them is less sure than their number says. What is
drawn again and again to see how sure it is has to be the scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..picture_scenes import scenes_of
from .scene import Picture


@dataclass(frozen=True)
class Units:
    """What a bootstrap draws.

    Attributes:
        kind: "pictures", or "scenes" where names tell scenes or videos.
        count: how many there are.
        of: (images,) the unit of each picture, from 0.
    """

    kind: str
    count: int
    of: np.ndarray


def units_of(pictures: Sequence[Picture], images: int) -> Units:
    """Scenes, where the names of the pictures tell any (see `scenes_of`); else the pictures.

    Args:
        pictures: the files; empty where nobody said.
        images: how many there are.
    """
    told = scenes_of([p.file for p in pictures])
    if told is None or len(told) != images:
        return Units("pictures", images, np.arange(images))
    names = sorted(set(told))
    place = {name: i for i, name in enumerate(names)}
    return Units("scenes", len(names), np.array([place[name] for name in told]))
