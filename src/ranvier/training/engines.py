"""Which engine does the arithmetic: the one list of engines, and how "auto" chooses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import cast

from ranvier import settings
from ranvier.engine import CompileSpec, Engine, Executable
from ranvier.errors import EngineError, InputError, nearest

HOMES = {
    "native": ("ranvier.native.engine", "NativeEngine"),
    "reference": ("ranvier.reference.engine", "ReferenceEngine"),
}
PREFERENCE = ("native", "reference")


class SettingError(EngineError, InputError):
    """A setting in the environment asks an engine for what this machine does not have."""


def engine(name: str = "auto") -> Engine:
    """The engine of that name; "auto" takes the fastest one that runs here.

    Raises:
        InputError: there is no engine of that name.
        EngineError: it cannot run here.

    >>> engine("reference").name
    'reference'
    """
    requested = settings.engine() if name == "auto" else name
    if requested == "auto":
        return next(available())
    if requested not in HOMES:
        raise InputError(f"There is no engine {requested!r} here. {nearest(requested, ('auto', *HOMES))}")
    selected = _load(requested)
    reason = selected.why_unavailable()
    if reason is not None:
        # A setting in the environment is input, as options are.
        kind = SettingError if reason.startswith("RANVIER_") else EngineError
        raise kind(f"The engine {requested!r} cannot run here: {reason}. engine='auto' takes one that can.")
    return selected


def available() -> Iterator[Engine]:
    """The engines that run here, fastest first."""
    return (selected for selected in map(_load, PREFERENCE) if selected.why_unavailable() is None)


def compile_network(name: str, spec: CompileSpec) -> tuple[str, Executable, str | None]:
    """Make a spec ready to run: the engine's name, the executable, and a note where "auto" had to go on searching.

    Raises:
        EngineError: the requested engine does not have what the spec needs.
    """
    requested = settings.engine() if name == "auto" else name
    selected = next(available()) if requested == "auto" else engine(requested)
    reason = None
    if requested == "auto" and selected.name != PREFERENCE[0]:
        reason = _load(PREFERENCE[0]).why_unavailable()
    try:
        executable = selected.compile(spec)
    except EngineError as error:
        following = PREFERENCE[PREFERENCE.index(selected.name) + 1 :]
        if requested != "auto" or not following:
            raise
        reason, selected = str(error).rstrip("."), _load(following[0])
        executable = selected.compile(spec)
    return selected.name, executable, reason and f"{reason}. The {selected.name} engine, which is slower, takes over."


def plan_text(spec: CompileSpec, measure: bool = False) -> str:
    """What the native engine does in a training step: loops, buffers, FLOPs and the fraction of the peak to expect.

    Raises:
        EngineError: it cannot run here, or does not have what the spec needs.
    """
    from ranvier.native.engine import NativeEngine

    native = NativeEngine()
    reason = native.why_unavailable()
    if reason is not None:
        raise EngineError(f"There is no plan, since the native engine cannot run here: {reason}.")
    return native.plan(spec, measure)


def survey() -> dict[str, str | None]:
    """Every engine, fastest first, with the reason why it cannot run here, or None where it can.

    >>> survey()["reference"] is None
    True
    """
    return {name: _load(name).why_unavailable() for name in PREFERENCE}


@cache
def _load(name: str) -> Engine:
    module, attribute = HOMES[name]
    return cast(Engine, getattr(import_module(module), attribute)())
