"""Replacing a file as a whole: after a crash at any moment there is the earlier file or the new one, never a mixture.

The bytes go to a temporary file in the same folder, which is flushed to the disk (fsync) and then renamed over the
target; last the folder itself is flushed, because a rename is atomic but not yet durable.
Source: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from ranvier.errors import InputError, RanvierError

Buffer = bytes | bytearray | memoryview
PathLike = str | os.PathLike[str]

TEMPORARY_PREFIX = ".ranvier-"
TEMPORARY_SUFFIX = ".tmp"
_BINARY = getattr(os, "O_BINARY", 0)
_USER_ERRNOS = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EINVAL,
    }
)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_atomically(path: PathLike, data: Buffer | Iterable[Buffer]) -> None:
    """Write a file so that a crash, a full disk or Ctrl-C leaves the earlier file as it was.

    A new file gets the permissions of the user's umask; a replaced one keeps its own. A symbolic link stays, and the
    file it points to is replaced.

    Parameters:
        path: the file to write or replace; its folder must exist.
        data: the bytes, or buffers of bytes that are written one after the other.

    Raises:
        InputError: the path cannot be written (missing folder, a folder, read-only).
        RanvierError: writing failed (the disk is full or broken).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "notes.txt"
    ...     write_atomically(target, [b"forward ", b"backward"])
    ...     target.read_bytes()
    b'forward backward'
    """
    target, mode = _target(path)
    parts = [data] if isinstance(data, bytes | bytearray | memoryview) else data
    try:
        with _temporary(target.parent) as (temporary, descriptor):
            try:
                for part in parts:
                    write_all(descriptor, part)
                if mode is not None and hasattr(os, "fchmod"):
                    with contextlib.suppress(PermissionError):
                        os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise failure(target, error) from error


def check_writable(path: PathLike, reads: Iterable[PathLike] = ()) -> None:
    """Make sure, before hours of work, that a file can be written at `path`; nothing is left behind.

    Parameters:
        path: the file to write.
        reads: what the work reads, which must not be lost; names without a file behind them are passed over.

    Raises:
        InputError: it cannot, or it would replace a file of `reads`; the error says why and what to type.

    >>> check_writable("no-such-folder/model.rv")
    Traceback (most recent call last):
    ...
    ranvier.errors.InputError: The folder "no-such-folder" does not exist; create it with: mkdir -p no-such-folder
    """
    target, mode = _target(path)
    if mode is not None and any(os.path.exists(read) and os.path.samefile(target, read) for read in reads):
        raise InputError(f'"{os.fspath(path)}" would replace a file that is read here; choose another name.')
    try:
        with _temporary(target.parent) as (_, descriptor):
            os.close(descriptor)
    except OSError as error:
        raise failure(target, error) from error


def write_all(descriptor: int, data: Buffer) -> None:
    """Write every byte, however few the system takes at a time; raises OSError."""
    view = memoryview(data)
    if not view.nbytes:
        return
    view = view.cast("B")
    while view:
        written = os.write(descriptor, view)
        if written <= 0:
            raise OSError(errno.EIO, "the system wrote nothing")
        view = view[written:]


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where the system knows how; raises OSError."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed writer left in a folder that this process alone writes to."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


def failure(path: Path, error: OSError) -> RanvierError:
    """What to tell the user about a system error at `path`: InputError where the path is to blame."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return RanvierError(f'The disk is full or its quota used up: "{path}" could not be written; free some space.')
    if error.errno in _USER_ERRNOS:
        return InputError(f'"{path}" cannot be written ({reason}); choose another place.')
    return RanvierError(f'Writing "{path}" failed: {reason}.')


def _target(path: PathLike) -> tuple[Path, int | None]:
    """The file that `path` leads to and, where it exists, its permission bits."""
    text = os.fspath(path)
    if not text or "\0" in text:
        raise InputError(f"The path {text!r} cannot name a file; give a name such as model.rv.")
    try:
        target = Path(os.path.realpath(text))
        try:
            status = os.stat(target)
        except FileNotFoundError:
            _check_folder(Path(text).parent)
            if text.endswith((os.sep, "/")):
                raise InputError(f'"{text}" names a folder; give a file name in it.') from None
            return target, None
        except NotADirectoryError:
            _check_folder(Path(text).parent)
            raise
    except OSError as error:
        raise failure(Path(text), error) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f'"{text}" is a folder; give a file name in it, such as {Path(text) / "model.rv"}.')
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f'"{text}" is not an ordinary file and cannot be replaced; choose another name.')
    if not os.access(target, os.W_OK):
        raise InputError(f'"{text}" is read-only; choose another name, or type: chmod u+w {shlex.quote(text)}')
    return target, stat.S_IMODE(status.st_mode)


def _check_folder(folder: Path) -> None:
    for ancestor in reversed((folder, *folder.parents)):
        if ancestor.exists() and not ancestor.is_dir():
            raise InputError(f'"{ancestor}" is a file, not a folder; choose another place.')
    if not folder.exists():
        raise InputError(f'The folder "{folder}" does not exist; create it with: mkdir -p {shlex.quote(str(folder))}')


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, int]]:
    """A new file that is gone afterwards unless it was renamed; the body closes the descriptor."""
    path = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        yield path, descriptor
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
