"""Other people's tickets, each behind the same few operations as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.tickets.rules import Entry, encode_entries
from bench.gas_kit.build import Code
from bench.gas_kit.node import Contract, Node, Receipt, Signer, wallet
from bench.gas_kit.ours import LATER, MINTER, NATIVE, SUPPLY, purchase

_LOCK_VERSION = 15


class Tickets(Protocol):
    """What every kind of ticket can do here. Each call is one transaction."""

    title: str
    contract: Contract

    def batch(self, owners: Sequence[bytes]) -> tuple[Receipt, list[int]]:
        """Mint one ticket for each owner; returns their ids."""

    def mint(self, to: bytes) -> tuple[Receipt, int]:
        """Mint one ticket as the minter."""

    def transfer(self, sender: bytes, to: bytes, token: int) -> Receipt:
        """Give a ticket, as its holder."""

    def approve(self, holder: bytes, spender: bytes, token: int) -> Receipt:
        """Approve an account, as the holder."""

    def burn(self, token: int) -> Receipt:
        """Burn a ticket."""


class WithStatus(Tickets, Protocol):
    """Tickets that know a status."""

    def set_status(self, tokens: Sequence[int], status: int) -> Receipt:
        """Set the status of tickets."""

    def statuses(self, tokens: Sequence[int]) -> list[int]:
        """Return the status of tickets."""


@dataclass
class _Plain:
    """An ERC-721 of the usual kind."""

    contract: Contract
    title: str = ""
    last: int = 0
    numbered: bool = True
    """Whether the caller names the ids; if not, the contract counts from 0."""

    def batch(self, owners: Sequence[bytes]) -> tuple[Receipt, list[int]]:
        """Mint one ticket for each owner."""
        first = self._take(len(owners))
        entries = encode_entries([Entry(owner, 1) for owner in owners])
        receipt = self.contract.send(MINTER, "mintBatch", [first, entries] if self.numbered else [entries])
        return receipt, list(range(first, first + len(owners)))

    def mint(self, to: bytes) -> tuple[Receipt, int]:
        """Mint one ticket."""
        token = self._take(1)
        return self.contract.send(MINTER, "mint", self._mint_arguments(to, token)), token

    def transfer(self, sender: bytes, to: bytes, token: int) -> Receipt:
        """Give a ticket."""
        return self.contract.send(sender, "transferFrom", [sender, to, token])

    def approve(self, holder: bytes, spender: bytes, token: int) -> Receipt:
        """Approve an account."""
        return self.contract.send(holder, "approve", [spender, token])

    def burn(self, token: int) -> Receipt:
        """Burn a ticket, as the minter."""
        return self.contract.send(MINTER, "burn", [token])

    def _mint_arguments(self, to: bytes, token: int) -> list[object]:
        return [to, token] if self.numbered else [to]

    def _take(self, count: int) -> int:
        if not self.numbered:
            counted: int = self.contract.ask("totalSupply")
            return counted
        # As ours: a batch has the upper bits. A number as long as ours costs the same calldata.
        self.last = (self.last >> 16) + 1 << 16
        first = self.last
        self.last += count
        return first


@dataclass
class _Solady(_Plain):
    """Solady's ERC721, with tier and status."""

    def _mint_arguments(self, to: bytes, token: int) -> list[object]:
        return [to, token, 1]

    def set_status(self, tokens: Sequence[int], status: int) -> Receipt:
        """Set the status of tickets."""
        return self.contract.send(MINTER, "setStatus", [list(tokens), status])

    def statuses(self, tokens: Sequence[int]) -> list[int]:
        """Return the status of tickets."""
        return self.contract.ask_all("statusOf", [[token] for token in tokens])


