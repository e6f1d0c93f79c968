"""What a network means, in NumPy and float64: forward, backward and update, one page per idea. Every engine must agree."""
