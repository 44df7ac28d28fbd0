from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.tiny_models import FAMILIES, tiny_tokenizer

from bertsmith.errors import ConfigError
from bertsmith.tokens.encoding import CHARACTERS_PER_TOKEN, TextEncoder, longest_first

BEGIN, END = FAMILIES["bert"].special_ids[2:4]


def encoder(max_length: int, family: str = "bert", **settings: str) -> TextEncoder:
    tokenizer = tiny_tokenizer(family).backend_tokenizer
    tokenizer.encode_special_tokens = True  # as the loader sets it
    return TextEncoder(tokenizer, max_length, **settings)


def ids_of(
    text: str, max_length: int, family: str = "bert", *, pair: str | None = None, **settings: str
) -> list[int]:
    """The ids of one row."""
    pairs = None if pair is None else [pair]
    return encoder(max_length, family, **settings).encode([text], pairs).input_ids.tolist()


def words(count: int, start: int = 0) -> str:
    """So many different words, each of which is one token."""
    known = [word for word in tiny_tokenizer().get_vocab() if word.isalpha() and len(word) > 3]
    return " ".join(sorted(known)[start : start + count])


def word_ids(text: str) -> list[int]:
    return tiny_tokenizer().backend_tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(
    ("family", "typed"), [("bert", "[SEP]"), ("bert", "[PAD]"), ("roberta", "<s>"), ("roberta", "<mask>")]
)
def test_a_special_token_typed_by_a_user_is_ordinary_text(family: str, typed: str) -> None:
    ids = ids_of(f"good {typed} bad", 64, family)
    special_ids = set(FAMILIES[family].special_ids) - {FAMILIES[family].special_ids[1]}

    assert not special_ids & set(ids[1:-1])
    assert len(ids) > 2 + 2 + 1  # it is more than one piece


def test_an_empty_text_is_its_special_tokens_only() -> None:
    assert ids_of("", 16) == [BEGIN, END]
    assert ids_of("", 16, pair="") == [BEGIN, END, END]


def test_a_row_keeps_its_place_among_thousands() -> None:
    """More rows than are given to the tokenizer at once, and empty ones among them."""
    some = words(10).split()
    texts = [some[row % 10] if row % 7 else "" for row in range(2345)]
    encoded = encoder(16).encode(texts)

    assert len(encoded) == 2345
    for row in (0, 1, 999, 1000, 1001, 2344):
        assert encoded.input_ids[encoded.offsets[row] : encoded.offsets[row + 1]].tolist() == [
            BEGIN,
            *word_ids(texts[row]),
            END,
        ]


def test_no_rows_are_encoded_as_no_rows() -> None:
    encoded = encoder(16).encode([])

    assert (len(encoded), encoded.cut_share, encoded.offsets.tolist()) == (0, 0.0, [0])


@pytest.mark.parametrize("truncate", ["head", "head-tail"])
@pytest.mark.parametrize("surrogate", ["\ud800", "good \udfff bad"])
def test_a_lone_surrogate_is_not_text(truncate: str, surrogate: str) -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        encoder(16, truncate=truncate).encode(["good", surrogate])


def test_a_lone_surrogate_in_a_pair_is_not_text() -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        encoder(16).encode(["good"], ["\ud800"])


@pytest.mark.parametrize("truncate", ["head", "head-tail"])
@pytest.mark.parametrize(("num_words", "is_cut"), [(13, False), (14, False), (15, True), (40, True)])
def test_a_row_is_cut_where_its_words_exceed_the_room(truncate: str, num_words: int, is_cut: bool) -> None:
    """16 tokens less two special ones leave room for 14."""
    encoded = encoder(16, truncate=truncate).encode([words(num_words)])

    assert encoded.is_cut.tolist() == [is_cut]
    assert encoded.lengths.tolist() == [min(num_words, 14) + 2]


@pytest.mark.parametrize(
    ("num_first", "num_second", "is_cut"),
    [(6, 7, False), (7, 7, True), (1, 12, False), (1, 13, True), (14, 0, True)],
)
def test_a_pair_is_cut_where_both_texts_exceed_the_room(
    num_first: int, num_second: int, is_cut: bool
) -> None:
    """16 tokens less three special ones leave room for 13."""
    encoded = encoder(16).encode([words(num_first)], [words(num_second)])

    assert encoded.is_cut.tolist() == [is_cut]


def test_the_share_of_cut_rows_is_told() -> None:
    assert encoder(6).encode([words(4), words(5), words(6), words(1)]).cut_share == 0.5


def test_head_keeps_the_beginning() -> None:
    assert ids_of(words(30), 10) == [BEGIN, *word_ids(words(8)), END]


def test_head_tail_keeps_a_quarter_of_the_room_at_the_beginning_and_the_rest_at_the_end() -> None:
    """20 tokens less two special ones are 18: 4 and 14 words of 30."""
    ids = ids_of(words(30), 20, truncate="head-tail")

    assert ids == [BEGIN, *word_ids(words(4)), *word_ids(words(14, start=16)), END]
    assert len(ids) == 20


