"""How steps run on one machine: tiles, blocks, layouts, stages. Nothing here knows LLVM.

tiles.py     the shapes of the register tile     blocking.py  how the work of products is cut
packing.py   flat parameters <-> panels, tables  stages.py    what runs between two barriers
plan.py      the whole plan                      cost.py      FLOPs, and how many threads are worth waking
show.py      the plan as text                    arguments.py what the code is handed
"""
