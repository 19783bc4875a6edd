"""Leaves and trees, against a second implementation, a published vector and what a verifier on chain does."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from backend.chain.merkle import climb, levels, siblings, widths
from backend.checkpoints import rules
from backend.checkpoints.rules import HELD_BYTES, ID_BYTES, NODE_BYTES, Holds, Packed

COLLECTION = b"\xc0" * 20
HOLDS = st.builds(Holds, st.integers(0, 2**53 - 1), st.binary(min_size=20, max_size=20), st.integers(0, 3))
TICKETS = st.lists(HOLDS, min_size=1, max_size=60, unique_by=lambda one: one.token_id).map(
    lambda found: sorted(found, key=lambda one: one.token_id)
)


def openzeppelin_leaf(types, values):
    """StandardMerkleTree's leaf: https://github.com/OpenZeppelin/merkle-tree, "Standard Merkle Trees"."""
    return keccak(keccak(encode(types, values)))


def process_proof(leaf, proof):
    """OpenZeppelin's MerkleProof.processProof with its commutative keccak256, written down from its documentation."""
    for sibling in proof:
        leaf = keccak(leaf + sibling) if leaf < sibling else keccak(sibling + leaf)
    return leaf


def root_by_halves(leaves):
    """The same tree by recursion from above: a left subtree as wide as a power of two, the rest right of it."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    one, other = root_by_halves(leaves[:half]), root_by_halves(leaves[half:])
    return keccak(min(one, other) + max(one, other))


def leaves_of(tickets):
    types = ["address", "uint256", "address", "uint8"]
    return [openzeppelin_leaf(types, (COLLECTION, t.token_id, t.owner, t.status)) for t in tickets]


def test_a_tree_of_the_published_example_has_the_published_root():
    # README of OpenZeppelin's merkle-tree: two leaves of (address, uint256).
    values = [(b"\x11" * 20, 5 * 10**18), (b"\x22" * 20, 25 * 10**17)]
    grown = levels([openzeppelin_leaf(["address", "uint256"], one) for one in values])
    assert grown[-1][0].hex() == "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77"


@given(TICKETS)
def test_the_root_is_that_of_a_second_implementation(tickets):
    tree = rules.packed(COLLECTION, tickets)
    assert tree.root == root_by_halves(leaves_of(tickets))
    assert tree.tokens == len(tickets)


@given(TICKETS, st.data())
def test_every_ticket_is_proven_from_the_packed_rows_alone(tickets, data):
    tree = rules.packed(COLLECTION, tickets)
    one = data.draw(st.sampled_from(tickets))
    place = rules.place_of(tree.token_ids, one.token_id)
    held = tree.held[place * HELD_BYTES : (place + 1) * HELD_BYTES]
    assert rules.holds_at(one.token_id, held) == one
    proof = [tree.nodes[at : at + NODE_BYTES] for at in rules.sibling_slices(tree.tokens, place)]
    assert process_proof(leaves_of([one])[0], proof) == tree.root == climb(rules.leaf(COLLECTION, one), proof)
    assert len(proof) <= (len(tickets) - 1).bit_length()


@given(TICKETS, HOLDS)
def test_nothing_else_is_proven(tickets, stranger):
    tree = rules.packed(COLLECTION, tickets)
    if stranger in tickets:
        return
    for place in range(len(tickets)):
        proof = [tree.nodes[at : at + NODE_BYTES] for at in rules.sibling_slices(tree.tokens, place)]
        assert process_proof(leaves_of([stranger])[0], proof) != tree.root
        # A node of the tree is no leaf: leaves are hashed twice.
        assert all(process_proof(rules.leaf(b"\xc1" * 20, tickets[place]), proof[at:]) != tree.root for at in (0, 1))


@given(TICKETS, st.lists(HOLDS, max_size=20))
def test_a_tree_grown_from_an_older_one_is_the_tree_grown_from_nothing(tickets, changes):
    before = rules.packed(COLLECTION, tickets)
    now = sorted(
        ({t.token_id: t for t in tickets} | {t.token_id: t for t in changes}).values(), key=lambda t: t.token_id
    )
    assert rules.packed(COLLECTION, now, before) == rules.packed(COLLECTION, now)


def test_of_a_tree_in_which_one_ticket_moved_only_its_path_is_hashed_again(monkeypatch):
    from backend.chain import merkle

    tickets = [Holds(n, bytes(20), 0) for n in range(1000)]
    before = rules.packed(COLLECTION, tickets)
    hashed = []
    monkeypatch.setattr(merkle, "keccak", lambda data: hashed.append(data) or keccak(data))
    tickets[500] = Holds(500, b"\1" * 20, 0)
    rules.packed(COLLECTION, tickets, before)
    assert len(hashed) <= 10


def test_the_tickets_of_a_tree_stand_in_order():
    with pytest.raises(ValueError, match="rising order"):
        rules.packed(COLLECTION, [Holds(2, bytes(20), 0), Holds(1, bytes(20), 0)])
    with pytest.raises(ValueError, match="rising order"):
        rules.packed(COLLECTION, [Holds(1, bytes(20), 0), Holds(1, bytes(20), 1)])
    with pytest.raises(ValueError, match="a leaf or more"):
        rules.packed(COLLECTION, [])


@given(st.integers(1, 70))
def test_a_ticket_that_is_not_there_has_no_place(count):
    ids = b"".join((2 * n).to_bytes(ID_BYTES, "big") for n in range(count))
    assert [rules.place_of(ids, 2 * n) for n in range(count)] == list(range(count))
    assert all(rules.place_of(ids, 2 * n + 1) is None for n in range(count))
    assert rules.place_of(b"", 1) is None


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40))
def test_levels_are_as_wide_as_widths_says(leaves):
    grown = levels(leaves)
    assert [len(level) for level in grown] == widths(len(leaves))
    assert all(climb(leaf, siblings(grown, at)) == grown[-1][0] for at, leaf in enumerate(leaves))


def test_a_packed_tree_knows_its_root():
    assert Packed(bytes(8), bytes(21), b"\7" * 32).root == b"\7" * 32
