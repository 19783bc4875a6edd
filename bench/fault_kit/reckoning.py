"""The reckoning, after the last fault and with nothing repaired by hand: what does not agree, by its id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from bench.fault_kit.evidence import Chain, Database, Provider, Token

_ESCROW_OR_WALLET = """
    SELECT o.id::text, o.number, o.status, o.currency, o.recipient, l.quantity, t.number AS tier, c.address, l.id::text
    FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN tiers t ON t.id = l.tier_id
    JOIN collections c ON c.event_id = o.event_id
"""
_TICKETS = """
    SELECT t.order_line_id::text, t.unit, t.id::text, t.token_id, t.status, c.address
    FROM tickets t JOIN collections c ON c.id = t.collection_id
"""
SHARED_NONCES = """
    SELECT s.role, a.signer, a.nonce, array_agg(DISTINCT a.send_id::text) FROM chain_attempts a
    JOIN chain_signers s ON s.address = a.signer AND s.network = a.network
    WHERE a.raw IS NOT NULL GROUP BY s.role, a.network, a.signer, a.nonce HAVING count(DISTINCT a.send_id) > 1
"""
"""By key: a role may have several, and each counts its own nonces."""
_TOGETHER = """
    SELECT count(*) FROM batches later WHERE EXISTS (
        SELECT FROM batches earlier JOIN chain_attempts a ON a.send_id = earlier.send_id AND a.status = 'FINAL'
        JOIN chain_blocks b ON b.network = a.network AND b.hash = a.block_hash
        WHERE earlier.collection_id = later.collection_id AND earlier.number < later.number
        AND b.timestamp > later.created_at)
"""
_VOID_ON_CHAIN = 3
_FULFILLED = "SELECT id::text, extract(epoch FROM changed_at)::float FROM orders WHERE status = 'FULFILLED'"
_LATE = "SELECT id::text, extract(epoch FROM expires_at)::float FROM orders WHERE paid_at IS NULL"


@dataclass
class Reckoning:
    """Everything that was looked at, and what was found wrong: by check, one line a finding."""

    findings: dict[str, list[str]] = field(default_factory=dict)
    purchases: int = 0
    """Orders whose money was taken and kept."""
    refunded: int = 0
    tokens: int = 0
    batches_together: int = 0
    """Those that were closed while one of their collection was not mined yet."""
    seconds_to_final: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Median, 99th of a hundred, longest: from the provider's taking the money to every ticket final, the time in which
    webhooks were late and the house was dead included."""

    def count(self, check: str) -> int:
        """Return how many findings a check has."""
        return len(self.findings[check])

    @property
    def holds(self) -> bool:
        """Tell whether nothing was found wrong."""
        return not any(self.findings.values())


