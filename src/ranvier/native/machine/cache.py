"""Compiled objects on disk, so that a network compiled before starts at once.

One file per object, named by the SHA-256 of everything that decides the code. A file is
    magic (16 bytes) | key (32) | length of the object (8, little-endian) | SHA-256 of all the rest (32) | object
so that files that are damaged, truncated or not ours are detected, removed and compiled again. Files appear complete,
by rename, so processes may share the folder. An unusable folder costs one warning and never the run.

A caller that can name its modules without writing their IR passes that name. An index file named by it, of the same
form, holds the keys of the objects, so that the IR need not be written.

Whoever can write an object can make this process run it, and anyone can compute a checksum. So only files that nobody
else can have written are used (own_files.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ranvier import settings, user_warnings
from ranvier.errors import EngineError
from ranvier.native.machine import cpu, dump, llvm, own_files
from ranvier.native.machine.target import Target

LIMIT = 256 << 20
LOOKS = 64
"""How often a folder is looked through, to see whether it fits, while as many bytes are stored as it may hold.

To look takes a millisecond for each 150 files, which is more than to compile a small network."""
MAX_THREADS = 8
"""The most threads that compile at once; with more, the largest module alone would decide the time."""
_MAGIC = b"ranvier object 1"
_HEADER = struct.Struct("<16s32sQ32s")
_NAME_BYTES = hashlib.sha256().digest_size
_SUFFIX = ".object"
_INDEX = ".index"
_UNFINISHED = ".unfinished"
_UNFINISHED_SECONDS = 3600.0

_forbidden = threading.local()
_warned: set[Path] = set()


class CacheWarning(RuntimeWarning):
    """Compiled code cannot be kept on disk, so the next start compiles again."""


def compile_cached(
    ir_texts: Iterable[str],
    target: Target,
    folder: Path | None = None,
    limit: int = LIMIT,
    name: str | None = None,
) -> list[bytes]:
    """The objects of modules that belong together, read from disk if they were compiled before.

    Parameters:
        ir_texts, target: see `llvm.compile_all`.
        folder: where objects are kept; None for the folder "objects" in the setting RANVIER_CACHE. Where that is not
            known either, nothing is kept.
        limit: the most bytes the folder may hold, but for the last few; the least recently used files are removed
            first.
        name: a unique name of the modules, or None. If the index knows it, the texts are not generated.

    Raises:
        EngineError: a text is not valid IR.
    """
    folder = _default_folder() if folder is None else folder
    dump_folder = settings.read().dump
    # Without the index all texts are written, so that they can be dumped.
    index = None if name is None or dump_folder else entry_key(name, target)
    keys_text = None if index is None else _load(folder, index, _INDEX)
    if keys_text is not None:
        listed_images = [_load(folder, key) for key in _cut(keys_text)]
        readable = [image for image in listed_images if image is not None]
        if len(readable) == len(listed_images):
            return readable
    keys: list[bytes] = []
    images: dict[bytes, bytes] = {}
    fresh: list[bytes] = []
    texts: dict[bytes, str] = {}

    def missing() -> Iterator[str]:
        for text in ir_texts:
            key = entry_key(text, target)
            keys.append(key)
            if dump_folder:
                texts[key] = text
            image = _load(folder, key)
            if image is not None:
                images[key] = image
            elif getattr(_forbidden, "depth", 0):
                raise EngineError(f"Compiling is forbidden here, and {folder} does not hold this code.")
            else:
                fresh.append(key)
                yield text

    compiled = llvm.compile_all(missing(), target, threads=min(MAX_THREADS, cpu.default_threads()))
    images.update(zip(fresh, compiled, strict=True))
    if dump_folder:
        for key, text in texts.items():
            dump.write_module(dump_folder, text, llvm.assembly(text, target), images[key])
    if folder is not None:
        try:
            for key in fresh:
                _store(folder / (key.hex() + _SUFFIX), key, images[key])
            if index is not None and keys_text != b"".join(keys):
                _store(folder / (index.hex() + _INDEX), index, b"".join(keys))
            if fresh and looks_through(fresh[0], sum(len(images[key]) for key in fresh), limit):
                _trim(folder, limit)
        except OSError as error:
            # Without its index entry, a sound object in a read-only folder serves all the same, only later.
            if fresh:
                _warn(folder, error)
    return [images[key] for key in keys]


def _default_folder() -> Path | None:
    cache = settings.read().cache
    if cache is None:
        _warn(Path("~/.cache/ranvier"), OSError("there is no home folder"))
        return None
    return cache / "objects"


def entry_key(ir_text: str, target: Target) -> bytes:
    """The name of an object: a SHA-256 over everything that decides which code comes out."""
    parts = (ir_text, llvm.version(), llvm.options_text(target), target.triple, target.cpu, ",".join(target.features))
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(struct.pack("<Q", len(data)))
        digest.update(data)
    return digest.digest()


def load_cached(ir_text: str, target: Target, name: str) -> llvm.Library:
    """The functions of a module, in this process.

    Parameters:
        ir_text: the module.
        target: the processor that it was written for.
        name: the name of the code in messages.
    """
    return llvm.load_objects(compile_cached([ir_text], target), name)


@contextlib.contextmanager
def forbid_compiling() -> Iterator[None]:
    """While this holds, `compile_cached` in this thread raises EngineError instead of compiling; for tests."""
    _forbidden.depth = getattr(_forbidden, "depth", 0) + 1
    try:
        yield
    finally:
        _forbidden.depth -= 1


def _cut(keys_text: bytes) -> list[bytes]:
    """The names of objects in an index entry."""
    return [keys_text[at : at + _NAME_BYTES] for at in range(0, len(keys_text), _NAME_BYTES)]


def _load(folder: Path | None, key: bytes, suffix: str = _SUFFIX) -> bytes | None:
    """The object or index entry of a key; None if there is no sound one of this user's."""
    if folder is None:
        return None
    path = folder / (key.hex() + suffix)
    try:
        data = own_files.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn(folder, error)
        return None
    image = _unpack(data, key)
    try:
        if image is None:
            path.unlink(missing_ok=True)
        else:
            os.utime(path)
    except OSError as error:
        # A sound entry in a read-only folder serves all the same; only its time of use is not kept.
        if image is None:
            _warn(folder, error)
    return image


