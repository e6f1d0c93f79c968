"""Recordings: from a file to the spectrogram of one length that a network learns from."""
