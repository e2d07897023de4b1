"""How the processes of one training find each other, on one machine or on several, and again after a restart.

Whoever starts them says in the environment which of them each one is: RANK of WORLD_SIZE over all machines, LOCAL_RANK
on its own, and where process 0 is met. torchrun keeps its store while it ends all processes and starts them anew, so
what an earlier start left there is not taken for the others' words, and the folder of the run is found there again.
"""

from __future__ import annotations

import functools
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

from torch import distributed as dist
from ultralytics.utils import LOGGER, RANK, WORLD_SIZE

from .._compat import several_processes
from ..errors import InputError

ARRIVAL = timedelta(minutes=10)  # machines of a job do not begin at once; torchrun waits as long for them
VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
PAUSE = 0.05  # seconds between two looks at who has come


class NobodyError(InputError):
    """The other processes were not met, so nothing can be asked of them."""


class LostError(RuntimeError):
    """Another process has ended before the run was through."""


def check_place() -> None:
    """Raise InputError where the environment speaks of several processes, and does not say which one this is."""
    given = {k: os.environ[k] for k in VARIABLES if os.environ.get(k)}
    several_processes()  # whole numbers
    if "WORLD_SIZE" not in given and "RANK" in given:
        raise NobodyError(f"RANK={given['RANK']} and no WORLD_SIZE: start several processes with torchrun")
    if WORLD_SIZE == 1:
        if given.get("RANK", "0").strip() != "0":
            raise NobodyError(f"RANK={given['RANK']} of WORLD_SIZE=1: RANK counts from 0 over all machines")
        if "RANK" not in given and (tasks := os.environ.get("SLURM_STEP_NUM_TASKS", "1")) != "1":
            LOGGER.warning(
                f"SLURM has started {tasks} tasks, and each trains alone; for one training of all give them RANK, "
                "LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or start torchrun (docs/scale.md)"
            )
        return
    if missing := [k for k in VARIABLES if k not in given]:
        alone = "; it is 0 where each machine has one process" if missing == ["LOCAL_RANK"] else ""
        raise NobodyError(f"WORLD_SIZE={WORLD_SIZE} and no {missing[0]}: start several processes with torchrun{alone}")
    rank, local = int(given["RANK"]), int(given["LOCAL_RANK"])
    if not 0 <= local <= rank < WORLD_SIZE:
        raise NobodyError(
            f"RANK={rank} LOCAL_RANK={local} WORLD_SIZE={WORLD_SIZE}: RANK counts from 0 over all machines, LOCAL_RANK "
            "on each one"
        )


def restarts() -> bool:
    """Whether torchrun has started this process, and may start it anew with the same store."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and "TORCHELASTIC_RUN_ID" in os.environ


@functools.cache
def _shared() -> dist.Store:
    """Words that all processes can read, kept by torchrun, by whoever started them, or by the first process."""
    where = f"MASTER_ADDR={os.environ['MASTER_ADDR']} MASTER_PORT={os.environ['MASTER_PORT']}"
    try:
        found = next(dist.rendezvous("env://", max(RANK, 0), WORLD_SIZE, timeout=ARRIVAL))[0]
    except (RuntimeError, ValueError) as error:
        if "EADDRINUSE" in str(error) or "address already in use" in str(error):
            raise NobodyError(f"{where} is in use; give all processes another MASTER_PORT") from error
        raise _nobody(where) from error
    return found.underlying_store if isinstance(found, dist.PrefixStore) else found  # older torch: of one start alone


def _nobody(where: str) -> NobodyError:
    return NobodyError(
        f"process {RANK} of {WORLD_SIZE} has not met the others in {ARRIVAL.total_seconds():.0f} seconds at {where}, "
        "where process 0 has to run; start all of them, and let that port through"
    )


@functools.cache
def store() -> dist.Store:
    """What this start of the processes has to say to each other.

    Raises:
        InputError: the others do not come.
    """
    check_place()
    kept = dist.PrefixStore("yolotiny", _shared())
    return dist.PrefixStore(_name_of_start(kept, RANK, WORLD_SIZE), kept) if restarts() else kept


def word_of_first(kept: dist.Store, key: str) -> str:
    """What the first process says under a key; it may say it later.

    Raises:
        LostError: it has ended, and the store with it, or says nothing for as long as a store waits.
    """
    try:
        return kept.get(key).decode()
    except RuntimeError as error:
        raise LostError(f"the first of the {WORLD_SIZE} processes has ended before the run began") from error


def _name_of_start(kept: dist.Store, own_rank: int, world: int) -> str:
    """A name that only the processes of this start agree on: the first draws it, and tells each that asks.

    What stands in the store may be of an earlier start. So each asks by a word of its own, and the first goes on to
    answer whoever asks until all have said that they know.
    """
    own = uuid.uuid4().hex
    if own_rank > 0:
        kept.set(f"asks/{own_rank}", own)
        name = word_of_first(kept, f"answer/{own}")
        kept.set(f"{name}/knows/{own_rank}", "")
        return name
    left, until = set(range(1, world)), time.monotonic() + ARRIVAL.total_seconds()
    while left:
        for rank in list(left):
            if kept.check([f"{own}/knows/{rank}"]):
                left.remove(rank)
            elif kept.check([f"asks/{rank}"]):
                kept.set(f"answer/{kept.get(f'asks/{rank}').decode()}", own)
        if left and time.monotonic() > until:
            raise _nobody("torchrun's store")
        time.sleep(PAUSE)
    return own


def remember(run: int, folder: Path) -> None:
    """Keep the folder of a run for the processes that torchrun may start in the place of these.

    Args:
        run: how many runs these processes have begun before.
        folder: of the run.
    """
    if restarts():
        dist.PrefixStore("yolotiny/folders", _shared()).set(str(run), str(folder.absolute()))


def earlier(run: int) -> Path | None:
    """last.pt of this same run, begun by processes that torchrun has replaced by these; None where there is none.

    The first process looks for it, so that all think alike.
    """
    if not restarts():
        return None
    if RANK > 0:
        found = word_of_first(store(), f"earlier/{run}")
        return Path(found) if found else None
    folders = dist.PrefixStore("yolotiny/folders", _shared())
    known = folders.check([str(run)]) and Path(folders.get(str(run)).decode(), "weights", "last.pt")
    last = known if known and known.is_file() else None
    if RANK == 0:
        store().set(f"earlier/{run}", str(last or ""))
    return last
