"""Paint for synthetic aerial scenes: textures, vehicles, boats and the things that only look like them.

Coordinates are pixels of the finished picture, x right and y down; angles are radians. A `Canvas` paints finer than the
picture and shrinks at the end, so that objects of a few pixels keep soft edges.
"""

from __future__ import annotations

import cv2
import numpy as np

Color = tuple[float, float, float]  # BGR, 0-255
FINE = 3  # canvas pixels per picture pixel
SHIFT = 4  # binary places of the sub-pixel corners handed to OpenCV


def noise(rng: np.random.Generator, size: int, cell: float, octaves: int = 3) -> np.ndarray:
    """Smooth random field (size, size), mean about 0 and deviation 1; `cell` is the width of its bumps in pixels."""
    field = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        n = max(2, round(size * 2**octave / cell) + 1)
        bumps = rng.standard_normal((n, n)).astype(np.float32)
        field += cv2.resize(bumps, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return field / (field.std() + 1e-6)


def rectangle(x: float, y: float, length: float, width: float, angle: float) -> np.ndarray:
    """Corners (4, 2) of a rectangle around (x, y), its length along `angle`."""
    return along(x, y, angle, np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * [length, width])


def along(x: float, y: float, angle: float, points: np.ndarray) -> np.ndarray:
    """Turn points (N, 2), given as (forward, sideways), by `angle` and move them to (x, y)."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + [x, y]


def hull(x: float, y: float, length: float, width: float, angle: float) -> np.ndarray:
    """Outline (7, 2) of a boat: square stern, straight sides, pointed bow."""
    shape = [[-0.5, -0.4], [-0.1, -0.5], [0.2, -0.38], [0.5, 0.0], [0.2, 0.38], [-0.1, 0.5], [-0.5, 0.4]]
    return along(x, y, angle, np.array(shape) * [length, width])


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
        """Paint a polygon (N, 2)."""
        window, mask = self._mask(points)
        part = self.image[window]
        part[mask] = part[mask] * (1 - alpha) + np.array(color, np.float32) * alpha

    def shade(self, points: np.ndarray, height: float, strength: float = 0.5) -> None:
        """Darken where a polygon's shadow falls when it stands `height` pixels high."""
        window, mask = self._mask(
            cv2.convexHull(np.concatenate((points, points + self.sun * height)).astype(np.float32))[:, 0]
        )
        self.image[window][mask] *= 1 - strength

    def stroke(self, points: np.ndarray, color: Color, width: float, alpha: float = 1.0) -> None:
        """Paint a line through points (N, 2)."""
        for a, b in zip(points[:-1], points[1:], strict=True):
            d = b - a
            self.fill(
                rectangle(*(a + b) / 2, float(np.hypot(*d)) + width * 0.3, width, np.arctan2(d[1], d[0])), color, alpha
            )

    def finish(self, rng: np.random.Generator) -> np.ndarray:
        """Shrink to the picture's size and add the camera: light, contrast, blur and grain; (size, size, 3) uint8."""
        size = self.image.shape[0] // FINE
        image = cv2.resize(self.image, (size, size), interpolation=cv2.INTER_AREA)
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.5))
        image = (image - 110) * rng.uniform(0.85, 1.1) + 110 + rng.uniform(-14, 14)
        image += rng.normal(0, rng.uniform(1.5, 4), image.shape)
        return image.clip(0, 255).astype(np.uint8)


def _tint(rng: np.random.Generator, color: Color, spread: float = 10) -> Color:
    return tuple(
        float(v) for v in np.clip(np.array(color) + rng.normal(0, spread) + rng.normal(0, spread / 3, 3), 0, 255)
    )


VEHICLES = (
    (235, 235, 235),
    (190, 190, 190),
    (60, 58, 55),
    (50, 40, 170),
    (150, 80, 40),
    (70, 160, 215),
    (105, 100, 95),
)
GLASS = (45, 38, 30)


def vehicle(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, length: float, width: float, angle: float, truck: bool
) -> None:
    """A car or a truck: shadow, body, glass, roof or load."""
    body = rectangle(x, y, length, width, angle)
    color = _tint(rng, VEHICLES[rng.integers(len(VEHICLES))])
    canvas.shade(body, 0.35 * width)
    canvas.fill(body, color)
    light = tuple(min(255.0, v * 1.15 + 12) for v in color)
    part = lambda at, l, w: rectangle(
        *along(x, y, angle, np.array([[at * length, 0]]))[0], l * length, w * width, angle
    )  # noqa: E731
    if truck:
        canvas.fill(part(-0.13, 0.70, 0.96), _tint(rng, (215, 215, 210), 20))
        canvas.fill(part(0.24, 0.05, 1.0), GLASS)
        canvas.fill(part(0.42, 0.08, 0.85), GLASS)
    else:
        canvas.fill(part(0.17, 0.15, 0.86), GLASS)
        canvas.fill(part(-0.33, 0.12, 0.82), GLASS)
        canvas.fill(part(-0.09, 0.34, 0.80), light)


