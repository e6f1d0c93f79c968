"""Pictures and labels in IDX files among the files of a folder or an archive, as MNIST's four files are."""

from __future__ import annotations

import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ranvier.data.sources.array_parts import PARTS, arrays_of_parts
from ranvier.data.sources.array_source import Arrays
from ranvier.data.sources.arrays import is_idx, parse_idx
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.files import unpacked
from ranvier.data.sources.natural_order import natural_key
from ranvier.errors import DataError
from ranvier.plural import plural

Array = NDArray[Any]
PART_WORDS = {**PARTS, "t10k": "test"}
MAX_RATIO, SMALL = 100, 32 << 20
"""How many times its packed size a file in an archive may unpack to, beyond so many bytes."""


def pictures_and_labels(
    files: Sequence[FileReference], origin: str, notes: tuple[str, ...] = (), in_archive: bool = False
) -> Arrays | None:
    """The rows of the files of pictures in IDX format and of those of their labels; None where there are no pictures.

    Names with train, t10k or test, and validation say which rows are of which part. A file may lie there twice, packed
    and unpacked or in two folders.

    Parameters:
        files: named by their paths from the folder.
        origin, notes, in_archive: as for `table_of_files`.

    Raises:
        DataError: there are several sets, labels are absent or as many as other pictures, or a file is damaged.

    >>> header = bytes([0, 0, 8])
    >>> pictures = header + bytes([3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9])
    >>> labels = header + bytes([1, 0, 0, 0, 1, 5])
    >>> contents = {"train-images-idx3-ubyte": pictures, "train-labels-idx1-ubyte": labels}
    >>> rows = pictures_and_labels([FileReference(name, content=data) for name, data in contents.items()], "digits")
    >>> rows.inputs.tolist(), rows.targets.tolist(), rows.parts.tolist()
    ([[7, 9]], [5], ['train'])
    """
    of_name = defaultdict(list)
    for file in sorted(files, key=lambda file: natural_key(file.name)):
        if is_idx(Path(file.name)):
            of_name[_stem(file.name)].append(file)
    stems = [stem for stem in of_name if "images" in stem or "idx3" in stem]
    if not stems:
        return None
    sets: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stem in stems:
        sets[_set_and_part(stem)].append(stem)
    several = [names[0] for names in sets.values()] if len({which for which, _ in sets}) > 1 else []
    several = several or next((names for names in sets.values() if len(names) > 1), [])
    if several or (len(sets) > 1 and any(not part for _, part in sets)):
        raise _several(origin, [of_name[stem][0] for stem in several or stems])
    parts, used = {}, []
    for part in sorted(sets, key=lambda key: list(dict.fromkeys(PARTS.values())).index(key[1]) if key[1] else 0):
        stem = sets[part][0]
        pictures = _content(of_name[stem], origin, in_archive)
        label_files = of_name.get(stem.replace("images", "labels").replace("idx3", "idx1"), [])
        labels = _content(label_files, origin, in_archive) if label_files and label_files != of_name[stem] else None
        used += [of_name[stem][0].name, *(file.name for file in label_files[:1])]
        if labels is not None and labels.shape != pictures.shape[:1]:
            raise DataError(
                f'"{origin}" holds {plural(len(pictures), "picture")} in {of_name[stem][0].name} and labels of shape '
                f"{labels.shape} in {label_files[0].name}; one label a picture was expected. Download both again."
            )
        parts[part[1]] = pictures, labels
    if "train" in parts and parts["train"][1] is None and any(labels is not None for _, labels in parts.values()):
        name = next(of_name[stems[0]][0].name for (_, part), stems in sets.items() if part == "train")
        raise DataError(
            f'"{origin}" holds no labels for the pictures in {name}; the file '
            f"{name.replace('images', 'labels').replace('idx3', 'idx1')} was expected beside it."
        )
    others = len(files) - sum(len(named) for named in of_name.values())
    notes = (*notes, f"Pictures and labels from {', '.join(used)}.")
    if others:
        notes = (*notes, f"Left out: {plural(others, 'other file')} beside them.")
    return arrays_of_parts(parts, origin, notes)


def _stem(path: str) -> str:
    """A file's name without its folder and packing, its words divided by "-".

    >>> _stem("raw/Train-images.idx3-ubyte.gz")
    'train-images-idx3-ubyte'
    """
    return re.sub(r"[._]", "-", path.rpartition("/")[2].lower().removesuffix(".gz"))


def _set_and_part(stem: str) -> tuple[str, str]:
    """What the set is called, and which part of it a file of pictures holds; "" where the name does not say.

    >>> _set_and_part("emnist-letters-train-images-idx3-ubyte"), _set_and_part("t10k-images-idx3-ubyte")
    (('emnist-letters', 'train'), ('', 'test'))
    """
    words = re.split("-", re.split("-?(?:images|idx)", stem)[0])
    part = next((PART_WORDS[word] for word in words if word in PART_WORDS), "")
    return "-".join(word for word in words if word not in PART_WORDS), part


def _content(files: Sequence[FileReference], origin: str, in_archive: bool) -> Array:
    """The array in files of one name, which hold the same."""
    first = _unpacked(files[0], origin, in_archive)
    digest = hashlib.sha256(first).digest() if len(files) > 1 else b""
    for other in files[1:]:
        if hashlib.sha256(_unpacked(other, origin, in_archive)).digest() != digest:
            raise _several(origin, [files[0], other])
    array = parse_idx(first, f'"{files[0].name}" in "{origin}"')
    if array.ndim != 1 and "labels" in _stem(files[0].name):
        raise DataError(
            f'"{files[0].name}" in "{origin}" holds {array.ndim} dimensions; one label a row was expected. '
            "Download it again."
        )
    if array.ndim < 2 and "labels" not in _stem(files[0].name):
        raise DataError(
            f'"{files[0].name}" in "{origin}" holds one number a row; pictures were expected. Download it again.'
        )
    return array


def _unpacked(file: FileReference, origin: str, in_archive: bool) -> bytes:
    """The bytes of a file without its packing."""
    data = file.read()
    if in_archive and file.name.lower().endswith(".gz"):
        from gzip import GzipFile

        limit = max(MAX_RATIO * len(data), SMALL)
        try:
            too_long = len(GzipFile(fileobj=io.BytesIO(data)).read(limit + 1)) > limit
        except (OSError, EOFError):
            too_long = False  # the message is that of `unpacked`
        if too_long:
            raise DataError(
                f'"{file.name}" in "{origin}" is refused: it would unpack from {len(data):,} to more than {limit:,} '
                "bytes, like a file made to fill the memory. If you trust it, unpack it yourself and give the folder."
            )
    return unpacked(data, Path(origin, file.name))


def _several(origin: str, files: Sequence[FileReference]) -> DataError:
    names = ", ".join(file.name for file in files[:3]) + (" and more" if len(files) > 3 else "")
    return DataError(
        f'"{origin}" holds pictures of several sets ({names}), and one was expected. Give the folder of one of them, '
        "or its file with the training pictures; those to test on are another file, given as test."
    )
