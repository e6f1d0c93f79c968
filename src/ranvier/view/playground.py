"""Playground: networks that are trained while one watches, on points in a plane; one session for each open page."""

from __future__ import annotations

import base64
import secrets
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.view.bodies import DoBody, ExportBody, LookBody, OpenBody, read_body
from ranvier.view.frames import frame
from ranvier.view.play_code import python_code
from ranvier.view.play_session import PlaySession
from ranvier.view.play_state import (
    ACTIVATIONS,
    CLASSES,
    FEATURES,
    LOSSES,
    MAX_LAYERS,
    MAX_UNITS,
    NAMES,
    NUMBERS,
    PENALTIES,
    PlayState,
)
from ranvier.view.question_source import QuestionSource

MAX_SESSIONS = 4
MAX_KEYS = 40


class Playground(QuestionSource):
    """Answers the page that plays; a session ends 30 seconds after its page asked last."""

    name = "play"
    page = "play"
    names = frozenset({"options", "open", "do", "look", "export"})

    def __init__(self) -> None:
        self._sessions: dict[str, PlaySession] = {}
        self._closed = False
        self._changing = threading.Lock()

    def ask(self, name: str, body: Mapping[str, Any]) -> Any:
        """Answer a question of the page."""
        if name == "options":
            return _options()
        if name == "open":
            return self._open(read_body(OpenBody, body))
        if name == "do":
            command = read_body(DoBody, body)
            session = self._session(command.session)
            session.do(command.do)
            return {"playing": session.playing}
        if name == "export":
            export = read_body(ExportBody, body)
            return _export(self._session(export.session), export.as_)
        look = read_body(LookBody, body)
        if not self._is_open(look.session):
            return frame("answer", {"ended": True}, np.zeros(0, np.uint8))
        return _look(self._session(look.session), look)

    def close(self) -> None:
        """End all sessions; no other one begins."""
        with self._changing:
            self._closed = True
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()

    def _open(self, request: OpenBody) -> dict[str, Any]:
        """A new session with a state, in the place of an earlier one of the same page."""
        if len(request.state) > MAX_KEYS:
            raise InputError(f"A state has the keys of the address, which are fewer than {MAX_KEYS}.")
        state, notes = PlayState.read(request.state)
        with self._changing:
            self._close(request.instead)
            self._sessions = {key: session for key, session in self._sessions.items() if not session.closed}
            if self._closed:
                raise InputError("This view is being closed.")
            if len(self._sessions) >= MAX_SESSIONS:
                raise InputError(f"{MAX_SESSIONS} pages play already; close one of them, and wait half a minute.")
            session = PlaySession(state, request.table)
            key = secrets.token_urlsafe(9)
            self._sessions[key] = session
        points = session.points
        return {
            "session": key,
            "state": session.state.to_dict(),
            "address": session.state.address(),
            "notes": list(notes),
            "classes": points.classes,
            "names": list(points.names),
            "labels": list(points.labels),
            "points": [
                [float(x), float(y), float(target), bool(test)]
                for (x, y), target, test in zip(points.points, points.targets, points.test, strict=True)
            ],
        }

    def _close(self, key: str | None) -> None:
        session = None if key is None else self._sessions.pop(key, None)
        if session is not None:
            session.close()

    def _is_open(self, key: str) -> bool:
        session = self._sessions.get(key)
        return session is not None and not session.closed

    def _session(self, key: str) -> PlaySession:
        if not self._is_open(key):
            raise InputError("This session has ended; begin again.")
        return self._sessions[key]


def _options() -> dict[str, Any]:
    """What there is to choose from."""
    return {
        "classes": list(CLASSES),
        "numbers": list(NUMBERS),
        "features": list(FEATURES),
        "activations": list(ACTIVATIONS),
        "losses": {"classes": list(LOSSES[True]), "numbers": list(LOSSES[False])},
        "optimizers": list(NAMES),
        "penalties": list(PENALTIES),
        "max_layers": MAX_LAYERS,
        "max_units": MAX_UNITS,
    }


def _look(session: PlaySession, look: LookBody) -> bytes:
    """The newest pictures, weights and losses; no pictures where the page has this version already."""
    session.last_request = time.monotonic()
    with session.lock:
        start = look.losses if 0 <= look.losses <= len(session.losses) else 0
        head = {
            "version": session.version,
            "playing": session.playing,
            "message": session.message,
            "epoch": len(session.losses),
            "from": start,
            "losses": [list(entry) for entry in session.losses[start:]],
        }
        if look.version == session.version:
            return frame("answer", head, np.zeros(0, np.uint8))
        parts, pictures = session.pictures()
        return frame("answer", {**head, "parts": parts, "layers": session.weights()}, pictures)


def _export(session: PlaySession, kind: str) -> Any:
    """The state as Python code, or the model as a file."""
    if kind == "python":
        return {"text": python_code(session.state, session.points)}
    if kind != "model":
        raise InputError(f'as is {kind!r}; "python" or "model" was expected.')
    if session.trained is None:
        raise InputError("Nothing has been trained yet; play for a while first.")
    with session.lock, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "play.rv"
        session.trained.save(path)
        return {"file": base64.b64encode(path.read_bytes()).decode("ascii")}
