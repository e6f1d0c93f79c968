"""What the columns of a table hold: kinds, schema, row numbers, and notes on odd cells."""
