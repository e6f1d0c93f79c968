"""ZIP and TAR archives, read without unpacking them to disk.

Nothing in an archive is trusted: names that lead out of it, and sizes that no honest archive has, are refused.
"""

from __future__ import annotations

import re
import stat
import tarfile
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from ranvier.data.sources.file_reference import FileReference, shown
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.source import Source
from ranvier.data.sources.system_files import is_system_name
from ranvier.data.sources.table_among_files import table_from_files
from ranvier.errors import DataError
from ranvier.plural import plural

MAX_TOTAL = 16 << 30
"""Bytes that an archive may have when it is unpacked."""
MAX_RATIO, SMALL = 100, 32 << 20
"""How many times its packed size it, or a member, may unpack to, beyond so many bytes. Pictures and recordings are
packed already and texts unpack to about 4 times their size."""
DRIVE = re.compile(r"[A-Za-z]:")


def read_zip(path: Path, reading: Reading = PLAIN) -> Source:
    """Read the files in a ZIP archive as a table, as `read_folder` reads those in a folder.

    Raises:
        DataError: the archive is damaged, encrypted or unsafe, or holds no files that can be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "notes.zip"
    ...     with ZipFile(path, "w") as archive:
    ...         for name in ("good/1.txt", "bad/2.txt"):
    ...             archive.writestr(name, "words")
    ...     read_zip(path).frame["label"].to_list()
    ['bad', 'good']
    """
    try:
        archive = ZipFile(path)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (BadZipFile, OSError, EOFError, NotImplementedError, ValueError) as error:
        raise DataError(f'"{path}" is no ZIP archive, or a damaged one ({error}). Copy it again.') from error
    total = sum(info.file_size for info in infos)
    _check_size(path, "the archive", total, path.stat().st_size, total)
    files, links = [], 0
    for info in infos:
        name = _checked_name(path, info.filename)
        _check_size(path, f'"{shown(name)}"', info.file_size, info.compress_size, total)
        if info.flag_bits & 1:
            raise DataError(f'"{path}" is encrypted; an archive without a password was expected. Pack it again.')
        if _is_link(info):
            links += 1
        elif _wanted(name):
            files.append(FileReference(shown(name), path, info.filename, archive))
    return table_from_files(files, str(path), _link_notes(links), in_archive=True, reading=reading)


def read_tar(path: Path, reading: Reading = PLAIN) -> Source:
    """Read the files in a TAR archive, packed or not, as a table; their bytes are kept in memory.

    Raises:
        DataError: the archive is damaged or unsafe, or holds no files that can be read.
    """
    files, links, total = [], 0, 0
    packed = path.stat().st_size
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isdir():
                    continue
                name = _checked_name(path, member.name)
                total += member.size
                _check_size(path, "the archive", total, packed, total)
                if not member.isreg():
                    links += 1
                elif _wanted(name):
                    content = archive.extractfile(member)
                    if content is not None:
                        files.append(FileReference(shown(name), path, member.name, content=content.read()))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f'"{path}" is no TAR archive, or a damaged one ({error}). Copy it again.') from error
    return table_from_files(files, str(path), _link_notes(links), in_archive=True, reading=reading)


def _checked_name(path: Path, name: str) -> str:
    """The name of a member with "/" between its parts."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or DRIVE.match(plain) or ".." in plain.split("/"):
        raise DataError(
            f'"{path}" holds "{shown(name)[:80]}", a path that leads out of the archive; paths inside it were '
            "expected. It may be an attack: do not unpack it, and take the archive from another place."
        )
    return "/".join(part for part in plain.split("/") if part not in ("", "."))


def _check_size(path: Path, what: str, size: int, packed: int, total: int) -> None:
    """Refuse what would fill the memory.

    Parameters:
        what: what has these sizes, for the message.
        size, packed: its bytes unpacked and packed.
        total: the bytes of all members so far, unpacked.
    """
    if total > MAX_TOTAL or (size > SMALL and size > MAX_RATIO * max(packed, 1)):
        raise DataError(
            f'"{path}" is refused: {what} would unpack from {packed:,} to {size:,} bytes, like an archive made to fill '
            f"the memory; at most {MAX_RATIO} times as many, and {MAX_TOTAL >> 30} GiB in all, were expected. If you "
            "trust it, unpack it yourself and give the folder."
        )


def _is_link(info: ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _wanted(name: str) -> bool:
    return bool(name) and not any(is_system_name(part) for part in name.split("/"))


def _link_notes(links: int) -> tuple[str, ...]:
    if not links:
        return ()
    return (f"{plural(links, 'link in the archive was', 'links in the archive were')} left out.",)
