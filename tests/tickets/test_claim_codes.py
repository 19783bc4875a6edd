from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.kit.db import unit_of_work
from backend.settings import get_settings
from backend.tickets import claim, claim_codes, final, holdings
from backend.tickets.errors import ClaimCodeInvalid, NotEscrowed, TooManyAttempts
from backend.tickets.models import Claim, ClaimCode
from tests.factories.tickets import ADDRESS, BOB, NETWORK, Chain, jobs_of, make_minting, tickets_of
from tests.tickets.test_minted import batches


def escrowed(session, now):
    """An escrowed ticket, final on chain."""
    minting = make_minting(session, quantity=1, recipient=None)
    batches.close(session, minting.collection.id, [jobs_of(session, minting.order.id)[0].id], frozenset(), now)
    chain = Chain()
    chain.mint(1, [(ADDRESS, 1)])
    logs = chain.taken()
    holdings.apply(session, NETWORK, logs)
    final.tokens_settled(session, NETWORK, logs[2:], now)
    return tickets_of(session, minting.order.id)[0]


def test_a_code_has_80_bits_and_only_its_keyed_hash_is_kept(session, now):
    issued = claim_codes.issue(session, escrowed(session, now), now, get_settings())
    plain = issued.code.replace("-", "")
    assert len(plain) * 5 == 80
    row = session.scalars(select(ClaimCode)).one()
    assert len(row.code_hash) == 32 and plain.encode() not in row.code_hash


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("0", "o")])
def test_a_code_is_known_however_a_person_types_it(session, now, typed):
    code = claim_codes.issue(session, escrowed(session, now), now, get_settings()).code
    assert claim_codes.find(session, typed(code), now, get_settings())


def test_a_new_code_ends_the_older_one(session, now):
    ticket = escrowed(session, now)
    old = claim_codes.issue(session, ticket, now, get_settings()).code
    new = claim_codes.issue(session, ticket, now, get_settings()).code
    with pytest.raises(ClaimCodeInvalid):
        claim_codes.find(session, old, now, get_settings())
    assert claim_codes.find(session, new, now, get_settings())


def test_a_code_expires(session, now):
    issued = claim_codes.issue(session, escrowed(session, now), now, get_settings())
    with pytest.raises(ClaimCodeInvalid):
        claim_codes.find(session, issued.code, issued.expires_at + timedelta(seconds=1), get_settings())


@pytest.mark.parametrize("code", ["", "short", "U" * 16, "7H2K-9QXD-R4TM-0WB!", "0" * 16])
def test_a_wrong_code_says_nothing_of_why(session, now, code):
    with pytest.raises(ClaimCodeInvalid):
        claim_codes.find(session, code, now, get_settings())


def test_there_is_no_code_for_a_ticket_in_a_wallet(session, now):
    minting = make_minting(session, quantity=1)
    with pytest.raises(NotEscrowed):
        claim_codes.issue(session, tickets_of(session, minting.order.id)[0], now, get_settings())


def test_a_code_is_used_once_and_given_back_by_a_claim_that_failed(session, now):
    issued = claim_codes.issue(session, escrowed(session, now), now, get_settings())
    prepared = claim.prepare(session, issued.code, BOB, now, get_settings())
    made = claim.claim(session, prepared, b"acceptance", b"voucher", now)
    with pytest.raises(ClaimCodeInvalid):
        claim.claim(session, prepared, b"acceptance", b"voucher", now)
    claim.failed(session, made.id, "ClaimLimitExceeded")
    assert (made.status, made.reason) == ("FAILED", "ClaimLimitExceeded")
    again = claim.claim(session, prepared, b"acceptance", b"voucher", now)
    assert again.id != made.id and again.status == "SENT"


def test_the_same_words_are_prepared_for_the_same_wallet_and_others_for_another(session, now):
    issued = claim_codes.issue(session, escrowed(session, now), now, get_settings())
    one, same = (claim.prepare(session, issued.code, BOB, now, get_settings()) for _ in range(2))
    other = claim.prepare(session, issued.code, b"\x12" * 20, now, get_settings())
    assert one == same
    assert one.message["nonce"] != other.message["nonce"]


def test_of_two_claims_at_once_one_uses_the_code(fresh_database, now):
    with unit_of_work() as session:
        issued = claim_codes.issue(session, escrowed(session, now), now, get_settings())
        prepared = claim.prepare(session, issued.code, BOB, now, get_settings())

    def work(_worker: int) -> bool:
        try:
            with unit_of_work() as session:
                claim.claim(session, prepared, b"acceptance", b"voucher", now)
        except ClaimCodeInvalid:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(work, range(4))) == [False, False, False, True]
    with unit_of_work() as session:
        assert len(session.scalars(select(Claim)).all()) == 1


def test_wrong_codes_are_counted_by_client_and_time(session, now):
    client = claim_codes.client_of("203.0.113.7", get_settings())
    for _ in range(claim_codes.MOST_WRONG):
        claim_codes.check_rate(session, client, now)
        claim_codes.count_wrong(session, client, now)
    with pytest.raises(TooManyAttempts):
        claim_codes.check_rate(session, client, now)
    claim_codes.check_rate(session, claim_codes.client_of("203.0.113.8", get_settings()), now)
    claim_codes.check_rate(session, client, now + timedelta(minutes=11))


def test_the_route_refuses_the_eleventh_wrong_code(client, session, now):
    body = {"code": "0000-0000-0000-0000", "recipient": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}
    codes = [client.post("/v1/claims/prepare", json=body).json()["error"]["code"] for _ in range(11)]
    assert codes == ["claim_code_invalid"] * 10 + ["too_many_claim_attempts"]
