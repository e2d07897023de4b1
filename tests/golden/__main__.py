"""Record the cases anew: `python -m tests.golden`, after a change that is meant to change what comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tests.golden import FILE, machine
from tests.golden.cases import CASES

if __name__ == "__main__":
    found = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            found |= {f"{name}/{k}": v for k, v in case(Path(folder)).items()}
    np.savez_compressed(FILE, machine=np.array(machine()), **found)
