"""How much `bertsmith check` finds of flaws that were planted in real data, what it finds that is none, and how fast."""
