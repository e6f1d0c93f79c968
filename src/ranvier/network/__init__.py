"""What a network is, as frozen records."""
