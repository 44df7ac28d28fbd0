"""What people call the columns of labelled text."""

from __future__ import annotations

import re

TEXT_TIERS: tuple[frozenset[str], ...] = (
    frozenset({"text", "texts"}),
    frozenset({"sentence", "sentences", "inputtext", "inputs", "input"}),
    frozenset(
        {
            "review",
            "content",
            "tweet",
            "message",
            "comment",
            "body",
            "document",
            "utterance",
            "post",
            "sms",
            "email",
            "mail",
            "article",
            "statement",
            "reviewtext",
            "reviewbody",
            "commenttext",
            "tweettext",
            "fulltext",
            "messagetext",
            "narrative",
            "transcript",
            "passage",
            "premise",
        }
    ),
    frozenset(
        {
            "title",
            "headline",
            "subject",
            "summary",
            "query",
            "question",
            "description",
            "abstract",
            "phrase",
            "prompt",
            "note",
            "context",
        }
    ),
)
"""Folded names of text columns, the surest first."""

LABEL_TIERS: tuple[frozenset[str], ...] = (
    frozenset({"label", "labels"}),
    frozenset({"target", "targets", "goldlabel", "gold", "labelname", "labeltext"}),
    frozenset(
        {
            "class",
            "category",
            "sentiment",
            "intent",
            "rating",
            "stars",
            "star",
            "polarity",
            "emotion",
            "topic",
            "stance",
            "classes",
            "categories",
            "airlinesentiment",
            "classlabel",
            "sentimentlabel",
            "isduplicate",
            "toxicity",
            "y",
            "tag",
            "genre",
            "score",
            "overall",
        }
    ),
)
"""Folded names of label columns, the surest first."""

PAIRS: tuple[tuple[str, str], ...] = (
    ("text", "textpair"),
    ("text1", "text2"),
    ("texta", "textb"),
    ("sentence1", "sentence2"),
    ("sentencea", "sentenceb"),
    ("question1", "question2"),
    ("q1", "q2"),
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "context"),
    ("query", "passage"),
    ("query", "document"),
    ("claim", "evidence"),
)
"""Folded names of two columns that are read together."""

NOT_TEXT_WORDS = frozenset(
    {
        "id",
        "ids",
        "at",
        "len",
        "length",
        "count",
        "date",
        "time",
        "url",
        "link",
        "lang",
        "language",
        "num",
        "number",
        "by",
        "author",
        "user",
        "name",
    }
)
"""A column name with one of these words is about the text, not the text: `tweet_id`, `text_length`."""

TEXT_NAMES = frozenset().union(*TEXT_TIERS)
LABEL_NAMES = frozenset().union(*LABEL_TIERS)
PAIR_NAMES = frozenset(name for pair in PAIRS for name in pair)
OTHER_NAMES = frozenset(
    {
        "id",
        "index",
        "idx",
        "uid",
        "guid",
        "date",
        "time",
        "timestamp",
        "author",
        "user",
        "username",
        "source",
        "split",
        "lang",
        "language",
        "url",
    }
)


def fold_name(name: str) -> str:
    """The name without case, white space, underscores, hyphens and dots."""
    return re.sub(r"[\s_\-.]+", "", name).casefold()


def name_words(name: str) -> list[str]:
    """The words of a name: `OriginalTweet`, `tweet_text` and `Review Text` have two; plurals lose their s."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+", name)
    return [
        word.casefold()[:-1] if len(word) > 4 and word.endswith("s") else word.casefold() for word in words
    ]


def text_tier(name: str) -> int | None:
    """How surely the name means a text: 0 is surest; None if it does not."""
    return _tier(name, TEXT_TIERS)


def label_tier(name: str) -> int | None:
    """How surely the name means a label: 0 is surest; None if it does not."""
    return _tier(name, LABEL_TIERS)


def is_known_name(name: str) -> bool:
    """Whether this is what a column is usually called."""
    folded = fold_name(name)
    if folded in TEXT_NAMES or folded in LABEL_NAMES or folded in PAIR_NAMES or folded in OTHER_NAMES:
        return len(folded) > 1
    words = name_words(name)
    return 1 < len(words) <= 3 and bool(set(words) & (TEXT_NAMES | LABEL_NAMES)) and " " not in name.strip()


def _tier(name: str, tiers: tuple[frozenset[str], ...]) -> int | None:
    """The tier of the whole name, or after all those the tier of one of its words."""
    folded = fold_name(name)
    for tier, names in enumerate(tiers):
        if folded in names:
            return tier
    words = set(name_words(name))
    if words & NOT_TEXT_WORDS or len(words) > 4:
        return None
    for tier, names in enumerate(tiers):
        if words & names:
            return tier + len(tiers)
    return None
