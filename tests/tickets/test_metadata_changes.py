"""What a collection's metadata becomes after its deployment: seen, told, and frozen by its owner."""

from datetime import timedelta

import pytest

from backend.accounts.models import Role
from backend.tickets import gauges, metadata_changes, onchain, tasks
from tests.factories.accounts import address_of, grant, make_key, make_organisation, signed_in
from tests.tickets.test_on_chain import deploy, promoter, sale

__all__ = ["promoter", "sale"]


@pytest.fixture
def collection(client, chain, session, sale, promoter):
    tomorrow = chain.now() + timedelta(days=1)
    sale.event.doors_at = sale.event.starts_at = tomorrow
    sale.event.ends_at = tomorrow + timedelta(hours=4)
    session.flush()
    found = deploy(client, chain, session, sale, promoter)
    chain.node.fund(promoter.address, 10**18)
    return found


@pytest.fixture
def follow(chain, session, collection):
    """Let everything become final, and the worker do what the index asks of it."""

    def go():
        chain.node.mine(3)
        logs = chain._logs(collection.address, 0, chain.port.finalized().number)
        chain._hand(onchain.follow_metadata, "TicketCollection", metadata_changes.EVENTS, logs)
        for collection_id in metadata_changes.unread(session):
            tasks.read_metadata(collection_id)
        session.expire_all()

    return go


def shown(client, sale):
    answer = client.get(f"/v1/events/{sale.event.id}/collection").json()
    return answer["metadata_frozen"], answer["metadata_changed"], answer["base_uri"]


def test_metadata_that_is_pointed_elsewhere_is_shown_and_alarms(
    client, chain, session, sale, collection, follow, promoter
):
    signed = collection.params["baseURI"]
    assert shown(client, sale) == (False, False, signed)
    point = [collection.address, "setBaseURI"]
    chain.call("TicketCollection", *point, ["ipfs://elsewhere/"], address_of(promoter))
    follow()
    assert shown(client, sale) == (False, True, "ipfs://elsewhere/")
    assert gauges.metadata_changed(session) == {(): 1.0}
    chain.call("TicketCollection", *point, [signed], address_of(promoter))
    follow()
    assert shown(client, sale) == (False, False, signed)
    assert gauges.metadata_changed(session) == {(): 0.0}


def test_the_promoter_freezes_the_metadata_by_the_transaction_it_is_offered(
    client, chain, session, sale, collection, follow, promoter
):
    headers = signed_in(session, address_of(promoter), chain.now())
    published = client.post(f"/v1/events/{sale.event.id}/publish", headers=headers).json()
    assert published["metadata_frozen"] is False
    url = f"/v1/events/{sale.event.id}/collection/freeze-metadata"
    transaction = client.post(url, headers=headers).json()["transaction"]
    chain.transact(address_of(promoter), bytes.fromhex(transaction["to"][2:]), bytes.fromhex(transaction["data"][2:]))
    follow()
    assert shown(client, sale) == (True, False, collection.params["baseURI"])
    assert client.get(f"/v1/events/{sale.event.id}").json()["metadata_frozen"] is True
    again = client.post(url, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "call_would_revert")
    other = make_key()
    grant(session, address_of(other), Role.PROMOTER, make_organisation(session, "Another").id)
    stranger = signed_in(session, address_of(other), chain.now())
    assert client.post(url, headers=stranger).json()["error"]["code"] == "not_your_organisation"


def test_what_was_read_before_a_newer_log_does_not_count_as_read(session, sale, collection):
    collection.metadata_marks = 2
    session.flush()
    metadata_changes.found(session, collection.id, 1, "ipfs://old/", is_frozen=False)
    assert metadata_changes.unread(session) == [collection.id]
    metadata_changes.found(session, collection.id, 2, collection.params["baseURI"], is_frozen=True)
    metadata_changes.found(session, collection.id, 1, "ipfs://old/", is_frozen=False)
    assert (collection.base_uri, collection.metadata_frozen, metadata_changes.unread(session)) == (None, True, [])
