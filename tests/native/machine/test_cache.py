"""Objects on disk: found again, never trusted, never in the way."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranvier.errors import EngineError
from ranvier.native.machine import cpu
from ranvier.native.machine import target as targets

cache = pytest.importorskip("ranvier.native.machine.cache", reason="llvmlite is missing", exc_type=ImportError)


def text(value: int) -> str:
    return f"define i64 @value() {{\n  ret i64 {value}\n}}\n"


def compiled(value: int, folder: Path, **options: int) -> bytes:
    return bytes(*cache.compile_cached([text(value)], cpu.target(), folder, **options))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(autouse=True)
def nothing_warned_yet() -> None:
    cache._warned.clear()


def test_the_second_time_nothing_is_compiled(tmp_path: Path) -> None:
    first = compiled(1, tmp_path)
    with cache.forbid_compiling():
        assert compiled(1, tmp_path) == first
        with pytest.raises(EngineError, match="forbidden"):
            compiled(2, tmp_path)
    compiled(2, tmp_path)
    assert len(entries(tmp_path)) == 2


def test_of_several_modules_only_the_missing_ones_are_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"define i64 @value{number}() {{\n  ret i64 {number}\n}}\n" for number in range(5)]
    alone = [cache.llvm.compile_ir(text, cpu.target()) for text in texts]
    made: list[str] = []
    compile_all = cache.llvm.compile_all

    def noted(missing: Iterable[str], *about: object, **options: object) -> list[bytes]:
        made[:] = list(missing)
        return list(compile_all(made, *about, **options))

    monkeypatch.setattr(cache.llvm, "compile_all", noted)
    assert cache.compile_cached(texts[1:3], cpu.target(), tmp_path) == alone[1:3]
    assert cache.compile_cached(texts, cpu.target(), tmp_path, name="all five") == alone
    assert made == [texts[0], *texts[3:]]
    assert cache.compile_cached(texts, cpu.target(), tmp_path) == alone
    assert made == []
    never = (str(1 // 0) for _ in range(1))
    assert cache.compile_cached(never, cpu.target(), tmp_path, name="all five") == alone
    (tmp_path / (cache.entry_key(texts[4], cpu.target()).hex() + ".object")).unlink()
    assert cache.compile_cached(texts, cpu.target(), tmp_path, name="all five") == alone
    assert made == texts[4:]


def test_the_folder_of_the_settings_is_the_default(objects_folder: Path) -> None:
    (image,) = cache.compile_cached([text(77)], cpu.target())
    path = objects_folder / "objects" / (cache.entry_key(text(77), cpu.target()).hex() + ".object")
    assert path.read_bytes().endswith(image)


def test_everything_that_decides_the_code_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    base = targets.Target("x86_64-unknown-linux-gnu", "x86-64-v3", (), 256, False)
    others = [
        targets.Target("x86_64-apple-macosx", "x86-64-v3", (), 256, False),
        targets.Target("x86_64-unknown-linux-gnu", "x86-64-v4", (), 256, False),
        targets.Target("x86_64-unknown-linux-gnu", "x86-64-v3", ("+adx",), 256, False),
    ]
    keys = {cache.entry_key(text(1), target) for target in (base, *others)} | {cache.entry_key(text(2), base)}
    monkeypatch.setattr(cache.llvm, "version", lambda: "llvmlite 99")
    keys.add(cache.entry_key(text(1), base))
    for option, value in (("opt", 1), ("reloc", "static"), ("codemodel", "large"), ("new_option", True)):
        monkeypatch.setitem(cache.llvm.CODEGEN_OPTIONS, option, value)
        keys.add(cache.entry_key(text(1), base))
    assert len(keys) == 10
    assert cache.entry_key(text(1), base) in keys


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    folder = tmp_path_factory.mktemp("sound")
    image = compiled(3, folder)
    return folder, image, entries(folder)[0].read_bytes()


def replaced(sound: tuple[Path, bytes, bytes], damaged: bytes) -> None:
    """A damaged entry is not used, and afterwards there is a sound one."""
    folder, image, data = sound
    path = folder / (cache.entry_key(text(3), cpu.target()).hex() + ".object")
    path.write_bytes(damaged)
    with cache.forbid_compiling(), pytest.raises(EngineError, match="forbidden"):
        compiled(3, folder)
    assert not path.exists()
    path.write_bytes(damaged)
    assert compiled(3, folder) == image
    assert path.read_bytes() == data


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(sound: tuple[Path, bytes, bytes], position: float, flip: int) -> None:
    damaged = bytearray(sound[2])
    damaged[int(position * len(damaged))] ^= flip
    replaced(sound, bytes(damaged))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keep=st.floats(0, 1, exclude_max=True))
def test_a_truncated_entry_is_noticed(sound: tuple[Path, bytes, bytes], keep: float) -> None:
    replaced(sound, sound[2][: int(keep * len(sound[2]))])


def test_foreign_entries_are_noticed(sound: tuple[Path, bytes, bytes], tmp_path: Path) -> None:
    compiled(4, tmp_path)
    replaced(sound, entries(tmp_path)[0].read_bytes())
    replaced(sound, sound[2] + b"\0")
    replaced(sound, b"")
    replaced(sound, os.urandom(5000))


def test_the_folder_stays_small_and_keeps_what_is_used(tmp_path: Path) -> None:
    size = len(cache._pack(bytes(32), compiled(0, tmp_path)))
    for value in range(1, 4):
        compiled(value, tmp_path)
    for age, value in ((400, 0), (300, 1), (200, 2), (100, 3)):
        path = tmp_path / (cache.entry_key(text(value), cpu.target()).hex() + ".object")
        os.utime(path, (time.time() - age,) * 2)
    compiled(0, tmp_path)
    compiled(5, tmp_path, limit=3 * size + size // 2)
    with cache.forbid_compiling():
        for value in (0, 3, 5):
            compiled(value, tmp_path)
        for value in (1, 2):
            with pytest.raises(EngineError):
                compiled(value, tmp_path)


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.5, 1.0, 3.0])
def test_a_large_folder_is_seldom_looked_through(fraction: float) -> None:
    """As often as bytes are stored: to look at all files takes longer than to compile a small network."""
    keys = [hashlib.sha256(str(number).encode()).digest() for number in range(4000)]
    stored = int(fraction * cache.LIMIT / cache.LOOKS)
    looks = sum(cache.looks_through(key, stored, cache.LIMIT) for key in keys) / len(keys)
    assert abs(looks - min(fraction, 1.0)) <= 3.0 * (fraction * max(1.0 - fraction, 0.0) / len(keys)) ** 0.5


def test_a_folder_that_grows_is_looked_through_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(compiled(0, tmp_path))
    looks: list[int] = []
    monkeypatch.setattr(cache, "_trim", lambda _, limit: looks.append(limit))
    for value in range(1, 200):
        compiled(value, tmp_path, limit=10 * cache.LOOKS * size)
    assert 0 < len(looks) < 60
    compiled(200, tmp_path, limit=size)
    assert looks[-1] == size


def test_what_a_killed_process_left_is_removed_after_a_while(tmp_path: Path) -> None:
    old, new = tmp_path / "a.unfinished", tmp_path / "b.unfinished"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * cache._UNFINISHED_SECONDS,) * 2)
    compiled(1, tmp_path, limit=4096)
    assert not old.exists()
    assert new.exists()


def warned_once(folder: Path) -> None:
    with pytest.warns(cache.CacheWarning, match="RANVIER_CACHE") as caught:
        images = [compiled(value, folder) for value in (1, 2)]
    assert all(images)
    assert len(caught) == 1


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warned_once(tmp_path / "file" / "objects")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_costs_one_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        warned_once(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_refused_file_costs_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    warned_once(tmp_path)


def test_a_full_disk_costs_one_warning_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    warned_once(tmp_path)
    assert entries(tmp_path) == []


def test_a_sound_entry_in_a_read_only_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = compiled(1, tmp_path)

    def refuse(*arguments: object) -> None:
        raise PermissionError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "utime", refuse)
    with cache.forbid_compiling(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert compiled(1, tmp_path) == image
    assert not caught


def test_bad_ir_leaves_no_entry(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        cache.compile_cached([text(1), "nonsense", text(2)], cpu.target(), tmp_path)
    assert entries(tmp_path) == []


PROGRAM = """
import hashlib, pathlib, sys
from ranvier.native.machine import cache, cpu
digest = hashlib.sha256()
for turn in range(3):
    for value in range(15):
        text = f"define i64 @value() {{ ret i64 {value} }}"
        digest.update(*cache.compile_cached([text], cpu.target(), pathlib.Path(sys.argv[1]), limit=6000))
