"""The border between the training loop and the engines that do the arithmetic."""

from ranvier.engine.problem import LayerValues, Problem, Rows, Span, State
from ranvier.engine.protocol import Engine, Executable, Stopped, never
from ranvier.rows.csr import CSR

__all__ = ["CSR", "Engine", "Executable", "LayerValues", "Problem", "Rows", "Span", "State", "Stopped", "never"]
