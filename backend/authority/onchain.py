"""Which logs rights are read from, and what the contracts and the manifest must then say."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from backend.authority.models import AuthorityChange
from backend.authority.reading import NOBODY, ONE, READINGS, Right, answers
from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log, Touched, on_log, on_undo, projects
from backend.chain.proving import Expectation, Moment, audits, expects
from backend.kit import bulk
from backend.kit.bulk import NULL

projects(AuthorityChange)

_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "contract",
    "kind",
    '"right"',
    "subject",
    "holder",
    "value",
)

_AT_BLOCK = text("""
    SELECT DISTINCT ON (contract, "right", subject) kind, contract, "right", subject, holder, value
    FROM authority_changes WHERE network = :network AND block_number <= :block
    ORDER BY contract, "right", subject, block_number DESC, log_index DESC
""")
Rights = dict[bytes, tuple[str, list[Right]]]
"""The contract's name and the rights on it, by its address."""


def _keeper(contract: str) -> Callable[[Session, str, Sequence[Log]], None]:
    def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
        facts = Facts.of(network, logs)
        rows = {at: _rows(contract, facts, at) for at in facts.places}
        store_new(session, AuthorityChange.__tablename__, _COLUMNS, facts, rows)

    keep.__qualname__ = f"keep_{contract}"
    return keep


for _contract, _events in READINGS.items():
    on_log(_contract, *_events)(_keeper(_contract))


@on_undo
def forget(session: Session, network: str, from_block: int, _touched: Touched) -> None:
    """Forget what undone blocks said: what was said before holds again."""
    session.execute(
        delete(AuthorityChange)
        .where(AuthorityChange.network == network, AuthorityChange.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


def _rows(contract: str, facts: Facts, at: int) -> bytes:
    """Return the rows that the log at this place makes: one for each right it speaks of."""
    before = bulk.count(len(_COLUMNS)) + bulk.text(facts.network) + facts.rows[at : at + 116] + bulk.text(contract)
    return b"".join(
        cell
        for right in rights_of(contract, facts.log(at))
        for cell in (
            before,
            bulk.text(right.right),
            bulk.raw(right.subject),
            NULL if right.holder is None else bulk.raw(right.holder),
            NULL if right.value is None else bulk.numeric(right.value),
        )
    )


def rights_of(contract: str, log: Log) -> list[Right]:
    """Return the rights that a log of `contract` speaks of."""
    event = abi.interface(contract).events_by_topic[log.topics[0]]
    return READINGS[contract][event](abi.decode_log(contract, event, log.topics, log.data))


def at_block(session: Session, network: str, block: int) -> Rights:
    """Return which rights hold after `block`."""
    found: Rights = {}
    for kind, contract, right, subject, holder, value in session.execute(
        _AT_BLOCK, {"network": network, "block": block}
    ):
        _, rights = found.setdefault(bytes(contract), (kind, []))
        who = None if holder is None else bytes(holder)
        rights.append(Right(right, bytes(subject), who, None if value is None else int(value)))
    return found


@expects("authority")
def rights(session: Session, moment: Moment) -> Iterator[Expectation]:
    """Expect every right of every contract, and that nothing is paused where no log said so."""
    for contract, (kind, held) in at_block(session, moment.network, moment.number).items():
        owner = next((one.holder for one in held if one.right == "owner"), None) or NOBODY
        if kind in {"TicketCollection", "BKS"} and not any(one.right == "paused" for one in held):
            held = [*held, Right("paused", value=0)]  # noqa: PLW2901 - the same, completed
        for right in held:
            for getter, arguments, expected in answers(right, owner):
                said = "".join(f" of {_shown(one)}" for one in arguments if isinstance(one, bytes))
                about = f"{getter}{said} on {kind} 0x{contract.hex()}"
                yield Expectation(about, contract, abi.encode_call(kind, getter, arguments), expected)


@audits("manifest")
def manifest(session: Session, moment: Moment) -> Iterator[str]:
    """Compare the platform's own roles with those that the deployment's manifest names."""
    deployed = deployment(moment.network)
    found = at_block(session, moment.network, moment.number)
    for contract, right, name in (
        ("CollectionFactory", "isDeployer", "deployer"),
        ("BKS", "isMinter", "bks_minters"),
        ("BKS", "isPauser", "bks_pausers"),
    ):
        address = deployed.addresses.get(contract)
        if address is None or name not in deployed.roles:
            continue
        _, held = found.get(address, (contract, []))
        holders = {one.subject for one in held if one.right == right and one.subject != ONE and one.value}
        named = deployed.roles[name]
        for who in sorted(holders - named):
            yield f"{right} of {_shown(who)} on {contract}: the chain says so and the manifest does not name it"
        for who in sorted(named - holders):
            yield f"{right} of {_shown(who)} on {contract}: the manifest names it and the chain does not say so"


def _shown(value: bytes) -> str:
    return "0x" + value.hex()
