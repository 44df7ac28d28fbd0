"""Do words alone decide the example reviews? Bag of words beside fine-tuned MiniLM, out of fold over all rows.

Every row is predicted by models that did not see it: five folds, rows of the same text in the same fold. MiniLM is
trained by the default recipe and its last epoch is taken: nothing is chosen on the rows that are scored.

    make bench-example
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertsmith.config import ModelConfig, TrainingConfig
from bertsmith.data.duplicates import fold_example
from bertsmith.data.example import Dataset, LabelSet
from bertsmith.data.reading import read_examples
from bertsmith.data.table import ReadOptions
from bertsmith.diagnosis.baselines import fit_bag_of_words
from bertsmith.evaluation.intervals import wilson
from bertsmith.evaluation.significance import mcnemar
from bertsmith.model.decoding import predicted_ids
from bertsmith.model.loading import load_base
from bertsmith.model.prediction import predict_logits
from bertsmith.runtime import choose_runtime
from bertsmith.tokens.batching import EncodedDataset
from bertsmith.tokens.encoding import TextEncoder
from bertsmith.training.history import ValidationScores
from bertsmith.training.loop import train
from bertsmith.training.plan import Plan

NUM_FOLDS = 5
SEED = 42


def main() -> None:
    """Print the table."""
    file = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).parents[1] / "examples" / "reviews.csv")
    dataset = read_examples(file, ReadOptions()).dataset
    label_set = LabelSet.from_labels(dataset.labels)
    label_ids = np.array(label_set.ids_of(dataset.labels))
    folds = fold_numbers(dataset)
    minilm, words = np.empty_like(label_ids), np.empty_like(label_ids)
    for fold in range(NUM_FOLDS):
        held_out = np.flatnonzero(folds == fold)
        train_rows, test_rows = (
            dataset.select(np.flatnonzero(folds != fold).tolist()),
            dataset.select(held_out.tolist()),
        )
        words[held_out] = bag_of_words_predictions(train_rows, test_rows, label_set)
        minilm[held_out] = minilm_predictions(train_rows, test_rows, label_set)
        right = (
            (words[held_out] == label_ids[held_out]).mean(),
            (minilm[held_out] == label_ids[held_out]).mean(),
        )
        print(
            f"fold {fold + 1}: {len(held_out)} rows, bag of words {right[0]:.3f}, MiniLM {right[1]:.3f}",
            flush=True,
        )
    for name, predicted in (("bag of words", words), ("MiniLM", minilm)):
        num_right = int((predicted == label_ids).sum())
        low, high = wilson(num_right, len(label_ids))
        print(
            f"{name}: accuracy {num_right / len(label_ids):.3f} (95 % interval {low:.3f}-{high:.3f}) on {len(label_ids)} rows"
        )
    difference = (minilm == label_ids).mean() - (words == label_ids).mean()
    p_value = mcnemar(minilm == label_ids, words == label_ids)
    print(f"difference {100 * difference:.1f} points, exact McNemar p = {p_value:.2g}")


def fold_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """(rows,) the fold of every row; rows of the same text share one."""
    keys = [fold_example(example) for example in dataset.examples]
    order = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    shuffled = np.random.Generator(np.random.PCG64(SEED)).permutation(len(order)) % NUM_FOLDS
    return np.array([shuffled[order[key]] for key in keys])


def bag_of_words_predictions(
    train_rows: Dataset, test_rows: Dataset, label_set: LabelSet
) -> NDArray[np.int64]:
    """(rows,) label ids by the product's own baseline, with all the time it wants."""
    bag = fit_bag_of_words(train_rows, label_set, seconds_allowed=600)
    return bag.predict_probabilities(test_rows.texts).argmax(axis=1)


def minilm_predictions(train_rows: Dataset, test_rows: Dataset, label_set: LabelSet) -> NDArray[np.int64]:
    """(rows,) label ids by MiniLM after the default recipe."""
    recipe = TrainingConfig()
    runtime = choose_runtime(device="cpu", precision="float32", threads=None)
    loaded = load_base(ModelConfig(model="minilm"), label_set, seed=recipe.seed)
    encoder = TextEncoder(loaded.backend, loaded.max_length)
    layout = loaded.layout
    encoded = EncodedDataset(
        encoder.encode(train_rows.texts), np.array(label_set.ids_of(train_rows.labels), np.int64)
    )
    plan = Plan.of(len(encoded), recipe=recipe, layout=layout, runtime=runtime)
    train(loaded.model, encoded, plan=plan, validate=_nothing_to_choose)
    logits = predict_logits(
        loaded.model,
        EncodedDataset(encoder.encode(test_rows.texts)),
        layout=layout,
        batch_size=32,
        runtime=runtime,
    )
    return predicted_ids(logits)


def _nothing_to_choose() -> ValidationScores:
    """No epoch is chosen here, so none is scored."""
    shares = {"negative": 0.5, "positive": 0.5}
    return ValidationScores(
        loss=0.0,
        f1=0.0,
        accuracy=0.0,
        precision=0.0,
        recall=0.0,
        macro_f1=0.0,
        predicted_share=shares,
        true_share=shares,
    )


if __name__ == "__main__":
    main()
