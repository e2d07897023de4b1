"""The command line: `yolotiny-run best.onnx pictures/ --json out.json`. An error is one line and exit code 2."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import InputError
from ..pace import Pace
from ..pictures.depth import STRETCHES
from ..slicing import MERGES, SLICERS
from ..text import printable
from .backends import BACKENDS
from .detector import Detector
from .reader import Reader
from .results import Detections
from .saving import Saver
from .sources import usual_batch
from .track import DEFAULT, PRESETS

OF_DETECTOR = ("backend", "provider", "threads", "names", "imgsz")
OF_OUTPUT = ("save", "txt", "scores", "json", "quiet", "track")


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError; `main` prints it."""
        raise InputError(f"{message}; {self.prog} --help lists all options")


def parser(prog: str) -> Parser:
    """The options of the command, with their help."""
    made = Parser(
        prog=prog,
        allow_abbrev=False,  # --crop is a mistake, as crop= is elsewhere
        description="Find objects in pictures, videos and streams with an exported detector, without torch.",
        epilog=f"example: {prog} best.onnx pictures/ --crops auto --save out/ --json out.json; "
        f"{prog} serve best.onnx answers over HTTP",
    )
    made.add_argument("model", help="an .onnx file, or a folder of OpenVINO")
    made.add_argument(
        "source",
        nargs="+",
        help="pictures, videos, folders, patterns, a .txt list; or one camera (0) or stream (rtsp://...)",
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {version()}")
    _detection(made.add_argument_group("detection"))
    _crops(made.add_argument_group("crops: a second look at parts of a picture"))
    running = made.add_argument_group("running")
    loading(running)
    _running(running)
    _output(made.add_argument_group("output"))
    return made


def _detection(group: Any) -> None:
    group.add_argument("--conf", type=float, help="least score; 0.25, with --track 0.1")
    group.add_argument("--iou", type=float, help="overlap from which the weaker of two boxes goes; 0.6")
    group.add_argument("--max-det", type=int, metavar="N", help="boxes of a picture at most; 1500")
    group.add_argument("--classes", nargs="+", metavar="CLASS", help="numbers or names of the classes that count; all")
    group.add_argument(
        "--agnostic-nms", action="store_true", default=None, help="boxes suppress those of other classes"
    )
    group.add_argument(
        "--nms-metric", choices=("iou", "nwd"), help="how boxes are compared when they suppress each other"
    )
    group.add_argument("--nms-c", type=float, metavar="PIXELS", help="scale of nwd; the object size that the file says")
    group.add_argument("--track", action="store_true", help="follow objects from frame to frame")
    group.add_argument("--tracker", metavar="NAME", help=f"the same by {', '.join(PRESETS)} or a YAML file; {DEFAULT}")


def _crops(group: Any) -> None:
    group.add_argument("--crops", metavar="KIND", help=f"none, {', '.join(SLICERS)}; what the file says")
    group.add_argument("--tile", type=int, metavar="PIXELS", help="grid: side of a tile in the picture")
    group.add_argument("--overlap", type=float, help="grid: share of a tile that the next one has too")
    group.add_argument("--k", type=int, help="lsm: tiles of a picture at most")
    group.add_argument("--top-k", type=int, help="lsm: cells of the picture that are looked at")
    group.add_argument("--pixel-scale", type=float, help="pixels of the input per pixel of the picture in crops")
    group.add_argument("--merge", metavar="KIND", help=f"how both looks become one list: {', '.join(MERGES)}")
    group.add_argument("--budget", metavar="COST", type=cost, help="what a picture may cost: 4 (forwards) or 150ms")
    group.add_argument("--prior", type=float, help="weight of the first look in the scores of the second")
    group.add_argument("--no-full", dest="full", action="store_false", default=None, help="grid: no look at the whole")


def loading(group: Any) -> None:
    """Options that say how a model file is run."""
    group.add_argument("--backend", metavar="NAME", help=f"{' or '.join(BACKENDS)}; what the file asks for")
    group.add_argument("--provider", default="cpu", help="what computes: cpu, cuda, tensorrt, gpu, ...; cpu")
    group.add_argument("--threads", type=int, metavar="N", help="of one forward; all cores")
    group.add_argument("--imgsz", type=int, nargs="+", metavar="N", help="size of the input, or height and width")
    group.add_argument("--names", nargs="+", metavar="NAME", help="of the classes, for files that do not say them")


def of_detector(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `Detector` among the options."""
    made = {key: getattr(args, key) for key in OF_DETECTOR}
    one = args.imgsz is not None and len(args.imgsz) == 1
    return made | ({"imgsz": args.imgsz[0]} if one else {})


def _running(group: Any) -> None:
    group.add_argument("--batch", type=int, metavar="N", help="pictures of a forward; 1")
    group.add_argument("--bands", type=int, nargs="+", metavar="N", help="which are red, green and blue; 4 3 2, or one")
    group.add_argument(
        "--stretch", metavar="KIND", help=f"how values become 8 bits: {', '.join(STRETCHES)}; as the model was trained"
    )
    group.add_argument("--vid-stride", type=int, metavar="N", help="look at every so many frames of a video; 1")


def _output(group: Any) -> None:
    group.add_argument("--save", type=Path, metavar="DIR", help="drawn pictures and videos")
    group.add_argument("--txt", type=Path, metavar="DIR", help="a YOLO label file for each picture or frame")
    group.add_argument("--scores", action="store_true", help="with --txt: scores in the label files")
    group.add_argument("--json", type=Path, metavar="FILE", help="COCO results of all pictures")
    group.add_argument("--quiet", action="store_true", help="no line for each picture, only progress now and then")


def cost(text: str) -> float | str:
    """A budget as it was written: forwards, or milliseconds such as 150ms."""
    try:
        return float(text)
    except ValueError:
        return text


def version() -> str:
    """That of the package this is a part of."""
    from importlib import import_module

    return str(import_module(__package__.partition(".")[0]).__version__)


def main(argv: Sequence[str] | None = None, prog: str = "yolotiny-run") -> int:
    """Run one command line and return the exit code: 0, 2 for what the user can mend, 130 when interrupted.

    Args:
        argv: the words; those of the process where none are given.
        prog: how the command is called, for its help.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        if words[:1] == ["serve"]:
            from .serve_command import main as serve

            serve(words[1:], f"{prog} serve")
        else:
            perform(parser(prog).parse_args(words))
        sys.stdout.flush()
        return 0
    except InputError as error:
        print(f"{prog}: error: {printable(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more can be printed
        return 0
    except KeyboardInterrupt as stop:
        print("; ".join([f"{prog}: interrupted", *map(str, stop.args)]), file=sys.stderr)
        return 130


def perform(args: argparse.Namespace) -> None:
    """Find, save and count, as the options ask."""
    if args.scores and not args.txt:
        raise InputError("--scores goes with --txt")
    others = {"model", "source", *OF_DETECTOR, *OF_OUTPUT}
    told = {k: v for k, v in vars(args).items() if v is not None and k not in others}
    detector = Detector(args.model, **of_detector(args))
    if args.track:
        told.setdefault("tracker", DEFAULT)
    run = detector.prepare(**told)
    request = run.request
    source = args.source[0] if len(args.source) == 1 else args.source
    reader = run.open(source)
    saver = Saver(args.save, args.txt, args.json, args.scores, request.vid_stride)
    start = time.perf_counter()
    try:
        found, ids = _watch(run.through(reader, usual_batch(source)), reader, saver, args.quiet)
    except KeyboardInterrupt:
        if reader.live:  # it has no other end
            saver.close()
        else:
            saver.cut()
        raise KeyboardInterrupt(_left(reader, saver, args)) from None
    saver.close()
    seconds = time.perf_counter() - start
    unread = f", {reader.unread.total()} more cannot be read" if reader.unread else ""
    tracks = f", {ids} tracks" if request.tracker else ""
    rate = f"in {seconds:.1f} s, {reader.seen / seconds:.3g} a second"
    said = f"{reader.seen} pictures{unread}, {found} boxes{tracks} {rate}"
    places = [str(place) for place in (args.save, args.txt, args.json) if place]
    print(f"{said}; saved: {', '.join(places)}" if places else said, file=sys.stderr)


def _left(reader: Reader, saver: Saver, args: argparse.Namespace) -> str:
    """What an interruption leaves, in words."""
    rows = f"{args.json}{'' if reader.live else '.part'}"
    places = [str(place) for place in (args.save, args.txt, args.json and rows) if place]
    return f"results of {saver.saved} pictures: {', '.join(places) or 'printed, not saved'}"


def _watch(results: Iterable[Detections], reader: Reader, saver: Saver, quiet: bool) -> tuple[int, int]:
    """Save and print results as they come.

    Returns:
        how many boxes and tracks there were.
    """
    boxes, ids, pace = 0, set(), Pace()
    for done, found in enumerate(results, 1):
        saver.add(found)
        boxes += len(found)
        if found.ids is not None:
            ids |= {(found.path if found.frame is not None else "", n) for n in found.ids.tolist()}
        frame = "" if found.frame is None else f" frame {found.frame}"
        if not quiet:
            what = ", ".join(f"{n} {printable(name)}" for name, n in found.counts().items()) or "nothing"
            h, w = found.image.shape[:2]
            print(f"{printable(found.path)}{frame} {w}x{h}: {what}")
        elif pace.due():
            what = f"pictures, {boxes} boxes"
            known = not (reader.live or frame)
            print(pace.line(done, len(reader.items), what) if known else f"{done} {what}", file=sys.stderr)
    return boxes, len(ids)
