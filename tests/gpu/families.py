"""A model file of each family that has to work on a card."""

FAMILIES = {
    "yolotiny": "yolotiny-n.yaml",
    "yolov5": "yolov5n-p2p3.yaml",
    "yolox": "yolox-nano.yaml",
    "yolc": "yolc-n.yaml",
    "ugs": "yolov5n-ugs.yaml",
    "sarl-srtod": "yolov5n-p2-sarl-srtod.yaml",
}
