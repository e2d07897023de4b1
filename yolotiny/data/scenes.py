"""A synthetic aerial data set: vehicles on roads and car parks, boats on water, and things that only look like them.

For first runs and tests where no real data set is at hand. Objects are 4-24 px, clustered, turned any way, and some
pictures hold none. The same seed gives the same labels, byte for byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from ..files import write_bytes
from . import scenery as paint
from .records import Dataset, Record
from .staging import FOLDERS, prepare
from .writer import write_labels, write_yaml

NAMES = ["vehicle", "boat"]
VEHICLE, BOAT = 0, 1
EMPTY_EVERY = 8  # one picture in eight has no object


class Plan:
    """Where things lie in one scene: shore, roads, and what is taken already.

    Args:
        rng: source of chance.
        size: side of the picture, pixels.
    """

    def __init__(self, rng: np.random.Generator, size: int):
        self.rng, self.size = rng, size
        self.unit = rng.uniform(2.7, 3.7)  # pixels per metre: a car is 11-17 px long
        self.centre = np.full(2, size / 2)
        self.angle = rng.uniform(0, 2 * np.pi)
        self.out = np.array([np.cos(self.angle), np.sin(self.angle)])  # from land to sea
        self.tangent = np.array([-self.out[1], self.out[0]])
        self.shore = size * (rng.uniform(0.05, 0.28) if rng.random() < 0.65 else 9)  # 9: far outside, no sea
        self.waves = rng.uniform([0.01, 0.5, 0], [0.05, 2.5, 2 * np.pi], (3, 3))  # height, turns, phase
        self.roads = [self._road(-rng.uniform(0.08, 0.2) * size, self.angle + np.pi / 2 + rng.normal(0, 0.2))]
        if rng.random() < 0.6:
            self.roads.append(self._road(0.0, self.angle + rng.normal(0, 0.25)))
        self.taken: list[tuple[np.ndarray, float]] = []
        self.outlines: list[np.ndarray] = []
        self.labels: list[int] = []

    def _road(self, shift: float, angle: float) -> tuple[np.ndarray, float]:
        """A slightly bent road as (points (T, 2), width), `shift` pixels seawards of the middle."""
        t = np.linspace(-0.9, 0.9, 72)[:, None] * self.size
        d = np.array([np.cos(angle), np.sin(angle)])
        bend = self.rng.uniform(-0.25, 0.25) * t**2 / self.size
        start = self.centre + self.out * shift + self.tangent * self.rng.uniform(-0.15, 0.15) * self.size
        return start + t * d + bend * [-d[1], d[0]], self.unit * self.rng.uniform(7, 9)

    def depth(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2), pixels -> (...) how far seawards of the shore line they lie, pixels; negative on land."""
        rel = np.asarray(points) - self.centre
        along = rel @ self.tangent / self.size
        wavy = sum(h * np.sin(2 * np.pi * turns * along + phase) for h, turns, phase in self.waves)
        return rel @ self.out - self.shore - wavy * self.size

    def free(self, point: np.ndarray, radius: float) -> bool:
        """Whether a disc about (2,) `point` on land or sea, pixels, touches no road and nothing that was reserved."""
        clear = all(np.hypot(*(p - point).T).min() > radius + w / 2 + 1 for p, w in self.roads)
        return clear and all(np.hypot(*(p - point)) > radius + r for p, r in self.taken)

    def spot(self, radius: float, sea: bool = False, tries: int = 25) -> np.ndarray | None:
        """Find and reserve a random free place (2,), pixels, for a disc wholly on land (or on the sea), or None."""
        for _ in range(tries):
            point = self.rng.uniform(0.02, 0.98, 2) * self.size
            depth = float(self.depth(point))
            if (depth > radius + 2 if sea else depth < -radius - 2) and self.free(point, radius):
                self.taken.append((point, radius))
                return point
        return None

    def add(self, outline: np.ndarray, label: int) -> bool:
        """Note an object, (N, 2) pixels, unless it leaves the picture or touches another one; say whether it was."""
        if outline.min() < 0 or outline.max() > self.size:
            return False
        outline = outline.astype(np.float32)
        if any(cv2.intersectConvexConvex(outline, other)[0] > 0 for other in self.outlines):
            return False
        self.outlines.append(outline)
        self.labels.append(label)
        return True


