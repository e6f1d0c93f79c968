"""Which processor the code is made for, chosen from what the host is and what the user asks for."""

from __future__ import annotations

from collections.abc import Mapping

from ranvier.errors import EngineError
from ranvier.records import record

QUICK_MARK = "; code generation at level 0\n"
"""A module of IR that begins with it is compiled quickly: its code takes no time beside the functions that it calls."""

# What each x86-64 level adds that compiled code may use, in LLVM's names.
_LEVEL_3 = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "xsave")
_LEVEL_4 = (*_LEVEL_3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
_LEVELS = {"x86-64-v3": (_LEVEL_3, 256), "x86-64-v4": (_LEVEL_4, 512)}
# Vectors are written out in the IR; this keeps LLVM from splitting the wide ones.
_WIDE = ("-prefer-256-bit",)


@record
class Host:
    """What LLVM says about this machine: `triple`, `cpu` (its name) and `features` (name -> present)."""

    triple: str
    cpu: str
    features: Mapping[str, bool]


@record
class Target:
    """A processor to compile for; two equal targets get the same object from the same IR.

    Fields: `triple` (for example "x86_64-unknown-linux-gnu"), `cpu` and `features` ("+name" or "-name") as LLVM
    names them, `vector_bits` (width of the vectors to use), `has_bf16_dot` (there is a bfloat16 dot product that rounds
    as `ranvier.engine.bfloat16` says; that of ARM rounds otherwise).
    """

    triple: str
    cpu: str
    features: tuple[str, ...]
    vector_bits: int
    has_bf16_dot: bool

    @property
    def is_x86(self) -> bool:
        """Whether this is an x86-64 processor."""
        return self.triple.startswith("x86_64")

    @property
    def is_arm(self) -> bool:
        """Whether this is a 64-bit ARM processor."""
        return self.triple.startswith(("aarch64", "arm64"))

    def choice(self, x86: str, arm: str) -> str:
        """The one of two texts that is for this processor.

        Raises:
            EngineError: it is neither; LLVM ends the process on instructions that a processor does not have.

        >>> level("x86-64-v3", "x86_64-unknown-linux-gnu").choice("pause", "isb")
        'pause'
        """
        if not self.is_x86 and not self.is_arm:
            raise EngineError(f"Code is made for x86-64 and 64-bit ARM processors, not for {self.triple}.")
        return x86 if self.is_x86 else arm

    def lanes(self, bits: int = 32) -> int:
        """How many numbers of so many bits a vector holds.

        >>> Target("x86_64-unknown-linux-gnu", "x86-64-v3", (), 256, False).lanes()
        8
        """
        return self.vector_bits // bits


def missing(host: Host) -> str | None:
    """Why no code can be made for this host, or None where it can.

    >>> missing(Host("riscv64-unknown-linux-gnu", "generic", {}))
    'code is made for x86-64 and 64-bit ARM processors, and this one is riscv64'
    """
    if host.triple.startswith("x86_64"):
        absent = _absent(host, _LEVEL_3)
        return f"this processor ({host.cpu}) lacks {', '.join(absent)}" if absent else None
    if host.triple.startswith(("aarch64", "arm64")):
        return None
    return f"code is made for x86-64 and 64-bit ARM processors, and this one is {host.triple.split('-')[0]}"


def choices(host: Host) -> tuple[str, ...]:
    """The names `choose` knows on this kind of processor; a closed list, since LLVM ends the process on others."""
    levels = tuple(_LEVELS) if host.triple.startswith("x86_64") else ()
    return tuple(dict.fromkeys(("native", *levels, host.cpu)))


def choose(name: str | None, host: Host) -> Target:
    """The target called `name` ("native" or None: the host itself, with everything it has).

    Raises:
        EngineError: no code can be made for this host, the name is not known, or the host cannot run such code.

    >>> choose("native", Host("aarch64-unknown-linux-gnu", "neoverse-n1", {"neon": True})).lanes()
    4
    """
    reason = missing(host)
    if reason:
        raise EngineError(f'The native engine cannot be used: {reason}. Choose engine="reference".')
    if name in (None, "native", host.cpu):
        return _native(host)
    if name not in choices(host):
        raise EngineError(f"RANVIER_CPU is {name!r}; on this machine it can be {', '.join(choices(host))}.")
    needed, bits = _LEVELS[str(name)]
    absent = _absent(host, needed)
    if absent:
        raise EngineError(f"RANVIER_CPU is {name!r}, but this processor ({host.cpu}) lacks {', '.join(absent)}.")
    return level(str(name), host.triple, bits)


def level(name: str, triple: str, bits: int | None = None) -> Target:
    """The target for an x86-64 level, whether or not this machine could run it.

    >>> level("x86-64-v4", "x86_64-unknown-linux-gnu").lanes()
    16
    """
    bits = bits or _LEVELS[name][1]
    return Target(triple, name, _WIDE if bits == 512 else (), bits, has_bf16_dot=False)


def _native(host: Host) -> Target:
    features = tuple(f"{'+' if present else '-'}{name}" for name, present in sorted(host.features.items()))
    if not host.triple.startswith("x86_64"):
        return Target(host.triple, host.cpu, features, 128, has_bf16_dot=False)
    wide = not _absent(host, _LEVEL_4)
    dot = wide and bool(host.features.get("avx512bf16"))
    return Target(host.triple, host.cpu, features + (_WIDE if wide else ()), 512 if wide else 256, dot)


def _absent(host: Host, needed: tuple[str, ...]) -> list[str]:
    return [name for name in needed if not host.features.get(name)]
