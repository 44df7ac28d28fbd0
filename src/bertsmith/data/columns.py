"""Which column is the text, which the second text, which the label: by flag, by name, else by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertsmith.data.column_content import MAX_LABEL_CHARACTERS, ColumnContent
from bertsmith.data.column_names import LABEL_TIERS, PAIRS, TEXT_TIERS, fold_name, label_tier, text_tier
from bertsmith.data.table import ReadOptions, Row, Table
from bertsmith.errors import MissingColumn, nearest
from bertsmith.printing import as_argument, quoted

SAMPLE_ROWS = 1000
"""Columns are judged by their first rows."""

CLEARLY_LONGER = 1.5
"""A column whose texts are this much longer than any other's is the text."""


@dataclass(frozen=True)
class Columns:
    """The indices of the columns that are used."""

    text: int
    pair: int | None
    label: int | None
    note: str | None = None
    """Which columns were chosen, where the user did not name them all."""

    def others(self, width: int) -> tuple[int, ...]:
        """Of so many columns, those that are neither text nor label."""
        return tuple(index for index in range(width) if index not in (self.text, self.pair, self.label))


def choose_columns(
    table: Table, sample: Sequence[Row], options: ReadOptions, *, labelled: bool = True
) -> Columns:
    """The columns of text, second text and label.

    Args:
        table: Its header and name.
        sample: Its first rows.
        options: Columns that the user named win.
        labelled: Whether a label is needed; without it a label column is optional and never an error.

    Raises:
        MissingColumn: a named column is not there, or no column or more than one can have a role.
    """
    return _Chooser(table, sample, options, labelled=labelled).choose()


