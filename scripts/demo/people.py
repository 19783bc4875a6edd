"""The people of the story. Each has a wallet or none, speaks HTTP, and signs exactly what the API returned."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from scripts.demo.http import Answer, Api, line, until
from scripts.demo.node import Node
from scripts.demo.wallet import Wallet

GOOD_CARD = "4242424242424242"
BKS = 10**18
"""One BKS in its base unit."""
DECLINED_CARD = "4000000000000002"


class Person:
    """Somebody with a wallet who can sign in."""

    def __init__(self, api_url: str, node: Node, wallet: Wallet | None = None) -> None:
        """Arrive with `wallet`, or a new one."""
        self.node, self.wallet = node, wallet or Wallet()
        self.api = Api(api_url)

    @property
    def address(self) -> str:
        """The wallet's address."""
        return self.wallet.address

    def sign_in(self) -> Answer:
        """Sign in with Ethereum (EIP-4361): the server's nonce in the server's message, signed as it is."""
        given = self.api.post("/v1/auth/siwe/nonce", {"address": self.address})
        signed = {"message": given["message"], "signature": self.wallet.sign_text(given["message"])}
        session = self.api.post("/v1/auth/siwe/verify", signed)
        self.api = Api(self.api.url, token=session["token"])
        return self.api.get("/v1/me")


class Admin(Person):
    """Runs the platform."""

    def onboard(self, promoter: str, organisation: str) -> str:
        """Make somebody a promoter; return the organisation's id."""
        made = self.api.post("/v1/admin/promoters", {"address": promoter, "organisation_name": organisation})
        organisation_id: str = made["organisation"]["id"]
        return organisation_id


@dataclass(frozen=True)
class Show:
    """An event on sale: its ids and its collection's address."""

    event_id: str
    collection: str
    standing: str
    balcony: str


