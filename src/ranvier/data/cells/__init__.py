"""How cells are written and read: numbers, dates, booleans, marks of missing cells, texts."""
