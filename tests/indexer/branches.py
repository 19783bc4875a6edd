"""Branches of the chain, made on purpose: blocks of moves, mints and locks, and ways in which they come back or not."""

import random
from dataclasses import dataclass, field
from itertools import islice

from backend.chain import abi
from tests.indexer.chainside import Chainside, token_id

DEEPEST = 64
KINDS = ("drop", "same", "late", "half", "shuffled")
"""What the new branch holds: nothing; the same in the same blocks, or a block later; every other; another order."""


@dataclass
class Branches:
    """Blocks on top of a chain with one collection, each with one to three transactions, and the undoing of them."""

    chain: Chainside
    collection: bytes
    chance: random.Random
    past: list[list[dict]] = field(default_factory=list)
    """The transactions of each block that `grow` made and no reorg took away."""
    tokens: list[int] = field(default_factory=list)
    batches: int = 0

    def grow(self, blocks):
        """Mine blocks."""
        self.chain.rpc("evm_setAutomine", False)
        for _ in range(blocks):
            held = self._held()
            block = [self._mint()] if not held or self.chance.random() < 0.3 else []
            block += [self._move(held) if self.chance.random() < 0.7 else self._lock(held) for _ in range(2) if held]
            for transaction in block:
                self.chain.rpc("eth_sendTransaction", transaction)
            self.chain.anvil.mine()
            self.past.append(block)
        self.chain.rpc("evm_setAutomine", True)

    def reorg(self, depth, kind):
        """Replace the newest blocks by as many others. What cannot happen there any more is in them, and fails."""
        self._by_another_miner()
        lost, self.past = self.past[-depth:], self.past[:-depth]
        flat = [(transaction, place) for place, block in enumerate(lost) for transaction in block]
        if kind == "drop":
            branch = []
        elif kind == "same":
            branch = flat
        elif kind == "late":
            branch = [(transaction, place + 1) for transaction, place in flat if place + 1 < depth]
        elif kind == "half":
            branch = flat[::2]
        else:
            mixed = [transaction for transaction, _ in flat]
            self.chance.shuffle(mixed)
            branch = [(transaction, place) for transaction, (_, place) in zip(mixed, flat, strict=True)]
        self.chain.reorg(depth, *branch)
        self.past += [[transaction for transaction, at in branch if at == place] for place in range(depth)]

    def cut(self, depth):
        """Take the newest blocks away."""
        self.past = self.past[:-depth]
        self.chain.cut(depth)

    def _by_another_miner(self):
        """The same transactions in the same second would be the same blocks, by hash, and no reorg at all."""
        self.chain.rpc("anvil_setCoinbase", "0x" + self.chance.randbytes(20).hex())

    def _held(self):
        """Return a dozen tokens that somebody holds, asking for no more than these: a chain may have thousands."""
        tried = (token for where, token in sorted(self.chain.tried) if where == self.collection)
        return list(islice((token for token in tried if self._is_held(token)), 12))

    def _is_held(self, token):
        found = self.chain.ticket(self.collection, token)
        return found is not None and any(found[0])

    def _mint(self):
        number = self.chain.next_batch(self.collection)
        owners = [self.chance.choice(self.chain.people) for _ in range(2)]
        self.chain.tried |= {(self.collection, token_id(number, index)) for index in range(2)}
        return self.chain.transaction(self.collection, self.chain.mint_call(number, owners))

    def _move(self, held):
        token = self.chance.choice(held)
        owner = self.chain.ticket(self.collection, token)[0]
        call = self.chain.move_call(owner, self.chance.choice(self.chain.people), token)
        return self.chain.transaction(self.collection, call, owner)

    def _lock(self, held):
        token = self.chance.choice(held)
        status = 1 - self.chain.ticket(self.collection, token)[2]
        return self.chain.transaction(
            self.collection, abi.encode_call("TicketCollection", "setStatus", [[token], status])
        )
