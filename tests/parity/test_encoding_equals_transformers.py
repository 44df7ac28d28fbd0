"""Our token ids against those of the `transformers` tokenizer with truncation, as every pipeline calls it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_models import FAMILIES, WORDS, tiny_tokenizer
from transformers import PreTrainedTokenizerFast

from bertsmith.tokens.encoding import TextEncoder

FAMILY_NAMES = ("bert", "roberta", "distilbert", "modernbert", "deberta-v2", "mpnet")
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from([*WORDS[:50], "İ", "ﬁ", "e\u0301", "日本", "🙂", "\u200b", "[SEP]", "</s>"]),
        max_size=40,
    ).map(" ".join),
)
LENGTHS = st.sampled_from([5, 6, 7, 8, 16, 17, 64])


@cache
def tokenizers(family: str) -> tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast]:
    """Theirs, which keeps what it is called with, and the one whose backend is ours."""
    return tiny_tokenizer(family), tiny_tokenizer(family)


@pytest.mark.parametrize("family", FAMILY_NAMES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), max_length=LENGTHS)
def test_ids_of_single_texts_equal_those_of_transformers(
    family: str, texts: list[str], max_length: int
) -> None:
    theirs, ours = tokenizers(family)
    expected = theirs(texts, truncation=True, max_length=max_length)
    encoded = TextEncoder(ours.backend_tokenizer, max_length).encode(texts)

    assert encoded.input_ids.tolist() == [token_id for row in expected["input_ids"] for token_id in row]
    if FAMILIES[family].token_types:
        assert encoded.token_type_ids.tolist() == [
            token for row in expected["token_type_ids"] for token in row
        ]


@pytest.mark.parametrize("family", FAMILY_NAMES)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), max_length=LENGTHS)
def test_ids_of_pairs_equal_those_of_transformers(
    family: str, pairs: list[tuple[str, str]], max_length: int
) -> None:
    theirs, ours = tokenizers(family)
    firsts, seconds = (list(texts) for texts in zip(*pairs, strict=True))
    expected = theirs(firsts, seconds, truncation=True, max_length=max_length)
    encoded = TextEncoder(ours.backend_tokenizer, max_length).encode(firsts, seconds)

    assert encoded.input_ids.tolist() == [token_id for row in expected["input_ids"] for token_id in row]
    if FAMILIES[family].token_types:
        assert encoded.token_type_ids.tolist() == [
            token for row in expected["token_type_ids"] for token in row
        ]


@pytest.mark.parametrize("max_length", [12, 13])
def test_pairs_of_every_size_are_cut_as_transformers_cuts_them(max_length: int) -> None:
    """Rooms of 9 and 10 tokens: with an odd one and without."""
    theirs, ours = tokenizers("bert")
    sizes = [(num_first, num_second) for num_first in range(15) for num_second in range(15)]
    firsts = [" ".join(WORDS[:num_first]) for num_first, _ in sizes]
    seconds = [" ".join(WORDS[20 : 20 + num_second]) for _, num_second in sizes]
    expected = theirs(firsts, seconds, truncation=True, max_length=max_length)["input_ids"]
    encoded = TextEncoder(ours.backend_tokenizer, max_length).encode(firsts, seconds)

    assert encoded.input_ids.tolist() == [token_id for row in expected for token_id in row]


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_a_text_too_long_to_be_tokenized_whole_gives_the_same_ids(family: str) -> None:
    theirs, ours = tokenizers(family)
    text = " ".join(WORDS * 50)
    encoded = TextEncoder(ours.backend_tokenizer, 64).encode([text])

    assert len(text) > 16 * 64
    assert encoded.input_ids.tolist() == theirs(text, truncation=True, max_length=64)["input_ids"]


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_encoding_leaves_the_tokenizer_as_it_was(family: str) -> None:
    """A call of the `transformers` tokenizer leaves its truncation behind, which is then saved with it."""
    _, ours = tokenizers(family)
    before = ours.backend_tokenizer.to_str()
    TextEncoder(ours.backend_tokenizer, 8).encode([" ".join(WORDS)], [" ".join(WORDS)])

    assert ours.backend_tokenizer.to_str() == before
