"""The server of a view: the page, its assets, and an endpoint for each question."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ranvier.errors import InputError, RanvierError
from ranvier.rows import Inputs
from ranvier.view.frames import frame
from ranvier.view.questions.answer import answer
from ranvier.view.questions.calibration import calibration
from ranvier.view.questions.confusion import cell, confusion, measured, per_class
from ranvier.view.questions.connections import connections
from ranvier.view.questions.neuron import neuron
from ranvier.view.questions.neuron_statistics import neuron_statistics
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.rows import rows_page
from ranvier.view.questions.weights import weights
from ranvier.view.questions.what import what
from ranvier.view.row_form import inputs_of_values
from ranvier.view.safety import Guard, bounded_body
from ranvier.view.subject import Subject

ASSETS = Path(__file__).parent / "assets"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


def _row(subject: Subject, body: dict[str, Any]) -> Inputs | None:
    """The row that a question is about: a known one, or one that was filled in or drawn."""
    if body.get("values") is not None:
        return inputs_of_values(subject.form, subject.model, body["values"])
    return None if body.get("row") is None else subject.row(body["row"])


def _answer(subject: Subject, body: dict[str, Any]) -> bytes:
    inputs = _row(subject, body)
    if inputs is None:
        raise InputError("Say which row: row, the number of a known one, or values.")
    return frame("answer", *answer(subject, inputs))


def _weights(subject: Subject, body: dict[str, Any]) -> bytes:
    return frame("weights", *weights(subject, str(body["path"]), body["height"], body["width"]))


def _neuron(subject: Subject, body: dict[str, Any]) -> dict[str, Any]:
    number = body["neuron"]
    if type(number) is not int:
        raise InputError(f"neuron is {number!r}; an integer was expected.")
    return neuron(subject, str(body["path"]), number, _row(subject, body))


def _health(subject: Subject, body: dict[str, Any]) -> dict[str, Any]:
    """Which neurons of each layer do not learn."""
    flags = {}
    for info in subject.dense_layers:
        records = neuron_statistics(subject, info.path)
        flags[info.path] = {
            "flags": {str(at): entry["flags"] for at, entry in enumerate(records) if entry["flags"]},
            "duplicates": {
                str(at): entry["duplicate_of"] for at, entry in enumerate(records) if entry["duplicate_of"] is not None
            },
        }
    return flags


QUESTIONS: dict[str, Callable[[Subject, dict[str, Any]], Any]] = {
    "what": lambda subject, body: what(subject),
    "rows": lambda subject, body: rows_page(subject, body["start"], body["count"], body.get("order", "index")),
    "answer": _answer,
    "weights": _weights,
    "connections": lambda subject, body: connections(subject, str(body["path"]), body.get("count", 200)),
    "neuron": _neuron,
    "health": _health,
    "confusion": lambda subject, body: confusion(subject),
    "cell": lambda subject, body: cell(subject, body["actual"], body["predicted"]),
    "classes": lambda subject, body: per_class(subject),
    "metrics": lambda subject, body: measured(subject),
    "calibration": lambda subject, body: calibration(subject),
    "residuals": lambda subject, body: residuals(subject, body.get("output", 0)),
}
"""The name of each endpoint under /api, and what answers it: JSON values or a frame."""


def view_app(subject: Subject, token: str) -> ASGIApp:
    """The application that answers the questions about a subject to who knows the token."""
    # Models are asked one question at a time.
    lock = threading.Lock()

    def ask(name: str, body: dict[str, Any]) -> Response:
        try:
            with lock:
                result = QUESTIONS[name](subject, body)
        except KeyError as error:
            return JSONResponse({"error": f"The question needs {error.args[0]!r}."}, 422)
        except RanvierError as error:
            return JSONResponse({"error": str(error)}, 422)
        except KeyboardInterrupt:
            # Ctrl-C cancels what the native engine computes, in this thread, too; the main thread ends the view.
            return JSONResponse({"error": "The view is being closed."}, 503)
        if isinstance(result, bytes):
            return Response(result, media_type="application/octet-stream")
        return JSONResponse(result)

    async def question(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in QUESTIONS:
            return JSONResponse({"error": "There is no such question."}, 404)
        body = await bounded_body(request)
        if isinstance(body, Response):
            return body
        try:
            parsed = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            return JSONResponse({"error": "A question is a JSON object."}, 400)
        return await run_in_threadpool(ask, name, parsed)

    routes = [Route("/api/{name}", question, methods=["POST"]), *_asset_routes()]
    return Guard(Starlette(routes=routes), token)


def _asset_routes() -> list[Route]:
    """A route for each file of the built page, listed once: nothing that a request says becomes a path."""

    def route(path: Path) -> Route:
        content = path.read_bytes()

        async def file(request: Request) -> Response:
            return Response(content, media_type=TYPES[path.suffix])

        return Route("/" if path.name == "index.html" else f"/{path.name}", file, methods=["GET"])

    return [route(path) for path in sorted(ASSETS.iterdir()) if path.suffix in TYPES]
