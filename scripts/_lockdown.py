"""The steps of the answer to a leaked minter key. Each looks at the chain first, so that repeating it is harmless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import click

from scripts import _logs
from scripts._collections import AT_ONCE
from scripts._contract import Contract, node
from scripts._inputs import ZERO
from scripts._keys import Signer
from scripts._known import Known, KnownFile
from scripts._minted import STATUSES, Mint, Ticket, Verdict, mints, tickets
from scripts._network import Connection
from scripts._scopes import SCOPES, words
from scripts._sending import Call, Refused, execute
from scripts._together import execute_together

_ATTEMPTS = 3
"""How often a chunk is put together anew when a status changed meanwhile, at the door perhaps."""


@dataclass(frozen=True)
class Plan:
    """What the command was asked for."""

    new_minter: str
    leaked: str | None
    """The leaked key; None: whatever key a collection names."""
    known: KnownFile | None
    operator: Signer | None
    chunk: int
    begun: Mapping[str, int] = field(default_factory=dict)
    """Blocks in which collections were made, by address; reading begins at 0 of the others."""

    def concerns(self, at: Contract, minter: str) -> bool:
        """Tell whether a collection with this minter is to be stopped.

        Nobody may be what an earlier run put in the place of the leaked key; what a promoter took from another key
        stays without a minter.
        """
        if self.leaked in {None, minter}:
            return True
        return minter == ZERO != self.new_minter and _last_minter(at, self.begun.get(at.address, 0)) == self.leaked


def stop_minting(connection: Connection, collections: Sequence[Contract], plan: Plan) -> bool:
    """Pause MINT in all of them, then put the new key, or nobody, in the old one's place. False if one refused it."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(_look, collections))
    guardians = {at.address: guardian for at, (_, _, _, guardian) in zip(collections, found, strict=True)}
    pauses, rotations = list[Call](), list[Call]()
    for at, (paused, minter, allowance, _) in zip(collections, found, strict=True):
        click.echo(f"{at.address} paused: {words(paused)}; minter {minter}, allowance {allowance}")
        if not plan.concerns(at, minter):
            click.echo(f"{at.address} the leaked key is not its minter: nothing to stop")
        elif paused & SCOPES["mint"] and minter == plan.new_minter:
            click.echo(f"{at.address} minting is paused and the minter rotated already")
        else:
            pauses += [] if paused & SCOPES["mint"] else [Call(at, "setPaused", (paused | SCOPES["mint"],))]
            rotations += [] if minter == plan.new_minter else [Call(at, "rotateMinter", (plan.new_minter,))]

    def acting(call: Call) -> Signer:
        return connection.acting_as(guardians[call.contract.address])

    failures = execute_together(connection, acting, [pauses, rotations], "Stop minting?")
    for address, why in failures.items():
        click.echo(f"{address} NOT STOPPED: {why}", err=True)
    if not connection.request.dry_run:
        shown = "nobody" if plan.new_minter == ZERO else plan.new_minter
        for address in dict.fromkeys(call.contract.address for call in [*pauses, *rotations]):
            if address not in failures:
                click.echo(f"{address} minting is paused; the minter is {shown}")
    return not failures


def _last_minter(at: Contract, first: int) -> str | None:
    """Return the last key that could mint, from the collection's log; None when there never was one."""
    logs = _logs.read(at.address, [at.topic("MinterChanged")], first, node().eth.block_number)
    named = [str(at.decode("MinterChanged", log)["minter"]) for log in logs]
    return next((minter for minter in reversed(named) if minter != ZERO), None)


def _look(at: Contract) -> tuple[int, str, int, str]:
    return int(at.read("paused")), str(at.read("minter")), int(at.read("minterAllowance")), str(at.read("guardian"))


def lock_unknown(connection: Connection, at: Contract, plan: Plan, first: int) -> bool:
    """List what nobody knows and lock it; True when nothing is left to decide. Raises Refused."""
    if plan.known is None:
        click.echo(f"{at.address} not judged: give --known to find and lock what the house did not mint")
        return True
    known = plan.known.collections.get(at.address)
    if known is None:
        click.echo(f"{at.address} not judged: the file of known batches does not name it", err=True)
        return False
    found = mints(at, known, plan.known.block, first, node().eth.block_number)
    unknown = [mint for mint in found if mint.verdict is Verdict.UNKNOWN]
    standing = _list(at, found, unknown, known)
    live = [ticket.token for ticket in standing if ticket.status == "LIVE"]
    operator = plan.operator or Signer(at.read("operator"), None)
    for begin in range(0, len(live), plan.chunk):
        _lock(connection, at, operator, live[begin : begin + plan.chunk])
    later = [mint for mint in found if mint.verdict is Verdict.LATER]
    for mint in later:
        click.echo(f"  {mint.what}, block {mint.block}: younger than the file; write it anew and run this again")
    return not later


def _list(at: Contract, found: Sequence[Mint], unknown: Sequence[Mint], known: Known) -> list[Ticket]:
    """Print the unknown tickets with holder and status, and return them."""
    count = sum(len(mint.tokens) for mint in unknown)
    told = f"{len(found)} mints, {len(known.batches)} known batches, {len(known.quotes)} known quotes"
    click.echo(f"{at.address} {told}; {count} unknown tickets")
    standing = []
    for mint in unknown:
        click.echo(f"  {mint.what}, block {mint.block}, {len(mint.tokens)} tickets")
        for ticket in tickets(at, list(mint.tokens)):
            click.echo(f"    {ticket.token:<18} {ticket.status:7} {ticket.owner or ''}")
            standing.append(ticket)
    return standing


def _lock(connection: Connection, at: Contract, operator: Signer, tokens: list[int]) -> None:
    """Lock a chunk. All or none: where one has changed in between, the chunk is put together anew."""
    left = tokens
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            execute(connection, operator, [Call(at, "setStatus", (left, STATUSES.index("LOCKED")))], "Lock these?")
        except Refused as refused:
            left = [ticket.token for ticket in tickets(at, left) if ticket.status == "LIVE"]
            if attempt == _ATTEMPTS or "BadStatusChange" not in refused.message:
                raise
            if not left:
                return
        else:
            click.echo(f"{at.address} {len(left)} {'would be' if connection.request.dry_run else 'are'} LOCKED")
            return