@dataclass
class Unlock:
    """A PublicLock behind the proxy that Unlock makes for everybody."""

    contract: Contract
    title: str = "Unlock"

    def batch(self, owners: Sequence[bytes]) -> tuple[Receipt, list[int]]:
        """Grant one key to each owner, managed by themselves."""
        nobody = [NATIVE] * len(owners)
        receipt = self.contract.send(MINTER, "grantKeys", [list(owners), [LATER] * len(owners), nobody])
        return receipt, [token for _, _, token in receipt.transfers(self.contract.address)]

    def mint(self, to: bytes) -> tuple[Receipt, int]:
        """Grant one key."""
        receipt, [token] = self.batch([to])
        return receipt, token

    def transfer(self, sender: bytes, to: bytes, token: int) -> Receipt:
        """Give a key."""
        return self.contract.send(sender, "transferFrom", [sender, to, token])

    def approve(self, holder: bytes, spender: bytes, token: int) -> Receipt:
        """Approve an account."""
        return self.contract.send(holder, "approve", [spender, token])

    def burn(self, token: int) -> Receipt:
        """Burn a key, as its holder: nobody else may."""
        holder: bytes = self.contract.ask("ownerOf", token)
        return self.contract.send(holder, "burn", [token])


@dataclass
class UnlockPlatform:
    """Unlock's own contract, which deploys locks."""

    contract: Contract
    lock: Code

    def deploy(self) -> tuple[Unlock, Receipt]:
        """Deploy a lock of as many keys as our collections have tickets, several to a wallet allowed."""
        setup = self.lock.interface.encode_call("initialize", [MINTER, 2**256 - 1, NATIVE, 0, SUPPLY, "A night"])
        receipt = self.contract.send(MINTER, "createUpgradeableLockAtVersion", [setup, _LOCK_VERSION])
        topic = self.contract.interface.topic("NewLock")
        [address] = [topics[2][-20:] for _, topics, _ in receipt.logs if topics[0] == topic]
        lock = Contract(self.contract.node, address, self.lock.interface)
        lock.send(MINTER, "updateLockConfig", [2**256 - 1, SUPPLY, 100])
        return Unlock(lock), receipt


@dataclass
class SoladyBoxOffice:
    """What our `buy` promises, on Solady."""

    contract: Contract
    quoter: Signer
    quotes: int = 0

    def buy(self, buyer: bytes) -> tuple[Receipt, int]:
        """Buy one ticket for the native coin, by a signed quote."""
        self.quotes += 1
        return purchase(self.contract, "Tickets", self.quoter, buyer, self.quotes)


def solady(node: Node, codes: Mapping[str, Code]) -> _Solady:
    """Deploy tickets on Solady."""
    return _Solady(node.deploy(MINTER, codes["SoladyTickets"]), "Solady")


def solady_box_office(node: Node, codes: Mapping[str, Code], quoter: Signer) -> SoladyBoxOffice:
    """Deploy a box office on Solady, with our limits."""
    terms = [quoter.address, SUPPLY, SUPPLY, 0]
    made = node.deploy(MINTER, codes["SoladyBoxOffice"], ["address", "uint32", "uint64", "uint32"], terms)
    return SoladyBoxOffice(made, quoter)


def open_zeppelin(node: Node, codes: Mapping[str, Code]) -> Tickets:
    """Deploy tickets on OpenZeppelin."""
    return _Plain(node.deploy(MINTER, codes["OpenZeppelinTickets"]), "OpenZeppelin")


def erc721a(node: Node, codes: Mapping[str, Code]) -> Tickets:
    """Deploy tickets on ERC721A."""
    return _Plain(node.deploy(MINTER, codes["ERC721ATickets"]), "ERC721A", numbered=False)


def unlock(node: Node, codes: Mapping[str, Code]) -> UnlockPlatform:
    """Deploy Unlock and the template of its locks."""
    admin = wallet("admin of Unlock")
    logic = node.deploy(admin, codes["Unlock"])
    setup = logic.interface.encode_call("initialize", [admin])
    proxy = node.deploy(admin, codes["UnlockProxy"], ["address", "bytes"], [logic.address, setup])
    made = Contract(node, proxy.address, logic.interface)
    template = node.deploy(admin, codes["PublicLock"])
    made.send(admin, "addLockTemplate", [template.address, _LOCK_VERSION])
    made.send(admin, "setLockTemplate", [template.address])
    return UnlockPlatform(made, codes["PublicLock"])


def meter(node: Node, codes: Mapping[str, Code]) -> Contract:
    """Deploy the contract that measures questions."""
    return node.deploy(MINTER, codes["GasMeter"])