def _pack(key: bytes, image: bytes) -> bytes:
    return _HEADER.pack(_MAGIC, key, len(image), _checksum(key, image)) + image


def _unpack(data: bytes, key: bytes) -> bytes | None:
    if len(data) < _HEADER.size:
        return None
    magic, stored_key, length, checksum = _HEADER.unpack_from(data)
    image = data[_HEADER.size :]
    sound = magic == _MAGIC and stored_key == key and length == len(image) and checksum == _checksum(key, image)
    return image if sound else None


def _checksum(key: bytes, image: bytes) -> bytes:
    digest = hashlib.sha256(_MAGIC + key + struct.pack("<Q", len(image)))
    digest.update(image)
    return digest.digest()


def _store(path: Path, key: bytes, image: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own_files.check_folder(path.parent)
    handle, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_pack(key, image))
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def looks_through(key: bytes, stored: int, limit: int) -> bool:
    """Whether the folder is looked through, after so many bytes more were stored.

    Processes that share a folder do not count together. So the digest of what was stored decides like a die: on average
    a folder is looked through each time that a part, 1 / LOOKS, of what it may hold was stored.

    >>> looks_through(bytes(32), 1_000, 1 << 30), looks_through(bytes([255] * 32), 1_000, 1 << 30)
    (True, False)
    """
    return int.from_bytes(key[:8], "big") * limit < LOOKS * stored << 64


def _trim(folder: Path, limit: int) -> None:
    """Remove what was used longest ago until the folder fits, and what a killed process left unfinished."""
    entries = []
    now = time.time()
    with os.scandir(folder) as files:
        for file in files:
            # Another process may remove files at the same time.
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                if file.name.endswith((_SUFFIX, _INDEX)):
                    entries.append((status.st_mtime_ns, status.st_size, file.path))
                elif file.name.endswith(_UNFINISHED) and now - status.st_mtime > _UNFINISHED_SECONDS:
                    Path(file.path).unlink()
    total = sum(size for _, size, _ in entries)
    for _, size, name in sorted(entries):
        if total <= limit:
            break
        Path(name).unlink(missing_ok=True)
        total -= size


def _warn(folder: Path, error: OSError) -> None:
    if folder in _warned:
        return
    _warned.add(folder)
    advice = "set RANVIER_CACHE to a folder that you, and no one else, can write to"
    message = f"Compiled code cannot be kept in {folder} ({error}); {advice}."
    user_warnings.warn(CacheWarning(message))
