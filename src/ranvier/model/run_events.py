"""What a run folder is told while its run lasts, and what is said where the run is broken off."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator

from ranvier.storage.run_folder import RunFolder
from ranvier.training.events import Event, ProgressEvent, Sink, WorkEvent


@contextlib.contextmanager
def resumable(folder: RunFolder | None) -> Iterator[None]:
    """Add to a KeyboardInterrupt how the run goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        if folder is not None:
            error.add_note(f"The run goes on with: ranvier resume {shlex.quote(str(folder.path))}")
        raise


def log_sink(folder: RunFolder) -> Sink:
    """A sink that writes to the run's log; progress within an epoch and of other work is for displays only."""

    def log(event: Event) -> None:
        if not isinstance(event, (ProgressEvent, WorkEvent)):
            folder.append(event.to_dict())

    return log
