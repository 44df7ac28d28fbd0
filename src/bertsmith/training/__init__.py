"""Model and batches to a trained model and its history.

Read in order: loop, optimizer, schedule, randomness, signs, selection, history.
"""
