"""A service as a process: many clients at once, bad ones among them, a worker that is killed, and its end."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
import pytest

from tests.runtime.conftest import squares
from tests.runtime.test_cli import BLOCKED
from tests.serve.conftest import ROOT, Service
from tests.serve.pictures import bombs, overfull
from yolotiny.runtime import Detector
from yolotiny.runtime.service import answer

pytestmark = pytest.mark.slow
CLIENTS, REQUESTS = 8, 500
DETECT = "/detect?crops=grid"
GARBAGE = [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(200), b"", bytes(200_001), b"\xff\xd8\xff\xe0" + bytes(500)]


def workers(service: Service) -> list[psutil.Process]:
    """The processes that look at pictures, by the newest last."""
    children = psutil.Process(service.process.pid).children()
    found = [p for p in children if "spawn_main" in " ".join(p.cmdline())]
    return sorted(found, key=lambda p: p.create_time())


def pictures() -> list[bytes]:
    """Files of several sizes and formats, each with other squares; with crops the look takes longer than the way."""
    out = []
    for i in range(6):
        image = squares((5 * i, 7 - i, 255), (7 - i, 5 * i, 200), size=(320 + 64 * (i % 2),) * 2)
        out.append(cv2.imencode((".png", ".jpg", ".webp")[i % 3], image)[1].tobytes())
    return out


def requests(good: int) -> list[int | bytes]:
    """What clients send, mixed: the number of a good picture, or the bytes of a bad one."""
    large = [*bombs().values(), *list(overfull().values())[:2]]
    bad = [GARBAGE[i % len(GARBAGE)] for i in range(REQUESTS // 20)] + large
    sent = [i % good for i in range(REQUESTS - len(bad))] + bad
    random.Random(0).shuffle(sent)
    return sent


def one_line(answer: dict) -> bool:
    """Whether an answer is an error as it should be."""
    return answer.keys() == {"error"} and "\n" not in answer["error"]


class Sender(threading.local):
    """Sends pictures, over one connection for each thread, and takes little of the machine for itself."""

    def __init__(self, service: Service):
        self.connection = http.client.HTTPConnection(service.address.removeprefix("http://"), timeout=60)

    def post(self, content: bytes) -> tuple[int, dict]:
        """Status and answer."""
        self.connection.request("POST", DETECT, content)
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())


def seconds_alone(sender: Sender, files: list[bytes]) -> list[float]:
    """How long each of a few requests takes while there is no other."""
    out = []
    for i in range(30):
        start = time.perf_counter()
        assert sender.post(files[i % len(files)])[0] == 200
        out.append(time.perf_counter() - start)
    return out


def looked(client: httpx.Client) -> tuple[float, float]:
    """Seconds that the worker has looked, and at how many pictures."""
    text = client.get("/metrics").text
    return tuple(float(re.findall(rf"^yolotiny_looking_seconds_{k} (.+)$", text, re.M)[0]) for k in ("sum", "count"))


@pytest.fixture(scope="module")
def wanted(bright) -> list[dict]:
    """What the runtime finds in each picture alone."""
    images = [cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) for content in pictures()]
    return [{"model": "bright.onnx", **answer(found)} for found in Detector(bright)(images, batch=1, crops="grid")]


def test_under_load_good_pictures_are_answered_as_alone_and_bad_ones_in_a_line(bright, wanted):
    service = Service(bright, "--max-bytes", 200_000, "--max-pixels", 1_000_000, "--threads", 1)
    files, sent = pictures(), requests(len(wanted))
    temporary = set(Path("/tmp").iterdir()) if sys.platform == "linux" else set()
    times, wrong, sizes = [], [], {"server": [], "worker": []}
    with httpx.Client(base_url=service.address, timeout=60) as client:
        sender = Sender(service)
        alone = seconds_alone(sender, files)
        before = looked(client)

        def ask(i: int) -> None:
            start = time.perf_counter()
            what = sent[i]
            status, reply = sender.post(files[what] if isinstance(what, int) else what)
            if isinstance(what, int):
                times.append(time.perf_counter() - start)
                good = status == 200 and reply == wanted[what]
            else:
                good = 400 <= status < 500 and one_line(reply)
            if not good:
                wrong.append((i, status, reply))
            if i == REQUESTS // 2:
                workers(service)[-1].kill()
            if i % 50 == 0:
                sizes["server"].append(psutil.Process(service.process.pid).memory_info().rss)
            if i > 0.6 * REQUESTS and i % 25 == 0:  # of the second one
                sizes["worker"].append(workers(service)[-1].memory_info().rss)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(ask, range(REQUESTS)))
        busy, count = (after - first for after, first in zip(looked(client), before, strict=True))
        alone += seconds_alone(Sender(service), files)  # the first one has been idle for too long
        counts = client.get("/metrics").text
        kept = set(Path("/tmp").iterdir()) - temporary if temporary else set()
    code, said = service.end()
    single, look, p95 = sum(alone) / len(alone), busy / count, sorted(times)[int(0.95 * len(times))]
    print(
        f"\nalone {1e3 * single:.1f} ms, of {CLIENTS} clients p95 {1e3 * p95:.1f} ms, a look then {1e3 * look:.1f} ms"
    )
    print("memory in MB:", {who: [n >> 20 for n in held] for who, held in sizes.items()})
    assert wrong == [] and (code, said) == (0, "")
    assert 'yolotiny_worker_restarts_total{reason="end"} 1.0' in counts
    assert p95 <= 3 * max(single, look) * CLIENTS  # where others keep the machine busy, a look alone takes longer too
    assert all(len(held) > 3 and max(held) - held[0] < 32 << 20 for held in sizes.values())
    assert [path for path in kept if path.is_file() and path.stat().st_size in {len(x) for x in files}] == []


def test_what_is_under_way_is_finished_and_nothing_is_left_after_sigterm(bright, wanted):
    service = Service(bright, "--queue", 64)
    files, replies = pictures(), []
    children = psutil.Process(service.process.pid).children(recursive=True)

    def ask(i: int) -> None:
        with httpx.Client(timeout=60) as client:
            replies.append((i, client.post(f"{service.address}{DETECT}", content=slow(files[i % 6]))))

    begun = threading.Semaphore(0)

    def slow(content: bytes):
        """A body that is still on its way when the signal comes."""
        yield content[:20]
        begun.release()
        time.sleep(1.0)
        yield content[20:]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    time.sleep(0.3)
    code, said = service.end()
    for thread in threads:
        thread.join()
    assert (code, said) == (0, "")
    assert {i: reply.json() for i, reply in replies} == dict(enumerate(wanted[:4]))
    assert psutil.wait_procs(children, timeout=20)[1] == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service.address}/health")


def test_a_service_that_is_killed_leaves_no_worker(bright):
    service = Service(bright)
    (worker,) = workers(service)
    service.process.kill()
    service.process.communicate()
    assert psutil.wait_procs([worker], timeout=20)[1] == []


def test_ctrl_c_ends_it_in_one_line(bright):
    service = Service(bright)
    service.process.send_signal(signal.SIGINT)
    said = service.process.communicate(timeout=60)[1]
    assert service.process.returncode == 130 and said == "python -m yolotiny.runtime: interrupted\n"


def test_it_listens_at_this_machine_alone_and_runs_where_torch_cannot_be_imported(bright):
    words = ["serve", str(bright), "--port", "0"]
    site = BLOCKED.replace(', "PIL"', "")  # which reads heads
    site += f"from yolotiny.runtime.cli import main\nif __name__ == '__main__':\n    sys.exit(main({words}))\n"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", site], stderr=subprocess.PIPE, text=True, env=env)
    try:
        said = process.stderr.readline()
        assert said.startswith("bright.onnx at http://127.0.0.1:"), said
        there = {c.laddr.ip for c in psutil.Process(process.pid).net_connections() if c.status == psutil.CONN_LISTEN}
        assert there == {"127.0.0.1"}
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_an_upload_that_is_far_too_large_hears_why(service):
    def endless():
        for _ in range(400):
            yield bytes(1000)

    reply = httpx.post(f"{service.address}/detect", content=endless(), timeout=60)
    assert reply.status_code == 413 and "larger than 200,000 bytes" in reply.json()["error"]


def test_a_client_that_goes_away_leaves_its_place(service):
    address = service.address.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((address[0], int(address[1]))) as client:
            client.sendall(b"POST /detect HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\nabc")
    for _ in range(100):
        if httpx.get(f"{service.address}/health").json()["taken"] == 0:
            break
        time.sleep(0.05)
    assert httpx.get(f"{service.address}/health").json()["taken"] == 0
