"""Printing what a diagnosis found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ranvier.cli.console import Output


def print_diagnosis(output: Output, findings: Sequence[Mapping[str, Any]], title: str = "Diagnosis") -> None:
    """Each finding: what was measured, what it means, what to do; nothing where nothing was found."""
    from rich.padding import Padding
    from rich.text import Text

    from ranvier.cli.printed_report import heading

    if not findings:
        return
    output.say()
    heading(output, title)
    for finding in findings:
        output.words.print(Text(finding["evidence"], "yellow"))
        output.words.print(Padding(Text(f"{finding['meaning']} {finding['advice']}", "dim"), (0, 0, 0, 2)))