def test_head_tail_keeps_beginning_and_end_of_a_text_too_long_to_be_tokenized_whole() -> None:
    middle = "x " * 100_000
    ids = ids_of(f"{words(30)} {middle} {words(30)}", 20, truncate="head-tail")

    assert ids == [BEGIN, *word_ids(words(4)), *word_ids(words(14, start=16)), END]


@pytest.mark.parametrize("max_length", [4, 5, 6, 7])
def test_head_tail_fills_even_the_smallest_room(max_length: int) -> None:
    assert len(ids_of(words(30), max_length, truncate="head-tail")) == max_length


def test_head_tail_leaves_a_text_that_fits_whole() -> None:
    assert ids_of(words(14), 16, truncate="head-tail") == ids_of(words(14), 16)


@pytest.mark.parametrize("truncate", ["head", "head-tail"])
def test_a_short_text_is_the_same_beside_one_that_is_cut(truncate: str) -> None:
    encoded = encoder(16, truncate=truncate).encode(["x " * 5000, words(3), "x " * 20, words(2)])

    assert encoded.input_ids[encoded.offsets[1] : encoded.offsets[2]].tolist() == [
        BEGIN,
        *word_ids(words(3)),
        END,
    ]
    assert encoded.input_ids[encoded.offsets[3] :].tolist() == [BEGIN, *word_ids(words(2)), END]


class CountingTokenizer:
    """A tokenizer that counts the characters it is given."""

    def __init__(self) -> None:
        self.tokenizer = tiny_tokenizer().backend_tokenizer
        self.num_characters = 0

    def encode(self, text: str, pair: str | None = None) -> object:
        return self.tokenizer.encode(text, pair)

    def encode_batch(self, texts: Sequence[str], *, add_special_tokens: bool) -> object:
        self.num_characters += sum(len(text) for text in texts)
        return self.tokenizer.encode_batch(texts, add_special_tokens=add_special_tokens)


@pytest.mark.parametrize(("truncate", "num_ends"), [("head", 1), ("head-tail", 2)])
def test_a_text_of_5_megabytes_costs_no_more_than_its_ends(truncate: str, num_ends: int) -> None:
    tokenizer = CountingTokenizer()
    text = "good bad " * 600_000
    encoded = TextEncoder(tokenizer, 64, truncate=truncate).encode([text])  # type: ignore[arg-type]

    assert tokenizer.num_characters == num_ends * CHARACTERS_PER_TOKEN * 64
    assert (encoded.lengths.tolist(), encoded.is_cut.tolist()) == ([64], [True])


def test_a_pair_of_5_megabyte_texts_costs_no_more_than_their_beginnings() -> None:
    tokenizer = CountingTokenizer()
    text = "good bad " * 600_000
    encoded = TextEncoder(tokenizer, 64).encode([text], [text])  # type: ignore[arg-type]

    assert tokenizer.num_characters == 2 * CHARACTERS_PER_TOKEN * 64
    assert (encoded.lengths.tolist(), encoded.is_cut.tolist()) == ([64], [True])


@pytest.mark.parametrize("truncate", ["head", "head-tail"])
def test_a_text_is_tokenized_once_unless_it_is_long(truncate: str) -> None:
    tokenizer = CountingTokenizer()
    TextEncoder(tokenizer, 16, truncate=truncate).encode([words(30)])  # type: ignore[arg-type]

    assert tokenizer.num_characters == len(words(30))


@pytest.mark.parametrize(
    ("num_first", "num_second", "kept"),
    [
        (3, 4, (3, 4)),  # all fits
        (20, 3, (6, 3)),  # the longer one gives way
        (3, 20, (3, 6)),
        (20, 30, (4, 5)),  # both: the odd token to the longer one
        (30, 20, (5, 4)),
        (20, 20, (4, 5)),  # or to the second
        (0, 20, (0, 9)),
    ],
)
def test_of_a_pair_the_longer_text_gives_way_first(
    num_first: int, num_second: int, kept: tuple[int, int]
) -> None:
    assert longest_first(num_first, num_second, room=9) == kept


def test_the_second_text_of_a_pair_has_its_own_token_type() -> None:
    encoded = encoder(16).encode([words(2)], [words(3)])

    # [CLS] 2 words [SEP] is the first, 3 words [SEP] the second
    assert encoded.token_type_ids.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(("family", "smallest"), [("bert", 4), ("roberta", 5)])
def test_a_length_without_room_for_text_is_an_error_that_names_the_smallest(
    family: str, smallest: int
) -> None:
    """A pair takes 3 special tokens in BERT and 4 in RoBERTa."""
    assert len(ids_of("good", smallest, family, pair="bad")) == smallest
    with pytest.raises(ConfigError, match=f"at least {smallest}"):
        ids_of("good", smallest - 1, family, pair="bad")
