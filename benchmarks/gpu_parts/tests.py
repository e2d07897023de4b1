"""`pytest -m gpu`, a row for each test that did not pass, and the count."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import threading
from collections import Counter

from benchmarks.gpu_parts.setting import ROOT, Setting

VERDICT = re.compile(r"\b(PASSED|FAILED|ERROR|SKIPPED)\b")
SPARE = 5.0  # seconds to stop in


def command(setting: Setting) -> list[str]:
    """The tests that need a card; at toy size some of the same on a CPU."""
    chosen = ["tests/gpu/test_parts.py", "-k", "suppress or refine"] if setting.toy else ["tests", "-m", "gpu"]
    if not setting.toy and importlib.util.find_spec("xdist"):
        chosen += ["-n", "4"]
    usual = ["-vv", "--tb=short", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--color=no", "-rN"]
    return [sys.executable, "-m", "pytest", *chosen, *usual]


def main(setting: Setting) -> None:
    """Stream the verdicts, so that a cut loses only those to come."""
    counts: Counter[str] = Counter()
    run = subprocess.Popen(command(setting), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    timer = threading.Timer(max(setting.left - SPARE, 0), run.kill)
    timer.start()
    with open(setting.out / "pytest.log", "w", encoding="utf-8") as log:
        for line in run.stdout or ():
            log.write(line)
            log.flush()
            found = VERDICT.search(line)
            if found and "::" in line:
                counts[found[1]] += 1
                if found[1] in ("FAILED", "ERROR"):
                    name = next((w for w in line.split() if "::" in w), line.strip())
                    setting.record("tests", test=name, result=found[1].lower())
    code = run.wait()
    timer.cancel()
    said = ", ".join(f"{n} {verdict.lower()}" for verdict, n in counts.items()) or "none ran"
    cut = " (cut: no time left)" if code < 0 else ""
    setting.record("tests", test="all", result=f"{said}{cut}")
    if code:
        raise SystemExit(f"pytest ended with {code}: {said}")
