"""What is wrong with data, as typed records: leaking columns, identifiers, repeated rows, conflicting labels, drift."""
