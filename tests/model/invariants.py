"""What must hold after every step, whatever has happened, and what must hold once there is nothing left to do."""

from collections import Counter, defaultdict
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from backend.catalog.models import Tier
from backend.chain import rules as chain_rules
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, ChainSigner, SendStatus
from backend.kit.db import unit_of_work
from backend.kit.notices import StoredReaction
from backend.ledger.models import LedgerEntry
from backend.orders import rules as order_rules
from backend.orders.models import Order, OrderLine, OrderStatus, Seats
from backend.payments.models import Payment, ProviderEvent, Refund
from backend.tickets import rules
from backend.tickets.models import Batch, MintJob, StatusChange, Ticket
from backend.tickets.rules import token_id
from backend.tickets.states import BatchStatus, JobStatus, StatusChangeStatus, TicketStatus
from tests.factories.tickets import ADDRESS, ALICE
from tests.model.world import World

MACHINES: dict[type, tuple[type[StrEnum], dict[Any, frozenset[Any]]]] = {
    MintJob: (JobStatus, rules.JOB_EDGES),
    Batch: (BatchStatus, rules.BATCH_EDGES),
    Ticket: (TicketStatus, rules.TICKET_EDGES),
    StatusChange: (StatusChangeStatus, rules.CHANGE_EDGES),
    Order: (OrderStatus, order_rules.EDGES),
    ChainSend: (SendStatus, chain_rules._SEND_STEPS),
    ChainAttempt: (AttemptStatus, chain_rules._ATTEMPT_STEPS),
}
_MINTED, _VOID = 1, 3


class Edges:
    """Watches every status: those that our objects take one by one, and those that statements wrote past them."""

    def __init__(self) -> None:
        self._before: dict[UUID, str] = {}
        self._reach = {model: _closure(edges) for model, (_, edges) in MACHINES.items()}
        self.wrong: list[str] = []
        self._listeners = [(model.status, self._listener(model)) for model in MACHINES]
        for attribute, listener in self._listeners:
            event.listen(attribute, "set", listener)

    def close(self) -> None:
        for attribute, listener in self._listeners:
            event.remove(attribute, "set", listener)

    def _listener(self, model: type) -> Any:
        words, edges = MACHINES[model]

        def check(_row: object, after: Any, before: Any, _initiator: object) -> None:
            if isinstance(before, str) and after != before and words(after) not in edges[words(before)]:
                self.wrong.append(f"{model.__name__}: {before} -> {after}")

        return check

    def check(self, session: Session) -> None:
        """Raise unless every row has come to where it stands by edges of its machine."""
        for model, (words, _) in MACHINES.items():
            for row_id, status in session.execute(select(model.id, model.status)):
                before = self._before.get(row_id, status)
                assert words(status) in self._reach[model][words(before)], f"{model.__name__}: {before} -> {status}"
                self._before[row_id] = status
        assert self.wrong == []


def _closure(edges: dict[Any, frozenset[Any]]) -> dict[Any, set[Any]]:
    reach = {start: {start} for start in edges}
    for found in reach.values():
        waiting = list(found)
        while waiting:
            fresh = edges[waiting.pop()] - found
            found.update(fresh)
            waiting += fresh
    return reach


