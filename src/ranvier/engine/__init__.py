"""The border between the training loop and the engines that do the arithmetic."""

from ranvier.engine.problem import LayerValues, Problem, Rows, Span, State
from ranvier.engine.protocol import Engine, Executable, Stopped, never
from ranvier.rows.csr import Sparse

__all__ = ["Engine", "Executable", "LayerValues", "Problem", "Rows", "Span", "Sparse", "State", "Stopped", "never"]
