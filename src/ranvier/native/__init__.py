"""How a network gets fast on a CPU: planned, printed as LLVM IR and compiled to its exact shape."""
