"""Operations of ours that no peer has: measured for the snapshot only, each from the same state, and looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.gas_kit.node import Receipt, Signer, Wrong, wallet, wallets
from bench.gas_kit.ours import (
    DOMAIN,
    FEE,
    LATER,
    MINTER,
    NATIVE,
    NO_PERMIT,
    OPERATOR,
    PLATFORM,
    PRICE,
    PROMOTER,
    TREASURY,
    Collection,
    House,
    quoted,
)

_LIVE, _LOCKED = 0, 1
_COINS = 10**24
_NONCE = bytes(range(1, 33))


class _Evening:
    """A collection sold on in our coin: a batch of fans, one in escrow, one ticket bought, a fund to buy back from."""

    def __init__(self, house: House) -> None:
        self.house, self.market, self.coin = house, house.market, house.coin
        self.collection: Collection = house.collection(house.coin.address)
        self.contract = self.collection.contract
        self.fans = wallets("fan", 50)
        held = sorted([*self.fans, self.contract.address, PROMOTER])
        _, tokens = self.collection.batch(held)
        self.token_of = dict(zip(held, tokens, strict=True))
        self.collection.buy(wallet("first buyer"))
        self.rich = Signer.named("rich")
        house.endow(self.rich.address, _COINS, self.market.address)
        self.coin.send(self.rich.address, "approve", [self.contract.address, _COINS])
        house.endow(PROMOTER, _COINS, self.market.address)
        self.market.send(PROMOTER, "setBuybackPrice", [self.contract.address, 1, PRICE])
        self.market.send(PROMOTER, "fundBuyback", [self.contract.address, _COINS // 2, NO_PERMIT])
        for account in (TREASURY, PLATFORM, self.fans[0]):
            house.endow(account, 1)

    def safe_mint(self) -> Receipt:
        """Mint one ticket as ERC-7439 has it."""
        receipt = self.contract.send(MINTER, "safeMint", [wallet("new"), b""])
        self._holds(wallet("new"), receipt.transfers(self.contract.address)[0][2])
        return receipt

    def cancel_batch(self) -> Receipt:
        """Give up a batch number."""
        number = self.contract.ask("nextBatch")
        receipt = self.contract.send(MINTER, "cancelBatch", [number])
        _expect(self.contract.ask("nextBatch") == number + 1)
        return receipt

    def buy_four(self) -> Receipt:
        """Buy four tickets for the native coin."""
        return self._buy(4, NATIVE)

    def buy_with_coins(self) -> Receipt:
        """Buy one ticket for our coin."""
        return self._buy(1, self.coin.address)

    def claim(self) -> Receipt:
        """Take a ticket out of escrow, by voucher and acceptance."""
        guest = Signer.named("guest")
        token = self.token_of[self.contract.address]
        message = {"tokenId": token, "recipient": guest.address, "epoch": 0, "deadline": LATER, "nonce": _NONCE}
        fields = self.contract.fields("claim", "c")

        def signed(signer: Signer, struct: str) -> bytes:
            return signer.sign(self.contract.document(DOMAIN, struct, fields, message))

        arguments = [message, signed(self.house.claims, "ClaimVoucher"), signed(guest, "ClaimAcceptance")]
        receipt = self.contract.send(wallet("anybody"), "claim", arguments)
        self._holds(guest.address, token)
        return receipt

    def issue(self) -> Receipt:
        """Hand the promoter's own ticket to a guest."""
        token = self.token_of[PROMOTER]
        receipt = self.contract.send(PROMOTER, "issue", [[token], [wallet("new")]])
        self._holds(wallet("new"), token)
        return receipt

    def lock(self) -> Receipt:
        """Lock a ticket in dispute."""
        return self._set_status(_LOCKED)

    def unlock(self) -> Receipt:
        """Unlock it when the dispute has ended."""
        self._set_status(_LOCKED)
        return self._set_status(_LIVE)

    def accept_offer(self) -> Receipt:
        """Take a signed offer in our coin, as the holder."""
        fan, token = self.fans[0], self.token_of[self.fans[0]]
        offer = {
            "collection": self.contract.address,
            "tokenId": token,
            "epoch": 0,
            "buyer": self.rich.address,
            "currency": self.coin.address,
            "price": PRICE,
            "expiry": LATER,
            "counter": 0,
            "nonce": _NONCE,
        }
        signature = self._signed(self.rich, "acceptOffer", "o", "Offer", offer)
        receipt = self.market.send(fan, "acceptOffer", [offer, signature, 0, NO_PERMIT])
        self._holds(self.rich.address, token)
        return receipt

    def sell_back(self) -> Receipt:
        """Sell back to the box office."""
        fan, token = self.fans[0], self.token_of[self.fans[0]]
        turn = {
            "collection": self.contract.address,
            "tokenId": token,
            "epoch": 0,
            "seller": fan,
            "next": wallet("new"),
            "price": PRICE,
            "deadline": LATER,
        }
        before = self.coin.ask("balanceOf", fan)
        signature = self._signed(self.house.quoter, "sellBack", "t", "Turn", turn)
        receipt = self.market.send(fan, "sellBack", [turn, signature])
        self._holds(wallet("new"), token)
        _expect(self.coin.ask("balanceOf", fan) == before + PRICE)
        return receipt

    def cancel_order(self) -> Receipt:
        """Take back a listing."""
        receipt = self.market.send(self.fans[0], "cancel", [[_NONCE]])
        _expect(self.market.ask("isCancelled", self.fans[0], _NONCE))
        return receipt

    def withdraw(self) -> Receipt:
        """Pay out the promoter's share of what the box office took."""
        before = self.house.node.wei(TREASURY)
        receipt = self.contract.send(wallet("anybody"), "withdraw", [NATIVE])
        _expect(self.house.node.wei(TREASURY) == before + PRICE - FEE)
        return receipt

    def approve_for_all(self) -> Receipt:
        """Approve an operator of ERC-721."""
        receipt = self.contract.send(self.fans[0], "setApprovalForAll", [wallet("friend"), True])
        _expect(self.contract.ask("isApprovedForAll", self.fans[0], wallet("friend")))
        return receipt

    def _buy(self, quantity: int, currency: bytes) -> Receipt:
        buyer = self.rich.address
        quote, signature = quoted(
            self.contract, DOMAIN, self.house.quoter, buyer, 1_000, quantity=quantity, currency=currency
        )
        value = PRICE if currency == NATIVE else 0
        before = self.contract.ask("due", currency)["promoter"]
        receipt = self.contract.send(buyer, "buy", [quote, signature, NO_PERMIT], value=value)
        _expect(self.contract.ask("balanceOf", buyer) == quantity)
        _expect(self.contract.ask("due", currency)["promoter"] == before + PRICE - FEE)
        return receipt

    def _set_status(self, status: int) -> Receipt:
        token = self.token_of[self.fans[0]]
        receipt = self.contract.send(OPERATOR, "setStatus", [[token], status])
        _expect(self.contract.ask("ticket", token)["status"] == status)
        return receipt

    def _signed(self, signer: Signer, function: str, parameter: str, struct: str, message: dict[str, Any]) -> bytes:
        fields = self.market.fields(function, parameter)
        return signer.sign(self.market.document("Backstage Market", struct, fields, message))

    def _holds(self, holder: bytes, token: int) -> None:
        _expect(self.contract.ask("ownerOf", token) == holder)


def measure(house: House) -> dict[str, float]:
    """Return the gas of each."""
    evening = _Evening(house)
    operations: list[Callable[[], Receipt]] = [
        evening.safe_mint,
        evening.cancel_batch,
        evening.buy_four,
        evening.buy_with_coins,
        evening.claim,
        evening.issue,
        evening.lock,
        evening.unlock,
        evening.accept_offer,
        evening.sell_back,
        evening.cancel_order,
        evening.withdraw,
        evening.approve_for_all,
    ]
    found: dict[str, float] = {}
    for operation in operations:
        with house.node.undone():
            found[operation.__name__] = operation().gas
    return found


def _expect(held: object) -> None:
    if not held:
        raise Wrong("an operation left something else behind")
