"""A run folder to predictions in the world."""
