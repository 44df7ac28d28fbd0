"""How honest are the answers? Intervals, tests, verdicts and rescues against cases whose truth is known: `make bench-honesty`."""
