"""The native engine: a spec is planned, printed as LLVM IR, compiled to its exact shape and run in spans.

Same bits: the result of a span depends on the state, the rows, the span and the precision alone; not on the number of
threads, nor on the vector width, nor on how steps are cut into spans.
"""

from __future__ import annotations

from ranvier.engine import CompileSpec
from ranvier.errors import EngineError
from ranvier.native.executable import NativeExecutable
from ranvier.native.machine import cpu
from ranvier.native.scheduling import cost
from ranvier.records import record


@record
class NativeEngine:
    """Machine code made for each network.

    >>> NativeEngine().name
    'native'
    """

    name: str = "native"

    def why_unavailable(self) -> str | None:
        """Why this engine cannot run here, as a sentence without its full stop; None where it can."""
        reason = cpu.available()
        if reason is None:
            try:
                cpu.target()
            except EngineError as error:
                reason = str(error).rstrip(".")
        return reason

    def compile(self, spec: CompileSpec) -> NativeExecutable:
        """Make a spec ready to run.

        Raises:
            EngineError: the spec asks for something that this engine does not have.
        """
        return NativeExecutable(spec)

    def at_once(self, spec: CompileSpec, trainings: int) -> int:
        """How many of so many trainings of a spec are best run at a time, a thread each; 1 for one after the other.

        Side by side they need no barriers; one after the other each step may use more threads than there are trainings.
        Steps that last long are made one after the other, since Ctrl-C breaks them off in the main thread alone.
        """
        threads = cost.usable_threads(spec, cpu.threads() if spec.threads else cpu.default_threads())
        together = min(trainings, threads)
        shared = cost.training_threads(spec, threads) > together or spec.batch_size >= cost.long_step(spec)
        return 1 if shared else max(1, together)

    def plan(self, spec: CompileSpec, measure: bool = False) -> str:
        """What a training step does, as a readable loop nest; see `show_plan`.

        Parameters:
            measure: add how long each step takes here, see `native.measure`.

        Raises:
            EngineError: the spec asks for something that this engine does not have.
        """
        from ranvier.native.scheduling.show import show_plan

        executable = self.compile(spec)
        text = show_plan(executable.plan, executable.threads)
        if measure:
            from ranvier.native.measure import measured_text

            text += "\n" + measured_text(executable)
        return text
