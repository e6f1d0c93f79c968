"""What a network is fed: rows of inputs, dense or sparse, their targets and weights, and how rows are divided."""
