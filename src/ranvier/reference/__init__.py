"""The specification of all engines, in NumPy and float64: forward pass, backward pass, updates."""

from ranvier.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
