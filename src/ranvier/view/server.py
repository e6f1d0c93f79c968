"""The server of a view: the page, its assets, and an endpoint for each question."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ranvier.errors import InputError, RanvierError
from ranvier.training.watching import MAX_VALUE
from ranvier.view.bodies import ControlBody, RunBody, read_body
from ranvier.view.dispatch import ViewSubject, ask, question_names
from ranvier.view.live_run import LiveRun, NotYet
from ranvier.view.runs_folder import RunsFolder
from ranvier.view.safety import Guard, bounded_body
from ranvier.view.watch import FRAME_SECONDS, POLL_SECONDS, Follower, WatchRequest

ASSETS = Path(__file__).parent / "assets"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}


ACTIONS = {"pause": False, "play": False, "step": True, "epoch": False, "rate": True, "stop": False}
"""What a page may ask a training for, and whether it says a number."""


def view_app(subject: ViewSubject, token: str) -> ASGIApp:
    """The application that answers questions about a subject to who knows the token."""
    # Models are asked one question at a time; a run that trains has a lock of its own.
    lock = nullcontext() if isinstance(subject, LiveRun) else threading.Lock()
    names = question_names(subject)
    names |= {"watch", "control"} if isinstance(subject, (LiveRun, RunsFolder)) else frozenset()

    def answered(name: str, body: dict[str, Any]) -> Response:
        def once() -> Any:
            with lock:
                return ask(subject, name, body)

        try:
            try:
                result = once()
            except KeyboardInterrupt:
                # Polars raises Ctrl-C in every thread that it works in. It was meant for the main thread, which may
                # go on with the view, as a shell and a notebook do: then this question has its answer.
                result = once()
        except NotYet as error:
            return JSONResponse({"error": str(error), "waiting": True}, 202)
        except RanvierError as error:
            return JSONResponse({"error": str(error)}, 422)
        except KeyboardInterrupt:
            return JSONResponse({"error": "Ctrl-C broke this off; ask again."}, 503)
        if isinstance(result, bytes):
            return Response(result, media_type="application/octet-stream")
        return JSONResponse(result)

    async def question(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in names:
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
        if name in ("watch", "control"):
            return await _about_training(subject, name, parsed)
        return await run_in_threadpool(answered, name, parsed)

    routes = [Route("/api/{name}", question, methods=["POST"]), *_asset_routes()]
    return Guard(Starlette(routes=routes), token)


async def _about_training(subject: Any, name: str, body: dict[str, Any]) -> Response:
    """Watch or steer the run that trains: the subject, or one of the runs in a folder."""
    live = subject
    try:
        if isinstance(subject, RunsFolder):
            live = await run_in_threadpool(subject.live_run, read_body(RunBody, body).run)
        if live is None:
            raise InputError("This run does not train.")
        return _watch(live, body) if name == "watch" else _control(live, body)
    except InputError as error:
        return JSONResponse({"error": str(error)}, 422)


def _watch(live: LiveRun, body: dict[str, Any]) -> Response:
    """A stream of frames until the run or the view ends, or the page goes.

    Nothing is queued: the next frames are made once the last ones are on their way, of what is the newest then.

    Raises:
        InputError: the body is not what it must be.
    """
    follower = Follower(live, WatchRequest.of(body))

    async def stream() -> AsyncIterator[bytes]:
        while not follower.ended:
            content = await _newest(live, follower)
            if content:
                yield content
            await asyncio.sleep(FRAME_SECONDS if content else POLL_SECONDS)

    return StreamingResponse(stream(), media_type="application/octet-stream")


async def _newest(live: LiveRun, follower: Follower) -> bytes:
    """The next frames; none while a question is being answered.

    Of a run that trains they take a millisecond: a thread for them would cost as much again.
    """
    if live.state not in ("running", "paused"):
        return await run_in_threadpool(follower.frames)
    if not live.lock.acquire(blocking=False):
        return b""
    try:
        return follower.frames()
    finally:
        live.lock.release()


def _control(live: LiveRun, body: dict[str, Any]) -> Response:
    """Ask the training for something; what became of it comes with the stream.

    Raises:
        InputError: it cannot be obeyed.
    """
    request = read_body(ControlBody, body)
    needs, value = ACTIONS.get(request.do), request.value
    if request.do == "step" and value is not None and float(value).is_integer():
        value = int(value)  # the training counts steps, and obeys no other number of them
    fits = value is None or (0 < value <= MAX_VALUE and (request.do != "step" or type(value) is int))
    if needs is None or needs != (value is not None) or not fits:
        names = ", ".join(f"{name} with a value above 0" if needs else name for name, needs in ACTIONS.items())
        raise InputError(f"do is one of {names}.")
    live.send(request.do, value, request.id)
    return JSONResponse({"sent": request.do})


def _asset_routes() -> list[Route]:
    """A route for each file of the built page, listed once: nothing that a request says becomes a path."""

    def route(path: Path) -> Route:
        content = path.read_bytes()

        async def file(request: Request) -> Response:
            return Response(content, media_type=TYPES[path.suffix])

        return Route("/" if path.name == "index.html" else f"/{path.name}", file, methods=["GET"])

    return [route(path) for path in sorted(ASSETS.iterdir()) if path.suffix in TYPES]
