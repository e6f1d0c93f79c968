"""A run that trains in a thread, for the tests that watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import ranvier as rv
from ranvier.storage.live_folder import LiveReader

LONG = 60.0
"""Seconds after which a test has failed."""
OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": (9, 7), "batch_size": 8, "progress": False, "engine": "native"}


@contextmanager
def training(folder: Path, data: Any = "iris", epochs: int = 4000, **options: Any) -> Iterator[Path]:
    """A run in a thread; Path of its folder once it has begun. It is stopped where the test does not."""
    run, ends = folder / "run", threading.Event()

    def until_the_end(context: rv.EpochContext) -> rv.CallbackResult | None:
        time.sleep(0.01)
        return rv.CallbackResult(stop_reason="The test ends.") if ends.is_set() else None

    settings = {**OPTIONS, "epochs": epochs, "patience": epochs, "callbacks": [until_the_end], **options}
    thread = threading.Thread(target=lambda: rv.train(data, run=run, model=folder / "m.rv", **settings))
    thread.start()
    until = time.monotonic() + LONG
    while not (run / "lock.holder").exists() and time.monotonic() < until:
        time.sleep(0.005)
    try:
        yield run
    finally:
        ends.set()
        with suppress(FileNotFoundError):  # nobody looked at it
            LiveReader(run).send({"do": "play"})
        thread.join(LONG)
        assert not thread.is_alive()
