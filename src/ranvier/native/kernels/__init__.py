"""Compute kernels as LLVM IR text.

values.py       types, values and constants as text       vector_math.py  exp, log, tanh ... whose bits are the same everywhere
emitter.py      the module being written                  trigonometry.py sin and cos
function.py     one function of it: blocks and loops      expressions.py  expressions as vector code
philox.py       the random words of `ranvier.random`
"""
