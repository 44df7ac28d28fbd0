"""How the training went, beside its result: signs that are worth telling, one function each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from bertsmith.diagnosis.evidence import Evidence, gain
from bertsmith.printing import quoted
from bertsmith.training.history import EpochRecord
from bertsmith.training.signs import has_vanishing_gradients, is_wrongly_wired, prior_entropy

FEW_STEPS = 300
"""Below this many optimizer steps a BERT has often not left chance yet."""
MEMORISED_SHARE = 0.25
"""Training loss, of the label prior's, below which the training rows are known by heart: dropout keeps an epoch's mean above 0."""
AT_CHANCE_GAIN = 0.1
"""A gain over chance below this is called chance beside a training loss near 0."""
MISLEADING_SHARE = 0.7
"""From this share of one label on, accuracy looks good for saying it always."""


def reasons(evidence: Evidence) -> tuple[str, ...]:
    """Every sign that holds, in a fixed order."""
    found = (sign(evidence) for sign in SIGNS)
    return tuple(sentence for sentence in found if sentence)


def diverged_where(evidence: Evidence) -> str:
    """Where a number stopped being one."""
    divergence = evidence.history.divergence
    if divergence is None:
        return ""
    return (
        f"The {divergence.what} became {divergence.value} at step {divergence.step}, "
        f"with learning rate {divergence.learning_rate:g}. Try a lower learning rate."
    )


def collapsed_epochs(evidence: Evidence) -> str:
    """Which epochs called every row the same, and whether choosing by F1 would take one of them."""
    epochs = evidence.history.epochs
    numbers = [number for number, epoch in enumerate(epochs, start=1) if epoch.collapsed]
    if not numbers:
        return ""
    best = max(epochs, key=lambda epoch: epoch.f1)
    trap = [number for number in numbers if epochs[number - 1].f1 >= best.f1]
    warning = (
        f" A trap: the best F1 of the table, {best.f1:.4f}, belongs to {_numbered(trap)}; "
        "choosing by F1 would keep a model that reads nothing."
        if trap and best.f1 > 0 and len(numbers) < len(epochs)
        else ""
    )
    return _which_collapsed(epochs, numbers) + warning


def _which_collapsed(epochs: Sequence[EpochRecord], numbers: Sequence[int]) -> str:
    """Which epochs called (nearly) every row which label, and which were blind to the texts without that."""
    blind = [number for number in numbers if not epochs[number - 1].gives_one_label]
    labels = {
        number: top_label(epochs[number - 1].predicted_share) for number in numbers if number not in blind
    }
    told = "; ".join(
        f"{_numbered([number for number in labels if labels[number] == label])}: {quoted(label)}"
        for label in dict.fromkeys(labels.values())
    )
    sentences = [f"Collapsed, (nearly) every row called the same ({told})."] if told else []
    if blind:
        sentences.append(
            f"Collapsed, the texts made next to no difference to the probabilities ({_numbered(blind)})."
        )
    return " ".join(sentences)


def loss_not_below_prior(evidence: Evidence) -> str:
    """Whether the validation loss never beat saying the label shares for every row."""
    epochs = [epoch for epoch in evidence.history.epochs if math.isfinite(epoch.validation_loss)]
    if not epochs:
        return ""
    # Weights that make every label count the same make a model that knows nothing give each the same probability.
    entropy, given = prior_entropy(_prior(evidence)), "the label shares as probabilities"
    if evidence.has_balanced_weights:
        entropy, given = evidence.training_entropy, "each label the same probability"
    # The model whose loss counts is the one that is kept; without one, the best there was.
    loss = (
        evidence.chosen_epoch.validation_loss
        if evidence.chosen_epoch
        else min(e.validation_loss for e in epochs)
    )
    if loss < entropy:
        return ""
    return f"The validation loss, {loss:.4f}, is not below {entropy:.4f}, which is what giving every row {given} scores."


def memorised(evidence: Evidence) -> str:
    """Whether the training rows are known by heart and the validation rows not at all."""
    if evidence.chosen_epoch is None or evidence.validation is None:
        return ""
    # Where nothing can be learned, the best epoch may be an early one, long before the rows are known by heart.
    lowest = min(epoch.train_loss for epoch in evidence.history.epochs)
    if not lowest < MEMORISED_SHARE * evidence.training_entropy:
        return ""
    if gain(evidence.validation.evaluation) >= AT_CHANCE_GAIN:
        return ""
    score = evidence.validation.evaluation.scores["balanced_accuracy"].value
    return (
        f"It memorised: the training loss came down to {lowest:.4f}, but balanced accuracy "
        f"on the validation rows is {score:.3f}. The labels may not follow from the texts."
    )


def too_few_steps(evidence: Evidence) -> str:
    """Whether the training was too short to say much."""
    steps = evidence.history.num_steps
    if steps >= FEW_STEPS:
        return ""
    return (
        f"Only {steps} optimizer steps were made; below {FEW_STEPS} more epochs or smaller batches may help."
    )


def misleading_accuracy(evidence: Evidence) -> str:
    """Whether one label is so common that accuracy flatters, and which label is served least."""
    scored = evidence.test or evidence.validation
    if scored is None:
        return ""
    common = top_label(scored.evaluation.true_share)
    share = scored.evaluation.true_share[common]
    if share < MISLEADING_SHARE:
        return ""
    seen = [label for label in scored.evaluation.per_label if label.rows > 0]
    least = min(seen, key=lambda label: label.f1.value)
    balanced = scored.evaluation.scores["balanced_accuracy"]
    return (
        f"Accuracy misleads here: always saying {quoted(common)} is right on {100 * share:.1f} % of the rows. "
        f"Balanced accuracy is {balanced.value:.3f} (95 % interval {balanced.low:.3f}–{balanced.high:.3f}). "
        f"The label served least is {quoted(least.label)}: F1 {least.f1.value:.3f}, "
        f"{100 * least.recall.value:.0f} % of its {least.rows} rows found."
    )


def other_attempts(evidence: Evidence) -> str:
    """What failed beside the attempt that this rests on, and what was done next."""
    told = [
        f"{restart.name} failed at learning rate {restart.recipe['learning_rate']:g} ({restart.sign}), then {restart.remedy}"
        for restart in evidence.restarts
    ]
    if not told:
        return ""
    count = "one other" if len(told) == 1 else f"{len(told)} others"
    return f"This rests on more than one try; {count} failed: {'; '.join(told)}."


def rescue_conclusion(evidence: Evidence) -> str:
    """What is to be said when no remedy helped."""
    return evidence.conclusion


def wrongly_wired(evidence: Evidence) -> str:
    """Whether a fresh head's first loss is far from what near-zero logits give."""
    steps, num_labels = evidence.history.steps, len(evidence.label_set)
    if not evidence.has_fresh_head or not steps or not is_wrongly_wired(steps[0].loss, num_labels):
        return ""
    return (
        f"The first loss was {steps[0].loss:.4f}; a new head on {num_labels} labels gives about "
        f"{math.log(num_labels):.4f}. The number of labels, the loss or the base model's weights are not what they seem."
    )


