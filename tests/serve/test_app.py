"""Addresses, parameters and answers."""

from __future__ import annotations

import asyncio
import math

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.serve.conftest import Here, asked
from tests.serve.looks import Told
from tests.serve.pictures import SMALL, png
from yolotiny.serve.app import create_app
from yolotiny.serve.bounds import Bounds
from yolotiny.serve.desk import Desk
from yolotiny.serve.metrics import Metrics
from yolotiny.serve.worker import Died

PICTURE = png(8, 8, SMALL)


def test_parameters_reach_the_look_and_are_left_to_the_model_where_nobody_gives_them():
    reply = asked("POST", "/detect?crops=grid&conf=0.5&classes=boat&classes=0", content=PICTURE)
    assert reply.json()["options"] == {"crops": "grid", "conf": 0.5, "classes": [1, 0]}
    assert asked("POST", "/detect", content=PICTURE).json()["options"] == {}


def test_geojson_has_rectangles_in_pixels_and_says_so():
    reply = asked("POST", "/detect?format=geojson", content=PICTURE)
    found = reply.json()
    assert reply.headers["content-type"] == "application/geo+json" and found["type"] == "FeatureCollection"
    assert found["coordinates_in"].startswith("pixels of the picture") and found["model"] == "best.onnx"
    (feature,) = found["features"]
    assert feature["properties"] == {"score": 0.5, "class": 0, "name": "car"}
    assert feature["geometry"] == {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]}


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("cnof=0.5", "unknown parameter 'cnof'; did you mean 'conf'?"),
        ("conf=high", "conf='high' must be a number from 0 to 1"),
        ("conf=", "conf='' must be a number from 0 to 1"),
        ("classes=cr", "classes: there is no class 'cr' in the model, which has 0 car, 1 boat; did you mean 'car'?"),
        ("classes=1.5", "classes: there is no class '1.5' in the model, which has 0 car, 1 boat"),
        ("classes=2", "classes: there is no class 2 in the model, which has 0 car, 1 boat"),
        ("classes=-1", "classes: there is no class -1 in the model, which has 0 car, 1 boat"),
        ("conf=0.5&conf=0.1", "conf is given more than once"),
        ("format=xml", "format='xml' must be json or geojson"),
        ("conf=0.1%0Ab", "conf='0.1\\nb' must be a number from 0 to 1"),
    ],
)
def test_a_parameter_that_cannot_be_is_one_line(query, line):
    reply = asked("POST", f"/detect?{query}", content=PICTURE)
    assert reply.status_code == 422 and reply.json() == {"error": line}


@pytest.mark.parametrize(
    ("content", "bounds", "status", "line"),
    [
        (b"no picture", {}, 422, "no picture that can be read"),
        (PICTURE, {"pixels": 63}, 413, "the picture has 64 pixels; this service opens up to 63"),
        (PICTURE, {"size": 9}, 413, "larger than 9 bytes"),
    ],
)
def test_a_picture_that_is_none_or_too_large_is_not_looked_at(monkeypatch, content, bounds, status, line):
    monkeypatch.setattr(Told, "__call__", lambda *_: pytest.fail("it was looked at"))
    reply = asked("POST", "/detect", Bounds(**bounds), content=content)
    assert reply.status_code == status and line in reply.json()["error"]


@pytest.mark.parametrize(
    ("reply", "status", "line"),
    [
        ({"refused": [422, "it does not decode"]}, 422, "it does not decode"),
        ({"fault": True}, 500, "the service failed over this picture; its log says how"),
    ],
)
def test_what_the_worker_could_not_do_is_one_line(monkeypatch, reply, status, line):
    monkeypatch.setattr(Here, "ask", lambda *_: reply)
    got = asked("POST", "/detect", content=PICTURE)
    assert got.status_code == status and got.json() == {"error": line}


def test_other_addresses_and_methods_are_told_which_there_are():
    for method, address, status in (
        ("GET", "/detekt", 404),
        ("GET", "/detect", 405),
        ("POST", "/detect/", 404),
        ("POST", "/health", 405),
    ):
        reply = asked(method, address)
        assert reply.status_code == status and "POST /detect, GET /health" in reply.json()["error"]
    for address in ("/docs", "/redoc"):  # pages of the library that load scripts from elsewhere
        assert asked("GET", address).status_code == 404


def test_health_is_good_while_there_is_a_worker_and_bad_while_there_is_none(monkeypatch):
    good = asked("GET", "/health")
    assert good.status_code == 200 and good.json()["names"] == {"0": "car", "1": "boat"}
    assert good.json()["bounds"] == {"bytes": 32 << 20, "pixels": 100_000_000, "queue": 16, "seconds": 60.0}
    monkeypatch.setattr(Here, "alive", False)
    assert asked("GET", "/health").status_code == 503


def test_metrics_count_answers_by_status_boxes_and_places():
    async def ask() -> str:
        app = create_app(Desk(Here(99), Bounds(), Metrics()), "best.onnx")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            for content, query in ((PICTURE, ""), (PICTURE, ""), (b"x", ""), (PICTURE, "?conf=x")):
                await client.post(f"/detect{query}", content=content)
            await client.get("/nowhere")
            return (await client.get("/metrics")).text

    samples = [s for family in text_string_to_metric_families(asyncio.run(ask())) for s in family.samples]
    values = {(s.name, *s.labels.values()): s.value for s in samples}
    assert values["yolotiny_answers_total", "200"] == 2 and values["yolotiny_answers_total", "422"] == 2
    assert values["yolotiny_boxes_total",] == 2 and values["yolotiny_places_taken",] == 0
    assert values["yolotiny_request_seconds_count",] == values["yolotiny_looking_seconds_count",] == 2


def test_the_page_asks_nobody_else_for_anything():
    for name, kind in (("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")):
        reply = asked("GET", f"/{name}")
        assert reply.status_code == 200 and reply.headers["content-type"].startswith(kind)
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "http" not in reply.text.replace("http://www.w3.org/2000/svg", "")


def test_the_openapi_description_names_the_parameters():
    described = asked("GET", "/openapi.json").json()["paths"]["/detect"]["post"]
    assert [p["name"] for p in described["parameters"]] == ["crops", "conf", "classes", "format"]
    assert described["requestBody"]["content"].keys() == {"image/*", "multipart/form-data"}


def test_a_full_queue_says_when_to_come_again():
    async def ask() -> list[httpx.Response]:
        desk = Desk(Here(99), Bounds(queue=2), Metrics())
        desk.usual = 3.0
        app = create_app(desk, "best.onnx")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            async with desk.turn:  # somebody is looked at
                waiting = [asyncio.create_task(client.post("/detect", content=PICTURE)) for _ in range(3)]
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=10)
                assert len(done) == 1
            return [await task for task in (*done, *(set(waiting) - done))]

    full, *others = asyncio.run(ask())
    assert full.status_code == 503 and full.headers["retry-after"] == str(math.ceil(3.0 * 2))
    assert full.json()["error"] == "all 2 places are taken; try again in 6 s"
    assert [reply.status_code for reply in others] == [200, 200]


def test_a_worker_that_ends_twice_over_a_picture_is_an_error_of_the_service(monkeypatch):
    tries = []

    def ask(*_):
        tries.append(1)
        raise Died

    monkeypatch.setattr(Here, "ask", ask)
    reply = asked("POST", "/detect", content=PICTURE)
    assert reply.status_code == 500 and "ended twice over this picture" in reply.json()["error"] and len(tries) == 2
