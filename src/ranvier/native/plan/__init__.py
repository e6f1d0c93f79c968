"""What the compiled code will do, as records that can be read and printed; nothing here knows LLVM.

tiles.py     the shapes of the register tile     steps.py    the steps of a plan, and buffers
lowering.py  network -> steps                    packing.py  flat parameters <-> panels
plan.py      the whole plan                      cost.py     FLOPs, and how many threads are worth waking
show.py      the plan as text
"""
