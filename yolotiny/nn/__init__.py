"""Layers of the model graph. A name in a YAML is looked up here first, then among ultralytics' and torch's modules."""

from ..registry import Registry
from .anchor_head import AnchorDetect
from .center_head import CenterNetDetect, YOLCDetect
from .fpn import FPN
from .hourglass import Hourglass
from .rcnn_head import RCNNDetect
from .retina_head import FCOSDetect, RetinaDetect
from .sarl import SARL
from .srtod import SRTOD
from .timm_features import TimmFeatures, UpsampleConcat
from .tph import C3Window
from .yolox import XCSP, DWSConv, YOLOXDetect, conv3

MODULES = Registry(
    "module",
    {
        "AnchorDetect": AnchorDetect,
        "YOLOXDetect": YOLOXDetect,
        "DWSConv": DWSConv,
        "XConv": conv3,
        "XCSP": XCSP,
        "TimmFeatures": TimmFeatures,
        "FPN": FPN,
        "UpsampleConcat": UpsampleConcat,
        "Hourglass": Hourglass,
        "RCNNDetect": RCNNDetect,
        "RetinaDetect": RetinaDetect,
        "FCOSDetect": FCOSDetect,
        "YOLCDetect": YOLCDetect,
        "CenterNetDetect": CenterNetDetect,
        "SARL": SARL,
        "SRTOD": SRTOD,
        "C3Window": C3Window,
    },
)
