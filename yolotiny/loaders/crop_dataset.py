"""Training data in which a picture sometimes gives way to a tile of it, cut at the file's own resolution."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from ..ops.letterbox import GREY
from ..slicing import Tile
from ..slicing.samplers.base import ObjectCrop, TileSampler
from ..slicing.samplers.fitted import side_by_side
from .dataset import TinyDataset, on_picture
from .decoding import resized


class TiledDataset(TinyDataset):
    """Whole pictures and tiles of them, mixed while training; nothing is written to disk.

    ultralytics shrinks a picture to the input before anything else sees it, so a tile is cut before that: from the
    file, from its .npy beside it (`cache=disk`), of which only the tile's rows are read, or from memory
    (`cache=ram`), which then holds pictures in full. Mosaic asks for its tiles here too.

    Args:
        crop_train: chooses the tiles.
        others: as `TinyDataset`.
    """

    def __init__(self, *, crop_train: TileSampler, **others: Any):
        self.crop_train = crop_train
        super().__init__(**others)

    def room(self, index: int) -> tuple[int, int]:
        """(height, width) of the network input that a picture goes to."""
        return tuple(map(int, self.batch_shapes[self.batch[index]])) if self.rect else (self.imgsz, self.imgsz)

    def object_crop(self, index: int, rng: Any = random) -> ObjectCrop | None:
        """A tile of a picture with its labels, else a small object crop where training has them; None for the whole."""
        tile = self._choose(index, rng)
        if tile is None and self.crop_train.together:
            tile = self._choose(index, rng, small=True)
        return None if tile is None else self._cut(index, tile)

    def _choose(self, index: int, rng: Any, small: bool = False) -> Any:
        label = self.labels[index]
        return self.crop_train.choose(label, self.sizes[label["im_file"]], self.room(index), self.nc, rng, small)

    def _cut(self, index: int, tile: Tile) -> ObjectCrop:
        label = self.labels[index]
        return self.crop_train.cut(label, self.sizes[label["im_file"]], tile, self.nc)

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """A sample on its way to augmentation."""
        if random.random() >= self.crop_train.probability:
            return super().get_image_and_label(index)
        if self.crop_train.together and random.random() < self.crop_train.together:
            return self._sample(index, *self.full_of_object_crops(index))
        tile = self._choose(index, random)
        if tile is None:
            return super().get_image_and_label(index)
        object_crop = self._cut(index, tile)
        return self._sample(index, object_crop.tile.cut(self.full(index)), object_crop.boxes, object_crop.cls)

    def lend(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A picture or a tile of one, each as often as training shows it, that objects are taken from.

        Returns:
            (H, W, C) uint8, (n, 4) xyxy pixels and (n,) classes.

        Raises:
            Unreadable: the file has gone or cannot be decoded any more.
        """
        cut = random.random() < self.crop_train.probability
        if not cut or (tile := self._choose(index, random)) is None:
            return super().lend(index)
        crop = self._cut(index, tile)
        return on_picture(tile.cut(self.full(index)), crop.boxes, crop.cls)

    def full_of_object_crops(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """An input full of object crops, this picture's first: (H, W, C), (n, 4) xywh as shares of it, (n, 1) class."""
        room = self.room(index)
        placed = side_by_side(index, len(self.labels), lambda i: self._choose(i, random, small=True), room, random)
        img = np.full((*room, self.channels), GREY, np.uint8)
        at, picture = -1, img
        boxes, cls = [], []
        for one in placed:  # in the order of pictures, each of which is decoded once
            if one.picture != at:
                at, picture = one.picture, self.full(one.picture)
            w, h = one.tile.shown
            img[one.y : one.y + h, one.x : one.x + w] = one.tile.cut(picture)
            object_crop = self._cut(one.picture, one.tile)
            boxes.append((object_crop.boxes * [w, h, w, h] + [one.x, one.y, 0, 0]) / np.tile(room[::-1], 2))
            cls.append(object_crop.cls)
        return img, np.concatenate(boxes).astype(np.float32), np.concatenate(cls)

    def _sample(self, index: int, img: np.ndarray, boxes: np.ndarray, cls: np.ndarray) -> dict[str, Any]:
        """What is seen in place of a picture, as ultralytics hands a picture to augmentation."""
        self._remember(index)
        shape = img.shape[:2]
        label = {k: v for k, v in self.labels[index].items() if k != "shape"}
        label |= {"img": img, "bboxes": boxes, "cls": cls, "segments": [], "ratio_pad": (1.0, 1.0)}
        label |= {"ori_shape": shape, "resized_shape": shape}
        return self.update_labels_info(label | ({"rect_shape": self.room(index)} if self.rect else {}))

    def _remember(self, index: int) -> None:
        """Offer a picture to mosaic, which takes its other tiles from the pictures that were read last."""
        if self.cache == "ram" or index in self.buffer:
            return
        self.buffer.append(index)
        if len(self.buffer) > max(self.max_buffer_length, 1):
            gone = self.buffer.pop(0)
            self.ims[gone] = self.im_hw0[gone] = self.im_hw[gone] = None

    def full(self, index: int) -> np.ndarray:
        """(H, W, C) a picture at its file's own size, which memory (`cache=ram`) holds.

        Raises:
            Unreadable: the file has gone or cannot be decoded any more.
        """
        picture = self.ims[index] if self.cache == "ram" else None
        return super().full(index) if picture is None else picture

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> tuple[np.ndarray, Any, Any]:
        """The whole picture (H, W, C), uint8, at the size of the input, its own (height, width), and the shown one.

        Memory that pictures are cached in takes them in full: ultralytics fills it, and counts what it needs, by this
        method.
        """
        if self.cache != "ram":
            return super().load_image(i, rect_mode, resize_short)
        picture = self.full(i)
        h, w = picture.shape[:2]
        if not isinstance(self.ims, list) and max(h, w) != self.imgsz:  # the cache is filled
            picture = resized(picture, self.imgsz)
        return picture, (h, w), picture.shape[:2]
