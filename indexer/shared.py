"""Several nodes of one chain: one is read, the next takes over on trouble, and another confirms what is final."""

from collections.abc import Sequence
from time import monotonic

import msgspec

from backend.chain import networks
from backend.kit import logs
from indexer.follower import WrongChain
from indexer.node import Node, Tip
from indexer.rpc import PATIENCE, Call, NodeRefused, NodeTrouble, Rpc

_PAUSE_SECONDS = 0.5
_log = logs.get(__name__)


class SharedRpc(Rpc):
    """The endpoint that is read now. It changes only between steps, so a block and its logs come from one node."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Begin with the first."""
        self.endpoints = [Rpc(url) for url in urls]
        self.at = 0

    def close(self) -> None:
        """Close all connections."""
        for endpoint in self.endpoints:
            endpoint.close()

    def attempt(self, calls: Sequence[Call]) -> list[msgspec.Raw | NodeRefused]:
        """Ask the present endpoint."""
        return self.endpoints[self.at].attempt(calls)

    def turn(self) -> bool:
        """Go over to the next endpoint; False when there is no other. Its chain has to be checked before it is read."""
        if len(self.endpoints) == 1:
            return False
        self.at = (self.at + 1) % len(self.endpoints)
        _log.warning("indexer_changes_endpoint", place=self.at + 1, of=len(self.endpoints))
        return True


def answering(urls: Sequence[str], network: str, patience: float = PATIENCE) -> Rpc:
    """Return the first endpoint that answers and serves `network`: for questions that are asked once.

    Raises NodeTrouble when there is none, with what each said; WrongChain when all that answer serve other chains.
    """
    said: list[NodeTrouble | WrongChain] = []
    for place, url in enumerate(urls, 1):
        rpc = Rpc(url, patience)
        try:
            chain_id, _ = Node(rpc, None).identity()
            if chain_id == networks.network(network).chain_id:
                return rpc
            said.append(WrongChain(f"endpoint {place} serves eip155:{chain_id}, expected {network}"))
        except NodeTrouble as trouble:
            said.append(NodeTrouble(f"endpoint {place}: {trouble}"))
        rpc.close()
    words = "; ".join(map(str, said)) or "no endpoint is named: set EVM_RPC_URL"
    raise (WrongChain if said and all(isinstance(one, WrongChain) for one in said) else NodeTrouble)(words)


class SharedNode(Node):
    """The node that is read now; with others there, only what one of them confirms is final."""

    def __init__(self, rpc: SharedRpc, finality_depth: int | None) -> None:
        """Read through `rpc`, and let its other endpoints confirm."""
        super().__init__(rpc, finality_depth)
        self._shared = rpc
        self._nodes = [Node(endpoint, finality_depth) for endpoint in rpc.endpoints]
        self._identities: dict[int, tuple[int, bytes]] = {}
        self._agreed: tuple[int, bytes] | None = None
        self._ask_again = 0.0
        self._is_alone = False

    def tip(self) -> Tip:
        """Return the newest block, and the newest another node calls final too; block 0 while none does."""
        tip = super().tip()
        if len(self._nodes) == 1 or tip.finalized == 0:
            return tip
        if monotonic() < self._ask_again:
            # A step is a fraction of a second: the other nodes are not asked as often as ours.
            return Tip(tip.head, *self._agreed_within(tip))
        self._ask_again = monotonic() + _PAUSE_SECONDS
        agreed = self._confirmed(tip)
        if (agreed is None) is not self._is_alone:
            self._is_alone = agreed is None
            _log.error("index_finality_unconfirmed") if self._is_alone else _log.info("index_finality_agreed")
        self._agreed = agreed
        return Tip(tip.head, *self._agreed_within(tip))

    def _agreed_within(self, tip: Tip) -> tuple[int, bytes | None]:
        return (0, None) if self._agreed is None or self._agreed[0] > tip.finalized else self._agreed

    def _confirmed(self, tip: Tip) -> tuple[int, bytes] | None:
        """Return height and hash another node agrees on. Raises NodeTrouble when two others say we read a wrong one."""
        here = self._shared.at
        against: set[tuple[int, bytes]] = set()
        for place in (each for each in range(len(self._nodes)) if each != here):
            try:
                self._same_chain(place, here)
                height = min(tip.finalized, self._nodes[place].tip().finalized)
                [theirs] = self._nodes[place].headers([height])
            except NodeTrouble as trouble:
                self._identities.pop(place, None)
                _log.info("index_witness_silent", place=place + 1, reason=str(trouble))
                continue
            [mine] = self.headers([height])
            if mine is None:
                raise NodeTrouble(f"the node does not have block {height}, which it calls final")
            if theirs is None:
                continue
            if theirs.hash == mine.hash:
                return height, mine.hash
            _log.error("index_endpoints_disagree", block=height, places=[here + 1, place + 1])
            if (height, theirs.hash) in against:
                raise NodeTrouble(f"two other nodes have another final block {height}")
            against.add((height, theirs.hash))
        return None

    def _same_chain(self, place: int, here: int) -> None:
        """Raise NodeTrouble unless both begin with the same block of the same chain id."""
        for each in (place, here):
            if each not in self._identities:
                self._identities[each] = self._nodes[each].identity()
        if self._identities[place] != self._identities[here]:
            raise NodeTrouble("it serves another chain")
