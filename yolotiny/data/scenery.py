"""Paint for synthetic aerial scenes: textures, vehicles, boats and the things that only look like them.

Coordinates are pixels of the finished picture, x right and y down; angles are radians. A `Canvas` paints finer than the
picture and shrinks at the end, so that objects of a few pixels keep soft edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Color = tuple[float, float, float]  # BGR, 0-255
FINE = 3  # canvas pixels per picture pixel
SHIFT = 4  # binary places of the sub-pixel corners handed to OpenCV


def noise(rng: np.random.Generator, size: int, cell: float, octaves: int = 3) -> np.ndarray:
    """Smooth random field (S, S), S = size, mean about 0 and deviation 1; `cell`: the width of its bumps in pixels."""
    field = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        n = max(2, round(size * 2**octave / cell) + 1)
        bumps = rng.standard_normal((n, n)).astype(np.float32)
        field += cv2.resize(bumps, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return field / (field.std() + 1e-6)


def rectangle(centre: np.ndarray, length: float, width: float, angle: float) -> np.ndarray:
    """Middle (2,), its length along `angle` and its width -> corners (4, 2) of a rectangle, pixels."""
    return along(centre, angle, np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * [length, width])


def along(centre: np.ndarray, angle: float, points: np.ndarray) -> np.ndarray:
    """Turn (N, 2) points, forward and right, by `angle` and move them to `centre` (2,) -> (N, 2) x and y, pixels."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + centre


