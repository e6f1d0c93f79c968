"""Which reader opens which file: a line for each, its code in a file of its own. Tables have `table_formats.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ranvier.data.sources.arrays import is_idx, read_idx, read_npz
from ranvier.data.sources.fasttext import is_fasttext_file
from ranvier.data.sources.file_content import HEAD, IMAGE_ENDINGS, SOUND_ENDINGS, TEXT_ENDINGS, content_kind
from ranvier.data.sources.files import PACKED, read_bytes, unpacked
from ranvier.data.sources.reading import Reading
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_formats import TABLE_FORMATS, read_table_file
from ranvier.data.sources.table_in_text import SAMPLE_BYTES, is_table
from ranvier.errors import DataError


def _read_table(ending: str, path: Path, reading: Reading) -> Source:
    return read_table_file(path, ending, reading)


def _read_npz(path: Path, _: Reading) -> Source:
    return read_npz(path)


def _read_idx(path: Path, _: Reading) -> Source:
    return read_idx(path)


def _read_zip(path: Path, reading: Reading) -> Source:
    from ranvier.data.sources.archive import read_zip

    return read_zip(path, reading)


def _read_tar(path: Path, reading: Reading) -> Source:
    from ranvier.data.sources.archive import read_tar

    return read_tar(path, reading)


def _read_one(path: Path, reading: Reading) -> Source:
    from ranvier.data.sources.fasttext import fasttext_table, is_fasttext
    from ranvier.data.sources.file_reference import FileReference, shown
    from ranvier.data.sources.file_tree import TEXT, one_file

    is_packed = path.suffix.lower() in PACKED
    is_text = _without_packing(path.name.lower()).endswith(TEXT_ENDINGS)
    if is_text and _is_table(path, reading):
        return _read_table(".csv", path, reading)
    name = _without_packing(str(path)) if is_packed else str(path)
    table = one_file(FileReference(shown(name), path, content=read_bytes(path) if is_packed else None))
    text = table.frame[TEXT][0] if table.kinds.get(TEXT) == "text" else ""
    return fasttext_table(text, table.origin, table.notes) if is_fasttext(text) else table


def _without_packing(name: str) -> str:
    """The name of a file without the end that says how it is packed."""
    return name.rpartition(".")[0] if name.lower().endswith(tuple(PACKED)) else name


READERS: dict[str, Callable[[Path, Reading], Source]] = {
    **{ending: partial(_read_table, ending) for ending in TABLE_FORMATS},
    ".npz": _read_npz,
    ".idx": _read_idx,
    ".csv.gz": partial(_read_table, ".csv"),
    ".tsv.gz": partial(_read_table, ".tsv"),
    ".idx.gz": _read_idx,
    ".zip": _read_zip,
    **dict.fromkeys((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"), _read_tar),
    ".txt": _read_one,
}
SUFFIXES = tuple(READERS)
ENDINGS = frozenset(
    (
        *(f".{part}" for suffix in SUFFIXES for part in suffix.split(".")[1:]),
        *PACKED,
        *IMAGE_ENDINGS,
        *SOUND_ENDINGS,
        *TEXT_ENDINGS,
    )
)
"""All ends of the names of files that are read, those of packed files apart from what they hold."""
ADVICE = (
    ((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), "Save it as CSV from the spreadsheet program"),
    ((".7z", ".rar", ".lz4", ".z", ".br", ".tar.zst"), "Unpack it, and give the file that was in it"),
    (
        (".orc", ".sav", ".dta", ".sas7bdat", ".xpt", ".rds", ".rdata", ".rda", ".mat"),
        "Write it as CSV or Parquet from the program that it is of",
    ),
    ((".h5", ".hdf5", ".nc", ".pkl", ".pickle", ".avro"), "Write it as CSV or Parquet from the program that it is of"),
    ((".arff", ".tfrecord", ".svm", ".libsvm", ".xml", ".yaml", ".yml"), "Give the data as CSV, Parquet or JSON Lines"),
    ((".pdf", ".doc", ".docx", ".pptx", ".rtf", ".odt", ".html", ".htm"), "Give the table in it as CSV"),
    ((".npy",), "Write it with numpy.savez(path, X=inputs, y=targets)"),
    ((".rv",), "It is a trained model, and data were expected; the command that uses it is ranvier predict MODEL DATA"),
    ((".sqlite", ".sqlite3", ".db", ".mdb", ".accdb"), "Write the table as CSV from the database"),
)
"""Ends of names that are read by other programs, and what to do."""
USUAL = ".csv, .tsv, .parquet, .feather, .jsonl, .json, .npz, .zip or .txt"


def without_endings(name: str) -> str:
    """The name of a file without what says how it is written.

    >>> without_endings("Adult.CSV.gz"), without_endings("notes.md"), without_endings("v1.2")
    ('Adult', 'notes', 'v1.2')
    """
    while Path(name).suffix.lower() in ENDINGS:
        name = Path(name).stem
    return name


def reader_of(path: Path) -> Callable[[Path, Reading], Source]:
    """The function that reads a file, by the end of its name.

    Raises:
        DataError: no reader knows such files.

    >>> reader_of(Path("rows.CSV")) is READERS[".csv"]
    True
    """
    if is_idx(path):
        return _read_idx  # MNIST's files are known by the middle of their names.
    name = path.name.lower()
    if _without_packing(name).endswith((*TABLE_FORMATS, *TEXT_ENDINGS)):
        name = _without_packing(name)
    reader = next((READERS[suffix] for suffix in SUFFIXES if name.endswith(suffix)), None)
    if reader is not None:
        return reader
    has_ending = name.endswith((*IMAGE_ENDINGS, *SOUND_ENDINGS, *TEXT_ENDINGS))
    if has_ending or _is_picture_or_recording(path) or is_fasttext_file(path):
        return _read_one
    suffix = "".join(Path(name).suffixes[-2:]) if name.endswith(tuple(PACKED)) else Path(name).suffix
    advice = next((advice for endings, advice in ADVICE if suffix.endswith(endings)), "")
    if advice:
        raise DataError(f'"{path}" ends in {suffix}; such files are not read here. {advice}.')
    raise DataError(
        f'"{path}" {f"ends in {suffix}" if suffix else "has no ending"}, which says no kind of file that is read here, '
        f"such as {USUAL}. Rename it if it is one of these."
    )


def _is_table(path: Path, reading: Reading) -> bool:
    """Whether a text is a table with the columns that are asked for."""
    try:
        with path.open("rb") as file:
            data = file.read(-1 if path.suffix.lower() in PACKED else SAMPLE_BYTES)
        return is_table(unpacked(data, path), f'"{path}"', reading)
    except (OSError, DataError):
        return False


def _is_picture_or_recording(path: Path) -> bool:
    """Whether the first bytes of a file whose name says nothing are those of a picture or a recording."""
    try:
        with path.open("rb") as file:
            return content_kind(file.read(HEAD), "") in ("image", "sound")
    except OSError:
        return False
