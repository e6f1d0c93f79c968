"""What the compiled code will do, as records that can be read and printed; nothing here knows LLVM.

tiles.py     the shapes of the register tile     steps.py    the steps of a plan, and buffers
sparse.py    steps on sparse rows                packing.py  flat parameters <-> panels, tables
lowering.py  network -> steps
plan.py      the whole plan                      cost.py     FLOPs, and how many threads are worth waking
show.py      the plan as text                    arguments.py  what the code is handed
"""
