"""Which logs rights are read from, and what the contracts and the manifest must then say."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.authority.models import AuthorityChange
from backend.authority.reading import NOBODY, ONE, READINGS, Right, answers
from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.onlog import Log, Touched, on_log, on_undo, projects
from backend.chain.proving import Expectation, Moment, audits, expects

projects(AuthorityChange)

_AT_BLOCK = text("""
    SELECT DISTINCT ON (contract, "right", subject) kind, contract, "right", subject, holder, value
    FROM authority_changes WHERE network = :network AND block_number <= :block
    ORDER BY contract, "right", subject, block_number DESC, log_index DESC
""")
Rights = dict[bytes, tuple[str, list[Right]]]
"""The contract's name and the rights on it, by its address."""


def _keeper(contract: str) -> Callable[[Session, str, Sequence[Log]], None]:
    def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
        rows = [row for log in logs for row in rows_of(contract, network, log)]
        session.execute(insert(AuthorityChange).on_conflict_do_nothing(), rows)

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


def rows_of(contract: str, network: str, log: Log) -> Iterator[dict[str, Any]]:
    """Yield the rows that a log of `contract` makes."""
    event = abi.interface(contract).events_by_topic[log.topics[0]]
    for right in READINGS[contract][event](abi.decode_log(contract, event, log.topics, log.data)):
        yield {
            "network": network,
            "block_hash": log.block_hash,
            "log_index": log.log_index,
            "right": right.right,
            "block_number": log.block_number,
            "tx_hash": log.tx_hash,
            "contract": log.address,
            "kind": contract,
            "subject": right.subject,
            "holder": right.holder,
            "value": right.value,
        }


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
