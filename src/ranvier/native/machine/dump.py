"""What was compiled, for people and tools: IR, assembly and object files, and symbols for `perf`.

With RANVIER_DUMP=FOLDER each module that is compiled or loaded from the cache leaves three files in the folder, named
after its function and a digest of its text: NAME-DIGEST.ll, .s and .o. Modules of a plan hold one function each then.
`perf report` finds the functions of a process in perf-PID.map in the folder for temporary files.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ranvier.errors import EngineError

_FUNCTION = re.compile(r"^define (?!internal)[^@]*@([\w.]+)\(", re.MULTILINE)


def module_name(ir_text: str) -> str:
    """A name for the files of a module: its first function that others may call, and a digest of its text.

    >>> module_name("define void @span() {}")
    'span-8f8ada6c'
    """
    match = _FUNCTION.search(ir_text)
    return f"{match[1] if match else 'module'}-{hashlib.sha256(ir_text.encode()).hexdigest()[:8]}"


def write_module(folder: Path, ir_text: str, assembly: str, image: bytes) -> None:
    """Write the files of a module.

    Raises:
        EngineError: the folder cannot be written.
    """
    path = folder / module_name(ir_text)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name + ".ll").write_text(ir_text, encoding="utf-8")
        path.with_name(path.name + ".s").write_text(assembly, encoding="utf-8")
        path.with_name(path.name + ".o").write_bytes(image)
    except OSError as error:
        raise EngineError(
            f"RANVIER_DUMP is {str(folder)!r}, which cannot be written ({error}); name a folder that can, or unset it."
        ) from error


def add_symbols(functions: Mapping[str, tuple[int, int]], name: str) -> None:
    """Add functions to the symbols that perf reads for this process.

    Parameters:
        functions: name -> (address, bytes of code).
        name: of the library, to tell its functions from those of others.
    """
    lines = [f"{start:x} {size:x} ranvier {name}: {symbol}\n" for symbol, (start, size) in functions.items()]
    with open(symbol_file(), "a", encoding="utf-8") as file:
        file.writelines(lines)


def symbol_file() -> Path:
    """Where perf looks for the symbols of this process."""
    return Path(tempfile.gettempdir(), f"perf-{os.getpid()}.map")
