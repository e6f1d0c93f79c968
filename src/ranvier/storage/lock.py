"""A lock on a folder, as a file, so that two processes never write one run.

The lock file names its holder (process, computer, start time). It is made with O_EXCL, which is atomic everywhere; the
lock of a process that has died is taken over under a second such file, so that two takers cannot both win.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ranvier.errors import InputError
from ranvier.storage.atomic import failure, write_all, write_atomically
from ranvier.storage.json_text import from_text, to_text

_ATTEMPTS = 100
_PAUSE = 0.02
_held: set[str] = set()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock.

    Fields: `pid`, `host` (the computer), `started` (when the process began, in clock ticks; None where unknown),
    `token` (random, so that no two holders are alike).
    """

    pid: int
    host: str
    started: int | None
    token: str


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while the body runs.

    Parameters:
        path: the lock file; its folder must exist.
        what: what is locked, as errors call it, for example 'the run "runs/digits"'.

    Raises:
        InputError: another process, or another part of this one, holds the lock.
    """
    mine = Holder(os.getpid(), socket.gethostname(), _state(os.getpid())[1], secrets.token_hex(8))
    content = to_text(asdict(mine), "lock").encode("ascii")
    _held.add(mine.token)
    try:
        try:
            _acquire(path, content, what)
        except OSError as error:
            raise failure(path, error) from error
        yield
    finally:
        _held.discard(mine.token)
        if os.getpid() == mine.pid:
            _release(path, content)


def _acquire(path: Path, content: bytes, what: str) -> None:
    for attempt in range(_ATTEMPTS):
        if _create(path, content):
            return
        found = _content(path)
        if found is None:
            continue
        holder = _parse(found)
        if holder is not None and _is_alive(holder):
            raise InputError(_busy(holder, path, what))
        just_made = holder is None and attempt < _ATTEMPTS // 2
        if not just_made and _take_over(path, found, content):
            return
        time.sleep(_PAUSE)
    raise InputError(
        f'The lock of {what} cannot be taken; if no process writes it, delete "{path}" and "{_guard(path)}" and try '
        "again."
    )


def _create(path: Path, content: bytes) -> bool:
    """Make the lock file; afterwards make sure that nobody took it over before the holder's name was in it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    try:
        write_all(descriptor, content)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(descriptor)
    return _content(path) == content


def _take_over(path: Path, found: bytes, content: bytes) -> bool:
    """Replace the lock of a dead holder; False when another process was faster."""
    guard = _guard(path)
    try:
        os.close(os.open(guard, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        return False
    try:
        if _content(path) != found:
            return False
        write_atomically(path, content)
        return True
    finally:
        guard.unlink()


def _release(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        if _content(path) == content:
            path.unlink()


def _guard(path: Path) -> Path:
    return path.with_name(path.name + ".takeover")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _parse(found: bytes) -> Holder | None:
    try:
        data = from_text(found)
        holder = Holder(**data)
    except (ValueError, TypeError):
        return None
    valid = isinstance(holder.pid, int) and 0 < holder.pid < 2**31 and isinstance(holder.host, str)
    return holder if valid and isinstance(holder.started, int | None) and isinstance(holder.token, str) else None


def _is_alive(holder: Holder) -> bool:
    """Whether the holder may still run; one that cannot be asked for (on another computer) counts as alive."""
    if holder.host != socket.gethostname():
        return True
    if holder.pid == os.getpid():
        return holder.token in _held
    if sys.platform == "win32":
        return True
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state, started = _state(holder.pid)
    same = started is None or holder.started is None or started == holder.started
    return same and state not in ("Z", "X")


def _state(pid: int) -> tuple[str, int | None]:
    """State letter and start time (clock ticks since boot) of a process on Linux; ("", None) where they are unknown.

    Source: proc_pid_stat(5), fields 3 and 22, counted after the name in parentheses.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode("ascii"), int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", None


def _busy(holder: Holder, path: Path, what: str) -> str:
    if holder.host != socket.gethostname():
        return (
            f'Process {holder.pid} on the computer "{holder.host}" writes {what}; if it has ended, delete "{path}" and '
            "try again."
        )
    if holder.pid == os.getpid():
        return f"This process already writes {what}; let that end first, or use another folder."
    return f"Process {holder.pid} already writes {what}; wait until it ends, or use another folder."
