"""The motion of a box: a Kalman filter of constant velocity over centre, aspect ratio and height.

The state is (x, y, a, h, vx, vy, va, vh). Uncertainties are shares of the height, as in Wojke et al. 2017 (DeepSORT,
arXiv 1703.07402), whose values ByteTrack keeps.
"""

from __future__ import annotations

import numpy as np

POSITION, VELOCITY = 1 / 20, 1 / 160  # standard deviations, shares of the height
MOTION = np.eye(8) + np.eye(8, k=4)


def _variance(height: np.ndarray, place: tuple[float, float], speed: tuple[float, float]) -> np.ndarray:
    """(n, 8) variances of a state: `place` and `speed` are (share of the height, value of the aspect ratio)."""
    height = np.asarray(height, float)
    columns = []
    for share, aspect in (place, speed):
        of_height = share * height
        columns += [of_height, of_height, np.full_like(height, aspect), of_height]
    return np.square(np.stack(columns, -1))


def begin(box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(4,) centre x, centre y, aspect ratio, height, pixels -> (8,) state at rest, (8, 8) its covariance."""
    mean = np.concatenate((np.asarray(box, float), np.zeros(4)))
    return mean, np.diag(_variance(mean[3], (2 * POSITION, 1e-2), (10 * VELOCITY, 1e-5)))


def predict(means: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) states and (n, 8, 8) covariances -> (n, 8) and (n, 8, 8), one frame later."""
    noise = np.zeros_like(covariances)
    noise[:, range(8), range(8)] = _variance(means[:, 3], (POSITION, 1e-2), (VELOCITY, 1e-5))
    return means @ MOTION.T, MOTION @ covariances @ MOTION.T + noise


def correct(mean: np.ndarray, covariance: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is known of a box after it was seen.

    Args:
        mean: (8,) state; covariance: (8, 8) of it.
        box: (4,) centre x, centre y, aspect ratio, height, pixels, as it was seen.

    Returns:
        (8,) state, (8, 8) covariance.
    """
    seen = covariance[:4, :4] + np.diag(_variance(mean[3], (POSITION, 1e-1), (0.0, 0.0))[:4])
    gain = np.linalg.solve(seen, covariance[:, :4].T).T  # (8, 4)
    return mean + gain @ (box - mean[:4]), covariance - gain @ seen @ gain.T
