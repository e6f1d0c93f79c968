"""From a network to steps: what is computed, on which buffers, in which order. Any back end can read it.

buffers.py   the memory that steps work on       steps.py     the steps
lowering.py  network -> steps                    sparse.py    steps on sparse rows
lowered.py   what comes out, and for what        scalars.py   hyper-parameters as named numbers
backward.py  the backward pass of a layer        first_layer.py  what reads the inputs

Nothing here knows a machine: no tiles, no cache sizes, no threads.
"""
