"""Boxes from one picture with an exported detector, without yolotiny: numpy, OpenCV for files and ONNX Runtime.

python detect.py yolotiny-n-hit-uav.onnx picture.jpg     # x1 y1 x2 y2 score class, the best first
"""

import sys

import cv2
import numpy as np
import onnxruntime


def detect(
    session: onnxruntime.InferenceSession, image: np.ndarray, conf: float = 0.25, iou: float = 0.6
) -> np.ndarray:
    """(h, w, 3) uint8 BGR -> (n, 6) x1, y1, x2, y2 in pixels of the picture, score, class; the best first."""
    h, w = image.shape[:2]
    height, width = session.get_inputs()[0].shape[2:]  # of the input, which is of one size
    ratio = min(height / h, width / w)
    inner_h, inner_w = max(round(h * ratio), 1), max(round(w * ratio), 1)  # halves go to the even number
    left, top = round((width - inner_w) / 2 - 0.1), round((height - inner_h) / 2 - 0.1)
    canvas = np.full((height, width, 3), 114, np.uint8)
    canvas[top : top + inner_h, left : left + inner_w] = cv2.resize(image, (inner_w, inner_h))
    planes = canvas[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255  # (1, 3, H, W), RGB
    y = session.run(None, {session.get_inputs()[0].name: planes})[0][0]  # (4 + classes, N)

    classes, scores = y[4:].argmax(0), y[4:].max(0)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > conf]
    centre, half = y[:2, order].T, y[2:4, order].T / 2
    boxes, scores, classes = np.hstack((centre - half, centre + half)), scores[order], classes[order]
    size, kept = (boxes[:, 2:] - boxes[:, :2]).prod(1), []
    for i in range(len(boxes)):  # a box goes when a better one of its class that stays overlaps it by more than iou
        others = [j for j in kept if classes[j] == classes[i]]
        shared = np.minimum(boxes[i, 2:], boxes[others, 2:]) - np.maximum(boxes[i, :2], boxes[others, :2])
        shared = shared.clip(0).prod(1)
        if not (shared / (size[i] + size[others] - shared) > iou).any():
            kept.append(i)
    kept = kept[:1500]
    boxes = (boxes[kept] - [left, top, left, top]) / np.array([inner_w / w, inner_h / h] * 2)
    return np.column_stack((boxes.clip(0, [w, h, w, h]), scores[kept], classes[kept]))


if __name__ == "__main__":
    for *box, score, label in detect(onnxruntime.InferenceSession(sys.argv[1]), cv2.imread(sys.argv[2])):
        print(*(f"{side:.3f}" for side in box), f"{score:.5f} {label:.0f}")
