"""A lock on a folder, as a file, so that two processes never write one run. The system releases the lock of a process
that dies."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from ranvier.errors import InputError
from ranvier.storage.atomic import failure


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while the body runs.

    The file itself stays, because removing it would let two processes hold two files of one name. Who holds it is
    written beside it, for the message alone.

    Parameters:
        path: the lock file; its folder must exist.
        what: what is locked, as errors call it, for example 'the run "runs/digits"'.

    Raises:
        InputError: another process, or another part of this one, holds the lock; or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock, holder = FileLock(path, timeout=0), path.with_name(path.name + ".holder")
    try:
        path.parent.stat()  # FileLock would make the folder.
        lock.acquire()
    except Timeout:
        raise InputError(_busy(holder, what)) from None
    except OSError as error:
        raise failure(path, error) from error
    owner = os.getpid()
    try:
        with contextlib.suppress(OSError):
            holder.write_text(f"{owner} {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        if os.getpid() == owner:
            with contextlib.suppress(OSError):
                holder.unlink()
            lock.release()


def _busy(holder: Path, what: str) -> str:
    """The error for a lock that is held, with the process where it can be read."""
    try:
        pid, _, host = holder.read_text(encoding="utf-8").partition(" ")
    except (OSError, ValueError):
        pid, host = "", ""
    if host == socket.gethostname() and pid == str(os.getpid()):
        return f"This process already writes {what}; let that end first, or use another folder."
    elsewhere = f' on the computer "{host}"' if host and host != socket.gethostname() else ""
    process = f"Process {pid}{elsewhere}" if pid.isdigit() else "Another process"
    return f"{process} already writes {what}; wait until it ends, or use another folder."
