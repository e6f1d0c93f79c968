"""Which functions the entries of a plan call, and who writes them: one for all steps of the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.scheduling.scheduled import Scheduled
from ranvier.network.parameters import Entry


class FunctionNames:
    """The functions that the entries in one module call, in the order in which they were first called.

    Parameters:
        module: where the entries are written.
    """

    def __init__(self, module: Emitter) -> None:
        self._module = module
        self._names: dict[Any, str] = {}
        self._writers: dict[str, Callable[[Emitter], None]] = {}

    def name(self, kind: str, step: Any, write: Callable[..., None], *about: Any, result: str = "void") -> str:
        """The name of the function for a step, which is written once for all steps of the same shape.

        Parameters:
            kind: how to call it; a number is added where other functions are called so.
            write: writes it, given a module, the name and what else comes `about` it.
            result: the type it gives back.
        """
        key = (kind, signature(step))
        if key not in self._names:
            name = kind
            number = 1
            while name in self._writers:
                number += 1
                name = f"{kind}.{number}"
            self._names[key] = name
            self._writers[name] = lambda module: write(module, name, *about)
            self._module.expect(name, result)
        return self._names[key]

    def writers(self) -> Iterator[Callable[[Emitter], None]]:
        """What writes each function into a module."""
        return iter(self._writers.values())


def signature(part: Any) -> Any:
    """What decides the code of a step: everything in it but names and places.

    Two steps of the same signature share one function.
    """
    if isinstance(part, Buffer):
        return part.kind, part.rows, part.columns, part.groups
    if isinstance(part, Entry):
        # What of it decides code is in the other fields of what is trained.
        return None
    if isinstance(part, Scalar):
        return part.position
    if isinstance(part, tuple):
        return tuple(map(signature, part))
    if isinstance(part, s.Step | s.Trained | Scheduled):
        return type(part), *(signature(value) for name, value in s.fields_of(part) if name != "path")
    return part
