"""Write the shown outputs and the tables of the documentation: python docs/update.py [PAGE ...].

Python outputs are replaced where they differ. Console outputs stay as short as they are: each line shown is replaced by
the line of the real output that it stands for; a page with lines that have none is reported and left as it is. Read the
changes before you keep them.
"""

from __future__ import annotations

import doctest
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs import pages, tables


def update(path: Path) -> list[str]:
    """Rewrite one page, or say in words what could not be matched and leave it as it is."""
    text = tables.fill(path.read_text(encoding="utf-8"))
    lines, expected = text.splitlines(), pages.expectations(text)
    changes: list[tuple[int, int, list[str]]] = []
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        runner = pages.Runner(Path(folder))
        for block in pages.blocks(text):
            if block.language == "csv":
                runner.write(block)
            elif block.language == "python" and block.text.startswith(">>>"):
                report = runner.session(block, path)
                if report:
                    problems.append(report)
            elif block.language == "python":
                changes += _python(runner, block, path, expected)
            elif block.language == "console":
                changes += _console(runner, block, path, problems)
    for first, last, new in sorted(changes, reverse=True):
        lines[first:last] = new
    if not problems:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return problems


def _python(
    runner: pages.Runner, block: pages.Block, path: Path, expected: dict[int, pages.Block]
) -> list[tuple[int, int, list[str]]]:
    printed = runner.python(block, path)
    shown = expected.get(block.first)
    if shown is None:
        return [(block.last + 1, block.last + 1, ["", "```text", *printed.splitlines(), "```"])] if printed else []
    if doctest.OutputChecker().check_output(shown.text + "\n", printed + "\n", doctest.ELLIPSIS):
        return []
    return [(shown.first + 1, shown.last, printed.splitlines())]


def _console(
    runner: pages.Runner, block: pages.Block, path: Path, problems: list[str]
) -> list[tuple[int, int, list[str]]]:
    new: list[str] = []
    for command in pages.commands(block):
        actual = runner.command(command.text)
        new.append(f"$ {command.text}")
        if command.shown == ("?",) or command.is_whole:
            new += [line.rstrip() for line in actual.splitlines()] + [""] * (command.shown[-1:] == ("",))
            continue
        lines, left = pages.matched(command.shown, actual)
        problems += [f"{path.name}: {command.text}: it says {line!r} too" for line in left if command.shown]
        for line, output in zip(command.shown, lines, strict=True):
            if output is None:
                problems.append(f"{path.name}: {command.text}: nothing like {line!r}")
            new.append(line if output is None else output)
    return [(block.first + 1, block.last, new)]


if __name__ == "__main__":
    selected = [Path(name).resolve() for name in sys.argv[1:]] or list(pages.PAGES)
    for page in selected:
        for problem in update(page):
            sys.stderr.write(problem + "\n")