class Canvas:
    """A picture in the making.

    Args:
        ground: (size, size, 3) float BGR.
        sun: (2,) how far a shadow falls, pixels per pixel of height.
    """

    def __init__(self, ground: np.ndarray, sun: np.ndarray):
        size = ground.shape[0] * FINE
        self.image = cv2.resize(ground.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
        self.sun = sun

    def _mask(self, points: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
        """The window that holds a polygon, and its coverage there, 0 or 1."""
        fine = points * FINE - 0.5
        low = np.maximum(np.floor(fine.min(0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(fine.max(0)).astype(int) + 2, self.image.shape[0])
        w, h = np.maximum(high - low, 0)
        mask = np.zeros((h, w), np.uint8)
        if w and h:
            cv2.fillPoly(mask, [np.round((fine - low) * 2**SHIFT).astype(np.int32)], 1, shift=SHIFT)
        return (slice(low[1], low[1] + h), slice(low[0], low[0] + w)), mask.astype(bool)

    def fill(self, points: np.ndarray, color: Color, alpha: float = 1.0) -> None:
        """Paint a polygon (N, 2), pixels."""
        window, mask = self._mask(points)
        part = self.image[window]
        part[mask] = part[mask] * (1 - alpha) + np.array(color, np.float32) * alpha

    def shade(self, points: np.ndarray, height: float, strength: float = 0.5) -> None:
        """Darken where the shadow of a polygon (N, 2), pixels, falls when it stands `height` pixels high."""
        both = np.concatenate((points, points + self.sun * height)).astype(np.float32)
        window, mask = self._mask(cv2.convexHull(both)[:, 0])
        self.image[window][mask] *= 1 - strength

    def stroke(self, points: np.ndarray, color: Color, width: float, alpha: float = 1.0) -> None:
        """Paint a line through points (N, 2), pixels."""
        for a, b in zip(points[:-1], points[1:], strict=True):
            dx, dy = b - a  # each piece overlaps the next a little, so that bends show no gap
            piece = rectangle((a + b) / 2, float(np.hypot(dx, dy)) + 0.3 * width, width, float(np.arctan2(dy, dx)))
            self.fill(piece, color, alpha)

    def finish(self, rng: np.random.Generator) -> np.ndarray:
        """Shrink to the picture's size and add the camera: light, contrast, blur and grain; (size, size, 3) uint8."""
        size = self.image.shape[0] // FINE
        image = cv2.resize(self.image, (size, size), interpolation=cv2.INTER_AREA)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.5))
        image = (image - 110) * rng.uniform(0.85, 1.1) + 110 + rng.uniform(-14, 14)
        image += rng.normal(0, rng.uniform(1.5, 4), image.shape)
        return image.clip(0, 255).astype(np.uint8)


def _tint(rng: np.random.Generator, color: Color, spread: float = 10) -> Color:
    b, g, r = np.clip(np.array(color) + rng.normal(0, spread) + rng.normal(0, spread / 3, 3), 0, 255)
    return float(b), float(g), float(r)


def _gain(color: Color, gain: float) -> Color:
    b, g, r = color
    return min(255.0, b * gain), min(255.0, g * gain), min(255.0, r * gain)


@dataclass(frozen=True)
class Pose:
    """Where a thing lies.

    Attributes:
        centre: (2,) its middle, x and y, pixels.
        length, width: along `angle` and across, pixels.
        angle: radians.
    """

    centre: np.ndarray
    length: float
    width: float
    angle: float

    def part(self, at: float, length: float, width: float) -> np.ndarray:
        """Corners (4, 2), pixels, of a rectangle `at` forward of its middle; arguments are shares of its sides."""
        centre = along(self.centre, self.angle, np.array([[at * self.length, 0]]))[0]
        return rectangle(centre, length * self.length, width * self.width, self.angle)

    def outline(self) -> np.ndarray:
        """Corners (4, 2) of the thing as a rectangle, pixels."""
        return self.part(0, 1, 1)

    def hull(self, length: float = 1, width: float = 1) -> np.ndarray:
        """The thing as a boat (7, 2), pixels: square stern, straight sides, pointed bow; arguments as for `part`."""
        shape = [[-0.5, -0.4], [-0.1, -0.5], [0.2, -0.38], [0.5, 0.0], [0.2, 0.38], [-0.1, 0.5], [-0.5, 0.4]]
        return along(self.centre, self.angle, np.array(shape) * [length * self.length, width * self.width])


# BGR; white stands twice because white cars are common
VEHICLES = (
    (235, 235, 235),
    (235, 235, 235),
    (190, 190, 190),
    (52, 50, 48),
    (50, 40, 170),
    (150, 80, 40),
    (70, 160, 215),
)
HULLS = ((240, 240, 238), (225, 228, 230), (205, 190, 165), (70, 70, 190))
DECKS = ((95, 140, 175), (150, 165, 175))
CONTAINERS = ((55, 70, 150), (120, 85, 40), (75, 110, 60), (60, 120, 175))
ROOFS = ((75, 90, 155), (115, 115, 120), (165, 165, 165), (90, 110, 130))
GLASS = (45, 38, 30)


def vehicle(canvas: Canvas, rng: np.random.Generator, pose: Pose, truck: bool) -> None:
    """A car or a truck: shadow, body, glass, roof or load."""
    color = _tint(rng, VEHICLES[rng.integers(len(VEHICLES))])
    canvas.shade(pose.outline(), 0.35 * pose.width)
    canvas.fill(pose.outline(), color)
    if truck:
        canvas.fill(pose.part(-0.13, 0.70, 0.96), _tint(rng, (215, 215, 210), 20))
        canvas.fill(pose.part(0.24, 0.05, 1.0), GLASS)
        canvas.fill(pose.part(0.42, 0.08, 0.85), GLASS)
    else:
        canvas.fill(pose.part(0.17, 0.15, 0.86), GLASS)
        canvas.fill(pose.part(-0.33, 0.12, 0.82), GLASS)
        canvas.fill(pose.part(-0.09, 0.34, 0.80), _gain(color, 1.2))


def boat(canvas: Canvas, rng: np.random.Generator, pose: Pose) -> None:
    """A boat: shadow on the water, light hull, deck, cabin."""
    color = _tint(rng, HULLS[rng.choice(len(HULLS), p=[0.5, 0.25, 0.15, 0.1])])
    canvas.shade(pose.hull(), 0.3 * pose.width, 0.4)
    canvas.fill(pose.hull(), color)
    canvas.fill(pose.hull(0.74, 0.6), _tint(rng, DECKS[rng.integers(len(DECKS))]))
    canvas.fill(pose.part(-0.12, 0.3, 0.5), color)
    canvas.fill(pose.part(0.07, 0.07, 0.46), GLASS)


def wake(canvas: Canvas, pose: Pose) -> None:
    """Foam behind a boat under way: a broad core and two arms; no object."""
    for side in (-1, 0, 1):
        tail = np.array([[-0.5, side * 0.35], [-2.2, side * 1.3]]) * [pose.length, pose.width]
        line = along(pose.centre, pose.angle, tail)
        canvas.stroke(line, (215, 215, 200), (0.3 if side else 0.6) * pose.width, 0.22)


def container(canvas: Canvas, rng: np.random.Generator, pose: Pose) -> None:
    """A shipping container: one colour, ribs across, no glass; no object."""
    color = _tint(rng, CONTAINERS[rng.integers(len(CONTAINERS))])
    canvas.shade(pose.outline(), 0.8 * pose.width)
    canvas.fill(pose.outline(), color)
    for at in np.linspace(-0.42, 0.42, 7):
        canvas.fill(pose.part(at, 0.3 / pose.length, 1), _gain(color, 0.75))


def blob(
    canvas: Canvas, rng: np.random.Generator, centre: np.ndarray, radius: float, color: Color, rough: float
) -> None:
    """An irregular round thing about `centre` (2,), pixels, with a lit side: bush, tree or rock; no object."""
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    spokes = radius * (1 + rng.normal(0, rough, len(turn)))
    ring = spokes[:, None] * np.stack((np.cos(turn), np.sin(turn)), 1)
    canvas.shade(ring + centre, 0.8 * radius)
    for scale, gain in ((1.0, 0.8), (0.75, 1.0), (0.4, 1.2)):
        lit = ring * scale + centre - canvas.sun * radius * (1 - scale) * 0.5
        canvas.fill(lit, _gain(_tint(rng, color, 4), gain))


def building(canvas: Canvas, rng: np.random.Generator, pose: Pose) -> None:
    """A house: long shadow, roof in two lights, or a flat roof with boxes on it; no object."""
    roof = _tint(rng, ROOFS[rng.integers(len(ROOFS))], 14)
    canvas.shade(pose.outline(), 0.45 * pose.width, 0.55)
    canvas.fill(pose.outline(), roof)
    if rng.random() < 0.6:
        dark = along(pose.centre, pose.angle, np.array([[0, 0.25 * pose.width]]))[0]
        canvas.fill(rectangle(dark, pose.length, 0.5 * pose.width, pose.angle), _gain(roof, 0.72))
    else:
        canvas.fill(pose.part(0, 0.92, 0.88), _gain(roof, 0.9))
        for _ in range(3):
            at = along(pose.centre, pose.angle, rng.uniform(-0.35, 0.35, (1, 2)) * [pose.length, pose.width])[0]
            canvas.fill(rectangle(at, 3, 3, pose.angle), (190, 190, 190))
