"""From a network to steps: what is computed, on which buffers, in which order. Any back end can read it.

buffers.py   the memory that steps work on       steps.py     the steps
lowering.py  network -> steps                    sparse.py    steps on sparse rows
lowered.py   what comes out, and for what        scalars.py   hyper-parameters as named numbers
builder.py   collects steps and buffers          first_layer.py  what reads the inputs
forward.py   the forward pass, layer by layer    backward.py     the backward pass

Nothing here knows a machine: no tiles, no cache sizes, no threads.
"""