print(digest.hexdigest())
"""


def test_processes_may_fill_and_trim_one_folder_at_once(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    running = [start(PROGRAM, str(tmp_path)) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], outputs
    assert len(set(outputs)) == 1
    assert len(outputs[0].strip()) == 64
    assert 0 < sum(path.stat().st_size for path in entries(tmp_path)) <= 6000


FOREIGN = {
    "the folder is another user's": lambda folder, file: os.chown(folder, 65534, -1),
    "the group writes to the folder": lambda folder, file: folder.chmod(0o770),
    "everybody writes to the folder": lambda folder, file: folder.chmod(0o707),
    "the file is another user's": lambda folder, file: os.chown(file, 65534, -1),
    "the group writes to the file": lambda folder, file: file.chmod(0o620),
    "everybody writes to the file": lambda folder, file: file.chmod(0o602),
    "the file is a link": lambda folder, file: file.rename(folder / "x") and file.symlink_to(folder / "x"),
    "the file is a pipe": lambda folder, file: (file.unlink(), os.mkfifo(file, 0o600)),
}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners")
@pytest.mark.parametrize("how", FOREIGN)
@pytest.mark.parametrize("plan", [None, "evil"])
def test_code_that_others_can_write_is_not_used(tmp_path: Path, how: str, plan: str | None) -> None:
    """Neither an object nor the index; a checksum is right for whoever computes it."""
    if "another" in how and os.geteuid():
        pytest.skip("only the superuser gives files away")
    folder = tmp_path / "objects"
    cache.compile_cached([text(1)], cpu.target(), folder, name=plan)
    name = cache.entry_key(text(1) if plan is None else plan, cpu.target()).hex()
    file = folder / f"{name}{'.object' if plan is None else '.index'}"
    if plan is None:
        file.write_bytes(cache._pack(bytes.fromhex(name), cache.llvm.compile_ir(text(666), cpu.target())))
    else:
        other = cache.entry_key(text(666), cpu.target())
        compiled(666, folder)
        file.write_bytes(cache._pack(bytes.fromhex(name), other))
    FOREIGN[how](folder, file)
    with pytest.warns(cache.CacheWarning, match="RANVIER_CACHE") as caught:
        images = [cache.compile_cached([text(1)], cpu.target(), folder, name=plan) for _ in range(2)]
    assert images == [[cache.llvm.compile_ir(text(1), cpu.target())]] * 2
    assert len(caught) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() > 0, reason="only the superuser gives files away")
def test_code_of_the_superuser_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = compiled(1, tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with cache.forbid_compiling():
        assert compiled(1, tmp_path) == image


def test_without_a_home_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANVIER_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(cache.CacheWarning, match="RANVIER_CACHE") as caught:
        images = [cache.compile_cached([text(value)], cpu.target(), name=f"{value}") for value in (1, 2)]
    assert all(images)
    assert len(caught) == 1
    assert list(tmp_path.iterdir()) == []
