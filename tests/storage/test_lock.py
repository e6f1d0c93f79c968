import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranvier.errors import InputError
from ranvier.storage import lock
from ranvier.storage.lock import locked

HOLD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from ranvier.errors import InputError
    from ranvier.storage.lock import locked
    try:
        with locked(Path(sys.argv[1]), "the run"):
            print("held", flush=True)
            sys.stdin.readline()
    except InputError as error:
        print(error, flush=True)
    """
)


def start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    with start(path) as process:
        assert said(process) == "held"
        yield process
        process.kill()


def refused(path: Path) -> str:
    before = path.read_bytes()
    with pytest.raises(InputError) as caught, locked(path, "the run"):
        pass
    assert path.read_bytes() == before
    return str(caught.value)


def left_by(path: Path, **changes: object) -> None:
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": None, "token": "x"} | changes
    path.write_text(json.dumps(holder))


def taken(path: Path) -> bool:
    with locked(path, "the run"):
        mine = json.loads(path.read_bytes())["pid"] == os.getpid()
    assert list(path.parent.iterdir()) == []
    return mine


def test_the_lock_is_gone_afterwards(path: Path) -> None:
    assert taken(path)
    with pytest.raises(KeyError), locked(path, "the run"):
        raise KeyError
    assert taken(path)


def test_a_second_process_is_refused(path: Path, other: subprocess.Popen[bytes]) -> None:
    assert refused(path) == f"Process {other.pid} already writes the run; wait until it ends, or use another folder."
    other.communicate(b"\n", timeout=30)
    assert taken(path)


def test_the_lock_of_a_killed_process_is_taken_over(path: Path, other: subprocess.Popen[bytes]) -> None:
    other.kill()
    other.wait(timeout=30)
    assert path.exists()
    assert taken(path)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the state of processes")
def test_a_process_that_nobody_has_buried_yet_is_dead(path: Path, other: subprocess.Popen[bytes]) -> None:
    other.kill()
    assert other.stdout is not None
    assert other.stdout.read() == b""
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert taken(path)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the start of processes")
def test_a_number_that_another_process_has_by_now(path: Path, other: subprocess.Popen[bytes]) -> None:
    started = json.loads(path.read_bytes())["started"]
    left_by(path, pid=other.pid, started=started)
    assert "already writes" in refused(path)
    left_by(path, pid=other.pid, started=started - 1)
    assert taken(path)


def test_this_process_cannot_hold_it_twice(path: Path) -> None:
    with locked(path, "the run"):
        assert refused(path).startswith("This process already writes the run")
    assert taken(path)


def test_own_number_from_an_earlier_life(path: Path) -> None:
    left_by(path)
    assert taken(path)


def test_another_computer_counts_as_alive(path: Path) -> None:
    left_by(path, host="elsewhere", pid=1)
    message = f'on the computer "elsewhere" writes the run; if it has ended, delete "{path}" and try again.'
    assert refused(path).endswith(message)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid":-1,"host":"x","started":null,"token":"x"}', '{"pid":1}'])
def test_a_lock_without_a_holder_is_waited_for_then_taken(path: Path, monkeypatch, content: str) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(lock.time, "sleep", pauses.append)
    path.write_text(content)
    assert taken(path)
    assert len(pauses) == 50


def test_a_lock_whose_holder_is_written_late(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: left_by(path, host="elsewhere"))
    path.write_text("")
    with pytest.raises(InputError, match="elsewhere"), locked(path, "the run"):
        pass


def test_a_take_over_that_never_ends_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: None)
    left_by(path)
    path.with_name("lock.takeover").write_bytes(b"")
    assert "lock.takeover" in refused(path)


def test_a_taker_that_comes_late_leaves_the_new_holder_alone(path: Path) -> None:
    left_by(path, host="elsewhere")
    assert not lock._take_over(path, b"the stale lock as read before", b"mine")
    assert json.loads(path.read_bytes())["host"] == "elsewhere"
    assert list(path.parent.iterdir()) == [path]


def test_a_slow_maker_notices_that_it_was_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_late(descriptor: int, content: bytes) -> None:
        left_by(path.with_name("new"), host="elsewhere")
        path.with_name("new").replace(path)
        os.write(descriptor, content)

    monkeypatch.setattr(lock, "write_all", write_late)
    with pytest.raises(InputError, match="elsewhere"), locked(path, "the run"):
        pass
    assert json.loads(path.read_bytes())["host"] == "elsewhere"


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "none" / "lock", "the run"):
        pass


def test_a_full_disk_leaves_no_lock(path: Path, fail_at) -> None:
    fail_at("write", 1)
    with pytest.raises(Exception, match="failed: Input/output error"), locked(path, "the run"):
        pass
    assert not path.exists()


def contest(path: Path, takers: int) -> int:
    """How many of several threads that try at once get the lock; the winner holds it until all have tried."""
    winners: list[int] = []
    everybody_tried = threading.Barrier(takers, timeout=30)

    def take(number: int) -> None:
        try:
            with locked(path, "the run"):
                winners.append(number)
                everybody_tried.wait()
        except InputError:
            everybody_tried.wait()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(winners)


def test_many_takers_of_a_stale_lock_have_one_winner(path: Path) -> None:
    for attempt in range(20):
        left_by(path, token=f"stale {attempt}")
        assert contest(path, 6) == 1
        assert not path.exists()


def test_several_processes_have_one_winner(path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(timeout=30)
    left_by(path, pid=ended.pid)
    processes = [start(path) for _ in range(4)]
    try:
        answers = sorted(said(process) for process in processes)
    finally:
        for process in processes:
            process.communicate(b"\n", timeout=30)
    assert [answer == "held" for answer in answers] == [False, False, False, True]
    assert all("already writes the run" in answer for answer in answers[:3])
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_release_its_parents_lock(path: Path) -> None:
    child = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from ranvier.storage.lock import locked
        with locked(Path(sys.argv[1]), "the run"):
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
                sys.exit(0 if Path(sys.argv[1]).exists() else 3)
        """
    )
    assert subprocess.run([sys.executable, "-c", child, str(path)], timeout=60, check=False).returncode == 0
    assert not path.exists()
