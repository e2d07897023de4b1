"""The picture out of a request, held in memory and nowhere else, and no longer than its bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import python_multipart  # noqa: F401, without which Starlette's parser fails at the first form
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .bounds import Bounds
from .refused import Refused

FORM = "multipart/form-data"
RAW = ("", "application/octet-stream")  # and image/*
HEARD = 4  # times the bound is read, so that a client who sends too much hears why; then the line is cut
ENVELOPE = 4096  # bytes of a form around its file


async def read_picture(request: Request, bounds: Bounds) -> bytes:
    """The bytes of the one picture in a request: its body, or the file of a form.

    Raises:
        Refused: another content, none, too much, too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM and kind not in RAW and not kind.startswith("image/"):
        raise Refused(
            415,
            f"content type {kind!r} is not read; send a picture as image/jpeg or the like, or as the file of a form",
        )
    try:
        body = await asyncio.wait_for(_body(request, bounds.size + (ENVELOPE if kind == FORM else 0)), bounds.seconds)
    except asyncio.TimeoutError:
        raise Refused(408, f"the upload took longer than {bounds.seconds:g} seconds") from None
    except ClientDisconnect:
        raise Refused(400, "the upload broke off") from None
    content = await _file_of(request.headers, body) if kind == FORM and body is not None else body
    if content is None or len(content) > bounds.size:
        raise Refused(413, f"the upload is larger than {bounds.size:,} bytes, the most this service takes")
    if not content:
        raise Refused(400, "the upload is empty; send the bytes of a picture")
    return content


async def _body(request: Request, most: int) -> bytes | None:
    """All of it; None where it is more than `most` bytes."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > HEARD * most:
        return None
    body, seen = bytearray(), 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen <= most:
            body += chunk
        elif seen > HEARD * most:
            break
        else:
            body.clear()
    return bytes(body) if seen <= most else None


class _InMemory(MultiPartParser):
    """Starlette's parser, which writes to disk what is larger than this; nothing is."""

    spool_max_size = 1 << 62


async def _file_of(headers: Headers, body: bytes) -> bytes:
    """The one file of a form."""

    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await _InMemory(headers, whole(), max_files=1, max_fields=1).parse()
    except MultiPartException as error:
        raise Refused(400, f"the form cannot be read: {error.message.rstrip('.').lower()}; send one file") from None
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            raise Refused(400, f"the form has a field {name!r}; parameters go into the address: /detect?{name}=...")
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    if not files:
        raise Refused(400, "the form has no file; send one, as curl -F file=@picture.jpg does")
    return await files[0].read()
