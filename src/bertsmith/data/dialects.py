"""Which delimiter, which quoting, and whether there is a header: recognised from the first rows, and told."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bertsmith.data.column_names import is_known_name
from bertsmith.data.delimited import Dialect, Layout, Record, parse_line, read_records, read_rows
from bertsmith.data.table import ReadOptions, Table, numbered_header, refuse_too_wide
from bertsmith.errors import ConfigError

SAMPLE_ROWS = 200
SAMPLE_LINES = 2000
SAMPLE_CHARACTERS = 2**20
DELIMITERS = (",", "\t", ";", "|")
DELIMITER_NAMES = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a vertical bar"}
NO_DELIMITER = "\x1f"
"""Stands for "each line is one cell": a separator that no text file has."""

MAX_LABEL_CHARACTERS = 40


@dataclass(frozen=True)
class _Fit:
    """How well a dialect explains the first rows."""

    dialect: Dialect
    width: int
    """The commonest number of fields."""
    share: float
    """Share of the rows that have it."""
    records: tuple[Record, ...]

    @property
    def first_fits(self) -> bool:
        """Whether the first row is as wide as most."""
        return bool(self.records) and len(self.records[0].cells) == self.width


def open_delimited(
    name: str,
    open_lines: Callable[[], Iterator[str]],
    options: ReadOptions,
    *,
    suffix: str,
    is_repeatable: bool,
) -> Table:
    """The table in these lines.

    Args:
        name: For messages and row origins.
        open_lines: Gives the lines from the first, with their ends; called twice only if `is_repeatable`.
        options: What the user said.
        suffix: The file name's, lower case: a `.tsv` is expected to have tabs.
        is_repeatable: Whether the lines can be read a second time.

    Raises:
        ConfigError: a delimiter that cannot be one.
        UnreadableFile: a stray quote that swallows lines.
    """
    lines = open_lines()
    sample, is_all = _take_sample(lines)
    counts_returns = not any(line.endswith("\n") for line in sample)
    for delimiter in DELIMITERS:  # before each of them is tried on every row of the sample
        refuse_too_wide(name, len(parse_line(sample[0], Dialect(delimiter))) if sample else 0)
    fit, notes = _find_dialect(sample, options, suffix=suffix, is_all=is_all)
    dialect = fit.dialect
    if dialect.delimiter == "\t" and not dialect.literal_quotes:
        scanned = open_lines() if is_repeatable else iter(sample)
        if _quotes_are_literal(scanned, Layout(dialect, ("",) * fit.width, _repeated_values(fit.records))):
            dialect = replace(dialect, literal_quotes=True)
            fit = _fit(sample, dialect, is_all=is_all)
            notes.append('Quotes (") are read as plain characters: as CSV quotes they would break rows.')
    if _has_spaced_quotes(fit):
        dialect = replace(dialect, skips_space=True)
        fit = _fit(sample, dialect, is_all=is_all)
        notes.append(
            'A space stands before most quotes ("): spaces after a delimiter are not part of the cells.'
        )
    has_header = _has_header(fit, options)
    if has_header and _numbers_columns(fit.records[0].cells):
        notes.append("The first row numbers the columns, as pandas writes it: it is read as their names.")
    header = fit.records[0].cells if has_header else numbered_header(fit.width)
    if not has_header and not options.no_header:
        notes.append(
            f"The first row looks like data, not like column names: the columns are called 1 to {fit.width}."
        )
    layout = Layout(dialect, header, _repeated_values(fit.records[has_header:]))
    records = read_records(itertools.chain(sample, lines), layout, counts_returns=counts_returns)
    if has_header:
        next(records)
    return Table(name, header, read_rows(name, records, layout), tuple(notes), has_header)


def parse_delimiter(text: str) -> str:
    r"""One character from what the user typed: `tab` and `\t` are a tab.

    Raises:
        ConfigError: more than one character, a quote or a line end.
    """
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
    delimiter = named.get(text.strip().lower(), text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ConfigError(
            [f"--delimiter {text!r} cannot separate fields: expected one character such as ';', or 'tab'."]
        )
    return delimiter


def _take_sample(lines: Iterator[str]) -> tuple[list[str], bool]:
    """The first lines, and whether they are all."""
    sample: list[str] = []
    num_filled = num_characters = 0
    for line in lines:
        sample.append(line)
        num_filled += not line.isspace()  # blank lines are no rows: thousands may stand before the header
        num_characters += len(line)
        if num_filled >= SAMPLE_LINES or num_characters >= SAMPLE_CHARACTERS:
            return sample, False
    return sample, True


def _find_dialect(
    sample: Sequence[str], options: ReadOptions, *, suffix: str, is_all: bool
) -> tuple[_Fit, list[str]]:
    """The dialect that makes the rows equally wide, with a note where it is not the expected one."""
    if options.delimiter is not None:
        return _fit(sample, Dialect(parse_delimiter(options.delimiter)), is_all=is_all), []
    expected = "\t" if suffix in (".tsv", ".tab") else ","
    order = [expected, *(delimiter for delimiter in DELIMITERS if delimiter != expected)]
    fits = [_best_quoting(sample, delimiter, is_all=is_all) for delimiter in order]
    good = [fit for fit in fits if fit.width > 1 and fit.share >= (0.5 if fit.first_fits else 0.8)]
    if good:
        best = max(good, key=lambda fit: fit.share * (1.0 if fit.first_fits else 0.75))  # the first of equals
        if best.dialect.delimiter == expected:
            return best, []
        return best, [
            f"The fields are separated by {DELIMITER_NAMES[best.dialect.delimiter]}. --delimiter sets it."
        ]
    first = fits[0]
    if first.width == 1 and first.share == 1 or first.records and len(first.records[0].cells) > 1:
        return first, []
    single = _fit(sample, Dialect(NO_DELIMITER), is_all=is_all)
    if any(record.problem or record.stray_line for record in single.records):
        single = _fit(sample, Dialect(NO_DELIMITER, literal_quotes=True), is_all=is_all)
    return single, ["No delimiter gives equal rows: each line is read as one text. --delimiter sets one."]


def _best_quoting(sample: Sequence[str], delimiter: str, *, is_all: bool) -> _Fit:
    """The fit of a delimiter; for tabs the better of CSV quoting and none."""
    quoted = _fit(sample, Dialect(delimiter), is_all=is_all)
    if delimiter != "\t":
        return quoted
    literal = _fit(sample, Dialect(delimiter, literal_quotes=True), is_all=is_all)
    return replace(literal, dialect=quoted.dialect) if literal.share > quoted.share else quoted


def _fit(sample: Sequence[str], dialect: Dialect, *, is_all: bool) -> _Fit:
    """How the first rows look in this dialect."""
    counts_returns = not any(line.endswith("\n") for line in sample)
    layout = Layout(dialect, ())
    records = list(
        itertools.islice(read_records(sample, layout, counts_returns=counts_returns), SAMPLE_ROWS + 1)
    )
    if not is_all and len(records) <= SAMPLE_ROWS:
        records = records[:-1] or records  # the last may be cut in the middle
    records = records[:SAMPLE_ROWS]
    widths = Counter(len(record.cells) for record in records if record.problem is None)
    if not widths:
        return _Fit(dialect, 1, 0.0, tuple(records))
    most = max(widths.values())
    first = len(records[0].cells)
    width = (
        first if widths[first] == most else next(width for width, count in widths.items() if count == most)
    )
    return _Fit(dialect, width, most / len(records), tuple(records))


def _quotes_are_literal(lines: Iterable[str], layout: Layout) -> bool:
    """Whether quotes are plain characters: that loses fewer rows, and they do not come in CSV's pairs."""
    tally = _QuoteTally(layout)
    num_bad = 0
    for record in read_records(tally.watch(lines), layout):
        if record.stray_line is not None:
            num_bad += record.num_lines
        elif record.problem is not None or len(record.cells) != len(layout.header):
            num_bad += 1
    return tally.num_quoted > 0 and num_bad > tally.num_ragged and tally.num_unpaired * 10 >= tally.num_quoted


