"""Giving a ticket away: the holder's wallet signs and sends; we only write the transaction out for it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.port import ChainPort
from backend.tickets import receivers, service
from backend.tickets.errors import NotTheHolder, NotTransferable, ReceiverRefused
from backend.tickets.models import Ticket
from backend.tickets.states import TicketStatus


@dataclass(frozen=True, slots=True)
class Gift:
    """A move that the index and the ticket's status allow."""

    network: str
    collection: bytes
    holder: bytes
    to: bytes
    token_id: int

    @property
    def data(self) -> bytes:
        """The call `safeTransferFrom(holder, to, tokenId)` (ERC-721)."""
        function = "safeTransferFrom(address,address,uint256)"
        return abi.encode_call("TicketCollection", function, [self.holder, self.to, self.token_id])


def plan(session: Session, ticket_id: UUID, wallet: bytes, to: bytes) -> Gift:
    """Return the move if `wallet` holds the ticket and it may move. Raises NotTheHolder, NotTransferable.

    Whether a ticket exists is no secret from who does not hold it: both are told that they do not hold it.
    """
    ticket = session.get(Ticket, ticket_id)
    holding = service.holding_of(session, ticket_id) if ticket is not None else None
    if ticket is None or holding is None or holding.owner != wallet:
        raise NotTheHolder
    statuses = {ticket.status, holding.status}
    if statuses != {TicketStatus.LIVE} or not holding.is_final:
        raise NotTransferable(status=next(iter(statuses - {TicketStatus.LIVE}), TicketStatus.PENDING))
    return Gift(holding.network, holding.collection, wallet, to, holding.token_id)


def check_receiver(gift: Gift, port: ChainPort) -> None:
    """Ask the collection's rule about the receiver. Outside of transactions. Raises ReceiverRefused."""
    if not receivers.may_receive(port, gift.collection, gift.to):
        raise ReceiverRefused
