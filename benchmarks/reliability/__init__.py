"""How much is lost when something stops a run, and what gets in when something is broken: measured, not promised."""
