"""The steps of the answer to a leaked minter key. Each looks at the chain first, so that repeating it is harmless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from scripts._contract import Contract, node
from scripts._inputs import ZERO
from scripts._keys import Signer
from scripts._known import Known, KnownFile
from scripts._minted import STATUSES, Mint, Ticket, Verdict, mints, tickets
from scripts._network import Connection
from scripts._scopes import SCOPES, words
from scripts._sending import Call, Refused, execute

_ATTEMPTS = 3
"""How often a chunk is put together anew when a status changed meanwhile, at the door perhaps."""


@dataclass(frozen=True)
class Plan:
    """What the command was asked for."""

    new_minter: str
    known: KnownFile | None
    operator: Signer | None
    chunk: int


def stop_minting(connection: Connection, at: Contract, plan: Plan) -> None:
    """Pause MINT, then put the new key, or nobody, in the old one's place. Raises Refused."""
    paused, minter = int(at.read("paused")), str(at.read("minter"))
    click.echo(f"{at.address} paused: {words(paused)}; minter {minter}, allowance {at.read('minterAllowance')}")
    calls = []
    if not paused & SCOPES["mint"]:
        calls.append(Call(at, "setPaused", (paused | SCOPES["mint"],)))
    if minter != plan.new_minter:
        calls.append(Call(at, "rotateMinter", (plan.new_minter,)))
    if not calls:
        click.echo(f"{at.address} minting is paused and the minter rotated already")
        return
    execute(connection, connection.acting_as(at.read("guardian")), calls, "Stop minting?")
    if not connection.request.dry_run:
        shown = "nobody" if plan.new_minter == ZERO else plan.new_minter
        click.echo(f"{at.address} minting is paused; the minter is {shown}")


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
