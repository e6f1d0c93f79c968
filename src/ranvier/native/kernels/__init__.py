"""Compute kernels as LLVM IR text.

values.py         types, values and constants as text
emitter.py        the module being written
function.py       one function of it: instructions, blocks and loops
vector_math.py    exp, log, tanh and the like, whose bits are the same on every processor
exponential.py    ... those made from e^x         logarithm.py      ... those made from ln x, and a^b
trigonometry.py   ... sin and cos                 coefficients.py   the numbers of their polynomials
expressions.py    expressions as vector code
philox.py         the random words of `ranvier.random`
"""
