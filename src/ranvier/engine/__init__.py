"""The border between the training loop and the engines that do the arithmetic."""

from ranvier.engine.compile_spec import CompileSpec, check_loss_activation, check_separable, feeds_dense
from ranvier.engine.protocol import Cancelled, Engine, Executable, Members, RowsHandle, never_cancel, unlimited
from ranvier.engine.state import LayerValues, Span, State

__all__ = [
    "Cancelled",
    "CompileSpec",
    "Engine",
    "Executable",
    "LayerValues",
    "Members",
    "RowsHandle",
    "Span",
    "State",
    "check_loss_activation",
    "check_separable",
    "feeds_dense",
    "never_cancel",
    "unlimited",
]
