"""The questions that the page asks: a file and a pure function for each kind, from a subject to plain values."""
