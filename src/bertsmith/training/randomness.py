"""Every random draw is a pure function of a key: a run repeats to the bit, and resume needs no state."""

from __future__ import annotations

import hashlib


def draw_seed(*key: int | str) -> int:
    """A seed in [0, 2⁶³) for a purpose at a place, such as `("dropout", seed, attempt, step, micro_batch)`.

    Neighbouring keys give unrelated seeds, unlike sums or products of their parts.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
