"""One table, however it is packed: compressed alone, in an archive, compressed inside one."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ranvier.data import open_source
from ranvier.data.sources.reading import Reading
from ranvier.errors import DataError

TEXT = "x,label\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(6)) + '7,"ü, é"\n'
BYTES = TEXT.encode()


def zstandard(data: bytes) -> bytes:
    """A frame of Zstandard with one block that is stored as it is, as RFC 8878 has it."""
    return b"\x28\xb5\x2f\xfd\x00\x58" + (len(data) << 3 | 1).to_bytes(3, "little") + data


def zipped(**members: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return memory.getvalue()


def tarred(mode: str) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("rows.csv")
        member.size = len(BYTES)
        archive.addfile(member, io.BytesIO(BYTES))
    return memory.getvalue()


PACKED: dict[str, Callable[[], bytes]] = {
    "rows.csv.gz": lambda: gzip.compress(BYTES),
    "rows.csv.bz2": lambda: bz2.compress(BYTES),
    "rows.csv.xz": lambda: lzma.compress(BYTES),
    "rows.csv.lzma": lambda: lzma.compress(BYTES, lzma.FORMAT_ALONE),
    "rows.csv.zst": lambda: zstandard(BYTES),
    "rows.CSV.ZST": lambda: zstandard(BYTES),
    "rows.data": lambda: BYTES,
    "rows.data.gz": lambda: gzip.compress(BYTES),
    "rows.txt.gz": lambda: gzip.compress(BYTES),
    "rows.txt.zst": lambda: zstandard(BYTES),
    "rows.csv.zip": lambda: zipped(rows_csv=BYTES),
    "packed.zip": lambda: zipped(rows_csv_gz=gzip.compress(BYTES)),
    "text.zip": lambda: zipped(rows_txt=BYTES),
    "uci.zip": lambda: zipped(rows_data=BYTES, rows_names=b"1. Title: rows"),
    "dat.zip": lambda: zipped(rows_dat=BYTES, README_md=b"What the columns mean."),
    "rows.tar.bz2": lambda: tarred("w:bz2"),
    "rows.tar.xz": lambda: tarred("w:xz"),
    "rows.txz": lambda: tarred("w:xz"),
    "rows.tbz2": lambda: tarred("w:bz2"),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_table_is_the_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name]())
    source = open_source(tmp_path / name, reading=Reading(names=frozenset({"label"})))
    assert source.frame.to_dict(as_series=False) == {  # type: ignore[attr-defined]
        "x": [*map(str, range(6)), "7"],
        "label": ["a", "b", "a", "b", "a", "b", "ü, é"],
    }


def test_json_alone_in_an_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.zip").write_bytes(zipped(rows_json=b'[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]'))
    frame = open_source(tmp_path / "rows.zip").frame  # type: ignore[attr-defined]
    assert frame.equals(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zstandard(BYTES)[:20], "is damaged: it cannot be unpacked as Zstandard"),
        (BYTES, "is not packed with Zstandard, although its name says so. Take .zst off it."),
        (zstandard("ü".encode("latin-1")), "holds no text in UTF-8. Unpack it, and give the file that was in it."),
        (zstandard(b""), "is empty. A file with a header line and rows was expected."),
    ],
)
def test_what_zstandard_did_not_pack_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "rows.csv.zst").write_bytes(data)
    with pytest.raises(DataError) as caught:
        open_source(tmp_path / "rows.csv.zst")
    assert says in str(caught.value)
