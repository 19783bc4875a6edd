"""What has waited too long is shown, with requests that work from where it stands and say who made them."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from backend import discovery
from backend.accounts.models import AdminAction
from backend.chain.models import AttemptStatus, ChainAttempt, ChainCursor, ChainSend
from backend.kit import alarms, clock, gauges
from backend.orders import pay
from backend.tickets import batches, cancel
from backend.tickets.models import Batch, StatusChange
from tests.factories.accounts import as_admin
from tests.factories.tickets import jobs_of, make_minting, tickets_of

LONG = timedelta(days=30)
discovery.load("models", "alarms")  # the parameters below are read from them


@pytest.fixture
def minting(session, now):
    return make_minting(session)


@pytest.fixture
def batch(session, minting, now):
    jobs = [job.id for job in jobs_of(session, minting.order.id)]
    return batches.close(session, minting.collection.id, jobs, frozenset(), now)


@pytest.fixture
def admin(session):
    return as_admin(session)


def ask(client, admin):
    return client.get("/v1/admin/attention", headers=admin).json()


def listed(client, admin, machine):
    return [item for item in ask(client, admin) if item["machine"] == machine]


def test_what_is_within_its_time_is_not_shown(client, batch, admin):
    assert ask(client, admin) == []


def test_what_waits_too_long_is_shown_oldest_first_with_what_can_be_done(client, session, batch, admin, now):
    batch.status, batch.last_error = "STUCK", "SupplyExceeded"
    session.flush()
    [shown] = ask(client, admin)
    assert (shown["machine"], shown["state"], shown["reason"]) == ("batch", "STUCK", "SupplyExceeded")
    urls = [f"/v1/admin/batches/{batch.id}/{verb}" for verb in ("retry", "cancel")]
    assert [action["url"] for action in shown["actions"]] == urls
    with clock.frozen(now + timedelta(hours=5)):
        later = ask(client, as_admin(session))
    assert {"batch", "mint_job", "order", "payment", "send"} == {item["machine"] for item in later}
    assert [item["since"] for item in later] == sorted(item["since"] for item in later)


def test_a_job_in_no_batch_is_offered_nothing_about_a_batch(client, session, minting, admin):
    for job in jobs_of(session, minting.order.id):
        job.status = "STUCK"
    session.flush()
    for item in listed(client, admin, "mint_job"):
        assert all("None" not in action["url"] for action in item["actions"])
        assert [action["name"] for action in item["actions"]] == ["retry", "refund"]


def test_the_gauges_count_what_the_list_shows(client, session, batch, now):
    batch.status = "STUCK"
    session.flush()
    reading = gauges.registered["waiting_over_threshold"].read(session)
    assert {key for key, count in reading.items() if count} == {("batch", "STUCK")}
    with clock.frozen(now + timedelta(seconds=90)):
        assert gauges.registered["waiting_oldest_seconds"].read(session)["mint_job", "BATCHED"] == 90


BODIES = {"fee-ceiling": {"max_fee_gwei": 2000}}
BATCH_ACTIONS = [
    (state, action.path.rpartition("/")[2])
    for state, rule in alarms.registered["batch"].waiting()
    for action in rule.actions
    if action.method == "POST"
]


@pytest.mark.parametrize(("state", "verb"), BATCH_ACTIONS)
def test_every_action_that_is_offered_for_a_batch_works_and_may_be_repeated(
    client, session, batch, admin, state, verb, now
):
    if state == "CANCELLING":
        cancel.ask(session, batch.id, now)
    batch.status = state
    session.flush()
    url, body = f"/v1/admin/batches/{batch.id}/{verb}", BODIES.get(verb)
    first = client.post(url, headers=admin, json=body)
    assert first.status_code == 202, first.json()
    again = client.post(url, headers=admin, json=body)
    assert again.status_code == 202 or again.json()["error"]["code"] in {
        "batch_cannot_be_retried", "ceiling_not_higher",
    }  # fmt: skip
    kept = session.scalars(select(AdminAction).where(AdminAction.subject_id == batch.id)).all()
    assert kept[0].action == f"batch.{verb.replace('-', '_')}" and kept[0].details["was"] == state


@pytest.mark.parametrize("state", ["WAITING", "OVERDUE"])
def test_what_waits_for_a_fee_is_offered_more_as_a_batch_and_as_a_send(client, session, batch, admin, state, now):
    send = session.get_one(ChainSend, batch.send_id)
    batch.status = send.status = state
    session.flush()
    with clock.frozen(now + timedelta(hours=1)):
        shown = {item["machine"]: item for item in ask(client, as_admin(session))}
    for machine, url in (("batch", f"batches/{batch.id}"), ("send", f"sends/{send.id}")):
        urls = {action["name"]: action["url"] for action in shown[machine]["actions"]}
        assert urls["fee_ceiling"] == f"/v1/admin/{url}/fee-ceiling"


def test_who_allowed_a_send_more_is_kept_and_a_refusal_keeps_nothing(client, session, batch, admin):
    url = f"/v1/admin/sends/{batch.send_id}/fee-ceiling"
    assert client.post(url, json={"max_fee_gwei": 2000}).status_code == 401
    low = client.post(url, headers=admin, json={"max_fee_gwei": 500})
    assert low.json()["error"]["code"] == "ceiling_not_higher"
    unknown = client.post(f"/v1/admin/sends/{batch.id}/fee-ceiling", headers=admin, json={"max_fee_gwei": 2000})
    assert unknown.json()["error"]["code"] == "no_such_send"
    assert session.scalars(select(AdminAction)).all() == []
    answer = client.post(url, headers=admin, json={"max_fee_gwei": 2000})
    assert answer.status_code == 202 and answer.json()["id"] == str(batch.send_id)
    session.get_one(ChainSend, batch.send_id).status = "FINAL"
    session.flush()
    over = client.post(url, headers=admin, json={"max_fee_gwei": 9000})
    assert over.json()["error"]["code"] == "send_over"
    [kept] = session.scalars(select(AdminAction)).all()
    assert (kept.action, kept.subject_id) == ("send.fee_ceiling", batch.send_id)
    assert kept.details == {"was": "QUEUED", "before_wei": str(500 * 10**9), "max_fee_gwei": 2000}


def test_a_cancellation_under_way_is_hurried_and_not_undone(session, batch, now):
    cancel.ask(session, batch.id, now)
    assert cancel.retry(session, batch.id).status == "CANCELLING"
    send = session.scalars(select(ChainSend).where(ChainSend.purpose == cancel.CANCEL)).one()
    send.status = "REVERTED"
    session.flush()
    assert cancel.retry(session, batch.id).status == "UNKNOWN"


SEND_STATES = [state for state, rule in alarms.registered["send"].waiting() if rule.actions]


@pytest.mark.parametrize("state", SEND_STATES)
def test_a_send_that_waits_is_looked_at_now(client, session, batch, admin, state, now):
    send = session.get_one(ChainSend, batch.send_id)
    send.status, send.run_after = state, now + LONG
    session.flush()
    answer = client.post(f"/v1/admin/sends/{send.id}/retry", headers=admin)
    assert (answer.status_code, answer.json()["next_look_at"], answer.json()["status"]) == (202, None, state)


@pytest.mark.parametrize("state", ["FINAL", "REVERTED", "CANCELLED"])
def test_a_send_that_has_ended_is_left_alone_and_nothing_is_kept(client, session, batch, admin, state):
    session.get_one(ChainSend, batch.send_id).status = state
    session.flush()
    answer = client.post(f"/v1/admin/sends/{batch.send_id}/retry", headers=admin)
    assert answer.json()["error"]["code"] == "send_finished"
    assert session.scalars(select(AdminAction)).all() == []


def test_a_refused_status_is_sent_again_under_a_new_transaction(client, session, minting, admin, now):
    ticket = tickets_of(session, minting.order.id)[0]
    ticket.token_id, jobs_of(session, minting.order.id)[0].status = 65536, "FINAL"
    change = StatusChange(
        organisation_id=ticket.organisation_id, ticket_id=ticket.id, wanted="VOID", status="STUCK", created_at=now
    )
    session.add(change)
    session.flush()
    url = f"/v1/admin/status-changes/{change.id}/retry"
    assert client.post(url, headers=admin).json()["status"] == "SENT"
    assert session.scalars(select(ChainSend).where(ChainSend.subject_id == change.id)).one().generation == 1
    assert client.post(url, headers=admin).json()["error"]["code"] == "status_change_not_stuck"


def test_a_refund_by_hand_says_who_asked_for_it_and_one_that_is_refused_says_nothing(client, session, minting, admin):
    url, body = f"/v1/admin/orders/{minting.order.id}/refund", {"reason": "asked", "anyway": False}
    assert client.post(url, headers=admin, json=body).json()["error"]["code"] == "not_refundable"
    assert session.scalars(select(AdminAction)).all() == []
    payment = pay.latest(session, minting.order.id)
    payment.status, minting.order.payment_id = "SUCCEEDED", payment.id
    session.flush()
    assert client.post(url, headers=admin, json=body).status_code == 202
    [kept] = session.scalars(select(AdminAction)).all()
    assert (kept.action, kept.subject_id, kept.details) == ("order.refund", minting.order.id, body)


def test_sends_are_shown_with_every_attempt(client, session, batch, admin, now):
    for nonce, (status, made) in enumerate(((AttemptStatus.REPLACED, 3), (AttemptStatus.BROADCAST, 1))):
        session.add(
            ChainAttempt(
                send_id=batch.send_id, network="eip155:31337", signer=b"\1" * 20, nonce=7, status=status, raw=b"raw",
                gas_limit=252_000, max_fee=10**9 * (nonce + 1), priority_fee=10**9, tx_hash=bytes([nonce]) * 32,
                created_at=now - timedelta(minutes=made),
            )
        )  # fmt: skip
        session.flush()
    [send] = client.get(f"/v1/admin/sends?subject_id={batch.id}", headers=admin).json()["items"]
    shown = [(one["status"], one["nonce"], one["max_fee"], one["tx_hash"][:4]) for one in send["attempts"]]
    assert shown == [("REPLACED", 7, "1000000000", "0x00"), ("BROADCAST", 7, "2000000000", "0x01")]
    assert client.get("/v1/admin/sends?status=WAITING", headers=admin).json()["items"] == []


def test_the_gauges_know_what_is_offered_and_what_blocks_took(session, batch, now):
    for nonce, (status, gas) in enumerate(((AttemptStatus.FINAL, 100), (AttemptStatus.BROADCAST, None))):
        mined = {"receipt": {"gas_used": gas}, "block_number": 5} if gas else {}
        session.add(
            ChainAttempt(
                send_id=batch.send_id, network="eip155:31337", signer=b"\1" * 20, nonce=nonce, status=status, raw=b"r",
                gas_limit=252_000, max_fee=7 + nonce, priority_fee=1, tx_hash=bytes([nonce]) * 32, created_at=now,
                broadcast_at=now, **mined,
            )
        )  # fmt: skip
    session.flush()
    key = "0x" + "01" * 20
    assert gauges.registered["chain_fee_offered_wei"].read(session) == {("eip155:31337", "minter", key): 8.0}
    assert gauges.registered["chain_fee_paid_wei"].read(session) == {("eip155:31337", "minter", key): 700.0}
    with clock.frozen(now + timedelta(hours=2)):
        assert gauges.registered["chain_fee_paid_wei"].read(session) == {}


def test_lists_are_filtered_by_age_collection_and_state(client, session, batch, minting, admin, now):
    def count(query):
        return len(client.get(f"/v1/admin/{query}", headers=admin).json()["items"])

    other = make_minting(session, address=b"\7" * 20)
    assert count("mint-jobs") == 4
    assert count(f"mint-jobs?collection_id={other.collection.id}") == 2
    assert count("mint-jobs?status=BATCHED") == 2
    assert count("mint-jobs?older_than_seconds=60") == count("batches?older_than_seconds=60") == 0
    with clock.frozen(now + timedelta(seconds=61)):
        assert count("mint-jobs?older_than_seconds=60") == 4
        assert count(f"batches?older_than_seconds=60&collection_id={minting.collection.id}&status=CLOSED") == 1
        assert count(f"batches?collection_id={other.collection.id}") == 0
    assert session.get(Batch, batch.id)


def test_nobody_but_an_admin_sees_any_of_it(client):
    for path in ("attention", "sends"):
        assert client.get(f"/v1/admin/{path}").json()["error"]["code"] == "unauthenticated"


def test_what_is_not_of_the_mint_is_shown_too(client, session, minting, admin, now):
    payment = pay.latest(session, minting.order.id)
    payment.status, payment.problem = "STUCK", "the amount differs"
    cursor = ChainCursor(
        network="eip155:31337", name="final:x", block_number=1, finalized_number=1, status="HALTED", updated_at=now
    )
    minting.collection.status, minting.collection.last_error = "STUCK", "NotDeployer()"
    session.add(cursor)
    session.flush()
    shown = {item["machine"]: item for item in ask(client, admin)}
    assert {machine: (item["state"], item["reason"]) for machine, item in shown.items()} == {
        "payment": ("STUCK", "the amount differs"),
        "index_cursor": ("HALTED", None),
        "collection": ("STUCK", "NotDeployer()"),
    }
    assert [action["url"] for action in shown["payment"]["actions"]] == [f"/v1/admin/payments/{payment.id}/retry"]
    reading = gauges.registered["waiting_over_threshold"].read(session)
    assert {key for key, count in reading.items() if count} == {
        ("payment", "STUCK"), ("index_cursor", "HALTED"), ("collection", "STUCK"),
    }  # fmt: skip


MACHINES = sorted(alarms.registered)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_action_has_the_ids_it_needs(machine):
    """A path that names an id its machine does not tell would never be shown."""
    found = alarms.registered[machine]
    for _, rule in found.waiting():
        for action in rule.actions:
            names = {part.strip("{}") for part in re.findall(r"\{\w+\}", action.path)}
            blank = SimpleNamespace(**dict.fromkeys(found.model.__table__.columns.keys(), "x"))
            assert names <= set(found.identify(blank)), action.path
