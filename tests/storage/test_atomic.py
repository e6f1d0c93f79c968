import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError, RanvierError
from ranvier.storage.atomic import check_writable, os_error, write_all, write_atomically

OLD = b"the earlier file"
NEW = [b"the new ", bytearray(b"file, in several "), memoryview(b"parts, longer than before")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_write_atomically_writes_every_buffer(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("parts")
    write_atomically(folder / "file", iter(parts))
    assert (folder / "file").read_bytes() == b"".join(parts)
    write_atomically(folder / "file", b"".join(parts))
    assert (folder / "file").read_bytes() == b"".join(parts)
    assert names(folder) == ["file"]


@pytest.mark.parametrize("function", ["write", "fsync", "replace", "open"])
def test_os_error_at_the_nth_call_leaves_the_old_or_the_new_file(tmp_path: Path, fail_at, function: str) -> None:
    target = tmp_path / "model.rv"
    failures = 0
    for number in count(1):
        target.write_bytes(OLD)
        happened = fail_at(function, number)
        try:
            write_atomically(target, NEW)
        except RanvierError:
            assert happened()
            failures += 1
            replaced = number == 2 and function in ("fsync", "open")
            assert target.read_bytes() == (b"".join(NEW) if replaced else OLD)
        else:
            assert not happened()
            break
        assert names(tmp_path) == ["model.rv"]
    writes = sum(-(-len(part) // 7) for part in NEW)
    assert failures == {"write": writes, "fsync": 2, "replace": 1, "open": 2}[function]
    assert target.read_bytes() == b"".join(NEW)
    assert names(tmp_path) == ["model.rv"]


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_os_error_without_an_earlier_file_leaves_no_file(tmp_path: Path, fail_at, function: str) -> None:
    fail_at(function, 1)
    with pytest.raises(RanvierError):
        write_atomically(tmp_path / "model.rv", b"new")
    assert names(tmp_path) == []


def test_ctrl_c_while_writing_leaves_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "model.rv"
    target.write_bytes(OLD)

    def parts():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, parts())
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["model.rv"]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on the size of files")
def test_size_limit_gives_a_short_write_then_an_error(tmp_path: Path) -> None:
    target = tmp_path / "model.rv"
    target.write_bytes(OLD)
    child = textwrap.dedent(
        """
        import resource, signal, sys
        from ranvier.errors import InputError, RanvierError
        from ranvier.storage.atomic import write_atomically
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        write_atomically(sys.argv[1] + ".small", b"x" * 1000)
        try:
            write_atomically(sys.argv[1], b"x" * 1001)
        except InputError:
            sys.exit(4)
        except RanvierError as error:
            sys.exit(3 if "disk is full" in str(error) else 5)
        """
    )
    result = subprocess.run([sys.executable, "-c", child, str(target)], timeout=60, check=False)
    assert result.returncode == 3
    assert target.read_bytes() == OLD
    assert names(tmp_path) == ["model.rv", "model.rv.small"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_error_message_of_a_full_disk() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="space") as caught:
            write_all(descriptor, b"x")
    finally:
        os.close(descriptor)
    error = os_error(Path("model.rv"), caught.value)
    assert not isinstance(error, InputError)
    assert str(error) == 'The disk is full or the quota is exceeded: "model.rv" could not be written; free some space.'


def test_a_write_of_zero_bytes_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "write", lambda descriptor, data: 0)
    with pytest.raises(RanvierError, match="wrote nothing"):
        write_atomically(tmp_path / "model.rv", b"x")


def test_permissions_of_new_and_replaced_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o600)
    write_atomically(tmp_path / "new", b"y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_symbolic_link_is_kept_and_its_target_replaced(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "versions" / "one")
    write_atomically(tmp_path / "link", b"1")
    write_atomically(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "versions" / "one").read_bytes() == b"2"
    assert names(tmp_path / "versions") == ["one"]


@pytest.mark.parametrize("check", [check_writable, lambda path: write_atomically(path, b"x")])
class TestRefusedPaths:
    def test_missing_folder(self, tmp_path: Path, check) -> None:
        folder = tmp_path / "my models" / "new"
        with pytest.raises(InputError) as caught:
            check(folder / "a.rv")
        assert str(caught.value) == f"The folder \"{folder}\" does not exist; create it with: mkdir -p '{folder}'"
        assert names(tmp_path) == []

    def test_folder_given(self, tmp_path: Path, check) -> None:
        with pytest.raises(InputError, match="is a folder; give the name of a file in it"):
            check(tmp_path)
        with pytest.raises(InputError, match="names a folder; give the name of a file in it"):
            check(f"{tmp_path}/new/")

    def test_file_in_place_of_a_folder(self, tmp_path: Path, check) -> None:
        (tmp_path / "file").write_bytes(OLD)
        for path in ("file/a.rv", "file/deeper/a.rv"):
            with pytest.raises(InputError, match='file" is a file, not a folder'):
                check(tmp_path / path)

    @pytest.mark.parametrize("path", ["", "a\0b"])
    def test_no_name(self, check, path: str) -> None:
        with pytest.raises(InputError, match="cannot name a file"):
            check(path)

    def test_name_too_long(self, tmp_path: Path, check) -> None:
        with pytest.raises(InputError, match="too long"):
            check(tmp_path / ("x" * 300))
        assert names(tmp_path) == []

    def test_longest_name_is_accepted(self, tmp_path: Path, check) -> None:
        check(tmp_path / ("x" * 255))

    def test_link_in_a_circle(self, tmp_path: Path, check) -> None:
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(InputError, match="cannot be written"):
            check(tmp_path / "loop")

    @pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs a device")
    def test_device(self, check) -> None:
        with pytest.raises(InputError, match="not an ordinary file"):
            check("/dev/null")

    def test_read_only_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check) -> None:
        (tmp_path / "a b.rv").write_bytes(OLD)
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(InputError, match=r"read-only; .* chmod u\+w '.*a b.rv'"):
            check(tmp_path / "a b.rv")
        assert (tmp_path / "a b.rv").read_bytes() == OLD

    @pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
    def test_read_only_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check, code: int) -> None:
        def refuse(*arguments: object) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(InputError, match=f"{os.strerror(code)}.*choose another path"):
            check(tmp_path / "a.rv")


def test_check_writable_leaves_no_file_and_changes_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "model.rv")
    assert names(tmp_path) == []
    (tmp_path / "model.rv").write_bytes(OLD)
    check_writable(tmp_path / "model.rv")
    assert names(tmp_path) == ["model.rv"]
    assert (tmp_path / "model.rv").read_bytes() == OLD


def test_check_writable_refuses_an_input_file(tmp_path: Path) -> None:
    data, link = tmp_path / "data.csv", tmp_path / "link.csv"
    data.write_bytes(OLD)
    link.symlink_to(data)
    for path, reads in ((data, [data]), (link, [data]), (data, [link]), (data, ["no-such-file", link])):
        with pytest.raises(InputError, match="is also an input file; choose another name"):
            check_writable(path, reads)
    check_writable(data, ["digits", tmp_path, tmp_path / "other.csv"])
    check_writable(tmp_path / "new.csv", [data])


def test_check_writable_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_writable("model.rv")
    with pytest.raises(InputError, match='folder "models" does not exist; create it with: mkdir -p models'):
        check_writable("models/model.rv")
