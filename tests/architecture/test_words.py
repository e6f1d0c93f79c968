"""Replaced words stay out of identifiers, docstrings, messages, pages and the names of tests."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.replaced_words import ALLOWED, FOREIGN, IDENTIFIERS, PARTS, PREFIXES, PROSE

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ranvier"
FILES = sorted(SOURCE.rglob("*.py"))
DATA = ROOT / "tests" / "architecture"
PROGRAMS = [
    path
    for folder in ("tests", "benchmarks", "docs", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path not in (DATA / "replaced_words.py", DATA / "test_words.py")
]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE if path.is_relative_to(SOURCE) else ROOT).as_posix()


def allowed(name: str, word: str) -> bool:
    return (name, word) in ALLOWED or (name, "*") in ALLOWED


def identifiers(nodes: list[ast.AST]) -> Iterator[tuple[str, int]]:
    """Every name that a file gives or uses, with its line."""
    for node in nodes:
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.arg):
            yield node.arg, line
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, line


@cache
def replacement(bare: str) -> str | None:
    """What to write in place of an identifier without its leading underscores; None for one that may stay."""
    start = next((start for start in PREFIXES if bare.startswith(start)), None)
    part = next((part for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", bare) if part.lower() in PARTS), "")
    return PREFIXES[start] if start else IDENTIFIERS.get(bare, PARTS.get(part.lower()))


def foreign(nodes: list[ast.AST]) -> set[str]:
    """The names of other libraries that a file imports and that may stay in it."""
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names if FOREIGN.get(alias.name) == node.module}


def nodes_of(text: str) -> list[ast.AST]:
    """All nodes of a program; to walk through them takes longer than to parse it."""
    return list(ast.walk(ast.parse(text)))


def replaced_identifiers(name: str, nodes: list[ast.AST]) -> list[str]:
    """The replaced names in a file, with what to write in their place."""
    wrong, of_others = [], foreign(nodes)
    for word, line in identifiers(nodes):
        bare = word.lstrip("_")
        instead = replacement(bare)
        if instead is not None and bare not in of_others and not allowed(name, bare):
            wrong.append(f"{name}:{line} {word} -> {instead}")
    return wrong


def code_of_page(text: str) -> list[str]:
    """The blocks of Python in a page."""
    return re.findall(r"^```python\n(?!>>>)(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def docstring_examples(nodes: list[ast.AST]) -> list[str]:
    """The examples in the docstrings of a file."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)]
    parser = doctest.DocTestParser()
    return [example.source for text in docstrings if ">>>" in text for example in parser.get_examples(text)]


def names_of_tests(text: str) -> str:
    """The names of the tests in a file as a text, with a space for each underscore."""
    return "\n".join(re.findall(r"def (test_\w+)", text)).replace("_", " ")


def replaced_prose(name: str, text: str) -> list[str]:
    """The replaced words in a text, with what to write in their place."""
    wrong = []
    for pattern, instead in PROSE.items():
        for match in re.finditer(pattern, text, flags=re.IGNORECASE):
            if not allowed(name, match.group(0).lower()):
                line = text.count("\n", 0, match.start()) + 1
                wrong.append(f"{name}:{line} {match.group(0)} -> {instead}")
    return wrong


def test_source_uses_the_words_of_the_field() -> None:
    wrong = []
    for path in FILES:
        name, text = name_of(path), path.read_text(encoding="utf-8")
        nodes = nodes_of(text)
        wrong += replaced_identifiers(name, nodes) + replaced_prose(name, text)
        wrong += [word for code in docstring_examples(nodes) for word in replaced_identifiers(name, nodes_of(code))]
    assert wrong == []


def test_tests_benchmarks_and_examples_use_the_words_of_the_field() -> None:
    wrong = []
    for path in PROGRAMS:
        name, text = name_of(path), path.read_text(encoding="utf-8")
        wrong += replaced_identifiers(name, nodes_of(text))
        wrong += replaced_prose(name, text) + replaced_prose(name, names_of_tests(text))
    assert wrong == []


def test_pages_use_the_words_of_the_field() -> None:
    wrong = []
    for page in PAGES:
        name, text = name_of(page), page.read_text(encoding="utf-8")
        wrong += replaced_prose(name, text)
        wrong += [word for code in code_of_page(text) for word in replaced_identifiers(name, nodes_of(code))]
    assert wrong == []


def test_replaced_words_are_noticed() -> None:
    assert replaced_identifiers("x.py", nodes_of("def f(given): return given.place"))
    assert replaced_identifiers("x.py", nodes_of("MOST_ROWS = 3"))
    assert replaced_identifiers("x.py", nodes_of("_found = 1"))
    assert replaced_identifiers("x.py", nodes_of("class SmallCrowd: pass"))
    assert replaced_identifiers("x.py", nodes_of("GOAL_OF = 1"))
    assert replaced_prose("x.md", "Train it\nanew.") == ["x.md:2 anew -> again"]
    (example,) = docstring_examples(nodes_of('"""A.\n\n>>> found = 1\n"""'))
    (block,) = code_of_page("A\n```python\nfound = 1\n```\n")
    assert all(replaced_identifiers("x.py", nodes_of(code)) for code in (example, block))
    assert replaced_prose("x.py", names_of_tests("def test_it_is_set_aside(): pass")) == ["x.py:1 set aside -> dropped"]
    assert replaced_identifiers("x.py", nodes_of("from hypothesis import given\n@given()\ndef f(): pass")) == []
    assert replaced_identifiers("x.py", nodes_of("from ranvier.x import given\ngiven()"))
    assert replaced_identifiers("x.py", nodes_of("foundation = crowded = 1")) == []


def test_every_exception_is_needed() -> None:
    for name, word in ALLOWED:
        path = SOURCE / name if (SOURCE / name).exists() else ROOT / name
        text = path.read_text(encoding="utf-8")
        assert word == "*" or re.search(rf"\b_*{re.escape(word)}\b", text, flags=re.IGNORECASE), (name, word)
