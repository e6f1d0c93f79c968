"""Files in folders as a table: a column of files, their class folders as labels, train/ and test/ as parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.data.sources.array_parts import PARTS
from ranvier.data.sources.file_content import HEAD, content_kind, is_binary
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.natural_order import natural_key
from ranvier.data.sources.table_formats import IN_FOLDERS
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import GUESSED, decode_text
from ranvier.errors import DataError
from ranvier.plural import plural

if TYPE_CHECKING:
    import polars as pl

FILE, TEXT, LABEL = "file", "text", "label"
SINGULARS = {"image": "picture", "sound": "recording", "text": "text"}
EXPECTED = "a folder for each class with its files in it was expected, such as cats/1.jpg and dogs/1.jpg"


def table_of_files(
    files: Sequence[FileReference], origin: str, notes: tuple[str, ...] = (), in_archive: bool = False
) -> Table:
    """The table of the files below one folder.

    Parameters:
        files: named by their paths from that folder; no system files among them.
        origin: the folder or archive.
        notes: what was found while listing them.
        in_archive: whether they are members of an archive, which often holds all of them in one outer folder.

    Returns a table in the natural order of the names, with the column "file" of references, or "text" of texts; "label"
    where there are class folders, an enumeration in natural order; `parts` where there are train/ and test/ folders.

    Raises:
        DataError: no file is a picture, a recording or a text.
    """
    files = sorted(files, key=lambda file: natural_key(file.name))
    kind, positions, left_out = _of_one_kind(files, origin, in_archive)
    files = [files[at] for at in positions]
    paths = [file.name.split("/") for file in files]
    while in_archive and len({path[0] for path in paths}) == 1 and all(len(path) > 2 for path in paths):
        paths = [path[1:] for path in paths]
    parts, paths = _parts(paths)
    labelled = [at for at, path in enumerate(paths) if len(path) > 1]
    if labelled and len(labelled) < len(files):
        left_out.append(f"{plural(len(files) - len(labelled), SINGULARS[kind])} beside the class folders")
        files, paths = [files[at] for at in labelled], [paths[at] for at in labelled]
        parts = None if parts is None else parts[labelled]
    if left_out:
        notes = (*notes, f"Left out: {', '.join(left_out)}.")
    columns, more = _file_column(kind, files)
    problem = _problem(kind, paths, files, origin)
    if labelled:
        columns.append(_labels([path[0] for path in paths]))
    import polars as pl

    return Table(
        pl.DataFrame(columns),
        origin,
        LABEL if labelled else None,
        (*notes, *more),
        _kinds(kind),
        parts=parts,
        row_names=np.array([file.name for file in files], object) if kind == "text" else None,
        problem=problem,
    )


def one_file(file: FileReference) -> Table:
    """A single picture, recording or text as a table of one row.

    Raises:
        DataError: the file cannot be read, or is neither.

    >>> one_file(FileReference("a.txt", content=b"words")).frame["text"].to_list()
    ['words']
    """
    kind, _, _ = _of_one_kind([file], file.name)
    columns, notes = _file_column(kind, [file])
    import polars as pl

    problem = f'"{file.name}" is one file without a label; {EXPECTED}.'
    return Table(pl.DataFrame(columns), file.name, None, notes, _kinds(kind), problem=problem)


def several_tables(names: Sequence[str], origin: str, in_archive: bool) -> DataError:
    """What to say of a folder that holds several tables and nothing that says which one is meant.

    >>> several_tables(["a.csv", "b.csv"], "rows", False).args
    ('"rows" holds 2 tables (a.csv, b.csv), and one was expected. Give one of them.',)
    """
    shown = ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
    where = "Unpack it, and give one of them" if in_archive else "Give one of them"
    return DataError(f'"{origin}" holds {len(names)} tables ({shown}), and one was expected. {where}.')


def _parts(paths: list[list[str]]) -> tuple[Any, list[list[str]]]:
    """The part of each file where the outermost folders are parts, and the paths inside them."""
    outer = {path[0].lower() for path in paths if len(path) > 1}
    if not outer or not outer <= set(PARTS):
        return None, paths
    inside = [path[1:] if len(path) > 1 else path for path in paths]
    return np.array([PARTS.get(path[0].lower(), "") for path in paths], np.str_), inside


def _of_one_kind(files: Sequence[FileReference], origin: str, in_archive: bool = False) -> tuple[str, Any, list[str]]:
    """The kind that most files have, the files of that kind, and what is left out, in words."""
    kinds = np.array([_kind(file, len(files) == 1) for file in files], np.str_)
    counts = Counter(kind for kind in kinds.tolist() if kind)
    if not counts:
        raise _of_no_kind(files, origin, in_archive)
    kind = max(counts, key=lambda name: (counts[name], name == "image"))
    others = [file for file, other in zip(files, kinds.tolist(), strict=True) if other != kind]
    names = ", ".join(file.name for file in others[:3]) + (" and more" if len(others) > 3 else "")
    counted = plural(len(others), "file that is", "files that are")
    left_out = [f"{counted} no {SINGULARS[kind]} ({names})"] if others else []
    return kind, np.flatnonzero(kinds == kind), left_out


def _kind(file: FileReference, alone: bool) -> str:
    """The kind of a file; "" for none, as for bytes called a text, unless it is `alone`: then reading it says why."""
    head = file.read(HEAD)
    kind = content_kind(head, file.name) or ""
    return "" if kind == "text" and not alone and is_binary(head) else kind


def _of_no_kind(files: Sequence[FileReference], origin: str, in_archive: bool) -> DataError:
    """What to say of files none of which is a picture, a recording or a text."""
    tables = [file.name for file in files if file.name.lower().endswith(IN_FOLDERS)]
    if len(tables) > 1 and len(tables) == len(files):
        return several_tables(tables, origin, in_archive)
    endings = Counter("." + file.name.rsplit(".", 1)[1].lower() for file in files if "." in file.name[1:])
    ending_names = ", ".join(ending for ending, _ in endings.most_common(5))
    of_endings = f" ({ending_names})" if ending_names else ""
    what = f"{plural(len(files), 'file')}{of_endings} and no picture, recording or text" if files else "no files"
    return DataError(f'"{origin}" holds {what}; {EXPECTED}.')


def _file_column(kind: str, files: Sequence[FileReference]) -> tuple[list[pl.Series], tuple[str, ...]]:
    """The column of the files, or of what is written in them; and notes on how they were read."""
    import polars as pl

    if kind != "text":
        return [pl.Series(FILE, list(files), dtype=pl.Object)], ()
    decoded = [decode_text(file.read()) for file in files]
    odd = [file.name for file, (_, encoding) in zip(files, decoded, strict=True) if encoding in GUESSED]
    more = f" and {len(odd) - 3:,} more" if len(odd) > 3 else ""
    read_as = " and ".join(sorted({GUESSED[encoding] for _, encoding in decoded if encoding in GUESSED}))
    notes = (f"Read as {read_as}, since they are not UTF-8: {', '.join(odd[:3])}{more}.",) if odd else ()
    return [pl.Series(TEXT, [text for text, _ in decoded], dtype=pl.String)], notes


def _kinds(kind: str) -> dict[str, str]:
    """The kind of the column of files, or of the texts in them."""
    return {TEXT if kind == "text" else FILE: kind}


def _labels(labels: list[str]) -> pl.Series:
    """The labels as an enumeration in natural order."""
    import polars as pl

    return pl.Series(LABEL, labels, dtype=pl.Enum(sorted(set(labels), key=natural_key)))


def _problem(kind: str, paths: list[list[str]], files: Sequence[FileReference], origin: str) -> str:
    """Why nothing can be learned from these class folders, in a sentence; empty where it can."""
    labels = sorted({path[0] for path in paths if len(path) > 1}, key=natural_key)
    if not labels:
        return f'"{origin}" holds {plural(len(files), SINGULARS[kind])} and no class folders; {EXPECTED}.'
    if len(labels) > 1:
        return ""
    depth = 1
    inner = sorted({path[1] for path in paths if len(path) > 2}, key=natural_key)
    while len(inner) == 1:
        depth += 1
        inner = sorted({path[depth] for path in paths if len(path) > depth + 1}, key=natural_key)
    if inner:
        shown = ", ".join(inner[:5]) + (" and more" if len(inner) > 5 else "")
        what = "parts" if {name.lower() for name in inner} <= set(PARTS) else "class folders"
        levels = "one level" if depth == 1 else f"{depth} levels"
        outer = files[0].name.split("/")
        inside = "/".join(outer[: len(outer) - len(paths[0]) + depth])
        return (
            f'"{origin}" holds the one folder "{labels[0]}", and the {what} ({shown}) {levels} too deep in it; '
            f'{EXPECTED}. Give that folder: ranvier train "{origin}/{inside}".'
        )
    return (
        f'"{origin}" holds one class folder, "{labels[0]}", with {plural(len(files), SINGULARS[kind])}; two or more '
        "classes were expected, a folder for each."
    )
