"""A sale for BKS and BNB on a real chain, and fans who buy there."""

from datetime import timedelta
from uuid import UUID

from eth_account import Account
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.models import Role
from backend.catalog.models import TierPrice
from backend.orders.models import Order
from backend.tickets.models import Collection
from tests.factories.accounts import address_of, grant, make_key, sign_typed_data, signed_in
from tests.factories.orders import Sale, make_sale
from tests.tickets.test_on_chain import deploy

BKS, BNB = 25 * 10**18, 10**17
ETHER = 10**18


def make_token_sale(session: Session, promoter) -> Sale:
    """Return an event that sells for BKS and BNB once its collection stands."""
    sale = make_sale(session, quantities=(50, 20), status="DRAFT")
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    for currency, amount in (("BKS", BKS), ("BNB", BNB)):
        price = TierPrice(currency=currency, amount=amount, organisation_id=sale.event.organisation_id)
        sale.tier.prices.append(price)
    session.flush()
    return sale


def deploy_on_sale(client, chain, session: Session, sale: Sale, promoter) -> Collection:
    """Deploy the event's collection and open its sale, by the chain's clock."""
    made = deploy(client, chain, session, sale, promoter)
    session.refresh(sale.event)
    sale.event.status, tomorrow = "ON_SALE", chain.now() + timedelta(days=1)
    sale.event.doors_at = sale.event.starts_at = tomorrow
    sale.event.ends_at = tomorrow + timedelta(hours=4)
    for tier in sale.tiers:
        tier.on_sale = True
    session.flush()
    return made


def send(chain, key, transaction: dict, blocks: int = 3) -> bytes:
    """Sign and send what a wallet was given; return its hash."""
    fields = {name: value for name, value in transaction.items() if name != "from"}
    sent = chain.port.send_raw(bytes(Account.sign_transaction(fields, key.key).raw_transaction))
    chain.node.mine(blocks)
    return sent


class Buyer:
    """A fan with coins, tokens and a session."""

    def __init__(self, client, chain, session, sale) -> None:
        self.client, self.chain, self.sale, self.key = client, chain, sale, make_key()
        self.headers = signed_in(session, address_of(self.key), chain.now())
        chain.node.fund(self.key.address, ETHER)
        chain.call("BKS", chain.bks, "mint", [address_of(self.key), 100 * ETHER])

    def order(self, currency="BKS", quantity=2, key="an-order-of-mine") -> dict:
        lines = [{"tier_id": str(self.sale.tier.id), "quantity": quantity}]
        body = {"event_id": str(self.sale.event.id), "lines": lines, "provider": "crypto", "currency": currency}
        answer = self.client.post("/v1/orders", headers=self.headers | {"Idempotency-Key": key}, json=body)
        assert answer.status_code == 201, answer.json()
        order = answer.json()["order"]
        begun = self.client.post(
            f"/v1/orders/{order['order_id']}/payment", headers=self.headers, json={"provider": "crypto"}
        )
        assert begun.json()["checkout_url"].endswith(f"/v1/orders/{order['order_id']}/quote"), begun.json()
        return order

    def quote(self, order: dict, **body: str):
        return self.client.post(f"/v1/orders/{order['order_id']}/quote", headers=self.headers, json=body)

    def transaction(self, order: dict) -> dict:
        answer = self.quote(order).json()
        if answer["permit"]:
            signature = "0x" + sign_typed_data(self.key, answer["permit"]).hex()
            answer = self.quote(order, permit=signature).json()
        return answer["transaction"]

    def send(self, transaction: dict, blocks: int = 3) -> None:
        send(self.chain, self.key, transaction, blocks)


def stored(session: Session, order: dict) -> Order:
    """Return the order as the database has it."""
    query = select(Order).where(Order.id == UUID(order["order_id"])).execution_options(populate_existing=True)
    return session.scalars(query).one()
