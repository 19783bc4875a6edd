"""A ticket on chain, its holder's key, and a door that is open."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import UUID

from eth_account.signers.local import LocalAccount
from sqlalchemy.orm import Session

from backend.accounts.models import Account
from backend.catalog.models import Event
from backend.checkin import admit, challenge
from backend.checkin.models import DoorChallenge, Scan
from backend.tickets.models import Collection, Holding, Ticket, TokenMovement
from tests.factories.accounts import NOON, address_of, make_account, make_key, sign_typed_data
from tests.factories.orders import make_order, make_sale

NETWORK = "eip155:31337"
COLLECTION = bytes.fromhex("c011ec7104" * 4)
DOORS_OPEN = NOON + timedelta(hours=6)
_nonces = count(1)


class NoCode:
    """The two questions about signatures, answered by a chain without contracts."""

    def code_at(self, _address: bytes) -> bytes:
        return b""

    def call(self, _to: bytes | None, _data: bytes) -> bytes:
        return b""


@dataclass
class Door:
    """An event whose doors are open, one ticket on chain and who held it."""

    event: Event
    ticket: Ticket
    holding: Holding
    holder: LocalAccount
    former: LocalAccount
    steward: Account

    def as_steward(self, client_nonce: str | None = None) -> admit.Steward:
        nonce = client_nonce or f"scanner-{next(_nonces):06}"
        return admit.Steward(self.steward.id, frozenset({self.event.id}), nonce)


def make_door(session: Session) -> Door:
    sale = make_sale(session, quantities=(50,))
    event = sale.event
    event.doors_at, event.starts_at = DOORS_OPEN, DOORS_OPEN + timedelta(hours=1)
    event.ends_at = DOORS_OPEN + timedelta(hours=6)
    order = make_order(session, sale, NOON, quantity=1)
    collection = make_collection(session, event)
    holder, former = make_key(), make_key()
    ticket = Ticket(
        organisation_id=event.organisation_id,
        event_id=event.id,
        order_id=order.id,
        order_line_id=order.lines[0].id,
        unit=0,
        tier_id=sale.tier.id,
        collection_id=collection.id,
        token_id=65_536,
        status="LIVE",
        custody="WALLET",
        created_at=NOON,
    )
    holding = Holding(
        network=NETWORK,
        collection=COLLECTION,
        token_id=65_536,
        owner=address_of(holder),
        tier=1,
        status=0,
        epoch=1,
        minted_block=10,
        updated_block=12,
        final=True,
    )
    moved = TokenMovement(
        network=NETWORK,
        block_hash=bytes(32),
        log_index=0,
        block_number=12,
        tx_hash=bytes(32),
        collection=COLLECTION,
        token_id=65_536,
        kind="GIFT",
        from_owner=address_of(former),
        to_owner=address_of(holder),
        epoch=1,
    )
    session.add_all([ticket, holding, moved])
    session.flush()
    return Door(event, ticket, holding, holder, former, make_account(session))


def make_collection(session: Session, event: Event) -> Collection:
    collection = Collection(
        organisation_id=event.organisation_id,
        event_id=event.id,
        network=NETWORK,
        address=COLLECTION,
        event_ref=event.id.bytes.rjust(32, b"\0"),
        version=1,
        status="LIVE",
        params={},
        metadata_files={},
        metadata_cid="bafy",
        consent=b"",
        consent_expires_at=NOON,
        created_at=NOON,
    )
    session.add(collection)
    session.flush()
    return collection


def open_challenge(session: Session, door: Door, now, gate: str = "North") -> DoorChallenge:
    return challenge.open_challenge(session, door.steward.id, door.event.id, door.ticket, gate, now)


def answer(
    session: Session, door: Door, opened: DoorChallenge | UUID, key: LocalAccount, now, client_nonce: str | None = None
) -> Scan:
    """Sign a challenge with `key` and have the door decide, in one session."""
    challenge_id = opened if isinstance(opened, UUID) else opened.id
    steward = door.as_steward(client_nonce)
    asked = admit.question(session, steward, challenge_id)
    signature = admit.check(asked, sign_typed_data(key, asked.words), lambda _network: NoCode())
    return admit.decide(session, steward, challenge_id, signature, now)
