"""Whatever happens in whatever order, the index ends up as the contracts themselves say."""

from hypothesis import HealthCheck, given, settings, strategies

from tests.indexer.conftest import assert_same

_DO = strategies.one_of(
    strategies.tuples(strategies.just("mint"), strategies.integers(1, 4)),
    strategies.tuples(strategies.just("move"), strategies.integers(0, 50)),
    strategies.tuples(strategies.just("lock"), strategies.integers(0, 50)),
    strategies.tuples(strategies.just("mine"), strategies.integers(1, 3)),
    strategies.tuples(strategies.just("reorg"), strategies.integers(1, 6)),
    strategies.tuples(strategies.just("cut"), strategies.integers(1, 3)),
    strategies.tuples(strategies.just("read"), strategies.just(0)),
)


def _happen(chain, collection, what, number):
    """Do it if the chain allows it; what a reorg took away may leave nothing to move or lock."""
    held = sorted(key for key in chain.holdings() if key[0] == collection)
    _, token = held[number % len(held)] if held else (b"", 0)
    status = chain.ticket(collection, token)[2] if held else None
    if what == "mint" and chain.rpc("eth_getCode", "0x" + collection.hex(), "latest") != "0x":
        chain.mint(collection, *chain.people[:number])
    elif what == "move" and status == 0:
        chain.move(collection, token, chain.people[number % 10])
    elif what == "lock" and status in {0, 1}:
        chain.set_status(collection, token, 1 - status)
    elif what == "mine":
        chain.anvil.mine(number)
    elif what == "reorg":
        chain.reorg(number)
    elif what == "cut" and chain.head() > 15:
        chain.cut(number)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=strategies.lists(_DO, min_size=4, max_size=14))
def test_any_story_ends_with_the_index_as_the_chain(index, chain, story):
    chain.anvil.mine(8)  # earlier stories' collections are out of this one's reach
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:3])
    for what, number in story:
        if what == "read":
            index.catch_up()
        else:
            _happen(chain, collection, what, number)
    chain.anvil.mine(1)
    index.catch_up()
    assert_same(index, chain)
