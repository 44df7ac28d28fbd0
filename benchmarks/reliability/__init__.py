"""Faults, attacks and broken input, and what becomes of them: `make bench-reliability`."""
