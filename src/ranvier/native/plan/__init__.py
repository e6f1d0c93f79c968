"""What the compiled code will do, as records that can be read and printed; nothing here knows LLVM.

tiles.py     the shapes of the register tile     cuts.py     how the work of products is cut
buffers.py   the memory of a plan                packing.py  flat parameters <-> panels, tables
steps.py     the steps of a plan                 sparse.py   steps on sparse rows
lowering.py  network -> steps                    stages.py   what runs between two barriers
plan.py      the whole plan                      cost.py     FLOPs, and how many threads are worth waking
show.py      the plan as text                    arguments.py  what the code is handed
"""
