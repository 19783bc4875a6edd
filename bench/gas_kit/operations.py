"""What is done with a ticket, with the same parties and balances whoever made it, each operation from the same state.

Before anything is measured there was a batch, so that no counter goes up from zero. Then: a batch of 200 to as many new
holders, of whom each has one ticket and so empties its balance when it gives it away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.gas_kit.node import Receipt, Wrong, wallet, wallets
from bench.gas_kit.ours import Collection
from bench.gas_kit.peers import SoladyBoxOffice, Tickets, WithStatus

BATCHES = (50, 200, 500, 1_000)
USED, VOID = 2, 3
DOOR = 50
"""Tickets whose status is changed in one transaction."""
_MOVED = 100
"""From this holder of the batch on, so many as come to a door at once have given their ticket away."""
_NOBODY = bytes(20)


@dataclass
class Story:
    """The state from which every operation starts."""

    tickets: Tickets
    owners: list[bytes] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    moved: list[tuple[bytes, int]] = field(default_factory=list)
    """Holders of one ticket that has moved before."""
    established: bytes = _NOBODY
    """Holds a ticket that has moved before, and receives another."""

    @classmethod
    def begin(cls, tickets: Tickets) -> Story:
        """Build it."""
        tickets.batch(wallets("of before", 50))
        told = cls(tickets, wallets("holder", 200))
        receipt, told.tokens = tickets.batch(told.owners)
        check_batch(tickets, receipt, told.owners, told.tokens)
        told.established = wallet("established")
        tickets.transfer(told.owners[0], told.established, told.tokens[0])
        for number in range(_MOVED, _MOVED + DOOR):
            heir = wallet(f"heir {number}")
            tickets.transfer(told.owners[number], heir, told.tokens[number])
            told.moved.append((heir, told.tokens[number]))
        return told


def measure(tickets: Tickets, batches: Sequence[int] = BATCHES) -> dict[str, float]:
    """Return the gas of each operation; of batches, and of the door, for each ticket."""
    story = Story.begin(tickets)
    node = tickets.contract.node
    found: dict[str, float] = {}
    for count in batches:
        with node.undone():
            owners = wallets(f"new of {count}", count)
            receipt, tokens = tickets.batch(owners)
            check_batch(tickets, receipt, owners, tokens)
            found[f"batch_{count}"] = receipt.gas / count
    for name, operation in _OPERATIONS.items():
        with node.undone():
            found[name] = operation(story).gas
    if has_status(tickets):
        for name, change in _STATUS_CHANGES.items():
            with node.undone():
                found[name] = change(story, tickets)
    return found


def has_status(tickets: Tickets) -> bool:
    """Tell whether these tickets know a status."""
    return hasattr(tickets, "set_status")


def buy_one(office: Collection | SoladyBoxOffice) -> int:
    """Return the gas of one ticket bought by a signed quote: not the first sold, to a new holder."""
    office.buy(wallet("first buyer"))
    buyer = wallet("buyer")
    receipt, token = office.buy(buyer)
    _expect(office.contract.ask("ownerOf", token) == buyer, "the buyer does not own what it bought")
    _expect(office.contract.ask("balanceOf", buyer) == 1, "the buyer's balance is not one")
    return receipt.gas


def check_batch(tickets: Tickets, receipt: Receipt, owners: Sequence[bytes], tokens: Sequence[int]) -> None:
    """Raise Wrong unless each owner has one ticket, and the logs say so."""
    wanted = [(_NOBODY, owner, token) for owner, token in zip(owners, tokens, strict=True)]
    _expect(receipt.transfers(tickets.contract.address) == wanted, "the batch has other Transfer logs")
    held = tickets.contract.ask_all("ownerOf", [[token] for token in tokens])
    _expect(held == list(owners), "the batch has other owners")
    balances = tickets.contract.ask_all("balanceOf", [[owner] for owner in owners])
    _expect(balances == [1] * len(owners), "the batch has other balances")


def _mint_one(story: Story) -> Receipt:
    receipt, token = story.tickets.mint(wallet("new"))
    check_batch(story.tickets, receipt, [wallet("new")], [token])
    return receipt


def _first(story: Story) -> tuple[bytes, int]:
    return story.owners[3], story.tokens[3]


def _later(story: Story) -> tuple[bytes, int]:
    return story.moved[0]


def _transfer(which: Callable[[Story], tuple[bytes, int]], *, to_new: bool) -> Callable[[Story], Receipt]:
    def operation(story: Story) -> Receipt:
        contract = story.tickets.contract
        sender, token = which(story)
        to = wallet("new") if to_new else story.established
        before = contract.ask("balanceOf", to)
        _expect(before == (0 if to_new else 1), "the receiver's balance is not what is measured")
        receipt = story.tickets.transfer(sender, to, token)
        _expect(receipt.transfers(contract.address) == [(sender, to, token)], "another transfer was logged")
        _expect(contract.ask("ownerOf", token) == to, "the ticket did not move")
        _expect(contract.ask("balanceOf", sender) == 0, "the sender still has a balance")
        _expect(contract.ask("balanceOf", to) == before + 1, "the receiver's balance did not rise")
        return receipt

    return operation


def _approve(which: Callable[[Story], tuple[bytes, int]]) -> Callable[[Story], Receipt]:
    def operation(story: Story) -> Receipt:
        holder, token = which(story)
        receipt = story.tickets.approve(holder, wallet("friend"), token)
        _expect(story.tickets.contract.ask("getApproved", token) == wallet("friend"), "nobody was approved")
        return receipt

    return operation


def _burn(story: Story) -> Receipt:
    contract = story.tickets.contract
    holder, token = _first(story)
    if has_status(story.tickets):
        _with_status(story.tickets).set_status([token], VOID)
    receipt = story.tickets.burn(token)
    _expect(receipt.transfers(contract.address) == [(holder, _NOBODY, token)], "no burn was logged")
    _expect(contract.ask("balanceOf", holder) == 0, "the holder still has a balance")
    return receipt


def _use(tokens: Callable[[Story], Sequence[int]]) -> Callable[[Story, Tickets], float]:
    def operation(story: Story, tickets: Tickets) -> float:
        asked = list(tokens(story))
        known = _with_status(tickets)
        receipt = known.set_status(asked, USED)
        _expect(known.statuses(asked) == [USED] * len(asked), "not all tickets are used")
        return receipt.gas / len(asked)

    return operation


def _with_status(tickets: Tickets) -> WithStatus:
    if not has_status(tickets):
        raise Wrong(f"{tickets.title} knows no status")
    return tickets  # type: ignore[return-value] # just looked at


def _expect(held: object, otherwise: str) -> None:
    if not held:
        raise Wrong(otherwise)


_OPERATIONS: dict[str, Callable[[Story], Receipt]] = {
    "mint_one": _mint_one,
    "first_transfer_new": _transfer(_first, to_new=True),
    "first_transfer_existing": _transfer(_first, to_new=False),
    "transfer_new": _transfer(_later, to_new=True),
    "transfer_existing": _transfer(_later, to_new=False),
    "approve_first": _approve(_first),
    "approve": _approve(_later),
    "burn": _burn,
}
_STATUS_CHANGES: dict[str, Callable[[Story, Tickets], float]] = {
    "status_first": _use(lambda story: [story.tokens[3]]),
    "status": _use(lambda story: [story.moved[0][1]]),
    "door_first": _use(lambda story: story.tokens[10 : 10 + DOOR]),
    "door": _use(lambda story: [token for _, token in story.moved]),
}
