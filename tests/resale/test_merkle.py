"""Trees of listings: every leaf leads to the root, and nothing else does."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from backend.resale import merkle

LEAVES = st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=70, unique=True)


def as_the_market_climbs(node: bytes, proof) -> bytes:
    """Written down a second time, from the contract."""
    for sibling in proof:
        pair = [node, sibling] if node < sibling else [sibling, node]
        node = keccak(encode(["bytes32", "bytes32"], pair))
    return node


@given(LEAVES)
def test_every_leaf_leads_to_the_root(leaves):
    tree = merkle.grow(leaves)
    for leaf, proof in zip(leaves, tree.proofs, strict=True):
        assert as_the_market_climbs(leaf, proof) == merkle.climb(leaf, proof) == tree.root
        assert 1 <= len(proof) <= (len(leaves) - 1).bit_length()


@given(LEAVES, st.binary(min_size=32, max_size=32))
def test_what_is_no_leaf_leads_nowhere(leaves, stranger):
    tree = merkle.grow(leaves)
    if stranger not in leaves:
        assert all(merkle.climb(stranger, proof) != tree.root for proof in tree.proofs)
    assert merkle.climb(leaves[0], tree.proofs[0][:-1]) != tree.root


@pytest.mark.parametrize("leaves", [[], [bytes(32)], [bytes(32), bytes(32)]])
def test_a_tree_has_two_different_leaves(leaves):
    with pytest.raises(ValueError, match="two leaves"):
        merkle.grow(leaves)