def boat(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, length: float, width: float, angle: float
) -> None:
    """A boat: shadow on the water, light hull, deck, cabin."""
    color = _tint(
        rng, ((240, 240, 238), (225, 228, 230), (205, 190, 165), (70, 70, 190))[rng.choice(4, p=[0.5, 0.25, 0.15, 0.1])]
    )
    outline = hull(x, y, length, width, angle)
    canvas.shade(outline, 0.3 * width, 0.4)
    canvas.fill(outline, color)
    canvas.fill(
        hull(x, y, length * 0.74, width * 0.6, angle), _tint(rng, ((95, 140, 175), (150, 165, 175))[rng.integers(2)])
    )
    cabin = along(x, y, angle, np.array([[-0.12 * length, 0]]))[0]
    canvas.fill(rectangle(*cabin, 0.3 * length, 0.5 * width, angle), color)
    canvas.fill(
        rectangle(*along(x, y, angle, np.array([[0.07 * length, 0]]))[0], 0.07 * length, 0.46 * width, angle), GLASS
    )


def wake(canvas: Canvas, x: float, y: float, length: float, width: float, angle: float) -> None:
    """Foam behind a boat under way: a bright core and two arms; no object."""
    for side in (-1, 0, 1):
        tail = np.array([[-0.5 * length, side * 0.35 * width], [-2.2 * length, side * 1.3 * width]])
        canvas.stroke(along(x, y, angle, tail), (215, 215, 200), (0.3 if side else 0.6) * width, 0.22)


def container(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, length: float, width: float, angle: float
) -> None:
    """A shipping container: one colour, ribs across, no glass; no object."""
    color = _tint(rng, ((55, 70, 150), (120, 85, 40), (75, 110, 60), (60, 120, 175))[rng.integers(4)])
    box = rectangle(x, y, length, width, angle)
    canvas.shade(box, 0.8 * width)
    canvas.fill(box, color)
    for at in np.linspace(-0.42, 0.42, 7):
        rib = along(x, y, angle, np.array([[at * length, -0.5 * width], [at * length, 0.5 * width]]))
        canvas.stroke(rib, tuple(v * 0.75 for v in color), 0.3)


def blob(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, radius: float, color: Color, rough: float
) -> None:
    """An irregular round thing with a lit side: bush, tree or rock; no object."""
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    ring = radius * (1 + rng.normal(0, rough, len(turn)))[:, None] * np.stack((np.cos(turn), np.sin(turn)), 1) + [x, y]
    canvas.shade(ring, 0.8 * radius)
    for scale, gain in ((1.0, 0.8), (0.75, 1.0), (0.4, 1.2)):
        lit = (ring - [x, y]) * scale + [x, y] - canvas.sun * radius * (1 - scale) * 0.5
        canvas.fill(lit, tuple(min(255.0, v * gain) for v in _tint(rng, color, 4)))


def building(
    canvas: Canvas, rng: np.random.Generator, x: float, y: float, length: float, width: float, angle: float
) -> None:
    """A house: long shadow, roof in two lights, or a flat roof with boxes on it; no object."""
    roof = _tint(rng, ((75, 90, 155), (115, 115, 120), (165, 165, 165), (90, 110, 130))[rng.integers(4)], 14)
    canvas.shade(rectangle(x, y, length, width, angle), 0.45 * width, 0.55)
    canvas.fill(rectangle(x, y, length, width, angle), roof)
    if rng.random() < 0.6:
        half = along(x, y, angle, np.array([[0, 0.25 * width]]))[0]
        canvas.fill(rectangle(*half, length, 0.5 * width, angle), tuple(v * 0.72 for v in roof))
    else:
        canvas.fill(rectangle(x, y, length * 0.92, width * 0.88, angle), tuple(v * 0.9 for v in roof))
        for _ in range(3):
            at = along(x, y, angle, rng.uniform(-0.35, 0.35, (1, 2)) * [length, width])[0]
            canvas.fill(rectangle(*at, 3, 3, angle), (190, 190, 190))
