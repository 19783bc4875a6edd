"""One account with every role and every right, one that it trades with, and all that they may call inside another call.

Neither has a key (both answer ERC-1271 to anything), so every call below would succeed by itself. What stops it inside
another call is the lock, or what the other call has changed already: never a missing role.
"""

from dataclasses import dataclass
from enum import IntEnum
from itertools import product

import ape
from eth_abi import decode
from eth_utils import keccak
from signing import NO_PERMIT
from trading import ALWAYS
from world import LOCKED, VOID, ZERO, entries, rules, token

SIGNED = b"\x01"
PERMIT = (1, 1, 0, bytes(32), bytes(32))
PRICE = 10**6
RICH = 10**24
RECOVERY_DELAY = 2 * 86_400
SINGLE, SAFE = 1 << 52, 1 << 51


class Point(IntEnum):
    """The moment in which a call hands over control; as in the double."""

    NEVER, COIN, TICKET, TRANSFER_FROM, TRANSFER, PERMIT, SIGNATURE = range(7)


@dataclass(frozen=True)
class Call:
    """A call of the account with every right. Functions are named by their signature: some names have two."""

    contract: str
    function: str
    target: str
    data: bytes
    value: int = 0

    def __str__(self):
        return f"{self.contract}.{self.function}"

    @property
    def encoded(self):
        return (self.target, self.value, self.data)


@dataclass(frozen=True)
class Outcome:
    """How two calls ended, and a hash over what every view answered then."""

    outer_ok: bool
    inner_ok: bool
    fired: bool
    outer_error: bytes
    inner_error: bytes
    state: bytes


_OUTCOME = "(bool,bool,bool,bytes4,bytes4,bytes32)"
NOTHING = (ZERO, 0, b"")


