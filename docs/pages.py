"""What the pages of the documentation hold, and running it: blocks of code, commands, worked lines, links.

A page is Markdown. Its fenced blocks mean:
    python      code; the blocks of a page share their names. A `text` block that follows shows what the code prints.
    python >>>  the same as an interactive session, where an error is shown.
    console     lines that start with "$ " are commands, the lines below show their output, shortened.
    csv NAME    a file of that name, written before the blocks below it run.
    hand        worked lines "name = expression = number", with the arithmetic of plain text.
    sh, text    not run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import math
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
WIDTH = "96"
SHELL_COMMANDS = ("cat", "head", "ls", "echo")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the rest of its first line, its text, and the lines it takes (the fences too)."""

    language: str
    argument: str
    text: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block: its text, the lines shown below it, its first line in the block."""

    text: str
    shown: tuple[str, ...]
    line: int

    @property
    def is_whole(self) -> bool:
        """Whether the output is shown from its first line to its last."""
        return self.text == "echo $?" or self.text.endswith("--help") or "".join(self.shown[:1]).startswith("Error:")


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page in order.

    Raises:
        ValueError: a block is not closed.
    """
    fenced: list[Block] = []
    lines = page.splitlines()
    start = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
            continue
        language, _, argument = lines[start].removeprefix("```").partition(" ")
        fenced.append(Block(language, argument.strip(), "\n".join(lines[start + 1 : number]), start, number))
        start = None
    if start is not None:
        raise ValueError(f"The block in line {start + 1} is not closed.")
    return fenced


def expectations(page: str) -> dict[int, Block]:
    """First line of a python block -> the text block right below it that shows what it prints."""
    lines, parts = page.splitlines(), blocks(page)
    following: dict[int, Block] = {}
    for block, after in pairwise(parts):
        between = "".join(lines[block.last + 1 : after.first]).strip()
        if block.language == "python" and after.language == "text" and not between:
            following[block.first] = after
    return following


def commands(block: Block) -> list[Command]:
    """The commands of a console block with the output shown."""
    parsed: list[Command] = []
    for number, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            parsed.append(Command(line[2:], (), number))
        elif parsed:
            last = parsed[-1]
            parsed[-1] = Command(last.text, (*last.shown, line), last.line)
    return parsed


class Runner:
    """Runs the blocks of one page in one folder; names, files and the last exit code live on from block to block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.code = 0

    def python(self, block: Block, page: Path) -> str:
        """Run a python block; what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(self.folder):
            source = "\n" * (block.first + 1) + block.text
            exec(compile(source, str(page), "exec"), self.names)
        return printed.getvalue().rstrip()

    def session(self, block: Block, page: Path) -> str:
        """Run a block with >>> prompts; a report of what differs from what is shown, or nothing."""
        report = io.StringIO()
        test = doctest.DocTestParser().get_doctest(block.text + "\n", {}, page.name, str(page), block.first + 1)
        test.globs = self.names
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        with contextlib.chdir(self.folder):
            runner.run(test, out=report.write, clear_globs=False)
        return report.getvalue()

    def write(self, block: Block) -> None:
        """Write the file that a csv block shows."""
        (self.folder / block.argument).write_text(block.text + "\n", encoding="utf-8")

    def command(self, text: str) -> str:
        """Run one command; what it said. Its exit code is kept."""
        if text == "echo $?":
            return str(self.code)
        words = shlex.split(text)
        if words[0] == "ranvier":
            return self._ranvier(words[1:])
        if words[0] not in SHELL_COMMANDS:
            raise ValueError(f"{text!r} is not a command that the documentation may run.")
        done = subprocess.run(["sh", "-c", text], cwd=self.folder, capture_output=True, text=True, check=False)
        self.code = done.returncode
        return (done.stdout + done.stderr).rstrip()

    def _ranvier(self, words: list[str]) -> str:
        from click.testing import CliRunner

        from ranvier.cli.main import main

        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(main, words, prog_name="ranvier", env={"COLUMNS": WIDTH, "NO_COLOR": "1"})
        self.code = done.exit_code
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output.rstrip()


