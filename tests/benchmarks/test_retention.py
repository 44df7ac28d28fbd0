from __future__ import annotations

from benchmarks.reliability.retention import measure


def test_at_every_look_there_is_a_whole_checkpoint() -> None:
    (case,) = measure(epochs=2)
    assert case.ok, case.outcome
