"""Atomic file replacement: after a crash at any time the path holds the earlier file or the new one, never a mixture.

The bytes are written to a temporary file in the same folder, flushed to disk (fsync), and renamed over the target. Then
the folder is flushed, because a rename is atomic but not durable before that.
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
_DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_atomically(path: PathLike, data: Buffer | Iterable[Buffer]) -> None:
    """Write a file so that a crash, a full disk or Ctrl-C leaves the earlier file unchanged.

    A new file gets the permissions of the user's umask; a replaced file keeps its permissions. For a symbolic link,
    the file it points to is replaced.

    Parameters:
        path: the file to write or replace; its folder must exist.
        data: the bytes, or buffers of bytes to write in order.

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
        raise os_error(target, error) from error


def check_writable(path: PathLike, reads: Iterable[PathLike] = ()) -> None:
    """Check, before a long computation, that a file can be written at `path`. Leaves no file behind.

    Parameters:
        path: the file to write.
        reads: the paths that the computation reads, which must not be overwritten; missing files are ignored.

    Raises:
        InputError: the file cannot be written, or `path` is one of `reads`; the message says what to type.

    >>> check_writable("no-such-folder/model.rv")
    Traceback (most recent call last):
    ...
    ranvier.errors.InputError: The folder "no-such-folder" does not exist; create it with: mkdir -p no-such-folder
    """
    target, mode = _target(path)
    if mode is not None and any(os.path.exists(read) and os.path.samefile(target, read) for read in reads):
        raise InputError(f'"{os.fspath(path)}" is also an input file; choose another name for the output.')
    try:
        with _temporary(target.parent) as (_, descriptor):
            os.close(descriptor)
    except OSError as error:
        raise os_error(target, error) from error


def write_all(descriptor: int, data: Buffer) -> None:
    """Write all bytes, repeating short writes. Raises OSError."""
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
    """Flush a folder's entries to disk, where the system supports it. Raises OSError."""
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
    """Remove temporary files of a killed process from a folder that only this process writes to."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*{TEMPORARY_SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()


def os_error(path: Path, error: OSError) -> RanvierError:
    """The error for the user after a system error at `path`: InputError if another path would help."""
    reason = error.strerror or str(error)
    if error.errno in _DISK_FULL_ERRNOS:
        return RanvierError(
            f'The disk is full or the quota is exceeded: "{path}" could not be written; free some space.'
        )
    if error.errno in _USER_ERRNOS:
        return InputError(f'"{path}" cannot be written ({reason}); choose another path.')
    return RanvierError(f'Writing "{path}" failed: {reason}.')


def _target(path: PathLike) -> tuple[Path, int | None]:
    """The file that `path` resolves to, and its permission bits if it exists."""
    text = os.fspath(path)
    if not text or "\0" in text:
        raise InputError(f"The path {text!r} cannot name a file; use a name such as model.rv.")
    try:
        target = Path(os.path.realpath(text))
        try:
            status = os.stat(target)
        except FileNotFoundError:
            _check_folder(Path(text).parent)
            if text.endswith((os.sep, "/")):
                raise InputError(f'"{text}" names a folder; give the name of a file in it.') from None
            return target, None
        except NotADirectoryError:
            _check_folder(Path(text).parent)
            raise
    except OSError as error:
        raise os_error(Path(text), error) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f'"{text}" is a folder; give the name of a file in it.')
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f'"{text}" is not an ordinary file and cannot be replaced; choose another name.')
    if not os.access(target, os.W_OK):
        raise InputError(f'"{text}" is read-only; choose another name, or type: chmod u+w {shlex.quote(text)}')
    return target, stat.S_IMODE(status.st_mode)


def _check_folder(folder: Path) -> None:
    for ancestor in reversed((folder, *folder.parents)):
        if ancestor.exists() and not ancestor.is_dir():
            raise InputError(f'"{ancestor}" is a file, not a folder; choose another path.')
    if not folder.exists():
        raise InputError(f'The folder "{folder}" does not exist; create it with: mkdir -p {shlex.quote(str(folder))}')


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, int]]:
    """A new file, removed at the end unless the body renames it; the body closes the descriptor."""
    path = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        yield path, descriptor
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
