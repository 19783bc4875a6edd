import threading
from collections import Counter

import pytest

from scripts.demo.http import Refused, until
from scripts.demo.people import GOOD_CARD, Steward, pay
from scripts.demo.story import malleate


@pytest.fixture
def held(evening):
    """A fan and a ticket of hers, final."""
    fan = evening.fan()
    order = fan.order(evening.show, evening.show.standing, 1)["order"]
    pay(fan.checkout(order["order_id"]), GOOD_CARD)
    fan.await_order(order["order_id"], "FULFILLED")
    [ticket] = fan.tickets(order["order_id"])
    return fan, ticket


def _index_says(evening, ticket, owner):
    path = f"/v1/collections/{evening.show.collection}/tickets/{ticket['token_id']}"

    def look():
        found = evening.story.fan.api.get(path)
        return found if found["owner"].lower() == owner.lower() and found["is_final"] else None

    return until(f"the index gives it to {owner}", look)


def _verdict(evening, ticket, person):
    challenge = evening.steward.challenge(evening.show, ticket["ticket_id"])
    return evening.steward.admit(challenge, person.wallet.sign_typed(challenge["typed_data"]))


def test_a_gift_moves_the_ticket_and_the_right_to_enter(evening, held):
    fan, ticket = held
    friend = evening.fan()
    fan.give(ticket["ticket_id"], friend.address)
    assert _index_says(evening, ticket, friend.address)["epoch"] == 1
    assert _verdict(evening, ticket, fan)["reason"] == "former_holder"
    assert _verdict(evening, ticket, friend)["result"] == "ADMITTED"


def test_only_the_holder_is_given_a_transaction_to_sign(evening, held):
    _, ticket = held
    thief = evening.fan()
    with pytest.raises(Refused) as refused:
        thief.api.post(f"/v1/tickets/{ticket['ticket_id']}/transfer", {"to": thief.address})
    assert refused.value.status in {403, 404, 409}


def test_the_door_admits_the_holder_once(evening, held):
    fan, ticket = held
    challenge = evening.steward.challenge(evening.show, ticket["ticket_id"])
    signature = fan.wallet.sign_typed(challenge["typed_data"])
    assert evening.steward.admit(challenge, signature)["result"] == "ADMITTED"
    assert evening.steward.admit(challenge, signature)["reason"] == "challenge_used"
    second = evening.steward.challenge(evening.show, ticket["ticket_id"])
    again = evening.steward.admit(second, fan.wallet.sign_typed(second["typed_data"]))
    assert again["reason"] == "already_admitted"


def test_the_door_refuses_strangers_and_forgeries_and_then_still_admits(evening, held):
    fan, ticket = held
    assert _verdict(evening, ticket, evening.fan())["reason"] == "wrong_holder"
    challenge = evening.steward.challenge(evening.show, ticket["ticket_id"])
    genuine = fan.wallet.sign_typed(challenge["typed_data"])
    assert evening.steward.admit(challenge, malleate(genuine))["reason"] == "bad_signature"
    assert _verdict(evening, ticket, fan)["result"] == "ADMITTED"


def test_a_signature_for_one_challenge_opens_no_other(evening, held):
    fan, ticket = held
    first = evening.steward.challenge(evening.show, ticket["ticket_id"])
    second = evening.steward.challenge(evening.show, ticket["ticket_id"])
    signature = fan.wallet.sign_typed(first["typed_data"])
    assert evening.steward.admit(second, signature)["result"] == "REFUSED"


def test_two_gates_at_the_same_moment_admit_one(evening, held):
    fan, ticket = held
    challenges = [evening.steward.challenge(evening.show, ticket["ticket_id"], f"Gate {n}") for n in range(4)]
    signed = [(challenge, fan.wallet.sign_typed(challenge["typed_data"])) for challenge in challenges]
    barrier, verdicts = threading.Barrier(len(signed)), []

    def gate(challenge, signature):
        barrier.wait()
        verdicts.append(evening.steward.admit(challenge, signature)["result"])

    threads = [threading.Thread(target=gate, args=pair) for pair in signed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(verdicts) == {"ADMITTED": 1, "REFUSED": 3}


def test_a_steward_of_no_event_opens_nothing(evening, held):
    _, ticket = held
    nobody = Steward(evening.story.world.api, evening.story.node)
    nobody.sign_in()
    with pytest.raises(Refused) as refused:
        nobody.challenge(evening.show, ticket["ticket_id"])
    assert refused.value.status in {403, 404}


def test_a_used_ticket_cannot_be_given_away(evening, held):
    fan, ticket = held
    assert _verdict(evening, ticket, fan)["result"] == "ADMITTED"
    with pytest.raises(Refused) as refused:
        fan.api.post(f"/v1/tickets/{ticket['ticket_id']}/transfer", {"to": evening.fan().address})
    assert refused.value.status == 409