def _ground(plan: Plan) -> np.ndarray:
    """Land covers, fields, beach and water: (size, size, 3) float BGR."""
    rng, size = plan.rng, plan.size
    covers = np.array([(62, 104, 88), (100, 140, 145), (105, 128, 150), (50, 80, 64)], np.float32)[rng.permutation(4)]
    kind = np.digitize(paint.noise(rng, size, 0.6 * size, 2), [-0.7, 0.4, 1.2])
    image = cv2.GaussianBlur(covers[kind], (0, 0), 1.2)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1) + 0.5  # (size, size, 2), x then y
    for _ in range(rng.integers(0, 3)):
        mask = np.zeros((size, size), np.uint8)
        length, width = rng.uniform(0.3, 0.6, 2) * size
        field = paint.rectangle(rng.uniform(0, size, 2), length, width, plan.angle)
        cv2.fillPoly(mask, [field.astype(np.int32)], 1)
        rows = np.sin(grid @ plan.tangent * 2 * np.pi / (plan.unit * rng.uniform(1.2, 2.5)))
        image[mask > 0] = (covers[rng.integers(4)] * rng.uniform(0.85, 1.15) + rows[..., None] * 7)[mask > 0]
    image *= 1 + 0.05 * paint.noise(rng, size, 24)[..., None] + 0.06 * paint.noise(rng, size, 4, 2)[..., None]
    depth = plan.depth(grid)[..., None]
    image = np.where(depth > -3 * plan.unit, np.array((160, 190, 200)) + 6 * rng.normal(size=(size, size, 1)), image)
    deep = np.clip(depth / (0.25 * size), 0, 1)
    ripple = 4 * paint.noise(rng, size, 7, 2)[..., None] + 4 * paint.noise(rng, size, 40)[..., None]
    water = (1 - deep) * np.array((128, 122, 82)) + deep * np.array((92, 78, 42)) + ripple
    return np.where(depth > 0, water, image)


def _roads(plan: Plan, canvas: paint.Canvas) -> None:
    for points, width in plan.roads:
        canvas.stroke(points, (128, 134, 138), width * 1.16)
    for points, width in plan.roads:
        grey = plan.rng.uniform(82, 108)
        canvas.stroke(points, (grey, grey, grey), width)
        for a, b in zip(points[:-1:2], points[1::2], strict=False):  # dashes
            canvas.stroke(np.stack((a, a + (b - a) * 0.7)), (205, 205, 205), 0.8, 0.8)


def _vehicle(plan: Plan, canvas: paint.Canvas, point: np.ndarray, angle: float, truck: bool) -> None:
    """Place and paint one vehicle where there is room for it."""
    rng = plan.rng
    length, width = rng.uniform([5.6, 2.0], [6.3, 2.2]) if truck else rng.uniform([4.0, 1.75], [4.7, 2.0])
    pose = paint.Pose(point, length * plan.unit, width * plan.unit, angle)
    if plan.add(pose.outline(), VEHICLE):
        paint.vehicle(canvas, rng, pose, truck)


def _traffic(plan: Plan, canvas: paint.Canvas) -> None:
    """Queues and single vehicles on the roads, one lane each way."""
    rng = plan.rng
    for points, width in plan.roads:
        steps = np.diff(points, axis=0)
        length = float(np.hypot(*steps.T).sum())
        starts = rng.uniform(0.25, 0.75, rng.integers(3, 7)) * length
        for at in starts:
            lane = rng.choice([-1, 1])
            for _ in range(rng.integers(1, 6)):
                i = min(int(at / length * len(steps)), len(steps) - 1)
                heading = np.arctan2(steps[i, 1], steps[i, 0]) + (0 if lane > 0 else np.pi)
                right = paint.along(points[i], heading, np.array([[0.0, 0.24 * width]]))[0]
                _vehicle(plan, canvas, right, heading + rng.normal(0, 0.03), rng.random() < 0.15)
                at = (at + rng.uniform(6, 11) * plan.unit) % length


