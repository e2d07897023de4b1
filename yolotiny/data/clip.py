"""A generated clip: vehicles that drive along the roads of an aerial scene, and where each of them is in each frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .. import errors
from ..errors import InputError
from ..files import whole, write_text
from ..pictures.files import check_video
from . import scenery as paint
from .scenes import Plan, scene

FPS = 10
GAP = 3.0  # metres that two vehicles of a lane keep apart
SPEEDS = (2.0, 8.0)  # pixels a frame: a lane drives at one speed, so nobody runs into anybody


@dataclass(frozen=True)
class Car:
    """A vehicle under way.

    Attributes:
        line: (T, 2) points that it drives through, x and y, pixels.
        start: how far along the line it is in the first frame, pixels.
        speed: pixels a frame.
        length, width: pixels.
        truck: or a car.
    """

    line: np.ndarray
    start: float
    speed: float
    length: float
    width: float
    truck: bool

    def pose(self, frame: int) -> paint.Pose | None:
        """Where it is in a frame; None where its line has ended."""
        steps = np.hypot(*np.diff(self.line, axis=0).T)
        reach = np.concatenate(([0.0], steps.cumsum()))
        at = self.start + self.speed * frame
        if not 0 <= at <= reach[-1]:
            return None
        centre = np.array([np.interp(at, reach, self.line[:, 0]), np.interp(at, reach, self.line[:, 1])])
        i = min(int(np.searchsorted(reach, at)), len(steps)) or 1
        dx, dy = self.line[i] - self.line[i - 1]
        return paint.Pose(centre, self.length, self.width, float(np.arctan2(dy, dx)))


def _cars(plan: Plan, frames: int) -> list[Car]:
    """Both lanes of every road, filled at random from as far back as comes into the picture."""
    rng, found = plan.rng, []
    for points, width in plan.roads:
        for hand in (1, -1):
            line = points[::hand]
            ahead = np.gradient(line, axis=0)
            right = np.stack((-ahead[:, 1], ahead[:, 0]), 1) / np.hypot(*ahead.T)[:, None]
            line = line + right * 0.24 * width
            speed = rng.uniform(*SPEEDS)
            at = -speed * frames
            end = float(np.hypot(*np.diff(line, axis=0).T).sum())
            while at < end:
                truck = bool(rng.random() < 0.15)
                length, wide = rng.uniform([5.6, 2.0], [6.3, 2.2]) if truck else rng.uniform([4.0, 1.75], [4.7, 2.0])
                at += (length + GAP + rng.exponential(12)) * plan.unit
                found.append(Car(line, at, speed, length * plan.unit, wide * plan.unit, truck))
    return found


def clip(frames: int = 40, size: int = 320, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draw a clip frame by frame; the camera stands still.

    Args:
        frames: how many.
        size: side of a frame, pixels; vehicles are 11-22 px long and move 2-8 px a frame.
        seed: the same seed gives the same boxes.

    Yields:
        image (size, size, 3) uint8 BGR; boxes (N, 4) float xyxy pixels, of the vehicles that lie wholly in the picture;
        ids (N,) int, from 1 up, the same vehicle having the same in every frame.
    """
    ground, _, _ = scene(np.random.default_rng(seed), size, empty=True)
    plan = Plan(np.random.default_rng(seed), size)  # the same roads: a plan is the first that a scene draws
    cars = _cars(plan, frames)
    numbers: dict[int, int] = {}
    turn = plan.rng.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(turn), np.sin(turn)])
    canvas = paint.Canvas(ground, sun)
    still = canvas.image
    for frame in range(frames):
        canvas.image = still.copy()
        boxes, ids = [], []
        for i, car in enumerate(cars):
            pose = car.pose(frame)
            if pose is None:
                continue
            outline = pose.outline()
            if outline.max() > -size and outline.min() < 2 * size:
                paint.vehicle(canvas, np.random.default_rng([seed, i]), pose, car.truck)
            if outline.min() >= 0 and outline.max() <= size:
                boxes.append([*outline.min(0), *outline.max(0)])
                ids.append(numbers.setdefault(i, len(numbers) + 1))
        grain = np.random.default_rng([seed, frame])
        image = cv2.resize(canvas.image, (size, size), interpolation=cv2.INTER_AREA)
        image = (image + grain.normal(0, 2, image.shape)).clip(0, 255).astype(np.uint8)
        yield image, np.array(boxes, float).reshape(-1, 4), np.array(ids, int)


def check_frames(frames: int) -> None:
    """Raise InputError for what is no number of frames."""
    errors.whole(frames, "frames", 1)


def write_clip(to: str | Path, frames: int = 40, size: int = 320, seed: int = 0) -> Path:
    """Write `clip` as a video, and beside it its truth as MOTChallenge has it: frame, id, x, y, w, h, 1, class, 1.

    Args:
        to: the video, .mp4 or .avi; the truth goes to the same name with .txt.
        frames, size, seed: see `clip`.

    Returns:
        The video.

    Raises:
        InputError: a number of frames below 1, another suffix, or a file that cannot be written.
    """
    to = Path(to).expanduser()
    check_frames(frames)
    codes = {".mp4": "mp4v", ".avi": "MJPG"}
    if to.suffix not in codes:
        raise InputError(f"{to}: a clip is written as {' or '.join(codes)}")
    rows = []
    with whole(to) as part:
        writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*codes[to.suffix]), FPS, (size, size))
        if not writer.isOpened():
            raise InputError(f"cannot write {to}")
        for number, (image, boxes, ids) in enumerate(clip(frames, size, seed), 1):
            writer.write(image)
            for i, (x1, y1, x2, y2) in zip(ids, boxes, strict=True):
                rows.append(f"{number},{i},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},1,1,1\n")
        writer.release()
        check_video(part, frames)
    write_text(to.with_suffix(".txt"), "".join(rows))
    return to
