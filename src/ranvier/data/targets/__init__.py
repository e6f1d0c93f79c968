"""The target columns: their values, marks that are labels, far values, the positive class."""
