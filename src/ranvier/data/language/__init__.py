"""Text whose next character is to be predicted: reading, vocabulary, division into parts, n-gram baselines."""
