import pytest

from scripts.demo.http import Api, Refused
from scripts.demo.people import GOOD_CARD, Guest, pay


@pytest.fixture
def bought(evening):
    """A guest's paid ticket, waiting in escrow."""
    guest = Guest(evening.story.world.api, "ada@example.org")
    order = guest.buy(evening.show, evening.show.standing)
    pay(guest.checkout(order["order_id"]), GOOD_CARD)
    guest.await_order(order["order_id"], "FULFILLED")
    [ticket] = guest.tickets(order["order_id"])
    return guest, order, ticket


def test_an_escrowed_ticket_is_claimed_into_a_wallet_once(evening, bought):
    guest, order, ticket = bought
    node, collection, token = evening.story.node, evening.show.collection, int(ticket["token_id"])
    assert node.owner_of(collection, token) == collection
    code = guest.claim_code(order["order_id"], ticket["ticket_id"])
    fan, late = evening.fan(), evening.fan()
    fan.accept(code)
    assert node.owner_of(collection, token) == fan.address
    with pytest.raises(Refused):
        late.accept(code)
    assert node.owner_of(collection, token) == fan.address


def test_a_new_code_kills_the_old_one(evening, bought):
    guest, order, ticket = bought
    old = guest.claim_code(order["order_id"], ticket["ticket_id"])
    guest.claim_code(order["order_id"], ticket["ticket_id"])
    with pytest.raises(Refused):
        evening.fan().accept(old)


def test_a_code_needs_the_signature_of_the_wallet_it_moves_to(evening, bought):
    guest, order, ticket = bought
    code = guest.claim_code(order["order_id"], ticket["ticket_id"])
    thief, victim = evening.fan(), evening.fan()
    asked = thief.api.post("/v1/claims/prepare", {"code": code, "recipient": victim.address})
    signature = thief.wallet.sign_typed(asked["typed_data"])
    with pytest.raises(Refused):
        thief.api.post("/v1/claims", {"code": code, "recipient": victim.address, "signature": signature})
    victim.accept(code)


def test_an_order_without_its_secret_is_not_there(evening, bought):
    _, order, _ = bought
    for api in (Api(evening.story.world.api), Api(evening.story.world.api, secret="guessed-guessed-guessed")):
        with pytest.raises(Refused) as refused:
            api.get(f"/v1/orders/{order['order_id']}")
        assert refused.value.status in {401, 404}
