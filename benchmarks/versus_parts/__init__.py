"""The parts of versus.py."""
