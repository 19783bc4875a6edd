"""The line for tickets that come back: joining, being invited, paying, being served, on the real market."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.catalog import service as catalog
from backend.resale import line, tasks
from backend.resale.models import LinePlace
from backend.tickets import service
from tests.factories.accounts import signed_in
from tests.factories.tickets import tickets_of
from tests.resale.conftest import PRICE, Fan, mint
from tests.resale.test_sell_back import fund, pass_on_chain


@pytest.fixture
def sold_out(stage):
    """Tier 1 is sold out; the box office buys back."""
    [tier] = catalog.lock_tiers(stage.session, [stage.sale.tier.id])
    catalog.hold(stage.session, tier.id, tier.free, stage.market.now())
    fund(stage, 5 * PRICE)
    return stage


def join(stage, who, quantity=1):
    url = f"/v1/events/{stage.sale.event.id}/line"
    return stage.post(who, url, tier_id=str(stage.sale.tier.id), quantity=quantity)


def joined(stage, who, quantity=1):
    answer = join(stage, who, quantity)
    assert answer.status_code == 201, answer.json()
    return answer.json()["place_id"]


def place(stage, who, place_id):
    late = signed_in(stage.session, who.wallet, stage.market.now())
    shown = stage.client.get(f"/v1/line-places/{place_id}", headers=late).json()
    return shown["status"], shown["position"]


def pay(stage, place_id):
    url = f"/v1/events/{stage.sale.event.id}/buyback/line/{place_id}/payment"
    late = signed_in(stage.session, stage.promoter.wallet, stage.market.now())
    return stage.client.put(url, headers=late)


def sell_back(stage, ticket=None, who=None):
    who = who or stage.seller
    late = Fan(who.key, signed_in(stage.session, who.wallet, stage.market.now()))
    return stage.post(late, f"/v1/tickets/{(ticket or stage.tickets[0]).id}/sell-back")


def test_the_first_in_line_is_invited_pays_and_gets_the_ticket_in_one_transaction(sold_out, people):
    stage, (first, second) = sold_out, (people(), people())
    one, two = joined(stage, first), joined(stage, second)
    assert [place(stage, first, one), place(stage, second, two)] == [("WAITING", 1), ("WAITING", 2)]
    # A seller comes: nobody has paid yet, so the first in line is asked to.
    told = sell_back(stage).json()["error"]
    assert told["code"] == "nobody_in_line" and told["details"]["invited_until"]
    assert [place(stage, first, one)[0], place(stage, second, two)[0]] == ["INVITED", "WAITING"]
    assert pay(stage, two).json()["error"]["code"] == "not_invited"
    assert pay(stage, one).json()["status"] == "READY"
    assert pay(stage, one).status_code == 200
    made = sell_back(stage).json()
    assert made["next_wallet"] == first.key.address
    stage.market.send(stage.seller.key, made["transaction"])
    stage.finish()
    assert service.holding_of(stage.session, stage.tickets[0].id).owner == first.wallet
    assert stage.market.bks_of(stage.seller.wallet) == PRICE
    assert place(stage, first, one) == ("SERVED", None)
    assert place(stage, second, two) == ("WAITING", 1)


def test_an_invitation_that_lapses_passes_to_the_next(sold_out, people):
    stage, fans = sold_out, [people(), people()]
    one, two = (joined(stage, fan) for fan in fans)
    sell_back(stage)
    stage.market.late += line.INVITATION_LIFE - timedelta(minutes=1)
    tasks.sweep_invitations()
    assert place(stage, fans[0], one)[0] == "INVITED"
    stage.market.late += timedelta(minutes=2)
    # Too late, even before the sweeper has come by.
    assert pay(stage, one).json()["error"]["details"]["status"] == "LAPSED"
    tasks.sweep_invitations()
    tasks.sweep_invitations()
    assert [place(stage, fans[0], one), place(stage, fans[1], two)] == [("LAPSED", None), ("INVITED", 1)]
    assert pay(stage, one).json()["error"]["code"] == "place_unknown"
    # Who lapsed may stand again, at the end.
    stage.sale.event.ends_at += timedelta(days=3)
    stage.session.flush()
    late = Fan(fans[0].key, signed_in(stage.session, fans[0].wallet, stage.market.now()))
    again = joined(stage, late)
    assert place(stage, fans[0], again) == ("WAITING", 2)


def test_a_person_stands_once_in_a_line_and_leaves_it(sold_out, people):
    stage, fan = sold_out, people()
    first = joined(stage, fan)
    again = join(stage, fan).json()["error"]
    assert (again["code"], again["details"]["place_id"]) == ("already_in_line", first)
    url = f"/v1/line-places/{first}"
    other = people()
    for method in ("get", "delete"):
        assert getattr(stage.client, method)(url, headers=other.headers).json()["error"]["code"] == "place_unknown"
    assert stage.client.delete(url, headers=fan.headers).status_code == 204
    assert stage.client.delete(url, headers=fan.headers).json()["error"]["code"] == "place_unknown"
    second = joined(stage, fan)
    mine = stage.client.get("/v1/line-places", headers=fan.headers).json()["items"]
    assert [(one["place_id"], one["status"]) for one in mine] == [(second, "WAITING"), (first, "LEFT")]
    assert [one["number"] for one in mine] == [2, 1]


def test_a_place_that_is_paid_for_is_not_just_left(sold_out, people):
    stage, fan = sold_out, people()
    mine = joined(stage, fan)
    sell_back(stage)
    pay(stage, mine)
    refused = stage.client.delete(f"/v1/line-places/{mine}", headers=fan.headers).json()["error"]
    assert refused["code"] == "place_paid"
    url = f"/v1/events/{stage.sale.event.id}/buyback/line/{mine}"
    assert stage.client.delete(url, headers=stage.promoter.headers).status_code == 204
    assert sell_back(stage).json()["error"]["code"] == "nobody_in_line"


def test_who_waits_for_two_gets_two_one_by_one_before_the_next(sold_out, people):
    stage, (first, second) = sold_out, (people(), people())
    one, two = joined(stage, first, quantity=2), joined(stage, second)
    for mine in (one, two):
        line.lock(stage.session, stage.sale.tier.id)
        line.invite(stage.session, stage.sale.tier.id, stage.market.now())
        assert pay(stage, mine).json()["status"] == "READY"
    sellers = [stage.seller, people(), people()]
    tickets = [stage.tickets[0], *(mint_more(stage, who) for who in sellers[1:])]
    turns = [sell_back(stage, ticket, who).json() for ticket, who in zip(tickets, sellers, strict=True)]
    # Both of the first, at the same time, and only then the second's.
    assert [turn["next_wallet"] for turn in turns] == [first.key.address, first.key.address, second.key.address]
    stage.market.send(sellers[1].key, turns[1]["transaction"])
    stage.finish()
    assert place(stage, first, one) == ("READY", 1)
    again = sell_back(stage, tickets[0]).json()
    assert again["turn_id"] == turns[0]["turn_id"]
    stage.market.send(stage.seller.key, again["transaction"])
    stage.finish()
    assert place(stage, first, one) == ("SERVED", None)


def mint_more(stage, who):
    """One ticket more of a tier that is sold out: its stock is the box office's matter, not the line's."""
    for tier in catalog.lock_tiers(stage.session, [tier.id for tier in stage.sale.tiers]):
        tier.quantity += 1
    stage.session.flush()
    more = tickets_of(stage.session, mint(stage, who.wallet, 1).id)
    return next(ticket for ticket in more if ticket.tier_id == stage.sale.tier.id)


def test_a_seller_that_lets_its_turn_pass_gives_the_place_back_when_the_chain_is_past_it(sold_out, people):
    stage, fan = sold_out, people()
    mine = joined(stage, fan)
    sell_back(stage)
    pay(stage, mine)
    old = sell_back(stage).json()
    stage.market.late += timedelta(minutes=20)
    assert sell_back(stage).json()["error"]["code"] == "nobody_in_line"
    # Sent in the last moment, it is sold all the same: the contract knows its own clock only.
    stage.market.send(stage.seller.key, old["transaction"])
    stage.market.follow()
    pass_on_chain(stage)
    assert place(stage, fan, mine) == ("SERVED", None)
    assert service.holding_of(stage.session, stage.tickets[0].id).owner == fan.wallet


def test_nobody_lines_up_while_tickets_are_on_sale(sold_out, people):
    stage, tier = sold_out, sold_out.sale.tier
    catalog.release(stage.session, tier.id, 1)
    refused = join(stage, people()).json()["error"]
    assert (refused["code"], refused["details"]["left"]) == ("tier_available", 1)
    catalog.hold(stage.session, tier.id, 1, stage.market.now())
    assert join(stage, people()).status_code == 201
    assert join(stage, people(), quantity=11).json()["error"]["code"] == "invalid_request"
    assert join(stage, people(), quantity=0).json()["error"]["code"] == "invalid_request"
    url = f"/v1/events/{stage.sale.event.id}/line"
    other = stage.post(people(), url, tier_id=str(stage.sale.event.id)).json()["error"]
    assert other["code"] == "unknown_tier"


def test_a_wallet_that_could_not_hold_the_ticket_does_not_stand_in_the_way(sold_out):
    stage = sold_out
    contract = Fan(stage.buyer.key, signed_in(stage.session, stage.market.bks, stage.market.now()))
    assert join(stage, contract).json()["error"]["code"] == "receiver_refused"
    assert stage.session.scalars(select(LinePlace)).all() == []


def test_only_the_promoter_says_who_has_paid(sold_out, people):
    stage, fan = sold_out, people()
    mine = joined(stage, fan)
    url = f"/v1/events/{stage.sale.event.id}/buyback/line/{mine}/payment"
    assert stage.client.put(url, headers=fan.headers).json()["error"]["code"] == "forbidden"


def test_a_seller_keeps_one_place_at_a_time_however_many_tickets_it_asks_for(sold_out, people):
    stage = sold_out
    for fan in (people(), people()):
        put(stage, fan.key.address)
    turn, more = sell_back(stage).json(), mint_more(stage, stage.seller)
    refused = sell_back(stage, more)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "turn_open")
    assert refused.json()["error"]["details"]["turn_id"] == turn["turn_id"]
    stage.market.send(stage.seller.key, turn["transaction"])
    stage.finish()
    assert sell_back(stage, more).status_code == 201


def test_a_wallet_that_became_a_contract_is_passed_over_at_once(sold_out, people):
    stage, turned, next_one, late = sold_out, people(), people(), people()
    for fan in (turned, next_one):
        put(stage, fan.key.address)
    stage.market.ask("anvil_setCode", turned.key.address, "0x5f5ff3")
    made = sell_back(stage)
    assert made.status_code == 201, made.json()
    assert made.json()["next_wallet"] == next_one.key.address
    # No place is kept for a turn that could not be sent: once it can be again, the next seller gets it.
    stage.market.ask("anvil_setCode", turned.key.address, "0x")
    assert sell_back(stage, mint_more(stage, late), late).json()["next_wallet"] == turned.key.address


def test_a_turn_that_the_market_would_refuse_keeps_no_place(sold_out, people):
    stage, fan, other = sold_out, people(), people()
    put(stage, fan.key.address)
    base = f"/v1/events/{stage.sale.event.id}/buyback"
    out = stage.post(stage.promoter, f"{base}/withdrawals", amount=str(5 * PRICE), to=stage.promoter.key.address)
    stage.market.send(stage.promoter.key, out.json()["transaction"])
    refused = sell_back(stage).json()["error"]
    assert (refused["code"], refused["details"]["reason"]) == ("call_would_revert", "BuybackFundTooLow")
    fund(stage)
    assert sell_back(stage, mint_more(stage, other), other).json()["next_wallet"] == fan.key.address


def test_the_box_office_puts_no_contract_in_line(sold_out):
    stage = sold_out
    for contract in (stage.collection.address, stage.market.market):
        answer = put(stage, "0x" + contract.hex(), is_fine=False)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "receiver_refused")
    assert stage.session.scalars(select(LinePlace)).all() == []


def put(stage, wallet, *, is_fine=True):
    url = f"/v1/events/{stage.sale.event.id}/buyback/line"
    answer = stage.post(stage.promoter, url, tier_id=str(stage.sale.tier.id), wallet=wallet)
    assert answer.status_code == 201 or not is_fine, answer.json()
    return answer
