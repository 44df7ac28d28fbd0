from __future__ import annotations

from tests.checked_rows import dataset_of
from tests.tiny_models import WORDS
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bertsmith.findings import Finding
from bertsmith.tokens.lengths import check_tokens, survey_tokens

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def whole_words() -> Tokenizer:
    """One token for each known word, [CLS] and [SEP] around them."""
    ids = {word: number for number, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def found(rows: list[tuple[str, str]], *, max_length: int = 16) -> dict[str, Finding]:
    """Findings by code."""
    survey = survey_tokens(dataset_of(rows), whole_words(), max_length=max_length)
    return {finding.code: finding for finding in check_tokens(survey)}


WORD = WORDS[0]


def test_rows_that_are_too_long_are_told_with_what_is_lost_by_label() -> None:
    # 14 words and 2 special tokens fit; of 28 words 14 are lost, and 28 + 14 are there: a third.
    findings = found([(f"{WORD} " * 28, "long"), (f"{WORD} " * 14, "short")])
    assert findings["T001"].rows == ("train.csv:2",)
    assert "50.0%" in findings["T001"].sentence
    assert "33 % of all tokens" in findings["T001"].effect
    assert "100 % of the rows of 'long' and 0 % of 'short'" in findings["T001"].effect


def test_rows_that_just_fit_are_not_cut() -> None:
    assert "T001" not in found([(f"{WORD} " * 14, "a"), (WORD, "b")])


def test_the_choices_of_length_are_shown_with_what_they_keep_and_cost() -> None:
    # Of 254 and 2 tokens 128 cut one row of two, and keep 128 + 4 of 256 + 4 tokens.
    findings = found([(f"{WORD} " * 254, "a"), (f"{WORD} {WORD}", "b")])
    first, second = findings["T002"].shown  # the longest row fits 256: 512 would change nothing
    assert "50 % of the rows cut, 51 % of the tokens kept, 0.4" in first
    assert "0 % of the rows cut, 100 % of the tokens kept, 1.00" in second


def test_a_row_without_a_token_is_told() -> None:
    findings = found([("\u200b", "a"), (WORD, "b")])
    assert findings["T003"].rows == ("train.csv:2",)
    assert "T003" not in found([(WORD, "a"), (WORD, "b")])


def test_words_that_the_vocabulary_lacks_are_told_with_a_guess_why() -> None:
    findings = found([(WORD.upper() * 2, "a"), (f"{WORD} " * 9, "b")])
    assert findings["T004"].rows == ("train.csv:2",)
    assert "10 % of the tokens are unknown" in findings["T004"].sentence
    shouted = found([((f"{WORD} " * 9).upper(), "a"), ("BAD", "b")])
    assert "most letters are capitals" in shouted["T004"].sentence


def test_a_rare_unknown_word_is_no_flaw() -> None:
    # 1 of 100 tokens.
    assert "T004" not in found([(f"{WORD} " * 99 + "Xyzzy", "a"), (WORD, "b")])
