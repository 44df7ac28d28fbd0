"""Logits and labels to an Evaluation. Read in order: scoring, metrics, intervals."""
