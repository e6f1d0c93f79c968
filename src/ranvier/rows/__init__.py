"""What a network is fed: inputs with a dense and a CSR block, targets and weights, and how rows are divided."""

from ranvier.rows.csr import CSR
from ranvier.rows.inputs import Inputs, as_inputs
from ranvier.rows.rows import Rows
from ranvier.rows.windows import Windows

__all__ = ["CSR", "Inputs", "Rows", "Windows", "as_inputs"]
