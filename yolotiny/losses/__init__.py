"""Loss terms. A new one is a file here, a line in the table, a test, and its name in a YAML."""

from ..registry import Registry
from .bins import TwoHotLoss
from .box import SIMILARITIES
from .gwd_l1 import GWDL1Loss
from .reconstruction import ReconstructionLoss
from .scale_adaptive import ScaleAdaptiveLoss
from .smooth_l1 import SmoothL1Loss

BOX_LOSSES = Registry(
    "box loss",
    {
        **SIMILARITIES,
        "gwd_l1": GWDL1Loss,
        "sal": ScaleAdaptiveLoss,
        "sfl": ScaleAdaptiveLoss,
        "smooth_l1": SmoothL1Loss,
    },
)
LOCALISATION = Registry("localisation loss", {"two_hot": TwoHotLoss})
AUX_LOSSES = Registry("auxiliary loss", {"mse": ReconstructionLoss})
