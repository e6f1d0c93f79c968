"""IR text -> object code -> callable. The only file that imports llvmlite.binding.

LLVM ends the process on some errors. So everything is verified first, and the processor comes from a closed list
(target.py). IR must not name instructions that the target lacks, for the same reason. No optimizer passes run: kernels
are written with explicit vectors, and passes would take longer than all other work.

llvmlite admits one thread at a time to LLVM. LLVM itself only requires that threads share no context and no target
machine. So each module gets its own, and code generation, which takes nearly all of the time, bypasses that lock. All
other calls keep it.

Loaded code belongs to this process. A forked child may go on calling it, since no fork happens while LLVM works; it
cannot be pickled.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import itertools
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding import ffi

from ranvier import settings
from ranvier.errors import EngineError
from ranvier.native.machine import dump, system
from ranvier.native.machine.target import QUICK_MARK, Host, Target

CODEGEN_LEVEL = 2
CODEGEN_OPTIONS: dict[str, Any] = {"opt": CODEGEN_LEVEL, "reloc": "pic", "codemodel": "small"}
"""How code is generated, whatever the target. Part of the key of cached objects, so all options belong here.

`opt` is the level, 0 to 3: for kernels with explicit vectors 2 and 3 give the same bytes, and 1 takes as long. With
"pic" and "small" code reaches its constants relative to the instruction.
"""

OPTION_VERSIONS = (22,)
"""The versions of LLVM whose options are known here: LLVM ends the process where it does not know one."""
QUICK_OPTIONS = {"disable-lsr": ("1", "0")}
"""Options of LLVM on x86 while code is generated here: the value of each, and its usual one.

