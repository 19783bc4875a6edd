"""How a buyer pays the market in a token: an allowance that stands, a permit (ERC-2612), or an approval to send first.

Everything here asks the network: outside of transactions.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend.accounts.errors import BadSignature
from backend.accounts.proofs import digests, ecdsa
from backend.chain import abi, permits
from backend.chain.currencies import NATIVE_ADDRESS
from backend.chain.permits import Permit
from backend.chain.port import ChainPort
from backend.resale.errors import BadPermit, NotEnoughTokens
from backend.resale.market import TOKEN, read

PERMIT_VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays how much of which currency to which market."""

    network: str
    wallet: bytes
    market: bytes
    currency: bytes
    amount: int

    @property
    def value(self) -> int:
        """What comes along with the transaction in the native coin."""
        return self.amount if self.currency == NATIVE_ADDRESS else 0


@dataclass(frozen=True, slots=True)
class SignedPermit:
    """A permit's deadline (Unix seconds) and its 65-byte signature."""

    deadline: int
    signature: bytes


def check_balance(port: ChainPort, payer: Payer) -> None:
    """Raise NotEnoughTokens unless the wallet has the amount; gas comes on top of it."""
    if payer.currency == NATIVE_ADDRESS:
        balance = port.balance(payer.wallet)
    else:
        balance = read(port, TOKEN, payer.currency, "balanceOf", payer.wallet)
    if balance < payer.amount:
        raise NotEnoughTokens(balance=str(balance), needed=str(payer.amount))


def is_allowed(port: ChainPort, payer: Payer) -> bool:
    """Tell whether the market may take the amount already."""
    if payer.currency == NATIVE_ADDRESS:
        return True
    return permits.allowance(port, payer.currency, payer.wallet, payer.market) >= payer.amount


def lacking(port: ChainPort, payer: Payer, permit: Permit) -> str | None:
    """Return why the market could not take the amount now, by its allowance or this permit; None when it could."""
    if read(port, TOKEN, payer.currency, "balanceOf", payer.wallet) < payer.amount:
        return "balance_too_low"
    if is_allowed(port, payer):
        return None
    # The permit names the token's nonce of its owner: used once, or overtaken by another permit, it is void.
    words = permit_words(port, payer, permit["deadline"])
    signature = permit["r"] + permit["s"] + bytes([permit["v"]])
    try:
        is_good = ecdsa.recover(digests.of_typed_data(words), signature) == payer.wallet
    except BadSignature:
        is_good = False
    return None if is_good else "allowance_too_low"


def permit_words(port: ChainPort, payer: Payer, deadline: int) -> dict[str, Any]:
    """Return what the payer's wallet signs so that no approval need be sent."""
    return permits.document(port, payer.currency, payer.wallet, payer.market, payer.amount, deadline)


def permit_deadline(now: datetime) -> int:
    """Return until when a permit asked for now is good."""
    return int((now + PERMIT_VALID_FOR).timestamp())


def permit_argument(port: ChainPort, payer: Payer, signed: SignedPermit | None, now: datetime) -> Permit:
    """Return the market's `Permit`, all zero without one. Raises BadPermit.

    ERC-2612 knows keys only: a contract wallet, and one that delegates and signs through its code, approves instead.
    """
    if signed is None or payer.currency == NATIVE_ADDRESS:
        return permits.NONE
    words = permit_words(port, payer, signed.deadline)
    try:
        signer = ecdsa.recover(digests.of_typed_data(words), signed.signature)
    except BadSignature as error:
        raise BadPermit from error
    if signer != payer.wallet or signed.deadline < int(now.timestamp()):
        raise BadPermit
    return permits.signed(payer.amount, signed.deadline, signed.signature)


def approval(payer: Payer) -> bytes:
    """Return the call of `approve(market, amount)` on the token."""
    return abi.encode_call(TOKEN, "approve", [payer.market, payer.amount])
