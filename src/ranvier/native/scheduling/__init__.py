"""How steps run on one machine: tiles, blocks, layouts, stages. Nothing here knows LLVM.

processor.py what is known of the machine        plan.py      the whole plan
schedule.py  steps -> scheduled steps            scheduled.py a step and how it runs
blocking.py  how products are cut                tiles.py     the shapes of the register tile
layouts.py   how buffers lie in memory           packing.py   flat parameters <-> panels, tables
stages.py    what runs between two barriers      cost.py      FLOPs, and how many threads are worth waking
binding.py   which scalars are constants         arguments.py what the code is handed
pairs.py     which products take pairs           show.py      the plan as text
"""
