"""The whole: describe, train, save, load, predict."""