_TIERS = tuple(
    {
        "name": name,
        "price_minor": price,
        "quantity": quantity,
        "per_account_limit": 6,
        "prices": {"BKS": str(tokens * BKS), "BNB": str(tokens * BKS // 500)},
    }
    for name, price, quantity, tokens in (("Standing", 49_500, 500, 25), ("Balcony", 79_500, 80, 40))
)


class Promoter(Person):
    """Puts on events."""

    def plan(self, organisation_id: str, title: str, tiers: tuple[Answer, Answer] | None = None) -> Show:
        """Create an event tonight with two tiers, the story's if none are given; its collection is not there yet."""
        now = datetime.now(UTC).replace(microsecond=0)
        event = self.api.post(
            "/v1/events",
            {
                "organisation_id": organisation_id,
                "title": title,
                "description": "One night only.",
                "zone": "Europe/Stockholm",
                # Doors are open already: the story does not wait for the evening.
                "doors_at": (now - timedelta(minutes=30)).isoformat(),
                "starts_at": (now + timedelta(hours=3)).isoformat(),
                "ends_at": (now + timedelta(hours=6)).isoformat(),
                "currency": "SEK",
            },
        )
        made = [self.api.post(f"/v1/events/{event['id']}/tiers", tier) for tier in tiers or _TIERS]
        return Show(event["id"], "", made[0]["id"], made[1]["id"])

    def allow_resale(self, show: Show, faces: dict[int, int]) -> None:
        """Allow resale in BKS at no more than what was paid; `faces` are the tiers' face values in BKS base units."""
        tiers = [{"number": number, "face": str(face)} for number, face in faces.items()]
        self.api.put(f"/v1/events/{show.event_id}/resale-rules", {"cap_bps": 10_000, "tiers": tiers})

    def consent(self, show: Show) -> str:
        """Sign the deployment of the event's collection; return the address it will have."""
        asked = self.api.get(f"/v1/events/{show.event_id}/collection/consent")
        signature = self.wallet.sign_typed(asked["typed_data"])
        deadline = asked["typed_data"]["message"]["deadline"]
        self.api.post(f"/v1/events/{show.event_id}/collection", {"signature": signature, "deadline": deadline})
        predicted: str = asked["predicted_address"]
        return predicted

    def await_collection(self, show: Show) -> Answer:
        """Wait until the collection is deployed, final and checked."""

        def look() -> Answer | None:
            found = self.api.get(f"/v1/events/{show.event_id}/collection")
            if found["status"] in {"MISMATCH", "STUCK"}:
                raise RuntimeError(f"the collection is {found['status']}")
            return found if found["status"] == "LIVE" else None

        return until("the collection is live", look, 90)

    def publish(self, show: Show) -> Answer:
        """Put the event on sale."""
        return self.api.post(f"/v1/events/{show.event_id}/publish")

    def appoint(self, show: Show, steward: str) -> None:
        """Let somebody work the event's door."""
        self.api.post(f"/v1/events/{show.event_id}/stewards", {"address": steward})


class Buyer:
    """What fans and guests have in common: they order, pay by card, and watch their tickets arrive."""

    api: Api

    def order(
        self, show: Show, tier_id: str, quantity: int, email: str | None = None, key: str | None = None
    ) -> Answer:
        """Place an order; return it with the guest's secret, if any."""
        body: Answer = {"event_id": show.event_id, "lines": [{"tier_id": tier_id, "quantity": quantity}]}
        if email:
            body["email"] = email
        return self.api.post("/v1/orders", body, key=key or f"order-{uuid4()}")

    def checkout(self, order_id: str) -> str:
        """Begin the payment; return the address of the payment page."""
        url: str = self.api.post(f"/v1/orders/{order_id}/payment", {"provider": "stripe"})["checkout_url"]
        return url

    def await_order(self, order_id: str, status: str, seconds: float = 90) -> Answer:
        """Wait until the order has come to `status`."""

        def look() -> Answer | None:
            found = self.api.get(f"/v1/orders/{order_id}")
            return found if found["status"] == status else None

        return until(f"order {order_id} is {status}", look, seconds)

    def tickets(self, order_id: str) -> list[Answer]:
        """Return the order's tickets."""
        tickets: Any = self.api.get(f"/v1/orders/{order_id}/tickets")
        found: list[Answer] = tickets
        return found


def pay(checkout_url: str, card: str) -> str:
    """Type a card number into the payment page; return the status it shows ("complete" when paid)."""
    page = httpx.URL(checkout_url)
    answer = line.post(page.copy_with(query=None, fragment=None), json={"card": card})
    shown: dict[str, Any] = answer.json()
    return str(shown.get("status") or shown.get("error", {}).get("code", answer.status_code))


class Fan(Person, Buyer):
    """Has a wallet."""

    def order_on_chain(self, show: Show, tier_id: str, quantity: int, currency: str = "BKS") -> Answer:
        """Place an order that this wallet will pay on chain, and begin its payment."""
        lines = [{"tier_id": tier_id, "quantity": quantity}]
        body = {"event_id": show.event_id, "lines": lines, "provider": "crypto", "currency": currency}
        order: Answer = self.api.post("/v1/orders", body, key=f"order-{uuid4()}")["order"]
        self.api.post(f"/v1/orders/{order['order_id']}/payment", {"provider": "crypto"})
        return order

    def quote(self, order: Answer) -> Answer:
        """Get the platform's quote; sign the permit if it asks for one, and get the transaction."""
        url = f"/v1/orders/{order['order_id']}/quote"
        quoted = self.api.post(url)
        return self.api.post(url, {"permit": self.wallet.sign_typed(quoted["permit"])}) if quoted["permit"] else quoted

    def list_ticket(self, ticket_id: str, price: int) -> Answer:
        """Put a ticket up for sale: sign exactly the listing the API returned."""
        draft = self.api.post("/v1/listings", {"ticket_id": ticket_id, "price": str(price)})
        signature = self.wallet.sign_typed(draft["typed_data"])
        return self.api.put(f"/v1/listings/{draft['order']['id']}/signature", {"signature": signature})

    def purchase(self, listing: Answer) -> Answer:
        """Get the market's `buy` of a listing; sign the permit it asks for first. Nothing is sent yet."""
        url, body = f"/v1/listings/{listing['id']}/buy", {"max_price": listing["price"]}
        asked = self.api.post(url, body)
        if asked["permit"]:
            deadline = int(asked["permit"]["message"]["deadline"])
            permit = {"deadline": deadline, "signature": self.wallet.sign_typed(asked["permit"])}
            asked = self.api.post(url, {**body, "permit": permit})
        transaction: Answer = asked["transaction"]
        return transaction

    def send(self, transaction: Answer) -> str:
        """Sign and send a transaction exactly as the API returned it."""
        return self.node.send(self.wallet.sign_transaction(transaction))

    def give(self, ticket_id: str, receiver: str) -> str:
        """Give a ticket away: sign and send exactly the transaction the API returned."""
        transaction = self.api.post(f"/v1/tickets/{ticket_id}/transfer", {"to": receiver})["transaction"]
        return self.node.send(self.wallet.sign_transaction(transaction))

    def accept(self, code: str) -> Answer:
        """Claim a ticket that waits in escrow into this wallet."""
        asked = self.api.post("/v1/claims/prepare", {"code": code, "recipient": self.address})
        signature = self.wallet.sign_typed(asked["typed_data"])
        claim = self.api.post("/v1/claims", {"code": code, "recipient": self.address, "signature": signature})

        def look() -> Answer | None:
            found = self.api.get(f"/v1/claims/{claim['claim_id']}")
            if found["status"] == "FAILED":
                raise RuntimeError(f"the claim failed: {found}")
            return found if found["status"] == "DONE" else None

        return until("the claim is done", look, 90)


class Guest(Buyer):
    """Has an e-mail address and, after ordering, the order's secret."""

    def __init__(self, api_url: str, email: str) -> None:
        """Arrive without a wallet."""
        self.api, self.email = Api(api_url), email

    def buy(self, show: Show, tier_id: str) -> Answer:
        """Order one ticket and keep the secret that is shown once."""
        placed = self.order(show, tier_id, 1, self.email)
        self.api = Api(self.api.url, secret=placed["order_secret"])
        order: Answer = placed["order"]
        return order

    def claim_code(self, order_id: str, ticket_id: str) -> str:
        """Ask for the code that moves the ticket out of escrow; it is shown once."""
        code: str = self.api.post(f"/v1/orders/{order_id}/tickets/{ticket_id}/claim-code")["code"]
        return code


class Steward(Person):
    """Works a door."""

    def challenge(self, show: Show, ticket_id: str, gate: str = "Gate A") -> Answer:
        """Open a single-use challenge for a ticket; its typed data goes to the holder's wallet."""
        return self.api.post("/v1/door/challenges", {"event_id": show.event_id, "ticket_id": ticket_id, "gate": gate})

    def admit(self, challenge: Answer, signature: str) -> Answer:
        """Hand in what the wallet signed; return the door's verdict."""
        body = {"challenge_id": challenge["challenge_id"], "signature": signature, "client_nonce": uuid4().hex}
        return self.api.post("/v1/door/admissions", body)