def _car_park(plan: Plan, canvas: paint.Canvas, filled: bool) -> None:
    """Two or four rows of marked bays on asphalt."""
    rng, unit = plan.rng, plan.unit
    bays, rows = int(rng.integers(5, 11)), int(rng.choice([2, 4]))
    length, width = (bays * 2.8 + 2) * unit, rows * 8.2 * unit
    point = plan.spot(0.5 * float(np.hypot(length, width)))
    if point is None:
        return
    angle = plan.angle + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.15)
    grey = rng.uniform(95, 125)
    canvas.fill(paint.rectangle(point, length, width, angle), (grey, grey, grey * 1.02))
    share = rng.uniform(0.45, 0.85)
    for row in range(rows):
        y = ((row - (rows - 1) / 2) * 8.2 + (1.2 if row % 2 else -1.2)) * unit
        for bay in range(bays + 1):
            x = (bay - bays / 2) * 2.8 * unit
            line = paint.along(point, angle, np.array([[x, y - 2.5 * unit], [x, y + 2.5 * unit]]))
            canvas.stroke(line, (215, 215, 215), 0.5, 0.8)
            if filled and bay < bays and rng.random() < share:
                at = paint.along(point, angle, np.array([[x + 1.4 * unit, y + rng.normal(0, 0.2) * unit]]))[0]
                _vehicle(plan, canvas, at, angle + np.pi / 2 * rng.choice([-1, 1]) + rng.normal(0, 0.04), False)


def _boat(plan: Plan, canvas: paint.Canvas, point: np.ndarray, angle: float, length: float, moving: bool) -> None:
    pose = paint.Pose(point, length, length * plan.rng.uniform(0.36, 0.42), angle)
    clear = all(np.hypot(*(p - point).T).min() > (length + w) / 2 for p, w in plan.roads)  # roads are painted on top
    if clear and plan.depth(point) > 0.4 * length and plan.add(pose.hull(), BOAT):
        if moving:
            paint.wake(canvas, pose)
        paint.boat(canvas, plan.rng, pose)


def _harbour(plan: Plan, canvas: paint.Canvas, filled: bool) -> None:
    """A pier with boats on both sides, boats under way and at anchor."""
    rng, unit = plan.rng, plan.unit
    side = rng.uniform(-0.3, 0.3) * plan.size
    foot = plan.centre + plan.tangent * side
    foot = foot - plan.out * float(plan.depth(foot))
    reach = rng.uniform(22, 34) * unit
    canvas.stroke(np.stack((foot - plan.out * 2 * unit, foot + plan.out * reach)), (120, 140, 155), 2 * unit)
    plan.taken += [(foot + plan.out * t * reach, 8 * unit) for t in (0.2, 0.5, 0.8, 1.0)]
    if not filled:
        return
    for step in np.arange(6 * unit, reach, 3.1 * unit):
        for hand in (-1, 1):
            length = rng.uniform(4.2, 6.2) * unit
            at = foot + plan.out * step + plan.tangent * hand * (0.5 * length + 1.4 * unit)
            if rng.random() < 0.75:
                bow = np.arctan2(*(plan.tangent * hand)[::-1]) + (np.pi if rng.random() < 0.3 else 0)
                _boat(plan, canvas, at, bow + rng.normal(0, 0.05), length, False)
    for _ in range(rng.integers(4, 10)):
        point = plan.spot(4 * unit, sea=True)
        if point is not None:
            length = rng.uniform(4.2, 6.3) * unit
            _boat(plan, canvas, point, rng.uniform(0, 2 * np.pi), length, bool(rng.random() < 0.5))