class Invariants:
    """Remembers which job was ever in which batch, and judges the tables against the chain."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.edges = Edges()
        self._members: dict[int, dict[UUID, int]] = defaultdict(dict)

    def always(self) -> None:
        """Check what no step may break."""
        with unit_of_work() as session:
            self.edges.check(session)
            self._money(session)
            self._seats(session)
            self._tokens_once(session)
            self._nonces(session)
            self._written_before_sent(session)

    def _money(self, session: Session) -> None:
        sums = select(LedgerEntry.currency, func.sum(LedgerEntry.amount)).group_by(LedgerEntry.currency)
        assert all(total == 0 for _, total in session.execute(sums)), "a journal does not sum to zero"
        given = Counter[UUID]()
        known = {row.id: row for row in session.scalars(select(Refund))}
        for key, amount in self.world.till.refunds.items():
            assert key in known, "a refund was made that no row asked for"
            given[known[key].payment_id] += amount.amount
        for payment in session.scalars(select(Payment)):
            assert given[payment.id] <= payment.amount_minor, "more went back than came"

    def _seats(self, session: Session) -> None:
        tier = session.get_one(Tier, self.world.tier_id)
        counted: Counter[str] = Counter()
        query = select(Order.seats, func.sum(OrderLine.quantity - OrderLine.returned)).join(
            OrderLine, OrderLine.order_id == Order.id
        )
        counted.update({seats: int(total) for seats, total in session.execute(query.group_by(Order.seats))})
        assert (tier.held, tier.paid) == (counted[Seats.HELD], counted[Seats.SOLD])
        assert tier.held + tier.paid <= tier.quantity

    def _tokens_once(self, session: Session) -> None:
        query = select(MintJob.id, Batch.number, MintJob.batch_index).join(Batch, Batch.id == MintJob.batch_id)
        for job_id, number, index in session.execute(query):
            self._members[number][job_id] = index
        storage = self.world.chain.storage(ADDRESS)
        minted = [number for number, (state, _) in storage.get("batches", {}).items() if state == _MINTED]
        for number in minted:
            assert number in self._members, f"batch {number} is on chain and was never closed"
        times = Counter(job for number in minted for job in self._members[number])
        assert [job for job, count in times.items() if count > 1] == [], "a job was minted twice"
        assert len(storage.get("tokens", {})) == sum(len(self._members[number]) for number in minted)

    def _nonces(self, session: Session) -> None:
        query = (
            select(ChainAttempt.signer, ChainAttempt.nonce)
            # What was given up unsigned leaves its nonce to whoever fills it.
            .where(ChainAttempt.raw.is_not(None))
            .group_by(ChainAttempt.signer, ChainAttempt.nonce)
            .having(func.count(ChainAttempt.send_id.distinct()) > 1)
        )
        assert session.execute(query).all() == [], "two sends share a nonce"

    def _written_before_sent(self, session: Session) -> None:
        stored = {bytes(raw) for raw in session.scalars(select(ChainAttempt.raw)) if raw is not None}
        assert set(self.world.chain.sent) <= stored, "bytes were sent that are in no row"

    # ---- at rest

    def is_quiet(self) -> bool:
        """Tell whether nothing is under way that the house could bring further by itself."""
        return not self.unfinished()

    def unfinished(self) -> list[str]:
        """Return what is still under way, by machine and state."""
        ends: list[tuple[Any, set[str]]] = [
            (MintJob, {"FINAL", "REFUNDING"}),
            (Batch, {"FINAL", "CANCELLED"}),
            (StatusChange, {"DONE"}),
            (ChainSend, {"FINAL", "REVERTED", "CANCELLED"}),
            (Order, {"FULFILLED", "EXPIRED", "CANCELLED", "REFUNDED"}),
            (Payment, {"SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED"}),
            (Refund, {"SUCCEEDED"}),
            (ProviderEvent, {"SETTLED", "IGNORED"}),
            (StoredReaction, {"DONE"}),
        ]
        with unit_of_work() as session:
            gaps = [
                f"nonce of {row.role}: {row.next_nonce} given out, {self.world.chain.nonce(row.address)} used"
                for row in session.scalars(select(ChainSigner))
                if row.next_nonce > self.world.chain.nonce(row.address)
            ]
            return gaps + [
                f"{model.__name__} {row.status}: {getattr(row, 'last_error', None) or getattr(row, 'reason', None)}"
                for model, over in ends
                for row in session.scalars(select(model).where(model.status.not_in(over)))
            ]

    def at_rest(self) -> None:
        """Check what holds once all is quiet: every paid unit is one token, every other none that is worth anything."""
        self.always()
        storage = self.world.chain.storage(ADDRESS)
        tokens: dict[int, tuple[bytes, int, int]] = storage.get("tokens", {})
        with unit_of_work() as session:
            self._every_unit(session, tokens)
            query = select(MintJob.status, Batch.number, MintJob.batch_index).join(Batch, Batch.id == MintJob.batch_id)
            ours = {token_id(number, index) for _, number, index in session.execute(query)}
            assert ours == set(tokens), "the chain has other tokens than the jobs"
            for signer in session.scalars(select(ChainSigner)):
                # More are used than we gave out when somebody else has used the key.
                assert signer.next_nonce <= self.world.chain.nonce(signer.address), "a nonce is missing"

    def _every_unit(self, session: Session, tokens: dict[int, tuple[bytes, int, int]]) -> None:
        query = select(Ticket, Order, MintJob).join(Order, Order.id == Ticket.order_id)
        units = Counter[UUID]()
        for ticket, order, job in session.execute(query.join(MintJob, MintJob.ticket_id == Ticket.id)):
            units[order.id] += 1
            if order.status == OrderStatus.FULFILLED:
                assert (ticket.status, job.status) == (TicketStatus.LIVE, JobStatus.FINAL)
                owner = ALICE if order.recipient else ADDRESS
                assert tokens[ticket.token_id] == (owner, job.tier_number, 0), "a token is not with its holder"
            else:
                assert (order.status, ticket.status) == (OrderStatus.REFUNDED, TicketStatus.VOID)
                assert (ticket.token_id is None) == (job.status == JobStatus.REFUNDING)
                assert ticket.token_id is None or tokens[ticket.token_id][2] == _VOID, "money back, and a good token"
        for order in session.scalars(select(Order).where(Order.status == OrderStatus.FULFILLED)):
            assert units[order.id] == sum(line.quantity for line in order.lines), "a paid unit has no ticket"
