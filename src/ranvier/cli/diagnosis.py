"""Printing what a diagnosis found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ranvier.cli.console import Output


def print_diagnosis(output: Output, findings: Sequence[Mapping[str, Any]], title: str = "Diagnosis") -> None:
    """Each finding: what was measured, what it means, what to do; nothing where nothing was found.

    What several layers or columns have in common is explained once, below all of them.
    """
    from rich.padding import Padding
    from rich.text import Text

    if not findings:
        return
    output.say()
    output.heading(title)
    for explanation, alike in groupby(findings, lambda finding: f"{finding['meaning']} {finding['advice']}"):
        for finding in alike:
            output.console.print(Text(finding["evidence"], "yellow"))
        output.console.print(Padding(Text(explanation, "dim"), (0, 0, 0, 2)))
