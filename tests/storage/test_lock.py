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
from ranvier.storage.lock import is_held, locked

HOLD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from ranvier.errors import InputError
    from ranvier.storage.lock import locked
    try:
        with locked(Path(sys.argv[1]), "the run"):
            print("locked", flush=True)
            sys.stdin.readline()
    except InputError as error:
        print(error, flush=True)
    """
)


def start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def output_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    with start(path) as process:
        assert output_line(process) == "locked"
        yield process
        process.kill()


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught, locked(path, "the run"):
        pass
    return str(caught.value)


def can_lock(path: Path) -> bool:
    with locked(path, "the run"):
        mine = path.with_name("lock.holder").read_text().split()[0] == str(os.getpid())
    assert not path.with_name("lock.holder").exists()
    return mine


def test_the_lock_is_released_at_the_end(path: Path) -> None:
    assert can_lock(path)
    with pytest.raises(KeyError), locked(path, "the run"):
        raise KeyError
    assert can_lock(path)


def test_a_second_process_is_refused(path: Path, other: subprocess.Popen[bytes]) -> None:
    assert refused(path) == f"Process {other.pid} already writes the run; wait until it ends, or use another folder."
    other.communicate(b"\n", timeout=30)
    assert can_lock(path)


def test_the_lock_of_a_killed_process_is_taken_over(path: Path, other: subprocess.Popen[bytes]) -> None:
    other.kill()
    other.wait(timeout=30)
    assert path.with_name("lock.holder").exists()
    assert can_lock(path)


def test_one_process_cannot_take_the_lock_twice(path: Path) -> None:
    with locked(path, "the run"):
        assert refused(path).startswith("This process already writes the run")
    assert can_lock(path)


@pytest.mark.parametrize("holder", [b"", b"\xff", b"elsewhere"])
def test_the_message_without_a_readable_holder_file(path: Path, other: subprocess.Popen[bytes], holder: bytes) -> None:
    path.with_name("lock.holder").write_bytes(holder)
    assert refused(path) == "Another process already writes the run; wait until it ends, or use another folder."


def test_the_message_names_the_other_computer(path: Path, other: subprocess.Popen[bytes]) -> None:
    path.with_name("lock.holder").write_text("7 elsewhere")
    assert refused(path).startswith('Process 7 on the computer "elsewhere" already writes the run')


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_lock_in_a_read_only_folder(path: Path) -> None:
    path.parent.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"), locked(path, "the run"):
        pass


def test_lock_in_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "none" / "lock", "the run"):
        pass


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


def test_one_of_many_threads_gets_the_lock(path: Path) -> None:
    for _ in range(20):
        assert contest(path, 6) == 1


def test_one_of_several_processes_gets_the_lock(path: Path) -> None:
    processes = [start(path) for _ in range(4)]
    try:
        lines = sorted(output_line(process) for process in processes)
    finally:
        for process in processes:
            process.communicate(b"\n", timeout=30)
    assert [line == "locked" for line in lines] == [False, False, False, True]
    assert all("already writes the run" in line for line in lines[:3])
    assert can_lock(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_release_its_parents_lock(path: Path) -> None:
    child = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from ranvier.errors import InputError
        from ranvier.storage.lock import locked
        with locked(Path(sys.argv[1]), "the run"):
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
                try:
                    with locked(Path(sys.argv[1]), "the run"):
                        sys.exit(3)
                except InputError:
                    sys.exit(0)
        """
    )
    assert subprocess.run([sys.executable, "-c", child, str(path)], timeout=60, check=False).returncode == 0
    assert can_lock(path)


def test_the_operating_system_says_whether_a_lock_is_held(path: Path, other: subprocess.Popen[bytes]) -> None:
    assert is_held(path)
    path.with_name("lock.holder").unlink()
    assert is_held(path)
    other.communicate(b"\n", timeout=30)
    assert not is_held(path)


@pytest.mark.parametrize("holder", ["{mine} elsewhere", "1 elsewhere", "1 {host}", "{mine} {host}", "x", ""])
def test_what_a_dead_process_left_holds_nothing(path: Path, other: subprocess.Popen[bytes], holder: str) -> None:
    other.kill()
    other.wait(timeout=30)
    path.with_name("lock.holder").write_text(holder.format(mine=os.getpid(), host=socket.gethostname()))
    assert not is_held(path)


def test_a_lock_of_this_process_is_held(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()
    with locked(path, "the run"):
        assert is_held(path)
        assert is_held(path)
        assert refused(path).startswith("This process already writes the run")
    assert path.exists()
    assert not is_held(path)


def test_looking_refuses_nobody(path: Path) -> None:
    ends = threading.Event()

    def look() -> None:
        while not ends.is_set():
            is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in lookers:
        thread.start()
    try:
        assert all(can_lock(path) for _ in range(200))
    finally:
        ends.set()
        for thread in lookers:
            thread.join()
