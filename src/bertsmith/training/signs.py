"""The signs of a failed training, as pure functions of numbers: selection, rescue and verdict share them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, pstdev

COLLAPSED_SHARE = 0.99
"""A label predicted for at least this share of the rows may be a collapse."""
COLLAPSED_EXCESS = 0.02
"""… if its share also exceeds its true share by this much: 995 of 1,000 rows may truly have one label."""
LEAST_INFORMATION = 0.002
"""Below this share of the labels' entropy the predictions say nothing of the text …"""
NO_CHANCE = 0.005
"""… unless chance would tell the labels as well less often than this: such a model reads, and is only unsure."""
AT_PRIOR = 0.98
"""A training loss above this share of the labels' entropy has learned nothing yet."""
ABOVE_PRIOR = 1.05
"""A training loss above this share of the labels' entropy does worse than knowing nothing."""
WINDOW = 50
"""Steps whose mean or median stands for "now": one batch of 8 says little."""
FAR_FROM_PRIOR = 2.0
"""A loss of this many times the labels' entropy, and more than this many nats, has left it by far."""
VANISHED = 0.01
"""A gradient norm below this share of its first ones is as good as none."""
WRONGLY_WIRED = 1.5
"""A fresh head whose first loss is this many nats from ln K has another number of labels, or another loss."""


def is_collapsed(predicted_share: Mapping[str, float], true_share: Mapping[str, float]) -> bool:
    """Whether the model gives (nearly) every row the same label though the truth has more.

    Args:
        predicted_share: share of the rows predicted as each label, in [0, 1].
        true_share: share of the rows that truly have each label, in [0, 1].
    """
    if sum(share > 0 for share in true_share.values()) < 2:
        return False
    top_label = max(predicted_share, key=lambda label: predicted_share[label])
    top_share = predicted_share[top_label]
    if sum(share > 0 for share in predicted_share.values()) == 1:
        return True
    return top_share >= COLLAPSED_SHARE and top_share - true_share.get(top_label, 0.0) >= COLLAPSED_EXCESS


def has_diverged(values: Iterable[float]) -> bool:
    """Whether a loss, gradient norm or weight norm is not finite."""
    return not all(math.isfinite(value) for value in values)


def prior_entropy(shares: Iterable[float]) -> float:
    """Entropy of the label shares in nats: the loss of giving every row these shares as probabilities."""
    return -sum(share * math.log(share) for share in shares if share > 0)


def is_input_blind(information: float | None, *, p_value: float | None = None) -> bool:
    """Whether the probabilities are the same for every text, whatever the class balance.

    Trap: after a few steps a model is unsure of every row, so that its probabilities tell next to nothing, and may be right
    on three of four. Measured: information 0.0003 at a macro-F1 of 0.75.

    Args:
        information: [H(mean p) - mean H(p)] / H(label shares), the share of the labels' entropy that the
            predictions could tell; None where it was not measured.
        p_value: how often chance would tell the labels as well; None where it was not measured.
    """
    if information is None or information >= LEAST_INFORMATION:
        return False
    return p_value is None or p_value >= NO_CHANCE


def recent(losses: Sequence[float], *, before: int = 0) -> Sequence[float]:
    """The last quarter of the losses, or the quarter `before` it: what stands for "now" and for "a while ago"."""
    size = max(1, len(losses) // 4)
    end = len(losses) - before * size
    return losses[max(0, end - size) : end]


def is_at_prior(losses: Sequence[float], entropy: float) -> bool:
    """Whether the training loss of the last quarter of the steps is where saying the label shares would leave it."""
    return bool(losses) and fmean(recent(losses)) > AT_PRIOR * entropy


def is_above_prior(losses: Sequence[float], entropy: float) -> bool:
    """Whether the training loss is clearly worse than saying the label shares: steps that are too large, no slow start."""
    return bool(losses) and fmean(recent(losses)) > ABOVE_PRIOR * entropy


def is_starting(losses: Sequence[float], validation_losses: Sequence[float] = ()) -> bool:
    """Whether something is being learned, slowly: the loss is falling on the training or on the validation rows.

    Training: the mean of the last quarter of the steps is two standard errors below that of the quarter before.
    Validation: each of the last two epochs is the best so far. Slow starters must live: a published run stood at chance
    for its first epoch and then learned (0.697 → 0.590).
    """
    lows = [min(validation_losses[: end + 1]) for end in range(len(validation_losses))]
    if len(lows) >= 3 and list(validation_losses[-2:]) == lows[-2:] and lows[-1] < lows[-2] < lows[-3]:
        return True
    now, before = recent(losses), recent(losses, before=1)
    if len(losses) < 2 * WINDOW or not before:
        return False
    error = math.sqrt((pstdev(now) ** 2 + pstdev(before) ** 2) / len(now))
    return fmean(before) - fmean(now) > 2 * error


def has_left_prior_for_good(losses: Sequence[float], entropy: float) -> bool:
    """Whether the loss is far above the labels' entropy and stays there: most of the last window's steps are."""
    if len(losses) < WINDOW:
        return False
    return median(losses[-WINDOW:]) > max(FAR_FROM_PRIOR * entropy, entropy + FAR_FROM_PRIOR)


def has_vanishing_gradients(gradient_norms: Sequence[float], losses: Sequence[float], entropy: float) -> bool:
    """Whether the gradients have all but gone while the loss stays at the prior's.

    Source: Mosbach, Andriushchenko and Klakow 2021, "On the stability of fine-tuning BERT".
    """
    if len(gradient_norms) < 2 * WINDOW or not is_at_prior(losses, entropy):
        return False
    return median(gradient_norms[-WINDOW:]) < VANISHED * median(gradient_norms[:WINDOW])


def is_wrongly_wired(first_loss: float, num_labels: int) -> bool:
    """Whether a fresh head's first loss is far from ln K, which near-zero logits must give."""
    return math.isfinite(first_loss) and abs(first_loss - math.log(num_labels)) > WRONGLY_WIRED
