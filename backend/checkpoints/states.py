"""The words for what a check of the index came to."""

from enum import StrEnum


class CheckKind(StrEnum):
    """What was compared."""

    CONTRACTS = "CONTRACTS"  # projections at a checkpoint's block with what the contracts answer there
    REPLAY = "REPLAY"  # projections with what the facts give when the handlers run from zero


class CheckStatus(StrEnum):
    """How a check stands."""

    DUE = "DUE"
    AGREED = "AGREED"
    MISMATCH = "MISMATCH"  # docs/runbooks/index-mismatch.md
    REPAIRED = "REPAIRED"  # a later check looked at everything and agreed
    PASSED_OVER = "PASSED_OVER"  # a newer one took its place before it was run
