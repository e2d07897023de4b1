"""The addresses of a service and its answers; every error is one line of JSON."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ..errors import InputError, did_you_mean
from ..ops.class_choice import class_numbers
from .desk import Desk
from .geojson import features_of
from .refused import Refused
from .upload import read_picture

HERE = Path(__file__).parent
PAGE = {"": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
# The page asks nobody else for anything, and no other page may show it.
OWN = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Ask(BaseModel):
    """The parameters of /detect."""

    model_config = ConfigDict(extra="forbid")

    crops: str | None = Field(None, description="none, grid, lsm or auto; what the model file says")
    conf: float | None = Field(None, description="least score, 0 to 1; 0.25")
    classes: list[str] = Field([], description="numbers or names of the classes that count; all")
    format: Literal["json", "geojson"] = Field("json", description="of the answer")

    def options(self, names: Mapping[int, str]) -> dict[str, Any]:
        """Those of the look.

        Args:
            names: of the classes, by number.

        Raises:
            Refused: a class that is not there.
        """
        try:
            classes = class_numbers(self.classes or None, names, "the model")
        except InputError as error:
            raise Refused(422, str(error)) from None
        said = {"crops": self.crops, "conf": self.conf, "classes": classes}
        return {k: v for k, v in said.items() if v is not None}


def create_app(desk: Desk, model: str) -> FastAPI:
    """The application.

    Args:
        desk: hands pictures to a worker.
        model: name of the model, for answers.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with desk.open():
            yield

    # Its own pages of documentation load scripts from elsewhere.
    app = FastAPI(title="yolotiny", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_errors(app, desk)
    _add_detect(app, desk, model)
    _add_state(app, desk, model)
    for name, kind in PAGE.items():
        app.add_api_route(f"/{name}", _file(HERE / (name or "page.html"), kind), include_in_schema=False)
    return app


def _add_detect(app: FastAPI, desk: Desk, model: str) -> None:
    @app.post("/detect", openapi_extra={"requestBody": {"content": {"image/*": {}, "multipart/form-data": {}}}})
    async def detect(request: Request, ask: Annotated[Ask, Query()]) -> Response:
        """What is in a picture, sent as the body or as the file of a form."""
        start = time.perf_counter()
        given = [name for name, _ in request.query_params.multi_items() if name != "classes"]
        if len(given) > len(set(given)):
            raise Refused(422, f"{next(n for n in given if given.count(n) > 1)} is given more than once")
        options = ask.options(desk.worker.names)
        with desk.place():
            content = await read_picture(request, desk.bounds)
            found = {"model": model, **await desk.look(content, options, request.is_disconnected)}
        desk.metrics.boxes.inc(len(found["detections"]))
        desk.metrics.seconds.observe(time.perf_counter() - start)
        desk.metrics.answers.labels("200").inc()
        if ask.format == "geojson":
            return JSONResponse(features_of(found), media_type="application/geo+json")
        return JSONResponse(found)


def _add_state(app: FastAPI, desk: Desk, model: str) -> None:
    @app.get("/health")
    async def health() -> Response:
        """Whether pictures are looked at: 200, or 503 while a worker that ended is replaced."""
        well = desk.worker.alive and desk.worker.loaded
        bounds = {"bytes": desk.bounds.size, "pixels": desk.bounds.pixels, "queue": desk.bounds.queue}
        state = {
            "status": "ok" if well else "starting",
            "model": model,
            "names": desk.worker.names,
            "taken": desk.taken,
            "bounds": bounds | {"seconds": desk.bounds.seconds},
        }
        return JSONResponse(state, 200 if well else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Counts for Prometheus."""
        return Response(desk.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _file(path: Path, kind: str) -> Any:
    """An answer that is a file of the page."""
    content = path.read_bytes()

    async def send() -> Response:
        return Response(content, media_type=kind, headers=OWN)

    return send


def _add_errors(app: FastAPI, desk: Desk) -> None:
    def answer(request: Request, status: int, line: str, headers: Mapping[str, str] | None = None) -> Response:
        if request.url.path == "/detect":
            desk.metrics.answers.labels(str(status)).inc()
        return JSONResponse({"error": " ".join(line.split())}, status, headers=dict(headers or {}))

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return answer(request, error.status, error.line, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, _line(error.errors()[0]))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        there = "POST /detect, GET /health, GET /metrics and GET / are"
        line = f"{request.method} {request.url.path}: {str(error.detail).lower()}; {there}"
        return answer(request, error.status_code, line, error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return answer(request, 500, "the service failed; its log says how")


def _line(fault: Mapping[str, Any]) -> str:
    """One parameter that cannot be read, in a line."""
    name = str(fault["loc"][1])
    if fault["type"] == "extra_forbidden":
        return f"unknown parameter {name!r}{did_you_mean(name, Ask.model_fields)}"
    wanted = {"conf": "a number from 0 to 1", "classes": "whole numbers: classes=0&classes=2"}.get(name)
    return f"{name}={fault['input']!r} must be {wanted or 'json or geojson'}"
