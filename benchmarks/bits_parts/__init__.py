"""What `bits.py` trains."""
