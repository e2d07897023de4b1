"""`python -m yolotiny.runtime best.onnx pictures/`: the runtime from the command line."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(prog=f"python -m {__package__}"))
