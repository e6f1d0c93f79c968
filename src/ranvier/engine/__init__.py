"""The border between the training loop and the engines that do the arithmetic."""

from ranvier.engine.problem import LayerValues, Problem, Span, State
from ranvier.engine.protocol import Engine, Executable, Stopped, never

__all__ = ["Engine", "Executable", "LayerValues", "Problem", "Span", "State", "Stopped", "never"]
