"""ZIP and TAR archives: the same table as the folder, nothing on disk, and nothing that leads out or blows up."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ranvier.data import Table, open_source
from ranvier.errors import DataError
from tests.data.media_files import pets, png, write_tree

Files = dict[str, bytes]


def pack_zip(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def pack_tar(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix != ".tar" else "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


PACKERS: dict[str, Callable[[Path, Files], Path]] = {
    "data.zip": pack_zip,
    "data.tar.gz": pack_tar,
    "data.tgz": pack_tar,
    "data.tar": pack_tar,
}
each_archive = pytest.mark.parametrize("name", PACKERS)


def opened(path: Path) -> Table:
    source = open_source(path)
    assert isinstance(source, Table)
    return source


def contents(source: Table) -> list[tuple[str, bytes, str]]:
    files, labels = source.frame["file"].to_list(), source.frame["label"].cast(str).to_list()
    return [(str(file), file.read(), label) for file, label in zip(files, labels, strict=True)]


@each_archive
def test_an_archive_is_the_table_of_its_folder(tmp_path: Path, name: str) -> None:
    files = {**pets(3), "__MACOSX/cats/._1.png": b"\0", "cats/.DS_Store": b"\0"}
    before = set(tmp_path.iterdir()) | {tmp_path / name, tmp_path / "folder"}
    packed = opened(PACKERS[name](tmp_path / name, files))
    assert contents(packed) == contents(opened(write_tree(tmp_path / "folder", files)))
    assert set(tmp_path.iterdir()) == before


@each_archive
def test_outer_folders_and_parts(tmp_path: Path, name: str) -> None:
    files = pets(3, "photos/v1/train/") | pets(1, "photos/v1/test/") | {"LICENSE.md": b"terms"}
    packed = opened(PACKERS[name](tmp_path / name, files))
    train = packed.part("train")
    assert train is not None
    assert (train.rows, packed.rows) == (6, 8)
    assert set(packed.frame["label"].cast(str)) == {"cats", "dogs"}


def test_back_slashes_stand_between_folders(tmp_path: Path) -> None:
    packed = opened(pack_zip(tmp_path / "w.zip", {"cats\\1.png": png(), "dogs\\2.png": png()}))
    assert packed.frame["label"].cast(str).to_list() == ["cats", "dogs"]


@each_archive
@pytest.mark.parametrize("member", ["../evil.png", "cats/../../evil.png", "/etc/evil.png", "C:\\evil.png"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str, member: str) -> None:
    path = PACKERS[name](tmp_path / name, {**pets(), member: png()})
    with pytest.raises(DataError, match="leads out of the archive; paths inside it were expected"):
        open_source(path)


@each_archive
def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, name: str) -> None:
    if name == "data.tar":
        pytest.skip("a TAR archive that is not packed cannot grow")
    path = PACKERS[name](tmp_path / name, {**pets(), "cats/big.png": bytes(40 << 20)})
    with pytest.raises(DataError, match=r"is refused: .* would unpack from .* were expected"):
        open_source(path)


def test_links_are_left_out(tmp_path: Path) -> None:
    path = pack_tar(tmp_path / "data.tar", pets())
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("cats/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert (opened(path).rows, opened(path).notes) == (4, ("1 link in the archive was left out.",))
    packed = tmp_path / "data.zip"
    with zipfile.ZipFile(pack_zip(packed, pets()), "a") as zipped:
        info = zipfile.ZipInfo("cats/link.png")
        info.external_attr = 0o120777 << 16
        zipped.writestr(info, "/etc/passwd")
    assert opened(packed).rows == 4


@each_archive
def test_damaged_archives_are_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for data in (b"", b"not an archive at all", PACKERS[name](tmp_path / name, pets()).read_bytes()[:90]):
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            open_source(path)
        assert "archive" in str(caught.value) or "holds no files" in str(caught.value)


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "data.zip", {"cats/1.txt": b"words " * 50, "dogs/1.txt": b"more"})
    data = bytearray(path.read_bytes())
    data[50] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"cats/1.txt"):
        open_source(path)
