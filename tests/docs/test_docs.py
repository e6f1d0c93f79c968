"""The documentation is true: its code prints what is shown, its commands work, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
import socket
from pathlib import Path

import pytest

from docs import pages, tables
from docs.pages import PAGES, ROOT, Block, Runner
from docs.pictures import draw

FIRST_COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/ranvier train digits",
    "./test",
)
KNOWN_LANGUAGES = {"python", "console", "csv", "hand", "sh", "text", "{eval-rst}", "{toctree}"}
MAX_WIDTH = 140


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No example may need the network."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("the documentation must work without a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def problems(page: Path, text: str, folder: Path) -> list[str]:
    """Run all blocks of a page; what differs from what the page shows."""
    runner, expected, wrong = Runner(folder), pages.expectations(text), list[str]()
    for block in pages.blocks(text):
        where = f"{pages.relative(page)}:{block.first + 1}"
        if block.language == "csv":
            runner.write(block)
        elif block.language == "python" and block.text.startswith(">>>"):
            report = runner.session(block, page)
            wrong += [f"{where}: {report}"] if report else []
        elif block.language == "python":
            printed = runner.python(block, page)
            shown = expected[block.first].text if block.first in expected else ""
            if not doctest.OutputChecker().check_output(shown + "\n", printed + "\n", doctest.ELLIPSIS):
                wrong.append(f"{where}: prints\n{printed}\nand the page shows\n{shown}")
        elif block.language == "console":
            wrong += [f"{where}: {problem}" for problem in console_problems(runner, block)]
    return wrong


def console_problems(runner: Runner, block: Block) -> list[str]:
    """Run the commands of a block: 0 must be their exit code, or a sentence that starts with "Error:" be shown."""
    wrong = []
    for command in pages.commands(block):
        actual = runner.command(command.text)
        refused = bool(command.shown) and command.shown[0].startswith("Error:")
        wanted = 2 if refused else 0
        if command.text != "echo $?" and runner.code != wanted:
            wrong.append(f"{command.text} left with {runner.code}, not {wanted}: {actual[-300:]}")
        elif command.is_whole:
            if "\n".join(command.shown).strip() != "\n".join(line.rstrip() for line in actual.splitlines()):
                wrong.append(f"{command.text} says {actual!r}")
        else:
            lines, left = pages.matched(command.shown, actual)
            pairs = zip(command.shown, lines, strict=True)
            wrong += [f"{command.text} shows nothing like {shown!r} there" for shown, line in pairs if line is None]
            wrong += [f"{command.text} says {line!r} too" for line in left if command.shown]
    return wrong


def wrong_lines(text: str) -> list[str]:
    """The worked lines of a page whose arithmetic is wrong."""
    hands = [block for block in pages.blocks(text) if block.language == "hand"]
    checked = [line for block in hands for line in pages.worked_lines(block)]
    return [f"{line}: it is {value:.5f}" for line, value, written, allowed in checked if abs(value - written) > allowed]


def broken_links(page: Path, text: str) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in pages.links(text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and anchor not in pages.anchors(target.read_text(encoding="utf-8"))):
            wrong.append(link)
    return wrong


def long_lines(text: str) -> list[str]:
    """The lines of prose that are wider than `MAX_WIDTH`; tables, pictures and blocks may be."""
    prose = "".join(re.split(r"^```.*?^```$", text, flags=re.DOTALL | re.MULTILINE))
    return [line for line in prose.splitlines() if len(line) > MAX_WIDTH and not line.startswith(("|", "![", "<"))]


@pytest.mark.parametrize("page", PAGES, ids=pages.relative)
def test_everything_on_the_page_runs_and_shows_what_is_shown(page: Path, tmp_path: Path) -> None:
    assert problems(page, page.read_text(encoding="utf-8"), tmp_path) == []


@pytest.mark.parametrize("page", PAGES, ids=pages.relative)
def test_the_page_is_well_formed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert {block.language for block in pages.blocks(text)} <= KNOWN_LANGUAGES
    assert broken_links(page, text) == []
    assert wrong_lines(text) == []
    assert long_lines(text) == []
    assert tables.fill(text) == text, "the tables are stale: run python docs/update.py"
    assert not re.search(r"/(?:work|home|root|tmp)/", text), "the page names a folder of somebody's machine"


def test_the_tables_hold_every_entry_of_the_lists() -> None:
    made = tables.tables()
    lists = {
        "layers": tables.LAYERS,
        "activations": tables.ACTIVATIONS,
        "losses": tables.LOSSES,
        "initializers": tables.INITIALIZERS,
        "optimizers": tables.OPTIMIZERS,
        "schedules": tables.SCHEDULES,
    }
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert lists.keys() == made.keys()
    for name, entries in lists.items():
        assert len(made[name].splitlines()) == len(entries) + 2
        assert f"<!-- table: {name} -->" in page


def test_the_readme_begins_with_the_two_commands_and_counts_right() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shells = [block.text for block in pages.blocks(text) if block.language == "sh"]
    assert shells[0].splitlines() == list(FIRST_COMMANDS)
    assert (ROOT / "test").stat().st_mode & 0o111
    for word, entries in (
        ("activations", tables.ACTIVATIONS),
        ("losses", tables.LOSSES),
        ("optimizers", tables.OPTIMIZERS),
        ("schedules", tables.SCHEDULES),
    ):
        assert f"{len(entries)} {word}" in text


@pytest.mark.parametrize("name", ["network", "activations", "xor-loss", "overfitting"])
def test_the_pictures_are_what_the_script_draws(name: str) -> None:
    assert (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8") == draw.PICTURES[name]()


BROKEN = {
    "printed": "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n",
    "printed and not shown": "```python\nprint(1)\n```\n",
    "session": "```python\n>>> 1 + 1\n3\n```\n",
    "exit code": "```console\n$ ranvier train nothing.csv\n```\n",
    "no error": "```console\n$ ranvier --version\nError: no.\n```\n",
    "error text": "```console\n$ ranvier trian\nError: something else.\n```\n",
    "output": "```console\n$ ranvier --version\nSomething else\n```\n",
    "number of words": "```console\n$ head -1 a.txt\none two four\n```\n",
    "line left out above": "```console\n$ cat a.txt\nfour five\n```\n",
    "line left out between": "```console\n$ cat b.txt\none 1\nthree 3\n```\n",
    "line left out below": "```console\n$ cat a.txt\none two three\n```\n",
    "help": "```console\n$ ranvier --help\nUsage: ranvier [OPTIONS] COMMAND [ARGS]...\n```\n",
    "code after an error": "```console\n$ ranvier trian\nError: no.\n$ echo $?\n0\n```\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_page_is_noticed(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two three\nfour five\n")
    (tmp_path / "b.txt").write_text("one 7\ntwo\nthree 8\n")
    assert problems(ROOT / "README.md", BROKEN[name], tmp_path)


def test_a_page_may_leave_lines_out_where_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("one 7\n──\ntwo ▃▄\n\nthree 8.5 s\n")
    for shown in ("one 1\ntwo ▃\nthree 2 ms", "...\nthree 3 min", "one 1\n...\nthree 3 s", "one 1\n..."):
        assert problems(ROOT / "README.md", f"```console\n$ cat b.txt\n{shown}\n```\n", tmp_path) == []


def test_code_that_fails_or_warns_is_noticed(tmp_path: Path) -> None:
    page = ROOT / "README.md"
    with pytest.raises(NameError):
        problems(page, "```python\nnobody\n```\n", tmp_path)
    with pytest.raises(DeprecationWarning):
        problems(page, "```python\nimport warnings\nwarnings.warn('old', DeprecationWarning)\n```\n", tmp_path)


def test_wrong_arithmetic_and_broken_links_are_noticed() -> None:
    assert wrong_lines("```hand\nz = 0.5 × 0.2000 = 0.1\n```\n") == []
    assert wrong_lines("```hand\nz = 0.5 × 0.2000 = 0.11\n```\n")
    assert wrong_lines("```hand\nδ = −0.9700 × 0.2498 = −0.2433\n```\n")
    assert broken_links(ROOT / "README.md", "[there](LICENSE) [nowhere](nowhere.md) [no](docs/data.md#no)") == [
        "nowhere.md",
        "docs/data.md#no",
    ]
    assert pages.relative(ROOT / "README.md") == "README.md"


def test_lines_of_prose_that_are_too_long_are_noticed() -> None:
    long = "word " * 40
    assert long_lines(f"| {long} |\n```text\n{long}\n```\nshort\n") == []
    assert long_lines(f"```text\nshort\n```\n{long}\n") == [long]


def test_a_block_that_is_not_closed_is_noticed() -> None:
    with pytest.raises(ValueError, match="not closed"):
        pages.blocks("```python\n")
