"""`yolotiny-run serve best.onnx`: its options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..picture_io import LIMIT
from .cli import Parser, loading, of_detector
from .service import Loader


def parser(prog: str) -> Parser:
    """The options of the command, with their help."""
    made = Parser(
        prog=prog,
        allow_abbrev=False,
        description="Answer POST /detect with the objects in a picture; a page to try it is at /.",
        epilog=f"example: {prog} best.onnx --port 8000, then curl -F file=@picture.jpg 'http://127.0.0.1:8000/detect'",
    )
    made.add_argument("model", help="an .onnx file, or a folder of OpenVINO")
    made.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 127.0.0.1, which is this machine alone"
    )
    made.add_argument("--port", type=int, default=8000, metavar="N", help="port to listen at; 8000")
    loading(made.add_argument_group("running"))
    bounds = made.add_argument_group("bounds")
    bounds.add_argument("--max-bytes", type=int, metavar="N", help="of an upload; 33554432")
    bounds.add_argument("--max-pixels", type=int, metavar="N", help="of a picture; 100000000")
    bounds.add_argument("--queue", type=int, metavar="N", help="pictures at once, with the one looked at; 16")
    bounds.add_argument("--timeout", type=float, metavar="SECONDS", help="for an upload, and for a look; 60")
    return made


def main(argv: Sequence[str], prog: str) -> None:
    """Serve, as one command line says.

    Args:
        argv: the words after `serve`.
        prog: how the command is called, for its help.

    Raises:
        InputError: whatever the user can mend.
    """
    args = parser(prog).parse_args(argv)
    try:
        from ..serve.bounds import Bounds
        from ..serve.run import serve
    except ImportError as error:
        package = __package__.partition(".")[0].replace("_", "-")
        raise InputError(f"serve needs {error.name}: pip install '{package}[serve]'") from None
    said = {"size": args.max_bytes, "pixels": args.max_pixels, "queue": args.queue, "seconds": args.timeout}
    bounds = Bounds(**{k: v for k, v in said.items() if v is not None})
    os.environ[LIMIT] = str(bounds.pixels)  # for OpenCV in the worker, should a header have told us another size
    serve(Loader(args.model, of_detector(args)), Path(args.model).name, args.host, args.port, bounds)
