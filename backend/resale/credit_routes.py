"""Credits over HTTP: what the market keeps for a wallet, and the transaction that takes it out."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText, parse_address, show_address
from backend.chain import abi, registry, unsigned
from backend.chain.currencies import UnknownCurrency, address_of, code_of
from backend.chain.deployments import NotDeployed, deployment
from backend.kit.db import SessionDep
from backend.kit.errors import responses
from backend.kit.units import Units
from backend.resale import credit
from backend.resale.market import MARKET
from backend.resale.order_routes import PERSON, SENDING, Anyone, Fan
from backend.resale.schemas import ADDRESS, Strict
from backend.resale.signing import Person
from backend.settings import get_settings
from backend.tickets.schemas import TransactionOut

router = APIRouter(tags=["resale"])


class CreditOut(BaseModel):
    """What waits for a wallet in one currency."""

    currency: str = Field(description="Its code, or the token's address", examples=["BKS"])
    amount: Units
    is_final: bool = Field(description="Nothing of it can be undone any more")

    @classmethod
    def of(cls, network: str, kept: credit.Credit) -> "CreditOut":
        """Show it."""
        try:
            currency = code_of(network, kept.currency)
        except UnknownCurrency:
            currency = show_address(kept.currency)
        return cls(currency=currency, amount=kept.amount, is_final=kept.is_final)


class CreditWithdrawalIn(Strict):
    """Which credit goes where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"currency": "BNB", "to": ADDRESS}]})

    currency: str = Field(description="BNB, BKS, or a token's address", max_length=42)
    to: AddressText = Field(description="For a wallet that refuses it, another one")


@router.get("/v1/wallets/{address}/credits", summary="What the market keeps for a wallet")
def credits_of_wallet(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")], _principal: Anyone, session: SessionDep
) -> list[CreditOut]:
    """Return what could not be paid to it (a seller's, a royalty's, a fee's share) and was not withdrawn, by currency.

    Public, like the chain itself.
    """
    network = get_settings().evm_network
    found = credit.of_wallet(session, network, bytes.fromhex(address[2:]))
    return [CreditOut.of(network, kept) for kept in found]


@router.post(
    "/v1/credits/withdrawals",
    summary="Take your credit out: the transaction for your wallet",
    responses=responses(*PERSON, UnknownCurrency, NotDeployed, *SENDING),
)
def withdraw_credit(body: CreditWithdrawalIn, principal: Fan) -> TransactionOut:
    """Return the market's unsigned `withdraw`, tried first: all of the signed-in wallet's credit in that currency."""
    person, network = Person.of(principal), get_settings().evm_network
    data = abi.encode_call(MARKET, "withdraw", [_address(network, body.currency), parse_address(body.to)])
    market = deployment(network).address(MARKET)
    port = registry.port(network)
    return TransactionOut(transaction=unsigned.transaction_for_wallet(port, person.wallet, market, data))


def _address(network: str, currency: str) -> bytes:
    if not currency.startswith("0x"):
        return address_of(network, currency)
    try:
        return parse_address(currency)
    except ValueError as wrong:
        raise UnknownCurrency(currency=currency) from wrong
