"""Compute kernels as LLVM IR text.

values.py         types, values and constants as text     emitter.py        the module being written
function.py       one function: instructions, loops       blocks.py         values carried through loops
module.py         the entries of a plan                   calls.py          the calls of its steps
body.py           the values of an entry                  function_names.py one function for equal steps
tile.py           the micro-kernel                        packed.py         packing buffers
dense.py          forward and data gradient               gradient.py       weight gradient and update
gradient_tiles.py its tiles, with the update beside them  next_rows.py      prefetching the next batch
update.py         the optimizer's update                  transpose.py      the transposed weight
sparse.py         first layers on sparse rows             zero_skipping.py  dense layers on mostly zero rows
gather.py         the rows of a batch                     loss.py           losses, outputs
loss_of_rows.py   losses of 16 rows at once               row_vectors.py    loops over the columns of a row
rowops.py         between dense layers                    columns.py        statistics of columns
clipping.py       gradients clipped by their norm
limit_norms.py    the norms of neurons at a limit         input_gradients.py  both ends of them
outputs.py        storing z and y                         layout.py         addresses in row buffers
work_stealing.py  chunks of work for threads              cancellation.py   cancelling a step
timing.py         times of single steps                   dropout.py, formulas.py
bfloat16.py       rounding to it                          pairs.py          pairs of it, for dot products
vector_math.py    exp, log, tanh and the like, whose bits are the same on every processor
exponential.py    ... those made from e^x                 logarithm.py      ... from ln x, and a^b
trigonometry.py   ... sin and cos                         coefficients.py   the numbers of their polynomials
expressions.py    expressions as vector code              philox.py         the random words of `ranvier.random`
"""
