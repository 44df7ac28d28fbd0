from dataclasses import replace

import numpy as np
import pytest

from bertsmith.data.example import LabelSet
from bertsmith.diagnosis.evidence import Evidence, ScoredRows, gain
from bertsmith.diagnosis.verdict import Verdict, judge, rows_to_show
from bertsmith.evaluation.scoring import evaluate
from bertsmith.training.history import Divergence, EpochRecord, History, Restart

LABELS = LabelSet(("negative", "positive"))
PUBLISHED = [
    (685, 0.6956, 0.6018, 0.5365, 0.5275, 0.7003),
    (1370, 0.6986, 0.6667, 0.5, 0.5, 1.0),
    (2055, 0.6983, 0.6667, 0.5, 0.5, 1.0),
    (2740, 0.6830, 0.5235, 0.5636, 0.5764, 0.4795),
    (3425, 0.6806, 0.6088, 0.5914, 0.5839, 0.6360),
]
"""Step, validation loss, F1, accuracy, precision and recall of a public model card."""


def epoch(
    number,
    loss=0.4,
    f1=0.8,
    accuracy=0.8,
    precision=0.8,
    recall=0.8,
    *,
    train_loss=0.3,
    step=None,
    positive=0.5,
):
    return EpochRecord(
        epoch=number,
        step=step or 200 * number,
        train_loss=train_loss,
        validation_loss=loss,
        f1=f1,
        accuracy=accuracy,
        precision=precision,
        recall=recall,
        macro_f1=f1,
        predicted_share={"negative": 1 - positive, "positive": positive},
        collapsed=positive in (0.0, 1.0),
    )


def history(epochs, *, divergence=None):
    steps = epochs[-1].step if epochs else 0
    return History(
        epochs=tuple(epochs),
        divergence=divergence,
        num_steps=steps,
        num_rows=8 * steps,
        num_tokens=0,
        training_seconds=1.0,
        validation_seconds=0.0,
    )


def scored(true, predicted, labels=LABELS):
    logits = np.eye(len(labels))[predicted]
    return ScoredRows(
        evaluate(logits, true, label_set=labels, positive_id=labels.positive_id()), true, predicted
    )


def rows_of(tp, fp, fn, tn):
    true, predicted = np.repeat([1, 0, 1, 0], [tp, fp, fn, tn]), np.repeat([1, 1, 0, 0], [tp, fp, fn, tn])
    return true, predicted


