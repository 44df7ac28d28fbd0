"""FILE to Dataset, checked and split. Read in order: example, reading, columns, splitting."""
