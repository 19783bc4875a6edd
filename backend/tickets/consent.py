"""The promoter's consent: which parameters a collection will have, and the signature that says so.

Nothing is stored when the words are shown. When the signature comes back the words are made again from the event as it
is then, so a signature over anything older does not fit; what fits is stored whole, and only that is deployed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.addresses import parse_address, show_address
from backend.accounts.errors import BadSignature
from backend.accounts.proofs import verify
from backend.catalog import service as catalog
from backend.catalog.errors import NoTiers
from backend.catalog.models import Event, Tier
from backend.chain import abi, currencies, registry
from backend.chain.deployments import deployment
from backend.chain.port import ChainPort
from backend.kit.nudges import nudge
from backend.settings import Settings
from backend.tickets import metadata, resale_rules, typed_data
from backend.tickets.errors import CollectionExists, ConsentExpired, ConsentOutdated, NoGuardian
from backend.tickets.models import Collection
from backend.tickets.rules import step
from backend.tickets.states import CollectionStatus

VALID_FOR = timedelta(hours=24)
_LONGEST_VALID = timedelta(days=7)
_LONGEST_NAME = 64
ROYALTY_BPS = 500
"""Basis points of a resale that go to the promoter; ERC-2981."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is asked of the promoter: the message to sign and the metadata it refers to."""

    network: str
    factory: bytes
    promoter: bytes
    message: dict[str, Any]
    files: dict[str, str]

    @property
    def typed_data(self) -> dict[str, Any]:
        """The EIP-712 document, as `eth_signTypedData_v4` takes it."""
        return typed_data.consent(self.network, self.factory, self.message)


def words(
    session: Session, event: Event, promoter: bytes, deadline: datetime, settings: Settings, minter: bytes
) -> Words:
    """Return the words for this event as it is now, with this key as its minter.

    Raises NoTiers, NoGuardian, NotDeployed, SignerMissing.
    """
    tiers = list(session.scalars(select(Tier).where(Tier.event_id == event.id).order_by(Tier.number)))
    if not tiers:
        raise NoTiers
    if settings.guardian_address is None:
        raise NoGuardian
    network = settings.evm_network
    found = deployment(network)
    files = metadata.build(event, tiers)
    supply = event.max_supply or catalog.total_quantity(session, event.id)
    roles = ("claim", "operator", "quote")
    signers = {role: show_address(registry.signer(network, role).address) for role in roles}
    terms = resale_rules.terms(session, event)
    message: dict[str, Any] = {
        "promoter": show_address(promoter),
        "eventRef": "0x" + typed_data.event_ref(event.id).hex(),
        "version": found.versions.get("TicketCollection", 1),
        "name": event.title[:_LONGEST_NAME],
        "symbol": metadata.SYMBOL,
        "baseURI": metadata.base_uri(files),
        "maxSupply": supply,
        "royaltyReceiver": show_address(promoter),
        "royaltyBps": ROYALTY_BPS,
        "minter": show_address(minter),
        # Never more than there are tickets: what the key may do at most is what the promoter sells.
        "minterAllowance": min(supply, settings.default_minter_allowance),
        "claimSigner": signers["claim"],
        "claimsPerDay": settings.claims_per_day,
        "operator": signers["operator"],
        "guardian": show_address(parse_address(settings.guardian_address)),
        "mintsPerDay": settings.mints_per_day,
        "quoteSigner": signers["quote"],
        "quotesPerDay": settings.quotes_per_day,
        "market": show_address(found.address("ResaleMarket")),
        "resaleCurrency": show_address(currencies.address_of(network, terms.currency)),
        "treasury": show_address(promoter),
        "feeReceiver": show_address(parse_address(settings.fee_receiver_address or settings.guardian_address)),
        "rules": resale_rules.as_signed(terms, settings.resale_hold),
        "tiers": resale_rules.tiers_as_signed(terms, tiers),
        "deadline": int(deadline.timestamp()),
    }
    return Words(network, found.address("CollectionFactory"), promoter, message, files)


def check_deadline(deadline: datetime, now: datetime) -> None:
    """Raise ConsentExpired unless the deadline lies ahead, and not too far."""
    if not now < deadline <= now + _LONGEST_VALID:
        raise ConsentExpired


def check_free(session: Session, event_id: UUID) -> None:
    """Raise CollectionExists unless the event has no collection, or one that got stuck before its deployment."""
    existing = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
    if existing is not None and existing.status not in {CollectionStatus.DRAFT, CollectionStatus.STUCK}:
        raise CollectionExists(status=existing.status)


def predict(asked: Words, port: ChainPort) -> bytes:
    """Return the CREATE2 address the factory will use. Asks the network: outside of transactions."""
    version = asked.message["version"]
    reference = bytes.fromhex(asked.message["eventRef"][2:])
    data = abi.encode_call("CollectionFactory", "predict", [asked.promoter, reference, version])
    address: bytes = abi.decode_output("CollectionFactory", "predict", port.call(asked.factory, data))
    return address


def prove(offered: Sequence[Words], signature: bytes, port: ChainPort) -> Words:
    """Return which of these words the promoter signed, to the letter. May ask the network. Raises BadSignature.

    They differ in nothing but the minter: which key has the least to do may have changed since they were shown.
    """
    for asked in offered[:-1]:
        try:
            verify.verify_typed_data(asked.promoter, asked.typed_data, signature, port)
        except BadSignature:
            continue
        return asked
    verify.verify_typed_data(offered[-1].promoter, offered[-1].typed_data, signature, port)
    return offered[-1]


def accept(session: Session, event: Event, asked: Words, signature: bytes, address: bytes, now: datetime) -> Collection:
    """Store what was signed, to the letter, and have it deployed. Raises CollectionExists, ConsentOutdated."""
    query = select(Collection).where(Collection.event_id == event.id).execution_options(populate_existing=True)
    collection = session.scalars(query.with_for_update(key_share=True)).one_or_none()
    # From here on the event's tiers and their number stand: they are written into the collection.
    if catalog.fix_supply(session, event.id) != asked.message["maxSupply"]:
        raise ConsentOutdated
    if collection is None:
        # The event's lock puts two first consents in line; whoever waited for it finds the other's collection.
        check_free(session, event.id)
        collection = Collection(
            organisation_id=event.organisation_id,
            event_id=event.id,
            network=asked.network,
            status=CollectionStatus.DRAFT,
            generation=-1,
            next_batch=1,
            created_at=now,
        )
        session.add(collection)
    elif collection.status not in {CollectionStatus.DRAFT, CollectionStatus.STUCK}:
        raise CollectionExists(status=collection.status)
    collection.status = step(CollectionStatus(collection.status), CollectionStatus.CONSENTED)
    collection.address = address
    collection.event_ref = bytes.fromhex(asked.message["eventRef"][2:])
    collection.version = asked.message["version"]
    collection.params = asked.message
    collection.minter = parse_address(asked.message["minter"])
    collection.operator = parse_address(asked.message["operator"])
    collection.minter_since = collection.operator_since = None
    collection.metadata_files = dict(asked.files)
    collection.metadata_cid = metadata.cid(asked.files)
    collection.consent = signature
    collection.consent_expires_at = datetime.fromtimestamp(asked.message["deadline"], now.tzinfo)
    collection.generation += 1
    collection.run_after = collection.last_error = collection.mismatches = None
    session.flush()
    nudge(session, "tickets.deploy_collection", collection.id)
    return collection
