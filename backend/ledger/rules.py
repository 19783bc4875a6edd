"""What a journal must look like. Pure: the same rules as the database's, told before the commit."""

import re
from collections import Counter
from collections.abc import Sequence

from backend.kit.money import Money

Entry = tuple[str, Money]
"""An account and what it is debited (positive) or credited (negative)."""

_ACCOUNT = re.compile(r"[a-z][a-z0-9_]*(:[A-Za-z0-9_.-]+)+")
_FEWEST_ENTRIES = 2


class NotAJournal(ValueError):
    """The entries cannot be posted: a fault of the caller, never of the buyer."""


def debit(account: str, money: Money) -> Entry:
    """Return the entry that adds `money` to what `account` has or is owed."""
    return account, money


def credit(account: str, money: Money) -> Entry:
    """Return the entry that takes `money` from `account`, or records that it earned or owes it."""
    return account, -money


def check_journal(entries: Sequence[Entry]) -> None:
    """Raise NotAJournal unless there are two entries or more, none zero, summing to zero in each currency."""
    if len(entries) < _FEWEST_ENTRIES:
        raise NotAJournal("a journal has two entries or more")
    sums: Counter[str] = Counter()
    for account, money in entries:
        if _ACCOUNT.fullmatch(account) is None:
            raise NotAJournal(f"{account!r} is not the name of an account")
        if money.amount == 0:
            raise NotAJournal(f"the entry for {account} is zero")
        sums[money.currency] += money.amount
    unbalanced = {currency: total for currency, total in sums.items() if total}
    if unbalanced:
        raise NotAJournal(f"the entries do not sum to zero: {unbalanced}")
