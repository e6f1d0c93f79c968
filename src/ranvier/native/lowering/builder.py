"""The steps and buffers of a network in the making: what the passes over its layers write to."""

from __future__ import annotations

from ranvier.engine import CompileSpec
from ranvier.native.lowering import sparse
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import (
    GRADIENT,
    LEARNING,
    ROUNDED,
    STEP_GRADIENT,
    STEPS,
    TRAIN,
    TRANSPOSED,
    UPDATE,
)
from ranvier.native.lowering.scalars import LoweredRule, Scalar
from ranvier.native.lowering.steps import Step, Trained
from ranvier.network.constraints import NonNegative
from ranvier.network.parameters import Entry


class Builder:
    """The steps and buffers of one spec, in the making; see `lower`."""

    def __init__(self, spec: CompileSpec, purpose: str, store: bool = False) -> None:
        self.spec, self.purpose = spec, purpose
        self.buffers: dict[str, Buffer] = {}
        self.steps: list[Step] = []
        self.last: list[Step] = []
        self.entries = {entry.name: entry for entry in sparse.entries(spec)}
        self.rule: LoweredRule | None = None
        if purpose in (TRAIN, UPDATE) and not spec.optimizer.full_batch:
            formula, numbers = spec.optimizer.open_rule()
            named = tuple(Scalar(name, value) for name, value in numbers.items())
            self.rule = LoweredRule(formula, named, Scalar("weight_decay", float(spec.optimizer.weight_decay)))
        self.slots = self.rule.formula.slots if self.rule else ()
        self.clips = purpose in (TRAIN, UPDATE) and spec.optimizer.clip_norm is not None
        self.store = purpose in (GRADIENT, STEP_GRADIENT, UPDATE) or store or self.clips
        self.trained: list[Trained] = []
        self.table = sparse.table_name(spec)
        self.sparse: sparse.SparseGradient | None = None
        self.rounds = spec.precision == "bfloat16"

    @property
    def learns(self) -> bool:
        """Whether there is a backward pass."""
        return self.purpose in LEARNING

    # Buffers and steps

    def buffer(self, name: str, columns: int, kind: str = "rows", rows: int = 1, groups: int = 1) -> Buffer:
        """The buffer of this name, made where it does not exist."""
        if name not in self.buffers:
            self.buffers[name] = Buffer(name, len(self.buffers), kind, columns, rows, groups)
        return self.buffers[name]

    def piece(self, name: str, suffix: str = "", copy: str = "") -> Buffer:
        """The buffer of a parameter, of something of its shape, or of a copy of it."""
        shape = self.entries[name].shape
        kind, rows = ("weight", shape[0]) if len(shape) == 2 else ("vector", 1)
        if name == self.table:
            kind = "table"
        groups = self.entries[name].groups
        return self.buffer(f"{copy}.{name}" if copy else name + suffix, shape[-1], kind, rows, groups)

    def rounded(self, x: Buffer, name: str) -> Buffer:
        """The rows that products read: x, or x rounded in the buffer of this name."""
        if not self.rounds:
            return x
        y = self.buffer(name, x.columns)
        self.add(s.Rounding(x, y))
        return y

    def add(self, *steps: Step) -> None:
        """Add steps."""
        self.steps += steps

    # Parameters

    def transposed(self, name: str) -> Buffer:
        """The transposed copy of a weight, which data gradients read."""
        entry = self.entries[name]
        inputs, units = entry.shape[0] * entry.groups, entry.shape[1] // entry.groups
        return self.buffer(f"{TRANSPOSED}.{name}", inputs, "weight", units, entry.groups)

    def train(self, name: str, copy: Buffer | None = None) -> Trained:
        """The state of a trained parameter; `copy` is the transposed one, where there is one."""
        entry = self.entries[name]
        slots = tuple(self.piece(name, f".{slot}") for slot, _ in self.slots)
        stored = self.store and (name != self.table or self.purpose == GRADIENT)
        gradient = self.piece(name, ".gradient") if stored else None
        moves = self.rounds and self.purpose in STEPS and len(entry.shape) == 2
        rounded = self.piece(name, copy=ROUNDED) if moves else None
        decay = self.rule.decay if self.rule and entry.weight_decay else None
        numbers = (self.penalty(entry, "l1"), self.penalty(entry, "l2"), decay)
        factor = Scalar(f"{entry.name}.learning_rate_factor", entry.learning_rate_factor)
        self.trained.append(
            Trained(
                entry,
                self.piece(name),
                slots,
                *numbers,
                copy,
                gradient,
                rounded,
                None if entry.learning_rate_factor == 1.0 else factor,
                isinstance(entry.constraint, NonNegative),
            )
        )
        return self.trained[-1]

    def penalty(self, entry: Entry, kind: str) -> Scalar | None:
        """The strength of the penalty "l1" or "l2" of a parameter, where it has one."""
        strength = getattr(entry, kind)
        return Scalar(f"{entry.name}.{kind}", float(strength)) if strength else None
