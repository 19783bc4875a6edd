"""A collection that does not get on is looked at now, or sent again while its consent is good."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.accounts.models import AdminAction
from backend.chain import outbox
from backend.chain.models import ChainSend
from backend.kit import nudges
from backend.tickets import deploy
from tests.factories.accounts import as_admin
from tests.factories.orders import make_sale
from tests.factories.tickets import NETWORK, make_collection


@pytest.fixture
def collection(session, now):
    made = make_collection(session, make_sale(session).event)
    made.params, made.consent_expires_at = {"baseURI": "ipfs://x/"}, now + timedelta(hours=1)
    session.flush()
    return made


@pytest.fixture
def nudged(monkeypatch):
    found = []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: found.append((task, subject)))
    return found


def retry(client, session, collection):
    session.commit()
    return client.post(f"/v1/admin/collections/{collection.id}/retry", headers=as_admin(session))


@pytest.mark.parametrize(
    ("status", "task", "after"),
    [
        ("CONSENTED", "tickets.deploy_collection", "CONSENTED"),
        ("UNKNOWN", "tickets.ask_deployment", "UNKNOWN"),
        ("DEPLOYED", "tickets.verify_collection", "DEPLOYED"),
        ("MISMATCH", "tickets.verify_collection", "MISMATCH"),
        ("STUCK", "tickets.deploy_collection", "CONSENTED"),
    ],
)
def test_it_goes_on_from_where_it_stands(client, session, collection, nudged, status, task, after, now):
    collection.status, collection.run_after = status, now + timedelta(days=1)
    answer = retry(client, session, collection)
    assert (answer.status_code, answer.json()["status"]) == (202, after)
    assert (task, str(collection.id)) in nudged
    session.refresh(collection)
    assert collection.run_after is None
    assert collection.generation == int(status == "STUCK")
    kept = session.scalars(select(AdminAction).where(AdminAction.subject_id == collection.id)).one()
    assert kept.action == "collection.retry"


def test_a_deployment_that_is_on_its_way_is_hurried_and_not_sent_twice(client, session, collection, nudged, now):
    send = outbox.enqueue(session, NETWORK, "deployer", b"\1" * 20, b"", deploy.DEPLOY, collection.id, now)
    send.run_after, collection.status = now + timedelta(days=1), "DEPLOYING"
    assert retry(client, session, collection).status_code == 202
    session.refresh(send)
    assert send.run_after is None
    assert len(session.scalars(select(ChainSend)).all()) == 1


def test_a_consent_that_has_expired_is_to_be_signed_again(client, session, collection, now):
    collection.status, collection.consent_expires_at = "STUCK", now
    assert retry(client, session, collection).json()["error"]["code"] == "consent_expired"
    session.refresh(collection)
    assert collection.status == "STUCK"


def test_one_that_is_live_is_left_alone_and_strangers_are_refused(client, session, collection):
    assert retry(client, session, collection).json()["error"]["code"] == "collection_not_waiting"
    assert client.post(f"/v1/admin/collections/{collection.id}/retry").status_code == 401
    missing = "/v1/admin/collections/0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01/retry"
    assert client.post(missing, headers=as_admin(session)).json()["error"]["code"] == "collection_unknown"
