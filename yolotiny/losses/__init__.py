"""Loss terms. A new one is a file here, a line in the table, a test, and its name in a YAML."""

from ..registry import Registry
from .box import CIoULoss, DIoULoss, GIoULoss, IoU2Loss, IoULoss
from .reconstruction import ReconstructionLoss

BOX_LOSSES = Registry(
    "box loss",
    {"iou": IoULoss, "iou2": IoU2Loss, "giou": GIoULoss, "diou": DIoULoss, "ciou": CIoULoss},
)
AUX_LOSSES = Registry("auxiliary loss", {"mse": ReconstructionLoss})
