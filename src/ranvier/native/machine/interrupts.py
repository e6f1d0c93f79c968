"""Ctrl-C while compiled code runs, when Python's own handlers must wait until it returns.

Python's signal handling writes the number of a signal to a socket as soon as it arrives (`signal.set_wakeup_fd`). A
thread that waits at the other end then sets a word that compiled code polls. The program's own handler runs as usual
after that code has returned. A file descriptor that was set before still receives all signals, and is restored
afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import socket


@contextlib.contextmanager
def sigint_sets(word: NDArray[Any]) -> Iterator[None]:
    """Let a Ctrl-C set the first number of an array to 1 while the body runs.

    It does nothing outside the main thread, which alone receives signals, and where the system refuses a socket or a
    thread.
    """
    end = _listen(word)
    try:
        yield
    finally:
        if end is not None:
            end()


def _listen(word: NDArray[Any]) -> Callable[[], None] | None:
    """Start to listen; returns a function that stops it, or None where nothing was started."""
    if threading.current_thread() is not threading.main_thread():
        return None
    # Most steps are too short to need it, and importing it takes longer than importing this file.
    import socket

    try:
        receiver, sender = socket.socketpair()
    except OSError:
        return None
    sender.setblocking(False)
    before, listener = -1, None

    def end() -> None:
        # Whether warnings were enabled cannot be read; they stay off.
        signal.set_wakeup_fd(before, warn_on_full_buffer=False)
        # The listener receives what was sent before, then the end.
        sender.close()
        if listener is not None and listener.ident is not None:
            listener.join()
        receiver.close()

    try:
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        # Where another program's socket cannot be written to as a file, its signals are not intercepted.
        if before == -1 or sys.platform != "win32":
            listener = threading.Thread(
                target=_receive_until_closed, args=(receiver, word, before), name="ranvier-interrupts", daemon=True
            )
            listener.start()
            return end
    except ValueError:  # in an interpreter that is not the main one
        receiver.close()
        sender.close()
        return None
    except RuntimeError:  # the system starts no more threads
        pass
    except BaseException:  # a Ctrl-C has come already: Python must not go on writing to a closed socket
        end()
        raise
    end()
    return None


def _receive_until_closed(receiver: socket.socket, word: NDArray[Any], before: int) -> None:
    """Receive signals until either end is closed, and pass them on to the descriptor `before`."""
    while numbers := _received(receiver):
        if signal.SIGINT in numbers:
            word[0] = 1
        if before != -1:
            # It may be full or closed: then Python, too, would drop them.
            with contextlib.suppress(OSError):
                os.write(before, numbers)


def _received(receiver: socket.socket) -> bytes:
    """The next signals; none where either end is closed."""
    try:
        return receiver.recv(64)
    except OSError:  # both ends were closed before this thread started
        return b""
