"""Tickets over HTTP: whose they are, giving them away, and claim codes for those in escrow."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, status
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import parse_address
from backend.chain import registry, unsigned
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.orders.access import SecretHeader, order_for, own_order
from backend.orders.errors import OrderUnknown
from backend.settings import get_settings
from backend.tickets import claim_codes, holdings_view, recoveries, transfer
from backend.tickets.errors import (
    ClaimUnderWay,
    NoRecovery,
    NotEscrowed,
    NotTheHolder,
    NotTransferable,
    NoWallet,
    ReceiverRefused,
    TicketUnknown,
    TokenUnknown,
)
from backend.tickets.models import Ticket
from backend.tickets.schemas import ClaimCodeOut, TicketOut, TokenOut, TransactionOut, TransferIn

router = APIRouter(tags=["tickets"])

Fan = Annotated[Principal, allow(Role.FAN)]
Buyer = Annotated[Principal | None, allow(Role.FAN, Role.GUEST)]
Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]


@router.get(
    "/v1/orders/{order_id}/tickets",
    summary="The tickets of an order",
    responses=responses(Unauthenticated, OrderUnknown),
)
def tickets_of_order(
    order_id: UUID, principal: Buyer, session: SessionDep, secret: SecretHeader = None
) -> list[TicketOut]:
    """Return one entry for each place paid for, from the moment the order is paid."""
    order = order_for(session, order_id, principal, secret)
    rows = session.scalars(select(Ticket).where(Ticket.order_id == order.id).order_by(Ticket.id)).all()
    return holdings_view.show(session, rows)


@router.get("/v1/tickets", summary="My tickets", responses=responses(Unauthenticated, BadCursor))
def my_tickets(principal: Fan, session: SessionDep, page: PageParams) -> Page[TicketOut]:
    """Return what my wallets hold by the index, and what I bought that is still on its way."""
    query = holdings_view.of_account(principal.account_id)
    rows, next_cursor = paginate(session, query, [Ticket.created_at, Ticket.id], page, descending=True)
    return Page(items=holdings_view.show(session, rows), next_cursor=next_cursor)


@router.get(
    "/v1/tickets/{ticket_id}", summary="One ticket of mine", responses=responses(Unauthenticated, TicketUnknown)
)
def my_ticket(ticket_id: UUID, principal: Fan, session: SessionDep) -> TicketOut:
    """Return it if it is mine, or of an organisation I manage."""
    row = session.scalars(holdings_view.of_account(principal.account_id).where(Ticket.id == ticket_id)).one_or_none()
    if row is None:
        row = session.get(Ticket, ticket_id)
        if row is None or not principal.manages(row.organisation_id):
            raise TicketUnknown
    return holdings_view.show(session, [row])[0]


@router.get(
    "/v1/collections/{address}/tickets/{token_id}",
    summary="A token as the index has it",
    responses=responses(TokenUnknown),
)
def get_token(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    token_id: Annotated[int, Path(ge=0, lt=2**53)],
    _principal: Anyone,
    session: SessionDep,
) -> TokenOut:
    """Return owner, status and epoch. Public, like the chain itself."""
    network = get_settings().evm_network
    return TokenOut.of(holdings_view.token(session, network, bytes.fromhex(address[2:]), token_id))


@router.post(
    "/v1/tickets/{ticket_id}/transfer",
    summary="Give a ticket away: the transaction for the holder's wallet",
    responses=responses(
        Unauthenticated,
        NoWallet,
        NotTheHolder,
        NotTransferable,
        ReceiverRefused,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def transfer_ticket(ticket_id: UUID, body: TransferIn, principal: Fan) -> TransactionOut:
    """Return an unsigned safeTransferFrom. Nothing moves until the holder's wallet signs and sends it."""
    if principal.wallet is None:
        raise NoWallet
    with unit_of_work() as session:
        gift = transfer.plan(session, ticket_id, principal.wallet, parse_address(body.to))
    port = registry.port(gift.network)
    transfer.check_receiver(gift, port)
    return TransactionOut(transaction=unsigned.transaction_for_wallet(port, gift.holder, gift.collection, gift.data))


@router.get(
    "/v1/recoveries",
    summary="My tickets that somebody wants moved to another wallet",
    responses=responses(Unauthenticated),
)
def my_recoveries(principal: Fan, session: SessionDep) -> list[TicketOut]:
    """Return those of my tickets of which a recovery stands: who did not ask for it refuses it before `ready_at`.

    Ask now and then, as a wallet or an app does: the promoter may carry it out two days after it was asked for.
    """
    rows = session.scalars(holdings_view.asked_of(principal.account_id).order_by(Ticket.id)).all()
    return [shown for shown in holdings_view.show(session, rows) if shown.recovery is not None]


@router.post(
    "/v1/tickets/{ticket_id}/recovery/refusal",
    summary="Refuse a recovery: the transaction for the holder's wallet",
    responses=responses(
        Unauthenticated,
        NoWallet,
        TicketUnknown,
        NotTheHolder,
        NoRecovery,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def refuse_recovery(ticket_id: UUID, principal: Fan) -> TransactionOut:
    """Return an unsigned cancelRecovery, tried first. The ticket stays locked until the operator unlocks it."""
    if principal.wallet is None:
        raise NoWallet
    with unit_of_work() as session:
        found = recoveries.refusal(session, ticket_id, principal.wallet)
    port = registry.port(found.network)
    return TransactionOut(transaction=unsigned.transaction_for_wallet(port, found.holder, found.collection, found.data))


@router.post(
    "/v1/orders/{order_id}/tickets/{ticket_id}/claim-code",
    status_code=status.HTTP_201_CREATED,
    summary="A claim code for an escrowed ticket",
    responses=responses(Unauthenticated, Forbidden, OrderUnknown, TicketUnknown, NotEscrowed, ClaimUnderWay),
)
def issue_claim_code(
    order_id: UUID,
    ticket_id: UUID,
    principal: Buyer,
    session: SessionDep,
    now: NowDep,
    secret: SecretHeader = None,
) -> ClaimCodeOut:
    """Return a fresh code, shown this once. An older code of the ticket stops working."""
    order = own_order(session, order_id, principal, secret)
    ticket = session.get(Ticket, ticket_id)
    if ticket is None or ticket.order_id != order.id:
        raise TicketUnknown
    issued = claim_codes.issue(session, ticket, now, get_settings())
    return ClaimCodeOut(code=issued.code, expires_at=issued.expires_at)
