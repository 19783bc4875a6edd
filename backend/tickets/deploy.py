"""From the promoter's consent to a collection that is LIVE: pin the metadata, deploy, read everything back.

Deploying twice is impossible: the CREATE2 address binds promoter, event and version, and a second deployment reverts.
When the fate of our transaction is unclear, the address is asked for its code.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eth_hash.auto import keccak
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.chain import abi, outbox
from backend.chain.deployments import deployment
from backend.chain.port import ChainPort
from backend.kit import logs
from backend.kit.db import locked
from backend.kit.nudges import nudge
from backend.tickets import final, typed_data
from backend.tickets.models import Collection
from backend.tickets.receivers import implementation_of
from backend.tickets.rules import may_follow, step
from backend.tickets.states import CollectionStatus

DEPLOY = "deploy_collection"
SIGNER = "deployer"
_CONTRACT = "TicketCollection"
_ERC721, _ERC2981, _ERC4906, _ERC5192 = (bytes.fromhex(i) for i in ("80ac58cd", "2a55205a", "49064906", "b45a3c0e"))
_SALE_PRICE = 10_000
_ROLES = (
    "owner",
    "minter",
    "minterAllowance",
    "mintsPerDay",
    "claimSigner",
    "claimsPerDay",
    "quoteSigner",
    "quotesPerDay",
    "operator",
    "guardian",
    "paused",
)
_TERMS = (
    "name",
    "symbol",
    "maxSupply",
    "contractURI",
    "market",
    "resaleCurrency",
    "treasury",
    "feeReceiver",
    "rules",
)
_log = logs.get(__name__)


def params_of(collection: Collection) -> dict[str, Any]:
    """Return the factory's `Params` from what was signed, as the ABI takes them."""
    signed = collection.params
    found = {
        # Not parse_address: the native coin, as a resale currency, is the zero address.
        name: bytes.fromhex(signed[name][2:]) if name in typed_data.ADDRESSES else signed[name]
        for name in typed_data.PARAMS
    }
    tiers = [terms | {"face": int(terms["face"])} for terms in signed["tiers"]]
    return found | {"eventRef": bytes.fromhex(signed["eventRef"][2:]), "tiers": tiers}


def deploy(session: Session, collection: Collection, now: datetime) -> None:
    """Ask the outbox for the deployment. The metadata is pinned already: nothing on chain points at nothing."""
    if collection.status != CollectionStatus.CONSENTED:
        return
    if collection.consent_expires_at <= now:
        stuck(collection, "the consent expired before the deployment was sent: sign it again")
        return
    arguments = [params_of(collection), collection.params["deadline"], collection.consent]
    outbox.enqueue(
        session,
        collection.network,
        SIGNER,
        deployment(collection.network).address("CollectionFactory"),
        abi.encode_call("CollectionFactory", "deploy", arguments),
        DEPLOY,
        collection.id,
        now,
        generation=collection.generation,
        waits_on=(),
    )
    collection.status = step(CollectionStatus.CONSENTED, CollectionStatus.DEPLOYING)


def send_final(session: Session, collection_id: UUID) -> None:
    """Our transaction is final: compare what stands there with what was signed."""
    collection = locked(session, Collection, collection_id)
    if collection is not None:
        final.deployed(session, collection)


def send_reverted(session: Session, collection_id: UUID, reason: str) -> None:
    """Act on the factory's refusal: the promoter may have deployed without us; else a person must look."""
    collection = locked(session, Collection, collection_id)
    if collection is None or collection.status != CollectionStatus.DEPLOYING:
        return
    if reason.startswith("AlreadyDeployed"):
        ask_chain(session, collection, reason)
    else:
        stuck(collection, reason)


def ask_chain(session: Session, collection: Collection, reason: str) -> None:
    """Put the deployment into UNKNOWN and let a task ask whether the address has code."""
    if may_follow(CollectionStatus(collection.status), CollectionStatus.UNKNOWN):
        collection.status = step(CollectionStatus(collection.status), CollectionStatus.UNKNOWN)
        collection.last_error, collection.run_after = reason, None
        nudge(session, "tickets.ask_deployment", collection.id)


def answered(session: Session, collection: Collection, *, is_there: bool, is_final: bool) -> None:
    """Act on whether the predicted address has code now, and in a final block. The caller has settled the send."""
    if collection.status != CollectionStatus.UNKNOWN or (is_there and not is_final):
        return
    if is_final:
        final.deployed(session, collection)
        return
    latest = outbox.find(session, DEPLOY, collection.id)
    if latest is not None and latest.status in {"REVERTED", "CANCELLED"}:
        stuck(collection, f"nothing stands at the address: {collection.last_error}")
    else:
        collection.status = step(CollectionStatus.UNKNOWN, CollectionStatus.DEPLOYING)


