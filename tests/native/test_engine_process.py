"""Models of the native engine across processes: pickled, forked, several at once, and with a cache that is no good."""

from __future__ import annotations

import os
import pickle
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier.native import compiled
from ranvier.native.machine.cache import CacheWarning
from tests.native.small_model import LABELS, ROWS, digest, trained

pytestmark = pytest.mark.usefixtures("own_cache")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture(scope="module")
def expected(engine_objects: Path) -> str:
    """What every process must arrive at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANVIER_CACHE", str(engine_objects))
        return digest(trained())


def test_a_model_pickles_after_training_and_predicting(expected: str) -> None:
    model = trained()
    assert digest(model) == expected
    other = pickle.loads(pickle.dumps(model))
    assert digest(other) == expected
    for used in (model, other):
        used.fit(ROWS, LABELS, epochs=1, progress=False)
    assert digest(other) == digest(model) != expected


READER = """
import pickle, sys
from pathlib import Path
from tests.native.small_model import digest, trained
print(digest(pickle.loads(Path(sys.argv[1]).read_bytes())), digest(trained()))
"""


def test_another_process_reads_the_pickle(python: Callable[..., str], tmp_path: Path, expected: str) -> None:
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(trained()))
    assert python(READER, str(path)).split() == [expected] * 2


FORK = """
import os, warnings
from tests.native.small_model import digest, trained
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
model = trained()
print(digest(model), flush=True)
child = os.fork()
if child == 0:
    print(digest(model), digest(trained()), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(digest(model), digest(trained()))
"""


@needs_fork
def test_a_forked_child_predicts_and_trains(python: Callable[..., str], expected: str) -> None:
    assert python(FORK).split() == [expected] * 5


POOL = """
import multiprocessing, warnings
from tests.native.small_model import digest, trained
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
model = trained()
digest(model)

def work(number):
    return digest(model) if number % 2 else digest(trained())

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(*pool.map(work, range(6), chunksize=1))
        print(digest(pool.apply(trained)))
"""


@needs_fork
def test_a_pool_of_forked_processes_works_at_once(python: Callable[..., str], expected: str) -> None:
    assert python(POOL).split() == [expected] * 7


TRAINER = "from tests.native.small_model import digest, trained\nprint(digest(trained()))"


def test_processes_that_fill_an_empty_cache_at_once_do_no_harm(
    start: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expected: str
) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    running = [start(TRAINER) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in running]
    assert outputs == [[expected]] * 2
    files = objects(tmp_path)
    assert files
    assert {file.suffix for file in files} <= {".object", ".index"}


def objects(cache: Path) -> list[Path]:
    return sorted((cache / "objects").iterdir())


def warned_once(expected: str) -> None:
    compiled.clear_memoized()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert digest(trained()) == expected
    assert [warning.category for warning in caught] == [CacheWarning]
    assert "RANVIER_CACHE" in str(caught[0].message)


def test_cache_folder_that_cannot_be_created_warns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expected: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path / "file" / "cache"))
    warned_once(expected)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_cache_costs_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expected: str) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    tmp_path.chmod(0o500)
    try:
        warned_once(expected)
    finally:
        tmp_path.chmod(0o700)


def test_damaged_cache_is_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, expected: str) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    compiled.clear_memoized()
    assert digest(trained()) == expected
    sound = {file: file.read_bytes() for file in objects(tmp_path)}
    assert len(sound) >= 2
    for damage in (lambda data: data[: len(data) // 2], lambda data: data[:-9] + b"\0" * 9, lambda data: b"nonsense"):
        for file, data in sound.items():
            file.write_bytes(damage(data))
        compiled.clear_memoized()
        assert digest(trained()) == expected
        assert {file: file.read_bytes() for file in objects(tmp_path)} == sound
