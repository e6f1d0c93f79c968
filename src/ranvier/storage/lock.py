"""A lock file for a folder, so that two processes never write the same run.

The operating system releases the lock of a process that dies.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from ranvier.errors import InputError
from ranvier.storage.atomic import os_error


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while the body runs.

    The lock file is never removed: if it were, two processes could lock different files of the same name. A second file
    beside it names the process that holds the lock, only for error messages.

    Parameters:
        path: the lock file; its folder must exist.
        what: what is locked, for error messages, for example 'the run "runs/digits"'.

    Raises:
        InputError: another process or another part of this process holds the lock, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock, holder = FileLock(path, timeout=0), path.with_name(path.name + ".holder")
    try:
        path.parent.stat()  # FileLock would create the folder.
        lock.acquire()
    except Timeout:
        raise InputError(_locked_message(holder, what)) from None
    except OSError as error:
        raise os_error(path, error) from error
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


def is_held(path: Path) -> bool:
    """Whether a running process of this computer, or one of another, holds a lock file, as far as can be told."""
    try:
        pid, _, host = path.with_name(path.name + ".holder").read_text(encoding="utf-8").partition(" ")
    except (OSError, ValueError):
        return False
    if host != socket.gethostname() or not pid.isdigit() or sys.platform == "win32":
        return bool(host)
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _locked_message(holder: Path, what: str) -> str:
    """The error message if another process holds the lock; names that process if known."""
    try:
        pid, _, host = holder.read_text(encoding="utf-8").partition(" ")
    except (OSError, ValueError):
        pid, host = "", ""
    if host == socket.gethostname() and pid == str(os.getpid()):
        return f"This process already writes {what}; let that end first, or use another folder."
    elsewhere = f' on the computer "{host}"' if host and host != socket.gethostname() else ""
    process = f"Process {pid}{elsewhere}" if pid.isdigit() else "Another process"
    return f"{process} already writes {what}; wait until it ends, or use another folder."
