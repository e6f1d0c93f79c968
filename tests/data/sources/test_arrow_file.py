"""Files of Apache Arrow: all ways to write one, damaged ones, and one within an archive or on standard input."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ranvier.data import infer_schema, open_source
from ranvier.data.sources.standard_input import open_standard_input
from ranvier.errors import DataError

FRAME = pl.DataFrame(
    {
        "age": [39, None, 50],
        "job": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        "user": [{"city": "x"}, {"city": "y"}, {"city": None}],
        "income": ["low", "high", "low"],
    }
)


def written(stream: bool = False, compression: Any = "uncompressed") -> bytes:
    """The bytes of the frame."""
    buffer = io.BytesIO()
    (FRAME.write_ipc_stream if stream else FRAME.write_ipc)(buffer, compression=compression)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["rows.feather", "rows.arrow", "ROWS.Feather"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_the_rows_of_a_file(name: str, stream: bool, compression: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(written(stream, compression))
    table = open_source(tmp_path / name)
    assert tuple(table.column_names) == ("age", "job", "user.city", "income")
    assert table.frame["age"].to_list() == [39, None, 50]
    assert table.frame["user.city"].to_list() == ["x", "y", None]
    assert {column.name: column.kind for column in infer_schema(table.frame, "income")}["job"] == "category"


def test_pandas_writes_what_is_read(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"size": [1.5, None], "shop": pandas.Categorical([3, 17]), "y": ["a", "b"]})
    frame.to_feather(tmp_path / "rows.feather")
    table = open_source(tmp_path / "rows.feather")
    assert table.frame["size"].to_list() == [1.5, None]
    assert infer_schema(table.frame, "y")[1].kind == "category"


def test_a_file_in_an_archive_and_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("rows.feather", written())
    assert open_source(tmp_path / "rows.zip").rows == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written())))
    assert open_standard_input().rows == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (written()[:200], "is a damaged Arrow file"),
        (b"ARROW1\x00\x00", "is a damaged Arrow file"),
        (b"\xff\xff\xff\xff\x00\x01", "is a damaged Arrow file"),
        (b"FEA1\x00\x00", "first version of Feather"),
        (b"age,income\n39,low\n", "is text and no Arrow file, whatever its name says; if it is CSV"),
        (b"PAR1\x00\x00PAR1", "is a Parquet file and not an Arrow file"),
        (bytes(range(256)), "is no Arrow file"),
    ],
)
def test_what_is_no_arrow_file_is_reported(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "rows.feather").write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_source(tmp_path / "rows.feather")


def test_an_arrow_file_under_another_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(written())
    with pytest.raises(DataError, match=r"is an Arrow file .* End its name in \.feather"):
        open_source(tmp_path / "rows.csv")


def test_files_without_columns_or_rows(tmp_path: Path) -> None:
    for frame, message in ((pl.DataFrame(), "no columns"), (FRAME.clear(), "no rows")):
        frame.write_ipc(tmp_path / "rows.feather")
        with pytest.raises(DataError, match=message):
            open_source(tmp_path / "rows.feather")