Strides are constants of the kernels, so loop strength reduction, a quarter of the time, finds nothing that is quicker.
"""

_lock = threading.RLock()
_to_unload: collections.deque[dict[str, Any]] = collections.deque()
"""What deleted libraries leave, until a thread that has the lock unloads it."""
_count = itertools.count()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


@contextlib.contextmanager
def _llvm() -> Iterator[None]:
    """Hold the lock, and first unload what deleted libraries left."""
    with _lock:
        _unload()
        yield


def _unload() -> None:
    """Unload the code of deleted libraries, if no other thread has the lock; never wait for it."""
    if _to_unload and _lock.acquire(blocking=False):
        try:
            with contextlib.suppress(IndexError):
                while True:
                    _to_unload.popleft().clear()
        finally:
            _lock.release()


def options_text(target: Target) -> str:
    """The options of code generation as text, for keys of cached objects.

    >>> from ranvier.native.machine.target import level
    >>> options_text(level("x86-64-v3", "x86_64-unknown-linux-gnu"))
    'codemodel=small,disable-lsr=1,opt=2,reloc=pic'
    """
    options = {**CODEGEN_OPTIONS, **{name: values[0] for name, values in _quick_options(target).items()}}
    return ",".join(f"{name}={value}" for name, value in sorted(options.items()))


def _quick_options(target: Target) -> dict[str, tuple[str, str]]:
    return QUICK_OPTIONS if target.is_x86 and llvm.llvm_version_info[0] in OPTION_VERSIONS else {}


@contextlib.contextmanager
def _generating(target: Target) -> Iterator[None]:
    """Hold the lock, with LLVM and its options, which belong to the process, ready to generate code for a target."""
    with _llvm():
        _initialize(target)
        options = _quick_options(target)
        for name, (ours, _) in options.items():
            llvm.set_option("ranvier", f"-{name}={ours}")
        try:
            yield
        finally:
            for name, (_, usual) in options.items():
                llvm.set_option("ranvier", f"-{name}={usual}")


def version() -> str:
    """The versions of everything that decides the generated code.

    >>> version().startswith("llvmlite ")
    True
    """
    return f"llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}"


@cache
def host() -> Host:
    """The triple, processor and features that LLVM detects here."""
    with _llvm():
        features = dict(sorted(llvm.get_host_cpu_features().items()))
        return Host(llvm.get_process_triple(), llvm.get_host_cpu_name(), features)


def compile_ir(ir_text: str, target: Target, level: int = CODEGEN_LEVEL) -> bytes:
    """Compile a module to an object file.

    Parameters:
        ir_text: LLVM IR, opaque pointers, without triple and data layout (they are set from the target).
        target: the processor to compile for.
        level: the optimization level of code generation, 0 to 3; 0 for a text that begins with `QUICK_MARK`.

    Raises:
        EngineError: the text is not valid IR; the message is LLVM's.
    """
    return compile_all([ir_text], target, level, threads=1)[0]


def compile_all(ir_texts: Iterable[str], target: Target, level: int = CODEGEN_LEVEL, threads: int = 1) -> list[bytes]:
    """Compile modules, while they are still being written, to an object file each.

    Parameters:
        ir_texts: see `compile_ir`; they are iterated over in this thread.
        target, level: see `compile_ir`.
        threads: how many threads may work at once; one of them is the calling thread, once there are no more texts.

    Raises:
        EngineError: a text is not valid IR; the message is LLVM's on the first such one.
    """
    waiting: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
    results: dict[int, bytes | EngineError] = {}

    def work() -> None:
        while (job := waiting.get()) is not None:
            number, text = job
            try:
                results[number] = _object(text, target, level)
            except EngineError as error:
                results[number] = error

    def end() -> None:
        for _ in range(threads):
            waiting.put(None)

    helpers: list[threading.Thread] = []
    # The lock is held until all threads are done, so that no fork happens meanwhile.
    with _generating(target):
        try:
            for number, text in enumerate(ir_texts):
                waiting.put((number, text))
                if len(helpers) < threads - 1:
                    helpers.append(threading.Thread(target=work, name="ranvier compiler", daemon=True))
                    helpers[-1].start()
            end()
            work()
        except BaseException:
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.get_nowait()
            end()
            raise
        finally:
            for helper in helpers:
                helper.join()
    images = []
    for _, result in sorted(results.items()):
        if isinstance(result, EngineError):
            raise result
        images.append(result)
    return images


def assembly(ir_text: str, target: Target, level: int = CODEGEN_LEVEL) -> str:
    """The code that `compile_ir` makes as assembly text, to read it or to test which instructions it uses.

    Raises:
        EngineError: the text is not valid IR.
    """
    with _generating(target), _verified(ir_text, target, level) as (module, machine):
        return str(machine.emit_assembly(module))


def load_objects(images: Sequence[bytes], name: str, symbols: Mapping[str, int] | None = None) -> Library:
    """Link objects, which may call each other, into this process.

    Parameters:
        images: objects from `compile_ir`, for a target that this machine can run.
        name: the name of the code in messages.
        symbols: name -> address of the functions it may call; None for those of `system.symbols()`.

    Raises:
        EngineError: an object calls something else, or is not an object.
    """
    available = dict(system.symbols() if symbols is None else symbols)
    unknown = [symbol for symbol in system.undefined_symbols(images) if symbol not in available]
    if unknown:
        raise EngineError(f"The code of {name} calls {', '.join(unknown)}, which nothing provides.")
    unique = f"{name}.{next(_count)}"
    builder = llvm.JITLibraryBuilder()
    for image in images:
        builder.add_object_img(image)
    for symbol, address in available.items():
        builder.import_symbol(symbol, address)
    with _llvm():
        try:
            tracker = builder.link(_linker(), unique)
        except RuntimeError as error:
            raise EngineError(f"The code of {name} cannot be loaded: {error}") from error
    library = Library(name, unique, tracker)
    if settings.read().dump:
        sizes = system.function_sizes(images)
        dump.add_symbols({symbol: (library.address(symbol), size) for symbol, size in sizes.items()}, name)
    return library


class Library:
    """Code loaded into this process. It is unloaded when this object and every function read from it are deleted."""

    def __init__(self, name: str, unique: str, tracker: Any) -> None:
        self.name = name
        self._unique = unique
        self._trackers = {"": tracker}

    def address(self, symbol: str) -> int:
        """Where a function starts. Valid only while this object is kept.

        Raises:
            EngineError: there is no such function.
        """
        with _llvm():
            if symbol not in self._trackers:
                try:
                    self._trackers[symbol] = _linker().lookup(self._unique, symbol)
                except RuntimeError as error:
                    raise EngineError(f"The code of {self.name} has no function {symbol!r}: {error}") from error
            return int(self._trackers[symbol][symbol])

    def function(self, symbol: str, restype: Any, *argtypes: Any) -> Callable[..., Any]:
        """A function as a ctypes callable that lets other Python threads run while it works; it keeps this alive.

        Raises:
            EngineError: there is no such function.
        """
        call: Any = ctypes.CFUNCTYPE(restype, *argtypes)(self.address(symbol))
        call.owner = self
        return call  # type: ignore[no-any-return]

    def __reduce__(self) -> NoReturn:
        raise EngineError(f"The code of {self.name} belongs to the process that loaded it and cannot be pickled.")

    def __del__(
        self,
        is_finalizing: Callable[[], bool] = sys.is_finalizing,
        to_unload: collections.deque[dict[str, Any]] = _to_unload,
        unload: Callable[[], None] = _unload,
    ) -> None:
        # The garbage collector runs this in any thread, also in one that the holder of the lock waits for: so it never
        # waits. Bound early, since a module's names are deleted by the end of the program. Then nothing is unloaded:
        # threads may be asleep in this code.
        if not is_finalizing():
            to_unload.append(self._trackers)
            unload()


@contextlib.contextmanager
def _verified(ir_text: str, target: Target, level: int) -> Iterator[tuple[Any, Any]]:
    with llvm.create_context() as context:
        machine = _machine(target, 0 if ir_text.startswith(QUICK_MARK) else level)
        try:
            module = llvm.parse_assembly(ir_text, context)
        except RuntimeError as error:
            raise EngineError(f"LLVM cannot read the generated code: {error}") from error
        with module:
            module.triple = machine.triple
            module.data_layout = str(machine.target_data)
            try:
                module.verify()
            except RuntimeError as error:
                raise EngineError(f"LLVM cannot verify the generated code: {error}") from error
            yield module, machine


def _object(ir_text: str, target: Target, level: int) -> bytes:
    with _verified(ir_text, target, level) as (module, machine), ffi.OutputString() as trouble:
        emit = ffi.lib.LLVMPY_TargetMachineEmitToMemory
        # `_cfn`, private to llvmlite, is the C function without the lock that admits one thread at a time.
        emit = getattr(emit, "_cfn", emit)
        buffer = emit(machine, module, 1, trouble)
        if not buffer:
            raise EngineError(f"LLVM cannot generate code: {trouble}")
        try:
            return ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer))
        finally:
            ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


@cache
def _initialize(target: Target) -> None:
    if target.triple == host().triple:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    else:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()


def _machine(target: Target, level: int) -> Any:
    options = {**CODEGEN_OPTIONS, "opt": level}
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=",".join(target.features), **options
    )


@cache
def _linker() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # JITLink does not exist on Windows; elsewhere it is the one that places ARM code safely.
    return llvm.create_lljit_compiler(use_jit_link=sys.platform != "win32", suppress_errors=True)
