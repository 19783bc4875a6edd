"""For each function that changes state: calls of it that a hostile account would like to make at the wrong moment.

The first of each is one that succeeds by itself, unless the function never does.
"""

from dataclasses import dataclass

from eth_utils import keccak
from reentry import PERMIT, PRICE, SIGNED, Call
from signing import permit
from trading import ALWAYS
from world import LOCKED, SALE, USED, VOID, entries, rules

ALONE = {
    "TicketCollection.initialize": "AlreadyInitialized",
    "TicketCollection.marketMove": "NotMarket",
    "BKS.unpause": "TokenIsNotPaused",
    "transferOwnership": "OneStepOwnershipDisabled",
    "renounceOwnership": "OneStepOwnershipDisabled",
}
"""What fails by itself too, in every contract or in one; and its error."""


@dataclass(frozen=True)
class Coins:
    """Last of a call's arguments: what it costs where the currency is the native coin."""

    amount: int


def cases(world):
    """Return the calls by (contract, signature of the function)."""
    made = {}
    ownership = {name: [()] for name in ("requestOwnershipHandover", "cancelOwnershipHandover", "renounceOwnership")}
    ownership |= {name: [(world.peer,)] for name in ("completeOwnershipHandover", "transferOwnership")}
    for name, own in (
        ("TicketCollection", _collection(world)),
        ("ResaleMarket", _market(world)),
        ("CollectionFactory", _factory(world)),
        ("BKS", _bks(world)),
    ):
        for method, variants in (own | ownership).items():
            for arguments in variants:
                call = _call(world, name, method, arguments)
                made.setdefault((name, call.function), []).append(call)
    return made


def functions(contract):
    """Return the signatures of all functions that change state, by their first four bytes."""
    return {keccak(text=abi.selector)[:4]: abi.selector for abi in contract.contract_type.mutable_methods}


def _call(world, name, method, arguments):
    value = 0
    if arguments and isinstance(arguments[-1], Coins):
        arguments, value = arguments[:-1], world.coins(arguments[-1].amount)
    contract = world.contracts[name]
    data = bytes(getattr(contract, method).encode_input(*arguments))
    return Call(name, functions(contract)[data[:4]], contract.address, data, value)


def _collection(w):
    me, peer, cost = w.actor, w.peer, Coins(PRICE)
    # The ticket that other calls move too, one of the peer's that they buy, and one of its own.
    moves = [(me, peer, w.mine[1]), (me, peer, w.mine[0]), (peer, me, w.peers[0]), (me, peer, w.peers[0])]
    return {
        "approve": [(peer, w.mine[1]), (peer, w.mine[0]), (peer, w.peers[0])],
        "burn": [(w.void,), (w.mine[0],)],
        "buy": [(w.quote(2), SIGNED, PERMIT, cost), (w.quote(1), SIGNED, PERMIT, cost)],
        "cancelBatch": [(2,)],
        "cancelRecovery": [(w.asked,)],
        "changeState": [(w.mine[1], b"", 3, 0), (w.mine[0], b"", 2, 0)],
        "claim": [(w.claim(), SIGNED, SIGNED)],
        "freezeMetadata": [()],
        "initialize": [(tuple(w.params.values()),)],
        "issue": [([w.mine[1]], [peer]), ([w.mine[0]], [peer]), ([w.peers[0]], [peer])],
        "marketMove": [(SALE, me, peer, w.mine[0], 0, w.currency, PRICE)],
        "mintBatch": [(2, entries((me, 1), (peer, 1)))],
        "publishTiers": [([(2, 10**18, 1, 1)],)],
        "recover": [(w.asked,)],
        "requestRecovery": [(w.locked, peer), (w.asked, me)],
        "rotateClaimSigner": [(peer,)],
        "rotateMinter": [(peer,)],
        "rotateQuoteSigner": [(peer,)],
        "safeMint": [(peer, b"")],
        "safeTransferFrom": [*moves, *[(*move, b"\1") for move in moves]],
        "setApprovalForAll": [(peer, True)],
        "setBaseURI": [("ipfs://other/",)],
        "setClaimSigner": [(peer, 5)],
        "setFeeReceiver": [(peer,)],
        "setGuardian": [(peer,)],
        "setMinter": [(peer, 5)],
        "setMintsPerDay": [(5,)],
        "setOperator": [(peer,)],
        "setPaused": [(15,)],
        "setQuoteSigner": [(peer, 5)],
        "setReceiverCodeHash": [(w.code_hash, False), (b"\1" * 32, True)],
        "setRoyalty": [(me, 1000), (peer, 0)],
        "setRules": [(rules(resale=False, freezeAt=1),), (rules(capBps=0, maxPerWallet=1),)],
        "setStatus": [([w.mine[1]], USED), ([w.mine[0]], VOID), ([w.peers[0]], LOCKED)],
        "setTreasury": [(me,)],
        "transferFrom": moves,
        "withdraw": [(w.currency,)],
        "withdrawFees": [(w.currency,)],
    }


def _market(w):
    c, me, cost = w.collection, w.actor, Coins(PRICE)
    listings = [w.listing(ticket) for ticket in w.peers[:2]]
    offers = [w.offer(ticket) for ticket in w.mine[:2]]
    hashes = [w.market.hashListing(listings[0]), w.market.hashOffer(offers[0])]
    return {
        "acceptOffer": [(offer, SIGNED, 0, PERMIT) for offer in offers],
        "buy": [(listing, SIGNED, [], PRICE, PERMIT, cost) for listing in listings],
        "cancel": [(hashes,)],
        "cancelAll": [()],
        "fundBuyback": [(c, PRICE, PERMIT, cost)],
        "sellBack": [(w.turn(ticket), SIGNED) for ticket in w.mine[:2]],
        "setBuybackPrice": [(c, 1, 0), (c, 1, 2 * PRICE)],
        "setFee": [(w.peer, 1000), (me, 0)],
        "withdraw": [(w.currency, me), (w.currency, w.peer)],
        "withdrawBuyback": [(c, PRICE, me), (c, 4 * PRICE, me)],
    }


def _factory(w):
    other = w.params | {"eventRef": b"\x77" * 32}
    return {
        "addVersion": [(w.implementation,)],
        "deploy": [(tuple(other.values()), 0, b""), (tuple(w.params.values()), 0, b"")],
        "setDeployer": [(w.peer, True)],
    }


def _bks(w):
    me, peer, anna = w.actor, w.peer, w.people.anna
    value, deadline, *signature = permit(anna, w.bks, peer, 1, ALWAYS)
    return {
        "approve": [(peer, 1)],
        "mint": [(peer, 1)],
        "pause": [()],
        "permit": [(anna, peer, value, deadline, *signature)],
        "redeem": [(b"\1" * 32, 1)],
        "reward": [(b"\1" * 32, me, 1)],
        "setMinter": [(peer, True)],
        "setPauser": [(peer, True)],
        "transfer": [(peer, 1)],
        "transferFrom": [(me, peer, 1)],
        "unpause": [()],
    }
