"""ARCHITECTURE.md agrees with the code: its tables are the floors that imports are checked against, its paths exist."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from tests.architecture.test_floors import FILES, FLOORS, NATIVE_FLOORS, ROOT, SOURCE, name_of

TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
SHOWN_BESIDE_FOLDERS = {"the files beside the folders": ""}
"""What a table calls the files beside its folders, and their name in NATIVE_FLOORS."""
ROOT_FILES = {
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "test",
}
SUBJECTS = (
    "an activation",
    "a layer",
    "a kind of column",
    "a source",
    "a recipe",
    "an engine",
    "a command",
    "a question of the view",
)


def floors_in(text: str) -> list[dict[str, int]]:
    """The tables of floors of a page: for each of them, name of a folder or file -> floor."""
    tables: list[dict[str, int]] = []
    for line in text.splitlines():
        if line.startswith("| floor | folder |"):
            tables.append({})
        row = re.match(r"\| (\d+) \| (.+?) \|", line)
        if row and tables:
            names = re.findall(r"`([^`]+)`", row[2]) or [row[2]]
            floor = int(row[1])
            tables[-1] |= {re.sub(r"/$|\.py$", "", SHOWN_BESIDE_FOLDERS.get(name, name)): floor for name in names}
    return tables


def missing_paths(text: str) -> list[str]:
    """The paths in backticks that are neither in the repository nor in the source."""
    paths = re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|md))`", text)
    names = {name_of(path) for path in FILES} | {path.name for path in FILES}
    folders = [SOURCE, ROOT, SOURCE / "native"]
    return [path for path in paths if path not in names and not any((folder / path).exists() for folder in folders)]


def test_the_tables_of_floors_are_those_that_imports_are_checked_against() -> None:
    assert floors_in(TEXT) == [FLOORS, NATIVE_FLOORS]


def test_every_folder_of_the_source_has_a_floor() -> None:
    assert {name_of(path).split("/")[0].removesuffix(".py") for path in FILES} == set(FLOORS)


def test_every_path_exists() -> None:
    assert missing_paths(TEXT) == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_it_says_how_to_add(subject: str) -> None:
    after = TEXT.split("\n## How to add\n")[1]
    section = re.search(rf"^### {subject}\n(.+?)(?=^### |\Z)", after, flags=re.M | re.S | re.I)
    assert section
    assert re.search(r"`[\w./]+/`|`[\w./]+\.py`", section[1])


def test_the_checks_can_fail() -> None:
    assert floors_in("| floor | folder | x |\n|---|---|---|\n| 4 | `data/` | x |") == [{"data": 4}]
    assert missing_paths("`data/nothing.py`, `nobody/`, `nothing.md`") == ["data/nothing.py", "nobody/", "nothing.md"]
    assert missing_paths("`data/`, `kernels/tile.py`, `README.md`, `sources/`") == ["sources/"]


def unlisted(docstring: str, files: set[str]) -> set[str]:
    """The files of a package that its docstring leaves out or names without having them, where it lists its files."""
    named = set(re.findall(r"\b\w+\.py\b", docstring))
    return named ^ files if named else set()


def test_a_package_that_lists_its_files_lists_all_of_them() -> None:
    lists = {}
    for path in SOURCE.rglob("__init__.py"):
        files = {other.name for other in path.parent.glob("*.py")} - {"__init__.py"}
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        lists[path.parent.relative_to(SOURCE).as_posix()] = unlisted(docstring, files)
    assert {package: files for package, files in lists.items() if files} == {}
    assert unlisted("one.py  the first", {"one.py", "two.py"}) == {"two.py"}


def test_the_root_holds_only_what_belongs_there() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no repository, so that nothing says which files belong to it")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name for name in tracked.splitlines() if "/" not in name} == ROOT_FILES
