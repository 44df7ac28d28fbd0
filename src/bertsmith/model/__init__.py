"""Batch to logits. Read in order: loading, dropout, prediction, decoding, saving."""
