"""Dataset to encoded texts to batches. Read in order: encoding, batching."""
