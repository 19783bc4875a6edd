"""The state machine of a send, walked at random over a chain that reorganises, forgets and is used by strangers."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.chain import rules
from backend.chain.models import AttemptStatus as A
from backend.chain.models import SendStatus as S
from backend.chain.rules import Act, Found, Offer, Policy, Say, Sight, Try

ENDS = {S.FINAL, S.REVERTED, S.CANCELLED}
POLICY = Policy(bump_after=10, lost_after=5)


class AnySend(RuleBasedStateMachine):
    """One send against a small world. A block holds the id of one of our attempts, "stranger", or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[object] = [None]
        self.hashes: list[bytes] = [bytes(32)]
        self.pool: set[object] = set()
        self.send = S.SENDING
        self.tries: list[Try] = []
        self.said: list[Say] = []
        self.clock = 0.0
        self.since = 0.0
        self.fails: dict[object, bool] = {}

    @initialize(fails=st.booleans())
    def broadcast(self, fails: bool) -> None:
        self.tries = [Try(uuid4(), 0, A.BROADCAST)]
        self.fails[self.tries[0].id] = fails
        self.pool.add(self.tries[0].id)

    @property
    def finalized(self) -> int:
        return max(len(self.blocks) - 3, 0)

    def _used(self, upto: int) -> int:
        """Count the nonces used: ours is 0, or the next after each one that was dropped."""
        return sum(1 for content in self.blocks[: upto + 1] if content is not None)

    def _nonce(self, one: object) -> int:
        return next(t.nonce for t in self.tries if t.id == one)

    @rule()
    def mine_nothing(self) -> None:
        self._seal(None)

    @rule(newest=st.booleans())
    def mine_from_the_pool(self, newest: bool) -> None:
        ready = [t.id for t in self.tries if t.id in self.pool and t.nonce == self._used(len(self.blocks))]
        self._seal((ready[-1] if newest else ready[0]) if ready else None)

    @rule()
    def a_stranger_uses_the_nonce(self) -> None:
        live = rules.live(self.tries)
        if live is not None and self._used(len(self.blocks)) == live.nonce:
            self._seal("stranger")

    def _seal(self, content: object) -> None:
        self.blocks.append(content)
        self.hashes.append(uuid4().bytes * 2)
        # As nodes do: what can no longer be mined leaves the pool.
        used = self._used(len(self.blocks))
        self.pool = {one for one in self.pool if self._nonce(one) >= used}

    @precondition(lambda self: len(self.blocks) > 3)
    @rule(depth=st.integers(1, 2))
    def reorg(self, depth: int) -> None:
        length = len(self.blocks)
        del self.blocks[-depth:], self.hashes[-depth:]
        while len(self.blocks) <= length:
            self._seal(None)

    @rule()
    def forget(self) -> None:
        self.pool.clear()

    @rule(seconds=st.sampled_from([1.0, 6.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock += seconds
        self.tries = [replace(t, age=t.age + seconds) for t in self.tries]

    @rule()
    def look(self) -> None:
        if self.send in ENDS or self.send == S.QUEUED:
            return
        verdict = rules.judge(self.send, self.tries, self._sight(), POLICY, self.clock - self.since)
        for key, status in verdict.attempts:
            self._move(key, status, verdict.winner)
        rules.check_send_step(self.send, verdict.send)
        if self.send != verdict.send:
            self.send, self.since = verdict.send, self.clock
        self.said += verdict.say
        self._act(verdict.act)

    def _sight(self) -> Sight:
        found = {}
        for number, content in enumerate(self.blocks):
            if any(t.id == content for t in self.tries):
                found[content] = Found(number, self.hashes[number], succeeded=not self.fails[content])
        known = frozenset(t.id for t in self.tries if t.id in self.pool or t.id in self.blocks)
        head = len(self.blocks) - 1
        return Sight(found, known, self.finalized, self._used(head), self._used(self.finalized))  # type: ignore[arg-type]

    def _move(self, key: object, status: A, winner: object) -> None:
        place = next(i for i, t in enumerate(self.tries) if t.id == key)
        rules.check_attempt_step(self.tries[place].status, status)
        mined_in = self.hashes[self.blocks.index(key)] if key == winner else None
        self.tries[place] = replace(self.tries[place], status=status, block_hash=mined_in)

    def _act(self, act: Act) -> None:
        live = rules.live(self.tries)
        if act is Act.NOTHING:
            return
        assert live is not None and live.status == A.BROADCAST
        if act is Act.SEND_AGAIN:
            if live.nonce >= self._used(len(self.blocks)):
                self.pool.add(live.id)
            return
        self._move(live.id, A.REPLACED, None)
        newer = Try(uuid4(), live.nonce, A.BROADCAST)
        self.fails[newer.id] = self.fails[live.id]
        self.tries.append(newer)
        self.pool.add(newer.id)

    @precondition(lambda self: self.send == S.UNKNOWN)
    @rule()
    def the_owner_says_it_did_not_happen(self) -> None:
        if rules.may_be_mined((t.nonce, t.status) for t in self.tries):
            return
        rules.check_send_step(self.send, S.QUEUED)
        self.send = S.SENDING
        self.tries.append(Try(uuid4(), self._used(len(self.blocks)), A.BROADCAST))
        self.fails[self.tries[-1].id] = False
        self.pool.add(self.tries[-1].id)

    @invariant()
    def one_live_attempt_a_nonce(self) -> None:
        holding = [t.nonce for t in self.tries if rules.holds_nonce(t.status)]
        assert len(holding) == len(set(holding))

    @invariant()
    def final_means_final(self) -> None:
        settled = [self.blocks.index(t.id) for t in self.tries if t.id in self.blocks]
        if self.send in {S.FINAL, S.REVERTED}:
            [block] = settled
            assert block <= self.finalized
            assert self.fails[self.blocks[block]] == (self.send == S.REVERTED)

    @invariant()
    def what_is_dropped_never_lands(self) -> None:
        assert not any(t.status == A.DROPPED and t.id in self.blocks for t in self.tries)

    @invariant()
    def mined_and_unmined_take_turns(self) -> None:
        words = [word for word in self.said if word in {Say.MINED, Say.UNMINED}]
        assert words == [Say.MINED, Say.UNMINED][: len(words)] or all(
            word == (Say.MINED, Say.UNMINED)[place % 2] for place, word in enumerate(words)
        )
        assert self.said.count(Say.FINAL) <= 1 and self.said.count(Say.REVERTED) <= 1

    def teardown(self) -> None:
        """In peace every send comes to an end, or waits for its owner's word."""
        if not self.tries:
            return
        for _ in range(12):
            self.look()
            self.mine_from_the_pool(newest=True)
            self.time_passes(6.0)
        self.look()
        lost = [t for t in self.tries if t.status == A.DROPPED]
        assert self.send in ENDS or (self.send == S.UNKNOWN and lost)


TestAnySend = AnySend.TestCase
TestAnySend.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

FEES = st.integers(1, 10**15)


@given(FEES, FEES, FEES, FEES)
def test_a_raised_offer_is_at_least_an_eighth_higher_and_never_above_the_ceiling(
    max_fee: int, tip: int, market: int, ceiling: int
) -> None:
    old = Offer(max(max_fee, tip), min(max_fee, tip))
    new = rules.raised(old, Offer(market, market // 2), ceiling)
    if new is None:
        assert old.max_fee * 9 // 8 + 1 >= ceiling
        return
    assert new.max_fee * 8 >= old.max_fee * 9 and new.priority_fee * 8 >= old.priority_fee * 9
    assert new.priority_fee <= new.max_fee <= ceiling


def test_a_first_offer_is_capped() -> None:
    assert rules.capped(Offer(100, 80), 50) == Offer(50, 50)
    assert rules.capped(Offer(40, 30), 50) == Offer(40, 30)


@pytest.mark.parametrize("end", sorted(ENDS))
def test_an_ended_send_stays_as_it_is(end: S) -> None:
    for status in S:
        if status != end:
            with pytest.raises(rules.IllegalStep):
                rules.check_send_step(end, status)