def reckon(chain: Chain, provider: Provider, database: Database, refunds_asked: Mapping[str, bool]) -> Reckoning:
    """Look at everything. `refunds_asked`: the orders whose refund was asked for -> whether the house said it will."""
    books = _Books(chain, provider, database)
    kept = [order for order in provider.paid if order not in provider.refunded]
    found = Reckoning(purchases=len(kept), refunded=len(provider.refunded), tokens=len(books.tokens))
    [(found.batches_together,)] = database.rows(_TOGETHER)
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "lost": books.lost,
        "refunded as asked": lambda: books.refunds(refunds_asked),
        "duplicated": books.duplicated,
        "every token has its ticket": books.unclaimed,
        "oversold": books.oversold,
        "stuck": books.stuck,
        "the ledger sums to zero": books.ledger,
        "the ledger has the provider's money": books.money,
        "no gap in the nonces": books.nonce_gaps,
        "one nonce, one call": books.shared_nonces,
        "every transaction is known": books.unknown_transactions,
        "the index is the chain": books.index,
    }
    for name, check in checks.items():
        found.findings[name] = list(check())
    took = sorted(
        final_at - provider.paid_at[order] for order, final_at in database.rows(_FULFILLED) if order in provider.paid_at
    )
    if took:
        found.seconds_to_final = (took[len(took) // 2], took[len(took) * 99 // 100], took[-1])
    return found


@dataclass(frozen=True)
class _Line:
    """One line of an order."""

    order: str
    number: str
    status: str
    currency: str
    owner: bytes
    """Who holds its tickets: the buyer's wallet, or the collection for somebody without."""
    quantity: int
    tier: int
    collection: bytes
    id: str


class _Books:
    """What is compared."""

    def __init__(self, chain: Chain, provider: Provider, database: Database) -> None:
        self.chain, self.provider, self.database = chain, provider, database
        self.collections = [bytes(row[0]) for row in database.rows("SELECT address FROM collections")]
        self.logs = chain.logs(self.collections)
        self.tokens = chain.tokens(self.logs)
        self.by_place = {(token.collection, token.token_id): token for token in self.tokens}
        self.lines = [
            _Line(row[0], row[1], row[2], row[3], bytes(row[4] or row[7]), row[5], row[6], bytes(row[7]), row[8])
            for row in database.rows(_ESCROW_OR_WALLET)
        ]
        self.tickets = [
            (*row[:3], None if row[3] is None else int(row[3]), *row[4:]) for row in database.rows(_TICKETS)
        ]
        self._tickets_of = Counter((bytes(row[5]), row[3]) for row in self.tickets if row[3] is not None)
        self._paid: Counter[tuple[bytes, bytes, int]] = Counter()
        """Tickets that were paid for, by collection, owner and tier."""
        for line in self.lines:
            if line.order in provider.paid:
                self._paid[line.collection, line.owner, line.tier] += line.quantity

    def lost(self) -> Iterator[str]:
        """Name tickets that were paid for and are not the buyer's on chain."""
        by_line: dict[str, list[tuple[Any, ...]]] = {}
        for ticket in self.tickets:
            by_line.setdefault(ticket[0], []).append(ticket)
        known = {line.order for line in self.lines}
        yield from (f"order {order}: paid, and there is no such order" for order in self.provider.paid.keys() - known)
        for line in self.lines:
            if line.order not in self.provider.paid:
                continue
            if line.order in self.provider.refunded:
                yield from self._worthless(line, by_line.get(line.id, []))
                continue
            tickets = by_line.get(line.id, [])
            if len(tickets) != line.quantity:
                yield f"order {line.number} ({line.status}): {line.quantity} paid, {len(tickets)} tickets"
            for _, unit, ticket_id, token_id, status, collection in tickets:
                token = self.by_place.get((bytes(collection), token_id))
                if token is None:
                    yield f"order {line.number} ({line.status}) ticket {ticket_id} unit {unit} ({status}): no token"
                elif (token.owner, token.tier) != (line.owner, line.tier):
                    yield f"order {line.number} ticket {ticket_id}: token {_shown(token)} is somebody else's"

    def refunds(self, asked: Mapping[str, bool]) -> Iterator[str]:
        """Name orders whose money went back and nobody had asked for it, and those where it was promised and did not.

        Money that came after the order's seats had been let go may go back unasked, if it bought no ticket.
        """
        let_go: dict[str, float] = dict(self.database.rows(_LATE))
        for order, amount in self.provider.refunded.items():
            if order not in asked and self.provider.paid_at.get(order, 0.0) + 1 <= let_go.get(order, inf):
                yield f"order {order}: {amount} went back, and nobody had asked for it"
        for order, is_promised in asked.items():
            back, paid = self.provider.refunded.get(order, 0), self.provider.paid.get(order, 0)
            if back not in ({paid} if is_promised else {0, paid}):
                yield f"order {order}: its refund was asked for, {back} of {paid} went back"

    def duplicated(self) -> Iterator[str]:
        """Name tokens nobody paid for, tokens of two tickets, and orders whose money was taken twice."""
        there = Counter((token.collection, token.owner, token.tier) for token in self.tokens)
        for token in self.tokens:
            times, tokens = self._claimed(token), there[token.collection, token.owner, token.tier]
            paid = self._paid[token.collection, token.owner, token.tier]
            if times > 1:
                yield f"token {_shown(token)} of 0x{token.owner.hex()}: {times} tickets have it"
            elif times == 0 and tokens > paid:
                yield f"token {_shown(token)}: 0x{token.owner.hex()} has {tokens} tokens for {paid} paid tickets"
        paid_lines = {line.id for line in self.lines if line.order in self.provider.paid}
        for ticket in self.tickets:
            if ticket[0] not in paid_lines:
                yield f"ticket {ticket[2]} ({ticket[4]}): nobody paid for it"
        for order in self.provider.double:
            left = self.provider.paid[order] - self.provider.refunded.get(order, 0)
            yield f"order {order}: its money was taken twice, {left} in all is kept"

    def unclaimed(self) -> Iterator[str]:
        """Name tokens whose tickets do not know of them yet: nothing too many was minted, the house is late."""
        for token in self.tokens:
            if self._claimed(token) == 0:
                yield f"token {_shown(token)} of 0x{token.owner.hex()}: no ticket has it"

    def oversold(self) -> Iterator[str]:
        """Name tiers with more tickets or holds than seats, and counters that are not what was sold."""
        sold = Counter((token.collection, token.tier) for token in self.tokens if token.status != _VOID_ON_CHAIN)
        query = """
            SELECT t.id::text, t.number, t.name, t.quantity, t.held, t.paid, c.address,
                coalesce((SELECT sum(l.quantity - l.returned) FROM order_lines l JOIN orders o ON o.id = l.order_id
                WHERE l.tier_id = t.id AND o.status IN ('PAID', 'FULFILLED', 'REFUNDING', 'REFUNDED')
                AND o.paid_at IS NOT NULL), 0)
            FROM tiers t JOIN collections c ON c.event_id = t.event_id
        """
        for tier, number, name, quantity, held, paid, collection, taken in self.database.rows(query):
            on_chain = sold[bytes(collection), number]
            if max(on_chain, held + paid, taken) > quantity:
                yield f"tier {tier} {name}: {quantity} seats, {on_chain} tokens, {held} held, {paid} paid"
            elif paid != taken:
                yield f"tier {tier} {name}: counts {paid} as paid, its orders have {taken}"

    def stuck(self) -> Iterator[str]:
        """Name what has not come to its end."""
        yield from (f"{what} {row_id}: {status}" for what, row_id, status in self.database.unfinished())

    def ledger(self) -> Iterator[str]:
        """Name currencies whose entries do not sum to zero, and journals that do not."""
        query = (
            "SELECT journal_id::text, currency, sum(amount) FROM ledger_entries GROUP BY 1, 2 HAVING sum(amount) <> 0"
        )
        yield from (f"journal {row[0]}: {row[2]} {row[1]} too much" for row in self.database.rows(query))

    def money(self) -> Iterator[str]:
        """Compare what the ledger says the provider owes us with what the provider took and gave back."""
        query = "SELECT coalesce(sum(amount), 0) FROM ledger_entries WHERE account = 'provider:stripe:receivable'"
        [(ours,)] = self.database.rows(query)
        theirs = sum(self.provider.paid.values()) - sum(self.provider.refunded.values())
        if ours != theirs:
            yield f"the ledger has {ours}, the provider {theirs}"

    def nonce_gaps(self) -> Iterator[str]:
        """Name keys whose next nonce is not the chain's, and nonces of theirs that nothing used."""
        for role, address, following in self.database.rows("SELECT role, address, next_nonce FROM chain_signers"):
            mined, pending = self.chain.nonces(bytes(address))
            if not mined == pending == following:
                yield f"{role} 0x{bytes(address).hex()}: next {following}, mined {mined}, with the pool {pending}"
            query = "SELECT DISTINCT nonce FROM chain_attempts WHERE signer = %s AND status IN ('FINAL', 'REVERTED')"
            used = {row[0] for row in self.database.rows(query, address)}
            holes = set(range(min(used, default=following), following)) - used
            yield from (
                f"{role} 0x{bytes(address).hex()}: nothing of ours used nonce {nonce}" for nonce in sorted(holes)
            )

    def shared_nonces(self) -> Iterator[str]:
        """Name nonces under which more than one call was signed."""
        for role, address, nonce, sends in self.database.rows(SHARED_NONCES):
            yield f"{role} 0x{bytes(address).hex()} nonce {nonce}: sends {', '.join(sends)}"

    def unknown_transactions(self) -> Iterator[str]:
        """Name transactions of our keys whose bytes we do not have, and attempts of ours that others' bytes ended."""
        senders = {bytes(row[0]) for row in self.database.rows("SELECT address FROM chain_signers")}
        query = "SELECT tx_hash, raw FROM chain_attempts WHERE tx_hash IS NOT NULL AND raw IS NOT NULL"
        ours = {bytes(row[0]) for row in self.database.rows(query)}
        for tx_hash, nonce in self.chain.transactions(senders).items():
            if tx_hash not in ours:
                yield f"transaction 0x{tx_hash.hex()}, nonce {nonce}: no attempt has it"
        query = "SELECT id::text, nonce FROM chain_attempts WHERE status = 'DROPPED'"
        yield from (f"attempt {row[0]}, nonce {row[1]}: other bytes used it" for row in self.database.rows(query))

    def index(self) -> Iterator[str]:
        """Compare the index with the chain: its logs, and who holds what in which state."""
        query = "SELECT block_hash, log_index FROM chain_logs WHERE address = ANY(%s)"
        ours = {(bytes(row[0]), row[1]) for row in self.database.rows(query, self.collections)}
        theirs = {(bytes.fromhex(log["blockHash"][2:]), int(log["logIndex"], 16)) for log in self.logs}
        yield from (f"log {place[1]} of block 0x{place[0].hex()}: not in the index" for place in theirs - ours)
        yield from (f"log {place[1]} of block 0x{place[0].hex()}: not on the chain" for place in ours - theirs)
        held = {
            (bytes(row[0]), int(row[1])): (bytes(row[2]), row[3], row[4])
            for row in self.database.rows("SELECT collection, token_id, owner, tier, status FROM holdings")
        }
        for token in self.tokens:
            seen = held.pop((token.collection, token.token_id), None)
            if seen != (token.owner, token.tier, token.status):
                yield f"token {_shown(token)}: the index has {seen}"
        yield from (f"token {place[1]} of 0x{place[0].hex()}: only in the index" for place in held)

    def _claimed(self, token: Token) -> int:
        """Count the tickets that have a token."""
        return self._tickets_of[token.collection, token.token_id]

    def _worthless(self, line: _Line, tickets: list[tuple[Any, ...]]) -> Iterator[str]:
        """Name tickets that are worth something although their money went back."""
        for _, _, ticket_id, token_id, status, collection in tickets:
            token = self.by_place.get((bytes(collection), token_id))
            if status != "VOID" or (token is not None and token.status != _VOID_ON_CHAIN):
                yield f"order {line.number} was refunded, ticket {ticket_id} is {status}"


def _shown(token: Token) -> str:
    return f"{token.token_id} of 0x{token.collection.hex()}"