def wrong_each(every, rows=600, start=0):
    """Balanced rows of which one in `every` is wrong, shared evenly by the labels."""
    true = np.tile([0, 1], rows // 2)
    pair = np.arange(rows) // 2
    return scored(true, np.where(pair % every == start, 1 - true, true))


def evidence(test, *, epochs=None, best_epoch=1, validation="test", divergence=None, **baselines):
    return Evidence(
        history=history([epoch(1), epoch(2)] if epochs is None else epochs, divergence=divergence),
        best_epoch=best_epoch,
        label_set=LABELS,
        train_label_counts={"negative": 500, "positive": 500},
        validation=test if validation == "test" else validation,
        test=test,
        **baselines,
    )


def published():
    shares = (0.6638, 1.0, 1.0, 0.4159, 745 / 1368)
    epochs = [
        epoch(number, *row[1:], step=row[0], positive=share, train_loss=0.7)
        for number, (row, share) in enumerate(zip(PUBLISHED, shares, strict=True), start=1)
    ]
    return evidence(scored(*rows_of(435, 310, 249, 374)), epochs=epochs, best_epoch=5)


def test_the_published_table_barely_learned():
    # Balanced accuracy 809 / 1368 = 0.5914, so 0.183 of the way from ½ to 1.
    case = published()
    verdict = judge(case)
    assert verdict.outcome == "barely_learned"
    assert gain(case.test.evaluation) == pytest.approx(0.1827, abs=1e-4)
    assert verdict.sentence == (
        "It barely learned: accuracy 0.591 (95 % interval 0.565–0.617) on 1368 test rows. "
        "That is 18 % of the way from chance to perfect."
    )


def test_the_published_table_is_told_of_its_collapsed_epochs_and_the_trap():
    assert judge(published()).reasons == (
        "Collapsed, (nearly) every row called the same (epochs 2 and 3: 'positive'). A trap: the best F1 of "
        "the table, 0.6667, belongs to epochs 2 and 3; choosing by F1 would keep a model that reads nothing.",
    )


def test_a_model_above_its_bag_of_words_learned():
    # One wrong row in ten against one in four.
    majority = scored(np.tile([0, 1], 300), np.ones(600, int))
    verdict = judge(evidence(wrong_each(10), bag_of_words=wrong_each(4), majority=majority))
    assert verdict.outcome == "learned"
    assert verdict.sentence == (
        "It learned: accuracy 0.900 (95 % interval 0.873–0.922) on 600 test rows, "
        "against 0.750 for the bag of words and 0.500 for always saying 'positive'."
    )


def test_a_significant_difference_is_told_with_both_tests():
    verdict = judge(evidence(wrong_each(10), bag_of_words=wrong_each(4)))
    assert verdict.reasons[0].startswith("Against the bag of words: macro-F1 +15.0 points")
    assert "McNemar p < 0.001" in verdict.reasons[0]


def test_a_small_difference_cannot_be_told_apart_and_says_how_many_rows_would():
    # 60 wrong rows against 76, none the same: 2.7 points, half as wide again as 16 / √136 allows.
    verdict = judge(evidence(wrong_each(10), bag_of_words=wrong_each(8, start=3)))
    assert verdict.outcome == "no_better_than_baseline"
    assert "cannot be told apart from the bag of words on 600 rows" in verdict.sentence
    assert "test rows would show it" in verdict.sentence


def test_a_quarter_of_the_way_to_perfect_is_more_than_barely_learned():
    # 500 of 800 balanced rows: balanced accuracy 0.625.
    assert judge(evidence(scored(*rows_of(250, 150, 150, 250)))).outcome == "learned"


def test_a_tie_on_many_rows_is_no_better():
    # 500 wrong of 10,000 each, none the same: ± 0.6 points, which ends below 2.
    rows = 10_000
    verdict = judge(evidence(wrong_each(20, rows), bag_of_words=wrong_each(20, rows, start=3)))
    assert "it is no better than the bag of words" in verdict.sentence


def test_a_model_below_its_bag_of_words_is_worse():
    verdict = judge(evidence(wrong_each(4), bag_of_words=wrong_each(10)))
    assert verdict.outcome == "no_better_than_baseline"
    assert "it is worse than the bag of words" in verdict.sentence


def test_a_score_that_chance_could_have_is_not_shown():
    # 54 of 100 rows right: one-sided p about 0.27.
    verdict = judge(evidence(scored(*rows_of(27, 23, 23, 27))))
    assert verdict.outcome == "not_shown_to_learn"
    assert "on 100 test rows could be chance" in verdict.sentence


@pytest.mark.parametrize("right_of_fifty", [25, 28])  # 28 and 28 of 100 rows: p = 0.16
def test_validation_rows_at_chance_are_not_shown_either(right_of_fifty):
    wrong = 50 - right_of_fifty
    chance = scored(*rows_of(right_of_fifty, wrong, wrong, right_of_fifty))
    verdict = judge(evidence(wrong_each(10), validation=chance))
    assert verdict.outcome == "not_shown_to_learn"
    assert "100 validation rows" in verdict.sentence


def test_rows_needed_grow_with_the_square_of_the_normal_score():
    # 1.6449 found at p = 0.05 and 2.5758 wanted at 0.005: (2.5758 / 1.6449)² = 2.452.
    assert rows_to_show(100, p_value=0.05, level=0.005) == 246


def test_no_number_of_rows_shows_what_is_below_chance():
    assert rows_to_show(100, p_value=0.6, level=0.005) is None


def test_a_run_that_collapsed_in_every_epoch_says_what_its_f1_is_worth():
    epochs = [epoch(1, f1=2 / 3, recall=1.0, positive=1.0), epoch(2, f1=2 / 3, recall=1.0, positive=1.0)]
    verdict = judge(evidence(None, epochs=epochs, best_epoch=None))
    assert verdict.outcome == "collapsed"
    assert verdict.sentence == (
        "It collapsed: every epoch gave (nearly) every row the label 'positive'; "
        "F1 0.667 at recall 1.000 is what saying 'positive' always scores."
    )


def test_a_collapse_that_flips_names_each_label():
    epochs = [epoch(1, positive=1.0), epoch(2, positive=0.0)]
    verdict = judge(evidence(None, epochs=epochs, best_epoch=None))
    assert "(epoch 1: 'positive', 2: 'negative')" in verdict.sentence


def test_a_collapse_that_flips_in_many_epochs_counts_the_labels():
    epochs = [epoch(number, positive=number % 2) for number in range(1, 8)]
    verdict = judge(evidence(None, epochs=epochs, best_epoch=None))
    assert "one label ('positive' 4 times, 'negative' 3 times)" in verdict.sentence


def test_epochs_that_are_blind_to_the_texts_are_not_said_to_call_all_rows_the_same():
    blind = [replace(epoch(number, positive=0.6), collapsed=True) for number in (1, 2, 3, 4)]
    verdict = judge(evidence(None, epochs=blind, best_epoch=None))
    assert verdict.outcome == "collapsed"
    assert "called the same" not in " ".join((verdict.sentence, *verdict.reasons))
    assert verdict.reasons[0] == (
        "Collapsed, the texts made next to no difference to the probabilities (epochs 1 to 4)."
    )


def test_test_rows_without_information_collapsed_only_where_chance_tells_the_labels_as_well():
    # 75 of 100 right against 50 of 100: both with probabilities that are nearly the same for every row.
    right, chance = (
        replace(scored(*rows_of(hits, 50 - hits, 50 - hits, hits)), information=0.001) for hits in (38, 25)
    )
    assert judge(evidence(right)).outcome == "learned"
    assert judge(evidence(chance)).outcome == "collapsed"


def test_other_attempts_are_told_by_number_and_fold():
    failed = Restart(
        attempt=2,
        recipe={"learning_rate": 5e-5},
        sign="every epoch collapsed",
        remedy="back to attempt 1",
        steps=9,
        epochs=(),
    )
    told = judge(evidence(wrong_each(10), restarts=(failed, replace(failed, fold=3)))).reasons
    assert any(
        "2 others failed: attempt 2 failed at learning rate 5e-05 (every epoch collapsed), then back to attempt 1; "
        "fold 3, attempt 2 failed" in reason
        for reason in told
    )


def test_a_chosen_epoch_that_collapses_on_the_test_rows_collapsed():
    test = scored(np.tile([0, 1], 50), np.zeros(100, int))
    verdict = judge(evidence(test, validation=wrong_each(10)))
    assert verdict.outcome == "collapsed"
    assert "on the 100 test rows it gave (nearly) every row the label 'negative'" in verdict.sentence


def test_a_divergence_decides_before_everything_else():
    divergence = Divergence(step=17, learning_rate=5e-3, what="loss", value=float("nan"))
    verdict = judge(evidence(wrong_each(10), divergence=divergence))
    assert verdict.outcome == "diverged"
    assert "at step 17 the loss became nan" in verdict.sentence
    assert "learning rate 0.005" in verdict.reasons[0]


def test_a_validation_loss_that_is_no_number_diverged():
    verdict = judge(evidence(wrong_each(10), epochs=[epoch(1), epoch(2, loss=float("inf"))]))
    assert "validation loss of epoch 2 is inf" in verdict.sentence


def test_without_test_rows_nothing_can_be_told():
    assert judge(evidence(None, validation=wrong_each(10))).outcome == "cannot_tell"


@pytest.mark.parametrize(
    "outcome, code",
    [
        ("learned", 0),
        ("no_better_than_baseline", 0),
        ("barely_learned", 1),
        ("not_shown_to_learn", 1),
        ("collapsed", 1),
        ("diverged", 1),
        ("cannot_tell", 1),
    ],
)
def test_the_exit_code_says_whether_the_model_may_be_used(outcome, code):
    assert Verdict(outcome, "", ()).exit_code == code


def test_where_one_label_is_common_the_headline_is_macro_f1_and_names_the_least_served():
    # 900 negative rows, 100 positive of which 60 are found: always saying 'negative' is right on 90 %.
    verdict = judge(evidence(scored(*rows_of(60, 20, 40, 880))))
    assert verdict.sentence.startswith("It learned: macro-F1")
    assert any("always saying 'negative' is right on 90.0 %" in reason for reason in verdict.reasons)
    assert any(
        "served least is 'positive'" in reason and "60 % of its 100" in reason for reason in verdict.reasons
    )


def test_a_loss_above_the_prior_is_told():
    # Balanced validation rows: ln 2 = 0.6931.
    verdict = judge(evidence(wrong_each(10), epochs=[epoch(1, loss=0.71)]))
    assert any("0.7100, is not below 0.6931" in reason for reason in verdict.reasons)


def test_a_memorised_training_set_is_told():
    chance = scored(*rows_of(25, 25, 25, 25))
    verdict = judge(evidence(chance, epochs=[epoch(1, train_loss=0.01)]))
    assert any(reason.startswith("It memorised") for reason in verdict.reasons)


def test_a_training_set_that_was_memorised_after_the_best_epoch_is_told_too():
    chance = scored(*rows_of(25, 25, 25, 25))
    epochs = [epoch(1, train_loss=0.69), epoch(2, train_loss=0.02)]
    verdict = judge(evidence(chance, epochs=epochs, best_epoch=1))
    assert any("the training loss came down to 0.0200" in reason for reason in verdict.reasons)


def test_with_balanced_weights_knowing_nothing_is_the_same_probability_for_each_label():
    # 90 % negative: the shares' entropy is 0.325, but a weighted loss leaves a blind model at ln 2 = 0.6931.
    case = evidence(scored(*rows_of(60, 20, 40, 880)), epochs=[epoch(1, loss=0.5)])
    told = judge(replace(case, has_balanced_weights=True)).reasons
    assert not any("is not below" in reason for reason in told)
    assert any("is not below 0.325" in reason for reason in judge(case).reasons)
    blind = replace(case, has_balanced_weights=True, history=history([epoch(1, loss=0.7)]))
    assert any("0.6931, which is what giving every row each label" in r for r in judge(blind).reasons)


def test_earlier_runs_on_the_same_test_rows_are_counted_with_this_one():
    told = judge(evidence(wrong_each(10), earlier_test_reads=2)).reasons
    assert any("2 earlier runs here; the best of 3" in reason for reason in told)


def test_few_steps_are_told_only_where_it_did_not_learn():
    short = [epoch(1, step=120)]
    failed, learned = (
        evidence(scored(*rows_of(27, 23, 23, 27)), epochs=short),
        evidence(wrong_each(10), epochs=short),
    )
    assert any("120 optimizer steps" in reason for reason in judge(failed).reasons)
    assert not any("120 optimizer steps" in reason for reason in judge(learned).reasons)


@pytest.mark.parametrize("baseline", ["bag_of_words", "majority"])
def test_a_baseline_of_other_rows_is_refused(baseline):
    with pytest.raises(ValueError, match="in their order"):
        evidence(wrong_each(10), **{baseline: wrong_each(10, rows=400)})
