from __future__ import annotations

import numpy as np

from benchmarks.speed.limit import Width, products, useful_operations

WIDTH = Width(hidden=2, intermediate=3, layers=2, labels=2)


def test_only_what_must_be_done_for_real_tokens_is_counted():
    # Rows of 1 and 3 tokens. First layer, multiply-adds: 4 projections of 4 tokens, 4 · 4 · (2·2) = 64; scores and their use
    # for 1 + 9 pairs of tokens, 10 · 2 · 2 = 40; feed-forward, 4 · 2 · (2·3) = 48.
    # Last layer: keys and values of 4 tokens, 2 · 4 · 4 = 32; queries and outputs of 2 rows, 2 · 2 · 4 = 16; one query per
    # row over 4 keys, 4 · 2 · 2 = 16; feed-forward of 2 rows, 2 · 2 · 6 = 24.
    # Pooler, 2 rows · 4 = 8; head, 2 rows · 2 · 2 = 8.
    operations = useful_operations(np.array([1, 3]), WIDTH)

    assert operations.square == 2 * (64 + 40 + 32 + 16 + 16 + 8 + 8)
    assert operations.feed_forward == 2 * (48 + 24)
    assert operations.training == 3 * (operations.square + operations.feed_forward)


def test_padding_would_be_no_operation_of_ours():
    ragged = useful_operations(np.array([2, 30]), WIDTH)
    padded = useful_operations(np.array([30, 30]), WIDTH)

    assert ragged.forward < 0.6 * padded.forward


def test_a_part_of_the_tokens_is_the_same_part_of_every_product():
    for sizes in products(40, WIDTH).values():
        for product in sizes:
            assert product.share(2).operations == product.operations / 2
