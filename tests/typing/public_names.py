"""The public names as text: the stub that editors read, and a snapshot of every signature.

Run `python -m tests.typing.public_names` to write both again, and read the difference before you keep it.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import ranvier
from tests.typing import factories

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "src" / "ranvier" / "__init__.pyi"
SNAPSHOT = Path(__file__).with_name("public_names.txt")


def stub() -> str:
    """The text of `__init__.pyi`: every public name, imported from its home, and the factories with their options."""
    lines = ['"""The public names as editors and type checkers see them; `__init__.py` loads each on first use."""']
    lines += ["", *factories.IMPORTS]
    for module, names in sorted(ranvier._EXPORTS.items()):
        imported = sorted(set(names) - set(factories.FACTORIES))
        lines += ["", *(f"from {module} import {name} as {name}" for name in imported)]
    lines += ["", *(line for factory in factories.FACTORIES for line in factories.overloads(factory))]
    return "\n".join([*lines, "", "__version__: str", "__all__: list[str]", ""])


def snapshot() -> str:
    """One line for each public name, with its signature, and one for each public method and property."""
    lines: list[str] = []
    for name in sorted(ranvier.__all__):
        lines += _lines(name, getattr(ranvier, name))
    return "\n".join(lines) + "\n"


def _lines(name: str, value: Any) -> list[str]:
    if not inspect.isclass(value):
        return [f"{name}{inspect.signature(value)}" if callable(value) else f"{name}: {type(value).__name__}"]
    if issubclass(value, Exception):
        return [f"{name}({', '.join(base.__name__ for base in value.__bases__)})"]
    try:
        lines = [f"{name}{inspect.signature(value)}"]
    except ValueError:
        lines = [name]
    for attribute, member in sorted(_members(value).items()):
        if attribute.startswith("_"):
            continue
        if isinstance(member, property):
            lines.append(f"    {name}.{attribute}")
        elif isinstance(member, (classmethod, staticmethod)) or inspect.isfunction(member):
            lines.append(f"    {name}.{attribute}{inspect.signature(getattr(value, attribute))}")
    return lines


def _members(value: type) -> dict[str, Any]:
    """What a class has by itself or from classes of this package that are not public names themselves."""
    bases = [base for base in value.__mro__ if base is value or base.__module__.startswith("ranvier.")]
    hidden = [base for base in bases if base is value or base.__name__ not in ranvier.__all__]
    return {name: member for base in reversed(hidden) for name, member in vars(base).items()}


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
