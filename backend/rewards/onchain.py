"""Which logs rewards reads: the token's, and what the token must then answer."""

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches
from backend.chain.proving import Expectation, Moment, expects
from backend.rewards import token_logs
from backend.rewards.models import TokenTransfer
from backend.rewards.token_logs import BKS, NOBODY

projects(TokenTransfer)

_MARKET = "ResaleMarket"
_LEFT = text("""
    SELECT coalesce(sum(CASE WHEN sender = :who THEN amount END), 0)
         - coalesce(sum(CASE WHEN receiver = :who THEN amount END), 0)
    FROM bks_transfers WHERE network = :network AND block_number <= :block
""")


@watches
def the_token(_session: Session, network: str) -> list[Watch]:
    """Name the token, where there is one."""
    found = deployment(network)
    address = found.addresses.get(BKS)
    return [] if address is None else [Watch(BKS, address, found.blocks[BKS])]


@on_log(BKS, *token_logs.EVENTS, reads=token_logs.read)
def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep the transfers that touch us."""
    token_logs.keep(session, network, logs)


@on_undo
def forget(session: Session, network: str, from_block: int, _touched: Touched) -> None:
    """Forget those of undone blocks."""
    token_logs.forget(session, network, from_block)


@expects("bks")
def supply(session: Session, moment: Moment) -> Iterator[Expectation]:
    """Say how much BKS there must be, and how much of it the market holds."""
    addresses = deployment(moment.network).addresses
    if BKS not in addresses:
        return
    made = _left(session, moment, NOBODY)
    yield Expectation("totalSupply of BKS", addresses[BKS], abi.encode_call(BKS, "totalSupply"), _word(made))
    if _MARKET in addresses:
        held = -_left(session, moment, addresses[_MARKET])
        asked = abi.encode_call(BKS, "balanceOf", [addresses[_MARKET]])
        yield Expectation("balanceOf the market in BKS", addresses[BKS], asked, _word(held))


def _left(session: Session, moment: Moment, who: bytes) -> int:
    """Return what left an address, less what came to it, up to the block."""
    values = {"network": moment.network, "block": moment.number, "who": who}
    return int(session.execute(_LEFT, values).scalar_one())


def _word(amount: int) -> bytes:
    """Return the word of an amount; a sum below zero cannot be, and is no answer a contract gives."""
    return amount.to_bytes(32, "big") if amount >= 0 else b""