def vanishing_gradients(evidence: Evidence) -> str:
    """Whether the gradients went while the loss stayed at the prior's."""
    steps = evidence.history.steps
    losses, norms = [step.loss for step in steps], [step.gradient_norm for step in steps]
    if not has_vanishing_gradients(norms, losses, evidence.training_entropy):
        return ""
    return (
        "The gradients vanished while the loss stayed where the label shares alone leave it: "
        "try a smaller learning rate with warmup."
    )


def test_rows_read_before(evidence: Evidence) -> str:
    """Whether other runs looked at the same test rows: the best of several is no estimate."""
    count = evidence.earlier_test_reads
    if not count or evidence.test is None:
        return ""
    runs = "1 earlier run" if count == 1 else f"{count} earlier runs"
    return (
        f"These {evidence.test.evaluation.rows:,} test rows were also read by {runs} here; "
        f"the best of {count + 1} is not an estimate."
    )


SIGNS: tuple[Callable[[Evidence], str], ...] = (
    test_rows_read_before,
    other_attempts,
    rescue_conclusion,
    diverged_where,
    wrongly_wired,
    vanishing_gradients,
    collapsed_epochs,
    loss_not_below_prior,
    memorised,
    too_few_steps,
    misleading_accuracy,
)
"""Each gives a sentence, or nothing where its sign does not show."""


def top_label(share: Mapping[str, float]) -> str:
    """The label with the largest share, the first of equals."""
    return max(share, key=lambda label: share[label])


def last_collapsed(epochs: Sequence[EpochRecord]) -> EpochRecord:
    """The last epoch that collapsed."""
    return next(epoch for epoch in reversed(epochs) if epoch.collapsed)


def _numbered(numbers: Sequence[int]) -> str:
    """`epoch 2`, or `epochs 2 and 3`, or `epochs 1, 2 and 5`, or `epochs 1 to 4`."""
    if len(numbers) == 1:
        return f"epoch {numbers[0]}"
    if len(numbers) > 3 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"epochs {numbers[0]} to {numbers[-1]}"
    return f"epochs {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _prior(evidence: Evidence) -> list[float]:
    """The label shares of the validation rows; of the training rows where those were not evaluated."""
    if evidence.validation is not None:
        return list(evidence.validation.evaluation.true_share.values())
    total = sum(evidence.train_label_counts.values())
    return [count / total for count in evidence.train_label_counts.values()]
