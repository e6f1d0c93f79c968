"""What a network means, in NumPy and float64: forward, backward, update, one page per idea. Every engine must agree."""

from ranvier.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