class _QuoteTally:
    """Counts, over the lines read literally, what tells CSV quotes from plain ones."""

    def __init__(self, layout: Layout) -> None:
        self._delimiter, self._width = layout.dialect.delimiter, len(layout.header)
        self.num_ragged = 0
        """Lines that literally read have another number of fields."""
        self.num_quoted = 0
        """Cells that begin with a quote."""
        self.num_unpaired = 0
        """Of these, the ones that CSV quoting cannot have written on one line."""

    def watch(self, lines: Iterable[str]) -> Iterator[str]:
        """The same lines, counted."""
        for line in lines:
            content = line.rstrip("\r\n")
            if content:
                self.num_ragged += content.count(self._delimiter) + 1 != self._width
            if '"' in content:
                self._count_quotes(content)
            yield line

    def _count_quotes(self, content: str) -> None:
        for cell in content.split(self._delimiter):
            if cell.startswith('"'):
                self.num_quoted += 1
                is_paired = len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
                self.num_unpaired += not is_paired


def _has_spaced_quotes(fit: _Fit) -> bool:
    """Whether most rows have a cell that begins with a space and a quote, as some programs write them."""
    spaced = sum(any(cell.startswith(' "') for cell in record.cells) for record in fit.records)
    return not fit.dialect.literal_quotes and spaced * 2 > len(fit.records)


