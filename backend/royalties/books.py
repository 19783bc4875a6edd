"""What a sale on chain looks like in the promoter's books. Debits are positive; each journal sums to zero.

The money never passes through us: buyer, seller, royalty receiver and fee receiver are paid by one transaction of the
market. `chain:resale` is what buyers paid there, `fans:resale` what sellers got of it; the royalty is the
organisation's, the fee the platform's. A buy-back is paid out of the promoter's own fund.
"""

from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.currencies import UnknownCurrency, code_of
from backend.kit import logs
from backend.kit.money import Money
from backend.ledger import service as ledger
from backend.royalties.models import Sale
from backend.royalties.rules import BUYBACK
from backend.tickets.models import Collection

PAID, PROCEEDS, ROYALTY, FEE = "chain:resale", "fans:resale", "organisation:royalty", "platform:resale_fee"
BUYBACKS = "organisation:buybacks"
SETTLED, BOUGHT_BACK = "resale_settled", "ticket_bought_back"
_NAMESPACE = UUID("6a0f6c1c-53c5-5b0e-9d0b-0d6c2a4f7e11")
_log = logs.get(__name__)


def reference(network: str, tx_hash: bytes, log_index: int) -> UUID:
    """Return the journal's reference: always the same for one log (UUIDv5, RFC 9562)."""
    return uuid5(_NAMESPACE, f"{network}:0x{tx_hash.hex()}:{log_index}")


def post(session: Session, sale: Sale, now: datetime) -> None:
    """Post a final sale of one of our promoters, once. Another's collection, or currency, has no books here."""
    query = select(Collection.organisation_id).where(
        Collection.network == sale.network, Collection.address == sale.collection
    )
    organisation_id = session.scalar(query)
    if organisation_id is None:
        return
    try:
        code = code_of(sale.network, sale.currency)
    except UnknownCurrency:
        _log.error("sale_in_unknown_currency", tx_hash="0x" + sale.tx_hash.hex(), log_index=sale.log_index)
        return
    entries = [(account, money) for account, money in entries_of(sale, code) if money.amount]
    if entries:
        kind = BOUGHT_BACK if sale.kind == BUYBACK else SETTLED
        ledger.post(session, organisation_id, kind, reference(sale.network, sale.tx_hash, sale.log_index), entries, now)


def entries_of(sale: Sale, code: str) -> list[tuple[str, Money]]:
    """Return the entries of a sale; those of amount zero are not posted."""
    paid = BUYBACKS if sale.kind == BUYBACK else PAID
    return [
        (paid, Money(sale.price, code)),
        (PROCEEDS, Money(-sale.proceeds, code)),
        (ROYALTY, Money(-sale.royalty, code)),
        (FEE, Money(-sale.fee, code)),
    ]