class _Chooser:
    """The columns of one table, with what is known of them."""

    def __init__(self, table: Table, sample: Sequence[Row], options: ReadOptions, *, labelled: bool) -> None:
        self.name, self.header, self.options, self.labelled = table.name, table.header, options, labelled
        self.has_header = table.has_header
        columns = list(zip(*(row.cells for row in sample if row.problem is None), strict=True))
        self.contents = [ColumnContent.of(column) for column in columns or [()] * len(self.header)]
        self.names_count = Counter(self.header)
        self.text_tiers = [text_tier(name) for name in self.header]
        self.label_tiers = [label_tier(name) for name in self.header]

    def choose(self) -> Columns:
        """Explicit names, then pairs by name, then one text and one label by name and content."""
        options = self.options
        text = self._explicit(options.text_column, "--text-column")
        pair = self._explicit(options.pair_column, "--pair-column")
        label = self._explicit(options.label_column, "--label-column")
        self._refuse_shared({"--text-column": text, "--pair-column": pair, "--label-column": label})
        if text is None and pair is None:
            text, pair = self._named_pair(label)
        by_name = label if label is not None else self._label_by_name({text, pair})
        if text is None:
            text = self._text({pair, label, by_name} if self._is_single_label(by_name) else {pair, label})
        if label is None:
            label = self._label({text, pair})
        self._refuse_repeated_names(text, pair, label)
        return Columns(text, pair, label, self._note(text, pair, label))

    def _is_single_label(self, label: int | None) -> bool:
        """Whether a label by name leaves another column for the text."""
        return label is not None and len(self.header) > 1

    def _explicit(self, wanted: str | None, flag: str) -> int | None:
        """The index of a column that the user named, exactly or but for case, space and underscores."""
        if wanted is None:
            return None
        exact = [index for index, name in enumerate(self.header) if name == wanted]
        close = exact or [
            index for index, name in enumerate(self.header) if fold_name(name) == fold_name(wanted)
        ]
        if len(close) == 1:
            return close[0]
        if close:
            raise self._error(
                f"{len(close)} columns are called {quoted(wanted)}, given by {flag}.",
                "Give them different names.",
            )
        kind = (
            "" if self.has_header else " The file has no header: columns are called by their number from 1."
        )
        hint = nearest(wanted, self.header)
        raise self._error(
            f"there is no column {quoted(wanted)}, given by {flag}.{hint}{kind}", f"Correct {flag}."
        )

    def _refuse_shared(self, chosen: dict[str, int | None]) -> None:
        """Two roles cannot have the same column."""
        flags: dict[int, str] = {}
        for flag, index in chosen.items():
            if index is None:
                continue
            if index in flags:
                problem = f"{flags[index]} and {flag} both name {quoted(self.header[index])}."
                raise self._error(problem, "Give two different columns.")
            flags[index] = flag

    def _named_pair(self, label: int | None) -> tuple[int | None, int | None]:
        """The columns of the first well-known pair of names that is there."""
        folded = {fold_name(name): index for index, name in enumerate(self.header) if index != label}
        for first, second in PAIRS:
            found = folded.get(first), folded.get(second)
            if (
                found[0] is not None
                and found[1] is not None
                and all(self._is_wordy(index) for index in found)
            ):
                self._refuse_third_text(found, folded)
                return found
        return None, None

    def _refuse_third_text(self, pair: tuple[int | None, int | None], folded: dict[str, int]) -> None:
        """A column called like the text itself beside a pair: both readings are possible."""
        for index in folded.values():
            if index not in pair and self.text_tiers[index] == 0 and self.contents[index].could_be_text:
                first, second, third = (self.header[place or 0] for place in (*pair, index))
                raise self._error(
                    f"the text can be column {quoted(self.header[index])} alone, or {quoted(first)} and {quoted(second)} together.",
                    f"Choose with --text-column {as_argument(third)}, or --text-column {as_argument(first)} --pair-column {as_argument(second)}.",
                )

    def _is_wordy(self, index: int | None) -> bool:
        """Whether the column holds something other than numbers and empty cells."""
        return (
            index is not None
            and self.contents[index].num_filled > 0
            and self.contents[index].number_share < 0.5
        )

    def _text(self, taken: set[int | None]) -> int:
        """The text column by name, else by content."""
        free = [index for index in range(len(self.header)) if index not in taken]
        named = [index for index in free if self.text_tiers[index] is not None]
        if named and self._any_filled(named):
            named = [index for index in named if self._is_wordy(index) or self.text_tiers[index] == 0]
        if named:
            best = min(self.text_tiers[index] or 0 for index in named)
            sure = [index for index in named if self.text_tiers[index] == best]
            is_exact = best < len(TEXT_TIERS)
            if is_exact or any(self.contents[index].could_be_text for index in sure):
                return self._clearest(sure, "text", "--text-column")
        if len(free) == 1 and not self.labelled:
            return free[0]
        wordy = [index for index in free if self.contents[index].could_be_text]
        if not wordy:
            two = [
                index
                for index in free
                if self.contents[index].num_filled and not self.contents[index].could_be_label
            ]
            wordy = [index for index in two if not self.contents[index].is_index]
        if not wordy:
            problem = "no column can be recognised as the text."
            raise self._error(problem, "Name it with --text-column.")
        return self._clearest(wordy, "text", "--text-column")

    def _any_filled(self, indices: Sequence[int]) -> bool:
        """Whether any of these columns holds something in the first rows."""
        return any(self.contents[index].num_filled for index in indices)

    def _clearest(self, candidates: Sequence[int], role: str, flag: str) -> int:
        """The only candidate, or the one with clearly longer texts."""
        ranked = sorted(candidates, key=lambda index: -self.contents[index].mean_characters)
        if len({self.header[index] for index in ranked}) == 1:
            return ranked[0]
        first, second = (self.contents[index].mean_characters for index in ranked[:2])
        if first >= CLEARLY_LONGER * second and first > 0:
            return ranked[0]
        raise self._ambiguous(candidates, role, flag)

    def _ambiguous(self, candidates: Sequence[int], role: str, flag: str) -> MissingColumn:
        """The error for two possible readings."""
        names = [self.header[index] for index in candidates]
        shown = " or ".join(quoted(name) for name in names[:10])
        remedy = f"Choose with {flag} {as_argument(names[0])}"
        if role == "text":
            remedy += f"; if both texts belong together: --text-column {as_argument(names[0])} --pair-column {as_argument(names[1])}"
        return self._error(f"more than one column can be the {role}: {shown}.", remedy + ".")

    def _label_by_name(self, taken: set[int | None]) -> int | None:
        """The label column that its name gives away, if one."""
        tiers = {
            index: tier
            for index, name in enumerate(self.header)
            if index not in taken
            and (tier := self.label_tiers[index]) is not None
            and self._may_be_label(index, tier)
        }
        if not tiers:
            return None
        best = min(tiers.values())
        sure = [index for index, tier in tiers.items() if tier == best]
        if len({self.header[index] for index in sure}) == 1:
            return sure[0]
        if best >= len(LABEL_TIERS) or not self.labelled:
            return None
        raise self._ambiguous(sure, "label", "--label-column")

    def _may_be_label(self, index: int, tier: int) -> bool:
        """Whether the content allows what the name says; a mere part of a name is not enough."""
        content = self.contents[index]
        if tier < 2 or content.num_filled == 0:
            return True
        if tier < len(LABEL_TIERS):
            return content.longest <= 2 * MAX_LABEL_CHARACTERS
        return content.could_be_label

    def _label(self, taken: set[int | None]) -> int | None:
        """The label column by name, else by content."""
        by_name = self._label_by_name(taken)
        if by_name is not None or not self.labelled:
            return by_name
        free = [
            index
            for index in range(len(self.header))
            if index not in taken and self.contents[index].num_filled
        ]
        candidates = [index for index in free if self.contents[index].could_be_label]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise self._ambiguous(candidates, "label", "--label-column")
        if (
            len(free) == 1
            and not self.contents[free[0]].is_index
            and self.contents[free[0]].longest <= MAX_LABEL_CHARACTERS
        ):
            return free[0]
        raise self._error("no column can be recognised as the label.", "Name it with --label-column.")

    def _refuse_repeated_names(self, *chosen: int | None) -> None:
        """A column that we need must be the only one of its name."""
        for index in chosen:
            if index is not None and self.names_count[self.header[index]] > 1:
                places = [
                    str(place)
                    for place, name in enumerate(self.header, start=1)
                    if name == self.header[index]
                ]
                problem = f"{len(places)} columns are called {quoted(self.header[index])}: columns {', '.join(places)}."
                raise self._error(problem, "Give them different names.")

    def _note(self, text: int, pair: int | None, label: int | None) -> str | None:
        """What was chosen without being told, and what else could have been the label."""
        roles = {"text": (text, self.options.text_column), "second text": (pair, self.options.pair_column)}
        roles["label"] = (label, self.options.label_column)
        chosen = {
            role: index for role, (index, wanted) in roles.items() if index is not None and wanted is None
        }
        if not chosen:
            return None
        named = [f"the {role} is column {quoted(self.header[index])}" for role, index in chosen.items()]
        sentence = ", ".join(named)
        sentence = sentence[0].upper() + sentence[1:] + "."
        others = [
            quoted(name)
            for index, name in enumerate(self.header)
            if "label" in chosen and index not in (text, pair, label) and self._rivals(index)
        ]
        texts = [
            quoted(name)
            for index, name in enumerate(self.header)
            if "text" in chosen and index not in (text, pair, label) and self._rivals_text(index)
        ]
        for names, role in ((others, "label"), (texts, "text")):
            if names:
                sentence += f" {', '.join(names[:5])} could be the {role} too: --{role}-column chooses."
        return sentence

    def _rivals(self, index: int) -> bool:
        """Whether an unused column is called like a label and looks like one."""
        return self.label_tiers[index] is not None and self.contents[index].could_be_label

    def _rivals_text(self, index: int) -> bool:
        """Whether an unused column is called like a text and looks like one."""
        return self.text_tiers[index] is not None and self.contents[index].could_be_text

    def _error(self, problem: str, remedy: str) -> MissingColumn:
        return MissingColumn(self.name, problem, columns=self.header, remedy=remedy)
