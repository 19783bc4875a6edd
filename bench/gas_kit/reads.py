"""What ownerOf and balanceOf cost a contract that asks, with few batches and many.

Two stories of as many tickets: waves, each batch over all possible holders, and one run, each batch beginning where the
one before ended. The holder that is asked about has one ticket, in the batch in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.gas_kit.node import Contract, Wrong, wallets
from bench.gas_kit.peers import Tickets

CHUNKS = (1, 10, 100)
_SIZE = 50
"""Tickets a batch."""


def measure(tickets: Tickets, meter: Contract, *, in_one_run: bool) -> dict[str, float]:
    """Return the gas of both questions for each number of batches."""
    found: dict[str, float] = {}
    for chunks in CHUNKS:
        with tickets.contract.node.undone():
            holders = wallets(f"of {chunks} chunks", _SIZE * chunks)
            drops = _run(holders) if in_one_run else _waves(holders, chunks)
            held: dict[bytes, int] = {}
            for drop in drops:
                _, tokens = tickets.batch(drop)
                held |= dict(zip(drop, tokens, strict=True))
            asked = drops[chunks // 2][_SIZE // 2]
            suffix = "run" if in_one_run else "waves"
            found[f"owner_of_{chunks}_{suffix}"] = _gas(tickets, meter, "ownerOf", held[asked], asked)
            found[f"balance_of_{chunks}_{suffix}"] = _gas(tickets, meter, "balanceOf", asked, 1)
    return found


def _run(holders: Sequence[bytes]) -> list[list[bytes]]:
    return [list(holders[start : start + _SIZE]) for start in range(0, len(holders), _SIZE)]


def _waves(holders: Sequence[bytes], chunks: int) -> list[list[bytes]]:
    return [list(holders[start::chunks]) for start in range(chunks)]


def _gas(tickets: Tickets, meter: Contract, function: str, argument: object, answer: object) -> int:
    contract = tickets.contract
    told = meter.ask("measure", contract.address, contract.interface.encode_call(function, [argument]))
    if contract.interface.decode_output(function, told["answer"]) != answer:
        raise Wrong(f"{function} answered something else")
    gas: int = told["used"]
    return gas
