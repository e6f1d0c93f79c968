"""Compute kernels as LLVM IR text.

values.py         types, values and constants as text
emitter.py        the module being written
function.py       one function of it: instructions, blocks and loops
vector_math.py    exp, log, tanh and the like, whose bits are the same on every processor
trigonometry.py   sin and cos
expressions.py    expressions as vector code
philox.py         the random words of `ranvier.random`
"""
