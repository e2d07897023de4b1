"""How many steps of the optimizer a training comes to, and a word where they are too few to learn anything."""

from __future__ import annotations

FEW = 200  # the shortest schedule in docs/record.md that learnt has 456; 60 gave two thirds of the AP50 of 240


def few_steps(batches: int, batch: int, nbs: int, epochs: int) -> list[str]:
    """One line where the training takes fewer than 200 steps, else none.

    Args:
        batches: of an epoch, as a process counts them.
        batch: pictures of a batch, of all processes together.
        nbs: pictures of a step; gradients of `nbs / batch` batches are summed.
        epochs: of the training.
    """
    summed = max(round(nbs / batch), 1)
    steps = batches * epochs // summed
    if steps >= FEW:
        return []
    more = f"nbs={batch} takes {batches * epochs}" if summed > 1 else "a smaller batch, or more epochs, takes more"
    return [f"few steps: the optimizer takes {steps} in all, one every {summed * batch} pictures; {more}"]
