"""The worker process: what it answers, and what is left of it when it is killed."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.serve import looks
from tests.serve.looks import told
from yolotiny.errors import InputError
from yolotiny.serve.worker import Died, TooLong, Worker


@pytest.fixture(scope="module")
def worker():
    made = Worker(looks.load, 99)
    made.ready()
    yield made
    process = made.process
    made.close()
    with pytest.raises(Died):
        made.ready()
    assert not process.is_alive() and process.exitcode == 0 and not made.alive


def test_it_answers_and_says_its_classes(worker):
    reply = worker.ask(told(b"x" * 1_000_000), {"conf": 0.5}, 30)
    assert reply["found"]["bytes"] == 1_000_000 and reply["found"]["options"] == {"conf": 0.5}
    assert reply["found"]["process"] == worker.process.pid != os.getpid() and worker.names == {0: "car", 1: "boat"}


def test_errors_of_the_sender_and_our_own_leave_it_running(worker):
    process = worker.process.pid
    assert worker.ask(told(b"wrong"), {}, 30) == {"refused": [422, "this cannot be looked at"]}
    assert worker.ask(told(b"bug"), {}, 30) == {"fault": True}
    assert worker.ask(told(b""), {}, 30)["found"]["process"] == process
    assert worker.ask(b"no picture", {}, 30)["refused"][0] == 422


def test_signals_to_the_whole_group_do_not_end_it(worker):
    process = worker.process.pid
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(process, number)
    assert worker.ask(told(b"x"), {}, 30)["found"]["process"] == process


def test_it_is_killed_when_it_takes_too_long_and_another_takes_its_place(worker):
    first, start = worker.ask(told(b"x"), {}, 30)["found"]["process"], time.monotonic()
    with pytest.raises(TooLong):
        worker.ask(told(b"sleep"), {}, 0.3)
    assert time.monotonic() - start < 30 and not worker.alive
    assert worker.ask(told(b"x"), {}, 30)["found"]["process"] != first


def test_it_is_killed_also_when_it_is_stopped_and_takes_nothing(worker):
    worker.ready()
    os.kill(worker.process.pid, signal.SIGSTOP)
    with pytest.raises(TooLong):
        worker.ask(told(bytes(10_000_000)), {}, 0.3)


def test_one_that_ends_says_so_and_another_takes_its_place(worker):
    worker.ready()
    with pytest.raises(Died):
        worker.ask(told(b"die"), {}, 30)
    assert worker.ask(told(b"x"), {}, 30)["found"]["bytes"] == 1


def test_a_model_that_cannot_be_loaded_is_the_line_of_its_error():
    with pytest.raises(InputError, match="there is no file best.onnx"):
        Worker(looks.load_nothing, 99).ready()
    with pytest.raises(Died):
        Worker(looks.load_and_die, 99).ready()