def verified(session: Session, collection: Collection, wrong: list[str], now: datetime) -> None:
    """Write down the outcome of `mismatches`: LIVE, and the event READY; or MISMATCH, with what differs."""
    if collection.status not in {CollectionStatus.DEPLOYED, CollectionStatus.MISMATCH}:
        return
    if wrong:
        collection.status = step(CollectionStatus(collection.status), CollectionStatus.MISMATCH)
        collection.mismatches = list(wrong)
        _log.error("collection_mismatch", collection_id=str(collection.id), wrong=wrong)
        return
    collection.status = step(CollectionStatus(collection.status), CollectionStatus.LIVE)
    collection.mismatches, collection.live_at = None, now
    catalog.mark_ready(session, collection.event_id, now)


def stuck(collection: Collection, reason: str) -> None:
    """Hand the deployment to a person; a new consent starts again."""
    collection.status = step(CollectionStatus(collection.status), CollectionStatus.STUCK)
    collection.last_error = reason
    _log.error("collection_stuck", collection_id=str(collection.id), reason=reason)


@dataclass(frozen=True, slots=True)
class Signed:
    """What a collection was signed to be, apart from its row, so that it can be compared outside of transactions."""

    network: str
    address: bytes
    version: int
    params: dict[str, Any]


def signed(collection: Collection) -> Signed:
    """Return what the collection was signed to be."""
    if collection.address is None:
        raise LookupError(f"collection {collection.id} has no address")
    return Signed(collection.network, collection.address, collection.version, params_of(collection))


def mismatches(port: ChainPort, expected: Signed) -> list[str]:
    """Read the collection back from the chain and name everything that is not as signed. Asks the network."""
    factory = deployment(expected.network).address("CollectionFactory")
    code = port.code_at(expected.address)
    wanted = _read(port, factory, "CollectionFactory", "implementation", [expected.version])
    wrong = []
    if implementation_of(code) != wanted:
        return ["the address does not hold a clone of the implementation"]
    if keccak(port.code_at(wanted)) != _runtime_hash():
        wrong.append("implementation: its code is not the one this release was built with")
    said = read_roles(port, expected.address) | read_terms(port, expected.address)
    said |= read_tiers(port, expected.address, [terms["tier"] for terms in expected.params["tiers"]])
    answers = expected_answers(expected.params)
    wrong += [
        f"{name}: signed {_shown(value)}, found {_shown(said[name])}"
        for name, value in answers.items()
        if said[name] != value
    ]
    for interface in (_ERC721, _ERC2981, _ERC4906, _ERC5192):
        if not _read(port, expected.address, _CONTRACT, "supportsInterface", [interface]):
            wrong.append(f"supportsInterface: no 0x{interface.hex()}")
    return wrong


def expected_answers(params: dict[str, Any]) -> dict[str, Any]:
    """Return what each getter must answer right after deployment."""
    same = (
        "name",
        "symbol",
        "maxSupply",
        "minter",
        "minterAllowance",
        "claimSigner",
        "claimsPerDay",
        "operator",
        "guardian",
        "mintsPerDay",
        "quoteSigner",
        "quotesPerDay",
        "market",
        "resaleCurrency",
        "treasury",
        "feeReceiver",
        "rules",
    )
    tiers = {f"tier {terms['tier']}": terms for terms in params["tiers"]}
    return (
        tiers
        | {name: params[name] for name in same}
        | {
            "owner": params["promoter"],
            "contractURI": f"{params['baseURI']}collection.json",
            "royalty": (params["royaltyReceiver"], _SALE_PRICE * params["royaltyBps"] // 10_000),
        }
    )


def read_roles(port: ChainPort, address: bytes) -> dict[str, Any]:
    """Return the collection's roles and pause as they stand on chain now. Asks the network."""
    return {name: _read(port, address, _CONTRACT, name) for name in _ROLES}


def read_terms(port: ChainPort, address: bytes) -> dict[str, Any]:
    """Return names, supply, metadata, royalty, resale rules and who is paid, as on chain now. Asks the network."""
    terms = {name: _read(port, address, _CONTRACT, name) for name in _TERMS}
    royalty = _read(port, address, _CONTRACT, "royaltyInfo", [1, _SALE_PRICE])
    return terms | {"royalty": tuple(royalty.values())}


def read_tiers(port: ChainPort, address: bytes, numbers: list[int]) -> dict[str, Any]:
    """Return the published terms of these tiers as they stand on chain now. Asks the network."""
    return {f"tier {number}": _read(port, address, _CONTRACT, "tierTerms", [number]) for number in numbers}


def _read(port: ChainPort, address: bytes, contract: str, function: str, arguments: list[Any] | None = None) -> Any:
    answer = port.call(address, abi.encode_call(contract, function, arguments or []))
    return abi.decode_output(contract, function, answer)


def _runtime_hash() -> bytes:
    return bytes.fromhex(str(abi.artifact(_CONTRACT)["runtime_hash"]).removeprefix("0x"))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(_shown(part) for part in value) + ")"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) + ")"
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
