"""How a network gets fast on a CPU: lowered, scheduled, printed as LLVM IR and compiled to its exact shape.

The way of a network: `prepared.PreparedNetwork` asks `plans.Plans`, which all networks of the same spec share, for a
plan. Made by `scheduling.plan.make_plan` (how, for one processor) of what `lowering.lowering.lower` gives (what is
computed), it goes to the function `library` of `compiled`, which has `kernels.module.ModuleWriter` print it, each step
by the function that `kernels.calls` names for it, and `machine.llvm.compile_all` compile it, unless `machine.cache`
knows it; `program.Program` runs it on `machine.team`, on the memory of a `packed_state.PackedState`.

Our own words, each for one thing:

    step         what is computed at once: a layer forward, a gradient, a loss
    plan         the steps of one purpose, scheduled for one machine; its `Code` is what decides the machine code
    stage        the steps between two barriers, where all threads wait for each other
    span         some training steps in a row, in one call of the machine code
    panel        16 columns of a weight, all rows of them side by side in memory
    tile         h rows by v panels of a product, which stay in registers
    grain        panels that belong together where threads share panels
    unit         what a thread takes at once of a weight gradient: a block of rows, some panels
    table        a weight that meets sparse rows, and is read row by row
"""
