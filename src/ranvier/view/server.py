"""The server of a view: the page, its assets, and an endpoint for each question."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ranvier.errors import RanvierError
from ranvier.view.answers import QUESTIONS
from ranvier.view.safety import Guard, bounded_body
from ranvier.view.subject import Subject

ASSETS = Path(__file__).parent / "assets"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


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