def matched(shown: tuple[str, ...], actual: str) -> tuple[list[str | None], list[str]]:
    """For each line shown the line of the real output that it stands for, and the lines that nothing stands for.

    The output is shown line by line. Only "..." alone stands for lines left out, any number of them, and at the end of
    a line for the rest of it. Numbers, and bars drawn for them, may differ; all other characters must not. None stands
    for a line that the output does not have there. Blank lines and rules do not count.

    >>> matched(("Accuracy   97 %", "..."), "\\n".join(["Accuracy   96 %", "Rows 3"]))
    (['Accuracy   96 %', '...'], [])
    >>> matched(("Accuracy   97 %",), "\\n".join(["Rows 3", "Accuracy   96 %"]))
    ([None], ['Rows 3', 'Accuracy   96 %'])
    """
    lines = [line.rstrip() for line in actual.splitlines() if line.strip(" ─")]
    position, left_out = 0, False
    matches: list[str | None] = []
    for line in shown:
        if not line.strip() or line.strip() == "...":
            left_out |= bool(line.strip())
            matches.append(line)
            continue
        candidates = range(position, len(lines) if left_out else min(position + 1, len(lines)))
        at = next((number for number in candidates if _same(line, lines[number])), None)
        matches.append(None if at is None else line if line.endswith("...") else lines[at])
        position, left_out = (position, left_out) if at is None else (at + 1, False)
    return matches, [] if left_out else lines[position:]


NUMBER = re.compile(r"(?<![A-Za-z_])[-+≈]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
DURATION = re.compile(r"0(?::0)* (?:ms|s|min|h)\b")
BAR = re.compile(r"[▁▂▃▄▅▆▇█▉▊▋▌▍▎▏]+")


def _same(shown: str, actual: str) -> bool:
    if shown.endswith("..."):
        return _plain(actual).startswith(_plain(shown.removesuffix("...")))
    return _plain(shown) == _plain(actual)


def _plain(line: str) -> str:
    """A line with 0 for each number, one sign for each bar and one space between words."""
    line = BAR.sub("█", NUMBER.sub("0", line))
    return " ".join(DURATION.sub("0 s", line).split())


def worked_lines(block: Block) -> Iterator[tuple[str, float, float, float]]:
    """Each worked line of a hand block with the value of its expression, the number written, and the allowed distance.

    Every number shown is rounded to its last digit, and so the expression may be off by what those roundings can make.
    """
    for line in block.text.splitlines():
        parts = [part.strip() for part in line.split("=")]
        if len(parts) < 3:
            continue
        value = _value(parts[-2])
        spread = max(abs(_value(parts[-2], end) - value) for end in (-0.5, 0.5))
        yield line.strip(), value, _value(parts[-1]), 2.0 * spread + 0.51 * 10.0 ** -_decimals(parts[-1])


def _value(expression: str, shift: float = 0.0) -> float:
    """The value of plain-text arithmetic; numbers with four decimals or more are moved by `shift` last digits."""

    def moved(match: re.Match[str]) -> str:
        decimals = _decimals(match[0])
        return f"{float(match[0]) + (shift * 10.0**-decimals if decimals >= 4 else 0.0):.12f}"

    plain = expression.replace("×", "*").replace("−", "-").replace("·", "*").replace("²", "**2").replace("σ", "sigmoid")
    plain = re.sub(r"\d+\.\d+", moved, plain)
    if not re.fullmatch(r"(?:[-+*/()\d.,\s]|sigmoid|max)*", plain):
        raise ValueError(f"{expression!r} is not plain arithmetic.")
    names = {"sigmoid": lambda z: 1.0 / (1.0 + math.exp(-z)), "max": max, "__builtins__": {}}
    return float(eval(plain, names))


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def links(page: str) -> list[str]:
    """Where the links and pictures of a page lead, web addresses left out."""
    prose = re.sub(r"```.*?```", "", page, flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", prose)
    return [target for pair in targets for target in pair if target and not target.startswith(("http:", "https:"))]


def anchors(page: str) -> set[str]:
    """The names of the headings of a page, as GitHub makes them."""
    prose = re.sub(r"```.*?```", "", page, flags=re.S)
    headings = re.findall(r"^#+ (.+)$", prose, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def relative(path: Path) -> str:
    """A path as seen from the root of the repository."""
    return os.path.relpath(path, ROOT)
