"""What all tests share."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ranvier import settings as ranvier_settings

faulthandler.enable()
settings.register_profile("ranvier", deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ranvier")
gc.disable()
"""While tests are collected, of which none is garbage; a quarter of that time went to looking for some."""


def pytest_collection_finish() -> None:
    """What was collected stays to the end, so that nobody need look through it again."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def real_data() -> Path:
    """The folder with real data sets; the test skips where there is none."""
    folder = ranvier_settings.read().data
    if folder is None or not folder.is_dir():
        pytest.skip("set RANVIER_DATA to a folder with the real data sets to run this test")
    return folder


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled code of the tests goes to a folder of their own, never to the user's; all workers of a run share it."""
    if "RANVIER_CACHE" not in os.environ:
        base = tmp_path_factory.getbasetemp()
        folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
        folder.mkdir(exist_ok=True)
        os.environ["RANVIER_CACHE"] = str(folder)


@pytest.fixture(autouse=True, scope="session")
def _hears_interrupts() -> None:
    """A shell starts programs in the background deaf to Ctrl-C, and so are their children; tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
