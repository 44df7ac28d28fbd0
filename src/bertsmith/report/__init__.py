"""A finished Run to files for people."""
