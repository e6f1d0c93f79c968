"""From a network to steps: what is computed, on which buffers, in which order. Any back end can read it.

buffers.py   the memory that steps work on       steps.py     the steps
lowering.py  network -> steps                    sparse.py    steps on sparse rows
"""
