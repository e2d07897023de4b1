"""The picture comes out of a request whole, in memory, and within its bounds."""

from __future__ import annotations

import asyncio
import tempfile

import pytest
from starlette.requests import Request

from tests.serve.conftest import asked
from tests.serve.pictures import SMALL, png
from yolotiny.serve import upload
from yolotiny.serve.bounds import Bounds
from yolotiny.serve.refused import Refused

PICTURE = png(8, 8, SMALL)


@pytest.mark.parametrize(
    "words",
    [
        {"content": PICTURE},
        {"content": PICTURE, "headers": {"content-type": "image/png"}},
        {"content": PICTURE, "headers": {"content-type": "IMAGE/whatever; a=b"}},
        {"content": PICTURE, "headers": {"content-type": "application/octet-stream"}},
        {"files": {"file": ("p.png", PICTURE)}},
        {"files": {"any name": PICTURE}},
    ],
)
def test_a_picture_comes_as_the_body_or_in_a_form(words):
    reply = asked("POST", "/detect", **words)
    assert reply.status_code == 200 and reply.json()["bytes"] == len(PICTURE), reply.text


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ({"content": b""}, 400, "the upload is empty"),
        ({"files": {"file": ("p.png", b"")}}, 400, "the upload is empty"),
        ({"data": {"conf": "0.5"}}, 415, "content type 'application/x-www-form-urlencoded' is not read; send"),
        ({"json": {}}, 415, "content type 'application/json' is not read; send"),
        ({"files": {"a": PICTURE, "b": PICTURE}}, 400, "too many files"),
        ({"files": {"a": PICTURE}, "data": {"conf": "1"}}, 400, "a field 'conf'; parameters go into the address"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "missing boundary"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 400, "the form"),
        ({"content": b"", "headers": {"content-type": "multipart/form-data; boundary=a"}}, 400, "the form has no file"),
        ({"content": bytes(1001)}, 413, "the upload is larger than 1,000 bytes"),
        ({"files": {"file": bytes(1001)}}, 413, "the upload is larger than 1,000 bytes"),
        ({"files": {"file": bytes(9000)}}, 413, "the upload is larger than 1,000 bytes"),
        ({"content": bytes(9000)}, 413, "the upload is larger than 1,000 bytes"),
    ],
)
def test_a_request_without_a_picture_is_one_line(words, status, line):
    reply = asked("POST", "/detect", Bounds(size=1000), **words)
    assert reply.status_code == status and line in reply.json()["error"], reply.text
    assert reply.json().keys() == {"error"} and "\n" not in reply.json()["error"]


def read(parts: list[bytes], pause: float = 0.0, **bounds: float) -> tuple[bytes | Refused, int]:
    """The picture out of a body that comes in parts without a length, and how many of them were taken."""
    taken = 0

    async def receive() -> dict:
        nonlocal taken
        taken += 1
        await asyncio.sleep(pause)
        more = taken < len(parts)
        return {"type": "http.request", "body": parts[taken - 1], "more_body": more}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    try:
        return asyncio.run(upload.read_picture(request, Bounds(**bounds))), taken
    except Refused as refused:
        return refused, taken


def test_an_upload_without_a_length_is_cut_off_soon_after_its_bound():
    assert read([b"ab", b"cd"], size=4) == (b"abcd", 2)
    refused, taken = read([b"abc"] * 1000, size=4)
    assert isinstance(refused, Refused) and refused.status == 413 and taken < 10


def test_an_upload_that_takes_too_long_is_ended():
    refused, taken = read([b"a"] * 1000, 0.05, seconds=0.2)
    assert isinstance(refused, Refused) and refused.status == 408 and taken < 10


def test_a_form_is_never_written_to_disk(monkeypatch):
    rolled = []
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: rolled.append(self))
    large = png(8, 8, SMALL) + bytes(3 << 20)
    reply = asked("POST", "/detect", files={"file": large})
    assert reply.status_code == 200 and reply.json()["bytes"] == len(large) and rolled == []
