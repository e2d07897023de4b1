"""Turns, and what a request sees of a worker that ends."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.serve import looks
from tests.serve.looks import told
from yolotiny.serve import desk as module
from yolotiny.serve.bounds import Bounds
from yolotiny.serve.desk import Desk
from yolotiny.serve.metrics import Metrics
from yolotiny.serve.refused import Refused
from yolotiny.serve.worker import Worker


async def here() -> bool:
    """Nobody has gone."""
    return False


async def gone() -> bool:
    """Everybody has."""
    return True


@pytest.fixture(scope="module")
def worker():
    made = Worker(looks.load, 99)
    made.ready()
    yield made
    made.stop()


def made(worker: Worker, **bounds: float) -> Desk:
    return Desk(worker, Bounds(**bounds), Metrics())


def restarts(desk: Desk, reason: str) -> float:
    return desk.metrics.registry.get_sample_value("yolotiny_worker_restarts_total", {"reason": reason}) or 0.0


def test_a_picture_whose_worker_is_killed_is_looked_at_by_the_next(worker, tmp_path):
    desk = made(worker)
    found = asyncio.run(desk.look(told(f"die-once {tmp_path / 'died'}".encode()), {}, here))
    assert found["process"] == worker.process.pid and restarts(desk, "end") == 1


def test_a_picture_that_ends_every_worker_is_an_error_and_the_next_one_is_good(worker):
    async def ask() -> dict:
        desk = made(worker)
        with pytest.raises(Refused, match="ended twice") as caught:
            await desk.look(told(b"die"), {}, here)
        assert caught.value.status == 500
        return await desk.look(told(b"x"), {}, here)

    assert asyncio.run(ask())["bytes"] == 1


def test_a_picture_that_takes_too_long_is_not_tried_again(worker):
    desk = made(worker, seconds=0.5)
    with pytest.raises(Refused, match="took longer than 0.5 s") as caught:
        asyncio.run(desk.look(told(b"sleep"), {}, here))
    assert caught.value.status == 504 and restarts(desk, "time") == 1 and restarts(desk, "end") == 0
    assert asyncio.run(made(worker).look(told(b"x"), {}, here))["bytes"] == 1


def test_pictures_come_in_turn_and_those_whose_senders_went_away_are_left_out(worker):
    async def ask() -> tuple[list[int], list[int]]:
        desk, order = made(worker), []

        async def one(i: int, away: bool) -> int:
            found = await desk.look(told(b"x" * i), {}, gone if away else here)
            order.append(i)
            return found["bytes"]

        tasks = [one(i, i == 3) for i in range(1, 6)]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done.pop(2), Refused)
        return done, order

    assert asyncio.run(ask()) == ([1, 2, 4, 5], [1, 2, 4, 5])


def test_places_are_given_back_whatever_happens(worker):
    desk = made(worker, queue=1)
    with pytest.raises(KeyError), desk.place():
        with pytest.raises(Refused, match="all 1 places are taken"), desk.place():
            pass
        raise KeyError
    with desk.place():
        assert desk.taken == 1
    assert desk.taken == 0


def test_a_worker_that_ends_while_nobody_asks_is_replaced(worker, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.05)
    worker.ready()
    first = worker.process.pid

    async def watched() -> None:
        desk = made(worker)
        watch = asyncio.create_task(desk.watch())
        os.kill(first, signal.SIGKILL)
        for _ in range(600):
            await asyncio.sleep(0.05)
            if worker.alive and worker.loaded and worker.process.pid != first:
                break
        watch.cancel()
        assert restarts(desk, "end") == 1

    asyncio.run(watched())
    assert worker.process.pid != first and worker.loaded


def test_a_model_that_is_gone_is_said_and_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(module, "PAUSE", 0.05)
    desk = made(Worker(looks.load_nothing, 99))

    async def ask() -> None:
        with pytest.raises(Refused, match="the model cannot be loaded: there is no file best.onnx") as caught:
            await desk.look(told(b"x"), {}, here)
        assert caught.value.status == 503
        watch = asyncio.create_task(desk.watch())
        while "next try in" not in caplog.text:
            await asyncio.sleep(0.05)
        watch.cancel()

    asyncio.run(asyncio.wait_for(ask(), 60))
    assert "no worker can be started: there is no file best.onnx; next try in 0.1 s" in caplog.text
