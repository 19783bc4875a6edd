"""The whole comparison for people: a row an operation, a column a contract."""

from __future__ import annotations

from collections.abc import Mapping

from bench.gas_kit.operations import BATCHES, DOOR
from bench.gas_kit.reads import CHUNKS

Gas = Mapping[str, Mapping[str, float]]
"""By the contract's title, then by operation."""

CAP_OF_A_TRANSACTION = 16_777_216
"""The most gas one transaction may have where EIP-7825 holds."""

_WIDTH = 13
ROWS: tuple[tuple[str, str], ...] = (
    *((f"batch_{count}", f"batch of {count:,}, per ticket") for count in BATCHES),
    ("mint_one", "mint of one by the minter"),
    ("buy", "one ticket bought by a signed quote"),
    ("first_transfer_new", "first transfer, new holder"),
    ("first_transfer_existing", "first transfer, holder with a slot"),
    ("transfer_new", "later transfer, new holder"),
    ("transfer_existing", "later transfer, holder with a slot"),
    ("approve_first", "approve, never moved"),
    ("approve", "approve, moved before"),
    ("status_first", "status change, never moved"),
    ("status", "status change, moved before"),
    ("door_first", f"status of {DOOR}, never moved, per ticket"),
    ("door", f"status of {DOOR}, moved before, per ticket"),
    ("burn", "burn, never moved"),
    ("resale_erc20", "resale for an ERC-20, moved before"),
    ("resale_erc20_first", "resale for an ERC-20, never moved"),
    ("resale_native", "resale for the native coin, moved before"),
    ("resale_native_first", "resale for the native coin, never moved"),
    ("deploy", "collection ready to sell"),
    ("deploy_with_terms", "same by consent, terms of two tiers"),
    *(
        (f"{name}_{chunks}_{shape}", f"{function}, batches {words}: {chunks}")
        for name, function in (("owner_of", "ownerOf"), ("balance_of", "balanceOf"))
        for chunks in CHUNKS
        for shape, words in (("run", "in one sorted run"), ("waves", "in waves"))
    ),
)


def lines(gas: Gas) -> list[str]:
    """Return the table; a star where one transaction would need more than `CAP_OF_A_TRANSACTION`."""
    titles = list(gas)
    width = max(len(words) for _, words in ROWS)
    found = ["  " + "gas".ljust(width) + "".join(title.rjust(_WIDTH) for title in titles)]
    found += [
        "  " + words.ljust(width) + "".join(_cell(name, gas[title]).rjust(_WIDTH) for title in titles)
        for name, words in ROWS
    ]
    found.append(f"  * more than one transaction may have where EIP-7825 holds ({CAP_OF_A_TRANSACTION:,} gas)")
    return found


def _cell(name: str, gas: Mapping[str, float]) -> str:
    if name not in gas:
        return "-"
    return f"{gas[name]:,.0f}{'*' if _total(name, gas[name]) > CAP_OF_A_TRANSACTION else ''}"


def _total(name: str, gas: float) -> float:
    return gas * int(name.removeprefix("batch_")) if name.startswith("batch_") else gas
