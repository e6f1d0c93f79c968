"""What is wrong with a model, as typed records: how it fits, what its neurons do, its data."""
