"""Every check of the data, in the order in which they run; tokens have their own in `bertsmith.tokens.lengths`."""

from __future__ import annotations

from bertsmith.data.checks.drift import (
    find_label_drift,
    find_length_drift,
    find_separable_file,
    find_word_drift,
)
from bertsmith.data.checks.enough import find_absent_labels, find_what_can_be_shown
from bertsmith.data.checks.giveaways import (
    find_telling_columns,
    find_telling_length,
    find_telling_order,
    find_telling_words,
)
from bertsmith.data.checks.labels import (
    find_imbalance,
    find_label_lists,
    find_label_twins,
    find_misread_column,
    find_rare_labels,
    find_scale,
    find_single_label,
    find_unseen_labels,
)
from bertsmith.data.checks.repeats import (
    find_contradictions,
    find_leaked_test,
    find_near_duplicates,
    find_near_leaks,
    find_repeats,
    find_shared_texts,
)
from bertsmith.data.checks.rows import Check, RowsToCheck
from bertsmith.data.checks.unusable import (
    find_bare_addresses,
    find_broken_encoding,
    find_debris,
    find_unreadable_share,
)
from bertsmith.findings import Finding

CHECKS: tuple[Check, ...] = (
    find_unreadable_share,
    find_broken_encoding,
    find_debris,
    find_bare_addresses,
    find_misread_column,
    find_single_label,
    find_unseen_labels,
    find_label_twins,
    find_rare_labels,
    find_imbalance,
    find_scale,
    find_label_lists,
    find_contradictions,
    find_repeats,
    find_shared_texts,
    find_leaked_test,
    find_near_duplicates,
    find_near_leaks,
    find_telling_words,
    find_telling_length,
    find_telling_columns,
    find_telling_order,
    find_length_drift,
    find_label_drift,
    find_word_drift,
    find_separable_file,
    find_absent_labels,
    find_what_can_be_shown,
)


def run_checks(rows: RowsToCheck) -> tuple[Finding, ...]:
    """What every check finds."""
    return tuple(finding for check in CHECKS for finding in check(rows))
