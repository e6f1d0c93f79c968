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

PROBE_SECONDS = 0.1
"""For no longer does a process hold a lock that only looks whether another one holds it."""


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

    lock, holder = (
        FileLock(path, timeout=PROBE_SECONDS, poll_interval=PROBE_SECONDS / 10),
        path.with_name(path.name + ".holder"),
    )
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
    """Whether a process holds a lock file: the operating system says so, whatever became of the process and its host.

    A lock file that is not there, or cannot be read, is held by none.
    """
    if sys.platform == "win32":
        return _is_held_on_windows(path)
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def _is_held_on_windows(path: Path) -> bool:
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


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
