"""The projection: facts in, holders out, and the same again after any reorg."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from backend.tickets import holdings
from backend.tickets.folding import BrokenStory, Movement, fold
from backend.tickets.models import Holding, TokenMovement
from tests.factories.tickets import ALICE, BOB, CAROL, NETWORK, Chain

WALLETS = [ALICE, BOB, CAROL]


def held(session):
    session.expire_all()
    rows = session.scalars(select(Holding).order_by(Holding.token_id))
    return {int(r.token_id): (r.owner, r.tier, r.status, r.epoch, r.minted_block, r.updated_block) for r in rows}


def test_a_minted_batch_is_held_by_its_entries_owners(session, now):
    chain = Chain()
    first, second = chain.mint(1, [(ALICE, 1), (BOB, 2)])
    holdings.apply(session, NETWORK, chain.taken())
    assert held(session) == {first: (ALICE, 1, 0, 0, 10, 10), second: (BOB, 2, 0, 0, 10, 10)}


def test_a_move_a_status_and_a_burn_are_folded_in_order(session, now):
    chain = Chain()
    (token,) = chain.mint(1, [(ALICE, 1)])
    chain.block().move(token, ALICE, BOB, epoch=1)
    chain.block().status(token, 3)
    chain.block().burn(token, BOB)
    holdings.apply(session, NETWORK, chain.taken())
    assert held(session) == {token: (bytes(20), 1, 3, 1, 10, 13)}
    kinds = session.scalars(select(TokenMovement.kind).order_by(TokenMovement.block_number)).all()
    assert kinds == ["MINT", "GIFT", "STATUS", "BURN"]


def test_applying_the_same_logs_again_changes_nothing(session, now):
    chain = Chain()
    (token,) = chain.mint(1, [(ALICE, 1)])
    chain.block().move(token, ALICE, BOB, epoch=1)
    logs = chain.taken()
    holdings.apply(session, NETWORK, logs)
    holdings.apply(session, NETWORK, logs)
    holdings.apply(session, NETWORK, logs[:3])
    assert held(session) == {token: (BOB, 1, 0, 1, 10, 11)}


def test_a_reorg_brings_the_former_holder_back(session, now):
    chain = Chain()
    (token,) = chain.mint(1, [(ALICE, 1)])
    chain.block().move(token, ALICE, BOB, epoch=1)
    holdings.apply(session, NETWORK, chain.taken())
    holdings.undo(session, NETWORK, 11)
    assert held(session) == {token: (ALICE, 1, 0, 0, 10, 10)}
    fork = Chain(branch=1)
    fork.block().move(token, ALICE, CAROL, epoch=1)
    holdings.apply(session, NETWORK, fork.taken())
    assert held(session) == {token: (CAROL, 1, 0, 1, 10, 11)}


def test_a_reorg_of_the_mint_leaves_nothing(session, now):
    chain = Chain()
    chain.mint(1, [(ALICE, 1)])
    holdings.apply(session, NETWORK, chain.taken())
    holdings.undo(session, NETWORK, 10)
    assert held(session) == {}


def test_another_collections_token_of_the_same_id_is_another_token(session, now):
    one, two = Chain(), Chain(address=b"\x99" * 20, branch=7)
    (token,) = one.mint(1, [(ALICE, 1)])
    two.mint(1, [(BOB, 1)])
    holdings.apply(session, NETWORK, one.taken() + two.taken())
    owners = session.execute(select(Holding.collection, Holding.owner).where(Holding.token_id == token))
    assert dict(owners.all()) == {one.address: ALICE, two.address: BOB}


def test_a_move_whose_reason_is_missing_concludes_nothing(session, now):
    chain = Chain()
    (token,) = chain.mint(1, [(ALICE, 1)])
    chain.emit("Transfer", ALICE, BOB, token)
    with pytest.raises(BrokenStory):
        holdings.apply(session, NETWORK, chain.taken())


def test_a_move_before_the_mint_concludes_nothing(session, now):
    chain = Chain()
    chain.move(1 << 16, ALICE, BOB, epoch=1)
    with pytest.raises(BrokenStory):
        holdings.apply(session, NETWORK, chain.taken())


@st.composite
def stories(draw):
    """A few blocks of things that can happen to the tokens of one batch, and where a reorg cuts."""
    chain = Chain()
    owners = dict.fromkeys(chain.mint(1, [(draw(st.sampled_from(WALLETS)), 1) for _ in range(3)]))
    epochs = dict.fromkeys(owners, 0)
    for log in chain.logs[2:]:
        owners[int.from_bytes(log.topics[3])] = log.topics[2][12:]
    for _ in range(draw(st.integers(0, 8))):
        if draw(st.booleans()):
            chain.block()
        token = draw(st.sampled_from(sorted(owners)))
        if draw(st.booleans()):
            to = draw(st.sampled_from(WALLETS))
            epochs[token] += 1
            chain.move(token, owners[token], to, epochs[token], kind=draw(st.integers(0, 5)))
            owners[token] = to
        else:
            chain.status(token, draw(st.integers(0, 3)))
    return chain.taken(), draw(st.integers(10, 19)), draw(st.integers(1, 5))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_undoing_blocks_equals_folding_what_is_left_from_nothing(session, story):
    logs, cut, step = story
    session.execute(delete(Holding))
    session.execute(delete(TokenMovement))
    blocks = sorted({log.block_number for log in logs})
    for start in range(0, len(blocks), step):
        wanted = set(blocks[start : start + step])
        holdings.apply(session, NETWORK, [log for log in logs if log.block_number in wanted])
    holdings.undo(session, NETWORK, cut)
    after_undo = held(session)
    session.execute(delete(Holding))
    session.execute(delete(TokenMovement))
    holdings.apply(session, NETWORK, [log for log in logs if log.block_number < cut])
    assert after_undo == held(session)


@given(st.permutations(range(5)))
def test_the_fold_does_not_depend_on_the_order_in_which_movements_are_read(order):
    story = [
        Movement(1, 0, "MINT", ALICE, 0, 1),
        Movement(1, 1, "GIFT", BOB, 1),
        Movement(2, 0, "STATUS", status=1),
        Movement(2, 1, "STATUS", status=0),
        Movement(3, 0, "SALE", CAROL, 2),
    ]
    folded = fold(story[place] for place in order)
    assert folded is not None
    assert (folded.owner, folded.epoch, folded.status, folded.updated_block) == (CAROL, 2, 0, 3)
