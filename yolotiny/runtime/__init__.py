"""A detector from an exported file, without torch: numpy, OpenCV and ONNX Runtime or OpenVINO.

from yolotiny.runtime import Detector       # or from yolotiny_runtime, the wheel of its own

detector = Detector("best.onnx")
for found in detector("picture.jpg", crops="auto"):
    print(found.boxes, found.scores, found.classes)

metadata    what a file says of itself
backends    what runs its network; network: the two together
request     the options of a call
reader      pictures, videos, cameras and streams
detector    both passes, suppression, tracks
results     boxes as arrays, JSON, label files and drawings
cli         the command line
service     what a service asks of a detector; serve_command: its options
"""

from ..errors import InputError
from .detector import Detector
from .results import Detections
from .track import ByteTrack, tracker_of

__all__ = ["ByteTrack", "Detections", "Detector", "InputError", "tracker_of"]