class World:
    """A factory, a token, a market and a collection that belong to the hostile account, in one currency."""

    def __init__(self, project, params, people, *, native):
        self.people, self.native = people, native
        admin = people.admin
        self.actor = admin.deploy(project.Reenterer, ZERO, value=10**18)
        self.peer = admin.deploy(project.Reenterer, self.actor, value=10**18)
        me, peer = self.actor.address, self.peer.address
        self.currency = ZERO if native else me
        self.factory = admin.deploy(project.CollectionFactory, me)
        self.bks = admin.deploy(project.BKS, me)
        self.market = admin.deploy(project.ResaleMarket, me, self.factory, me, 250)
        self.implementation = admin.deploy(project.TicketCollection)
        powers = dict.fromkeys(("promoter", "minter", "claimSigner", "operator", "guardian", "quoteSigner"), me)
        limits = {"claimsPerDay": 1000, "quotesPerDay": 1000, "minterAllowance": 1000, "mintsPerDay": 1000}
        money = {"royaltyReceiver": peer, "treasury": peer, "feeReceiver": me, "resaleCurrency": self.currency}
        terms = {"market": self.market.address, "rules": rules(), "tiers": [(1, RICH, 1, 1)]}
        self.params = params(**powers, **limits, **money, **terms)
        self.do(self.factory.addVersion, self.implementation)
        self.do(self.factory.deploy, tuple(self.params.values()), 0, b"")
        address = self.factory.predict(me, self.params["eventRef"], 1)
        self.collection = project.TicketCollection.at(address, fetch_from_explorer=False)
        self.contracts = {
            "TicketCollection": self.collection,
            "ResaleMarket": self.market,
            "CollectionFactory": self.factory,
            "BKS": self.bks,
        }
        self._mint()
        self._pay()
        self._ask()
        self._watch()

    # ---- making it

    def do(self, method, *args, value=0):
        """Call as the hostile account, for good."""
        self._execute(self.actor, method, args, value)

    def _execute(self, account, method, args, value=0):
        call = (method.contract.address, value, method.encode_input(*args))
        account.execute(call, sender=self.people.stranger, value=value)

    def _mint(self):
        c, me, peer = self.collection, self.actor, self.peer
        self.mine, self.peers = [token(1, i) for i in range(6)], [token(1, 6 + i) for i in range(4)]
        self.escrowed = token(1, 10)
        owners = [me] * 6 + [peer] * 4 + [c]
        self.do(c.mintBatch, 1, entries(*[(owner.address, 1) for owner in owners]))
        self.void, self.locked, self.asked = self.mine[3:6]
        self.do(c.setStatus, [self.void], VOID)
        self.do(c.setStatus, [self.locked, self.asked], LOCKED)
        self.do(c.requestRecovery, self.asked, peer)
        self.code_hash = keccak(ape.chain.provider.get_code(me.address))
        self.do(c.setReceiverCodeHash, self.code_hash, True)

    def _pay(self):
        """Leave money everywhere: of a purchase, of a sale whose payments were refused, of the box office."""
        for account in (self.actor, self.peer):
            self.actor.give(account, RICH, sender=self.people.stranger)
        self.do(self.collection.buy, self.quote(1), SIGNED, NO_PERMIT, value=self.coins(PRICE))
        self.do(self.market.fundBuyback, self.collection, 4 * PRICE, NO_PERMIT, value=self.coins(4 * PRICE))
        self.do(self.market.setBuybackPrice, self.collection, 1, PRICE)
        self.actor.refuse(True, sender=self.people.stranger)
        self.do(self.market.buy, self.listing(self.peers[3]), SIGNED, [], PRICE, NO_PERMIT, value=self.coins(PRICE))
        self.actor.refuse(False, sender=self.people.stranger)
        self.do(self.bks.setMinter, self.actor, True)
        self.do(self.bks.mint, self.actor, RICH)
        self.do(self.bks.approve, self.actor, RICH)

    def _ask(self):
        """Begin what takes time: a recovery is ready, the peer asks for every contract."""
        ape.chain.pending_timestamp += RECOVERY_DELAY
        for contract in self.contracts.values():
            self._execute(self.peer, contract.requestOwnershipHandover, ())

    def coins(self, amount):
        """Return what comes along with a call that costs this much."""
        return amount if self.native else 0

    # ---- what is signed

    def quote(self, number):
        return (number.to_bytes(32, "big"), self.actor.address, 1, 2, self.currency, PRICE, PRICE // 10, ALWAYS)

    def listing(self, ticket):
        c, seller = self.collection.address, self.peer.address
        return (c, ticket, seller, 0, self.currency, PRICE, ALWAYS, 1000, 1000, 0, bytes(32))

    def offer(self, ticket):
        return (self.collection.address, ticket, 0, self.peer.address, self.currency, PRICE, ALWAYS, 0, bytes(32))

    def turn(self, ticket):
        return (self.collection.address, ticket, 0, self.actor.address, self.peer.address, PRICE, ALWAYS)

    def claim(self):
        return (self.escrowed, self.peer.address, 0, ALWAYS, bytes(32))

    # ---- trying

    def try_all(self, outer, inner, point=Point.NEVER, skip=0, views=None):
        """Return what comes of two calls: one inside the other; if both succeed, the inner one after the outer; and if
        that left another state, before it.
        """
        views = self.views if views is None else views
        calls = (outer.encoded, getattr(inner, "encoded", inner))
        data = self.actor.tryAll.encode_input(*calls, point, skip, views)
        asked = {"to": self.actor.address, "from": self.people.stranger.address, "data": "0x" + bytes(data).hex()}
        answer = ape.chain.provider.make_request("eth_call", [asked, "latest"])
        return [Outcome(*of) for of in decode([_OUTCOME] * 3, bytes.fromhex(answer[2:]))]

    def differences(self, outer, inner, point, skip):
        """Name the views that answer differently after `inner` inside `outer` and after one after the other."""
        found = []
        for name, view in self.watched.items():
            inside, afterwards, _ = self.try_all(outer, inner, point, skip, view)
            if inside.state != afterwards.state:
                found.append(name)
        return found

    # ---- the state

    def _watch(self):
        """Let every view of the four contracts make up the state, and every balance."""
        balance = self.actor.balanceOf
        self.watched = {}
        for name, account in ({"actor": self.actor, "peer": self.peer} | self.contracts).items():
            self.watched[f"coins of {name}"] = _view(account)
            self.watched[f"tokens of {name}"] = _view(self.actor, balance.encode_input(account))
        for name, contract in self.contracts.items():
            for method in contract.contract_type.view_methods:
                if method.stateMutability == "pure":
                    continue
                for args in product(*(self._samples(method.name, given) for given in method.inputs)):
                    data = getattr(contract, method.name).encode_input(*args)
                    self.watched[f"{name}.{method.name}{args}"] = _view(contract, data)
        self.views = b"".join(self.watched.values())

    def _samples(self, method, given):
        """Return arguments for which a view may answer something else after a call."""
        kind = str(given.type)
        if kind == "address":
            return [self.currency] if given.name == "currency" else [self.actor.address, self.peer.address]
        if kind == "bytes32":
            return [number.to_bytes(32, "big") for number in (1, 2)]
        if kind == "bytes4":
            return [bytes.fromhex("80ac58cd")]
        if method in {"ticket", "getApproved", "giftState", "recovery"}:
            minted_next = [token(2), token(2, 1), SINGLE | 13, SINGLE | SAFE | 13]
            return [*self.mine, *self.peers[:3], self.escrowed, SINGLE | 11, *minted_next]
        return [self.mine[0]] if given.name in {"tokenId", "id"} else [1, 2]


def _view(account, data=b""):
    return bytes.fromhex(account.address[2:]) + len(data).to_bytes(2, "big") + bytes(data)
