"""Suppression beside torchvision's, on candidates as a detector of tiny objects leaves them.

    python benchmarks/nms.py rounds=3

Generated: objects of 4 to 24 px gathered in clusters on a picture of 1920x1024 px, a dozen candidates about each, four
classes. Milliseconds of one picture on a CPU, the least of several rounds; both keep the same boxes, or it says so.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
COUNTS = (100, 300, 1_000, 2_000, 3_000, 10_000, 30_000, 60_000)
EACH = 12  # candidates of an object
IOU = 0.6


def candidates(n: int) -> tuple[Any, Any, Any]:
    """Boxes (n, 4), scores (n,) and classes (n,)."""
    import torch

    g = torch.Generator().manual_seed(0)
    objects = n // EACH + 1
    middle = torch.rand(40, 2, generator=g)[torch.randint(40, (objects,), generator=g)]
    centre = (middle + 0.06 * torch.randn(objects, 2, generator=g)).remainder(1) * torch.tensor([1920.0, 1024.0])
    side = 4 * 6 ** torch.rand(objects, 1, generator=g) * (1 + torch.rand(objects, 2, generator=g)) / 1.5
    of = torch.arange(n) // EACH
    centre = centre[of] + 0.25 * side[of] * torch.randn(n, 2, generator=g)
    wh = side[of] * (0.25 * torch.randn(n, 2, generator=g)).exp()
    return torch.cat((centre - wh / 2, centre + wh / 2), 1), torch.rand(n, generator=g) ** 3, (of % 4).float()


def main() -> None:
    """Print a row for each number of candidates."""
    from benchmarks.words import options_of

    rounds, threads = options_of(sys.argv[1:], {"rounds": 3, "threads": 2}).values()
    import torch
    import torchvision

    from yolotiny.ops.nms import batched_nms

    def ours(boxes: Any, scores: Any, group: Any, iou: float) -> Any:
        return torch.from_numpy(batched_nms(boxes.numpy(), scores.numpy(), group.numpy(), iou))

    torch.set_num_threads(threads)
    arms = {"torchvision": torchvision.ops.batched_nms, "yolotiny": ours}
    print("| candidates | kept | torchvision ms | yolotiny ms | times faster |\n|---|---|---|---|---|")
    for n in COUNTS:
        boxes, scores, group = candidates(n)
        least, kept = dict.fromkeys(arms, float("inf")), {}
        for _ in range(rounds):
            for name, run in arms.items():
                start = time.perf_counter()
                kept[name] = run(boxes, scores, group, IOU)
                least[name] = min(least[name], time.perf_counter() - start)
        slow, quick = (1e3 * least[name] for name in arms)
        odd = len(set(kept["torchvision"].tolist()) ^ set(kept["yolotiny"].tolist()))
        note = f" ({odd} differ)" if odd else ""
        print(f"| {n} | {len(kept['yolotiny'])}{note} | {slow:.2f} | {quick:.2f} | {slow / quick:.1f} |")


if __name__ == "__main__":
    main()
