"""What the chain says of a sale before anybody signs it. Everything here asks the network: outside of transactions."""

from datetime import datetime
from typing import Any

from backend.chain import abi
from backend.chain.currencies import NATIVE_ADDRESS
from backend.chain.port import CallReverted, ChainPort
from backend.resale import rules
from backend.resale.states import Kind
from backend.resale.subject import refuse

MARKET, COLLECTION, TOKEN = "ResaleMarket", "TicketCollection", "BKS"


def read_terms(port: ChainPort, kind: Kind, collection: bytes, token: int, market: bytes, signer: bytes) -> rules.Terms:
    """Read rules, cap, hold, shares, the signer's counter; of a turn the ticket's rest. Raises ChainUnreachable."""
    said = read(port, COLLECTION, collection, "rules")
    currency = read(port, COLLECTION, collection, "resaleCurrency")
    receiver, royalty_bps = read(port, COLLECTION, collection, "royaltyInfo", token, rules.BPS).values()
    return rules.Terms(
        is_of_market=read(port, COLLECTION, collection, "market") == market,
        currency=currency,
        currency_is_paused=currency != NATIVE_ADDRESS and read(port, TOKEN, currency, "paused"),
        paused=read(port, COLLECTION, collection, "paused"),
        resale=said["resale"],
        freeze_at=said["freezeAt"],
        held_until=read(port, COLLECTION, collection, "resaleHeldUntil", token),
        cap=_cap(port, collection, token),
        royalty_bps=royalty_bps,
        royalty_is_payable=receiver not in {market, collection},
        fee_bps=read(port, MARKET, market, "feeBps"),
        counter=read(port, MARKET, market, "counterOf", signer),
        buyback_ready_at=read(port, MARKET, market, "buybackReadyAt", collection, token) if kind == Kind.TURN else 0,
    )


def check(terms: rules.Terms, kind: Kind, price: int, now: datetime) -> None:
    """Refuse what the collection would refuse. Raises NotForSale."""
    refused = rules.refusal_of_terms(terms, kind, price, now)
    if refused == rules.Refusal.ABOVE_CAP:
        refuse(refused, cap=str(terms.cap), price=str(price))
    if refused == rules.Refusal.HELD:
        refuse(refused, until=terms.held_until)
    if refused == rules.Refusal.BOUGHT_BACK:
        refuse(refused, until=terms.buyback_ready_at)
    if refused is not None:
        refuse(refused)


def check_buyback(port: ChainPort, collection: bytes, tier: int, price: int) -> None:
    """Refuse a price at which nobody could sell back: the collection holds it against the tier's cap.

    Raises NotForSale, ChainUnreachable.
    """
    terms = read(port, COLLECTION, collection, "tierTerms", tier)
    if not terms["list"]:
        refuse(rules.Refusal.NO_FACE)
    cap_bps = read(port, COLLECTION, collection, "rules")["capBps"]
    cap = rules.cap_of(terms["face"], terms["paid"], terms["list"], cap_bps)
    if price > cap:
        refuse(rules.Refusal.ABOVE_CAP, cap=str(cap), price=str(price))


def read(port: ChainPort, contract: str, address: bytes, function: str, *arguments: Any) -> Any:
    """Call a getter. Raises ChainUnreachable."""
    return abi.decode_output(contract, function, port.call(address, abi.encode_call(contract, function, arguments)))


def _cap(port: ChainPort, collection: bytes, token: int) -> int | None:
    try:
        cap: int = read(port, COLLECTION, collection, "capOf", token)
    except CallReverted as reverted:
        if abi.decode_revert(COLLECTION, reverted.data)[0] == "TierNotPublished":
            return None
        raise
    return cap