def _repeated_values(records: Sequence[Record]) -> tuple[frozenset[str], ...]:
    """Per column, the short values that at least two of the rows share, where few values fill the column."""
    columns = list(
        itertools.zip_longest(*(record.cells for record in records if record.problem is None), fillvalue="")
    )
    repeated = []
    for column in columns:
        counts = Counter(column)
        short = [value for value in counts if 0 < len(value) <= MAX_LABEL_CHARACTERS and counts[value] > 1]
        is_label_like = len(counts) * 2 <= len(column)
        repeated.append(frozenset(short) if is_label_like else frozenset())
    return tuple(repeated)


def _has_header(fit: _Fit, options: ReadOptions) -> bool:
    """Whether the first row names the columns; in doubt it does."""
    if options.no_header or not fit.records:
        return False
    first, others = fit.records[0].cells, fit.records[1:]
    rows = [
        fit.records[0],
        *(record for record in others if record.cells != first),
    ]  # it may be repeated below
    columns = list(zip(*(record.cells for record in others if len(record.cells) == fit.width), strict=False))
    if _numbers_columns(first) and any(not any(map(_is_number, column)) for column in columns):
        return True
    if any(cell in values for cell, values in zip(first, _repeated_values(rows), strict=False)):
        return False
    if any(is_known_name(cell) for cell in first) or any(name in first for name in options.named_columns):
        return True
    if any(
        _is_number(cell) and all(map(_is_number, column))
        for cell, column in zip(first, columns, strict=False)
    ):
        return False
    if len(first) == 1:  # a list of texts: a name is one word, and a file of one line is no name without rows
        return bool(others) and len(first[0].split()) == 1
    return not any(_is_sentence(cell) and not cell.rstrip().endswith("?") for cell in first)


def _numbers_columns(cells: Sequence[str]) -> bool:
    """Whether the cells are 0, 1, 2 …, after an empty one for the row numbers: the header of an unnamed pandas table."""
    numbered = cells[1:] if cells and not cells[0] else cells
    return len(numbered) >= 2 and list(numbered) == [str(number) for number in range(len(numbered))]


def _is_number(cell: str) -> bool:
    """Whether the cell is a number, which no column is called."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_sentence(cell: str) -> bool:
    """Whether the cell is too long for a name."""
    return len(cell.split()) >= 8 or len(cell) > 100