def _distractors(plan: Plan, canvas: paint.Canvas) -> None:
    """Houses, stacked containers, trees and rocks: nothing here is labelled."""
    rng, unit = plan.rng, plan.unit
    for _ in range(rng.integers(1, 6)):
        length, width = rng.uniform([10, 7], [20, 11]) * unit
        point = plan.spot(0.55 * float(np.hypot(length, width)))
        if point is not None:
            pose = paint.Pose(point, length, width, plan.angle + rng.choice([0, np.pi / 2]))
            paint.building(canvas, rng, pose)
    yard = plan.spot(10 * unit) if rng.random() < 0.6 else None
    if yard is not None:
        angle = plan.angle + rng.normal(0, 0.4)
        canvas.fill(paint.rectangle(yard, 15 * unit, 15 * unit, angle), (150, 155, 158))
        for place in np.argwhere(rng.random((2, 5)) < 0.7) - [0.5, 2]:
            at = paint.along(yard, angle, place[None] * np.array([6.8, 2.7]) * unit)[0]
            paint.container(canvas, rng, paint.Pose(at, 6.1 * unit, 2.4 * unit, angle))
    for sea, most in ((False, 12), (True, 4)):
        color = (110, 118, 122) if sea else (48, 84, 62)
        for _ in range(rng.integers(2, most)):
            point = plan.spot(5 * unit, sea, tries=8)
            for at in [] if point is None else point + rng.uniform(-2.4, 2.4, (rng.integers(2, 7), 2)) * unit:
                if (plan.depth(at) > 0) == sea:
                    radius = unit * (rng.uniform(0.5, 1.6) if sea else rng.uniform(0.9, 2.6))
                    paint.blob(canvas, rng, at, radius, color, 0.16 if sea else 0.1)


def scene(rng: np.random.Generator, size: int = 320, empty: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one aerial scene.

    Args:
        rng: source of chance; the same state gives the same scene.
        size: side of the picture, pixels; objects stay 4-24 px at any size.
        empty: leave out every vehicle and boat, keep what only looks like them.
    Returns:
        image (size, size, 3) uint8 BGR; boxes (N, 4) float xyxy pixels, tight; labels (N,), 0 vehicle, 1 boat.
        N is at least 1 unless `empty`.
    """
    plan = Plan(rng, size)
    turn = rng.uniform(0, 2 * np.pi)
    canvas = paint.Canvas(_ground(plan), np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.5, 1.2))
    if plan.shore < size:
        _harbour(plan, canvas, not empty)
    _roads(plan, canvas)
    for _ in range(rng.integers(1, 3)):
        _car_park(plan, canvas, not empty)
    if not empty:
        _traffic(plan, canvas)
        if not plan.outlines:  # a very small picture: the road's point nearest the middle always has room
            points = plan.roads[0][0]
            i = int(np.hypot(*(points - plan.centre).T).argmin())
            _vehicle(plan, canvas, points[i], plan.angle, False)
    _distractors(plan, canvas)
    boxes = np.array([[*o.min(0), *o.max(0)] for o in plan.outlines], dtype=np.float64).reshape(-1, 4)
    return canvas.finish(rng), boxes, np.array(plan.labels, dtype=int)


def write_demo(
    to: str | Path, train: int = 64, val: int = 16, imgsz: int = 320, seed: int = 0, force: bool = False
) -> Path:
    """Write a synthetic data set of aerial scenes in the layout that training reads.

    Args:
        to: the folder to write, new or empty.
        train, val: number of pictures; one in eight holds no object.
        imgsz: side of the pictures, pixels.
        seed: the same seed gives the same labels, byte for byte.
        force: replace what an earlier run wrote in `to`.
    Returns:
        The path of data.yaml.
    Raises:
        InputError: `to` is not empty and `force` is False.
    """
    to = Path(to).expanduser()
    prepare(to, force)
    data = Dataset(list(NAMES), {})
    try:
        _write_scenes(data, to, {"train": train, "val": val}, imgsz, seed)
    except KeyboardInterrupt:
        prepare(to, force=True)  # a half would be taken for a data set of one's own
        for folder in FOLDERS:
            with contextlib.suppress(OSError):
                (to / folder).rmdir()
        raise
    write_yaml(data, list(write_labels(data, to)), to, to / "data.yaml")
    return to / "data.yaml"


def _write_scenes(data: Dataset, to: Path, counts: Mapping[str, int], imgsz: int, seed: int) -> None:
    """Draw the pictures of every split; `data` takes their records."""
    for s, (split, count) in enumerate(counts.items()):
        folder = to / "images" / split
        folder.mkdir(parents=True)
        data.splits[split] = []
        for i in range(count):
            rng = np.random.default_rng([seed, s, i])
            image, boxes, labels = scene(rng, imgsz, empty=i % EMPTY_EVERY == EMPTY_EVERY - 1)
            file = folder / f"{split}_{i:04d}.jpg"
            write_bytes(file, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
            data.splits[split].append(Record(file, file.name, imgsz, imgsz, boxes, labels))
