"""The indexer in a few lines: follows the chain in memory block by block, undoes forks, settles what is final."""

from backend.chain import abi
from backend.chain.fake import FakeChain
from backend.chain.onlog import Log
from backend.kit.db import unit_of_work
from backend.tickets import holdings, onchain
from tests.factories.tickets import NETWORK

_CONTRACT = "TicketCollection"


class Index:
    """Reads blocks past the port: whatever is wrong with the worker's node, the index has its own."""

    def __init__(self, chain: FakeChain) -> None:
        self._chain = chain
        self._seen: list[bytes] = [chain._sealed[0].block.hash]
        self._settled = {onchain.settle_batches: 0, onchain.settle_tokens: 0, onchain.follow_keys: 0}

    def follow(self) -> None:
        """Take in what is new: each step commits by itself."""
        sealed = self._chain._sealed
        fork = 0
        while fork < min(len(self._seen), len(sealed)) and self._seen[fork] == sealed[fork].block.hash:
            fork += 1
        if fork < len(self._seen):
            with unit_of_work() as session:
                onchain.forget(session, NETWORK, fork, {})
            del self._seen[fork:]
        logs = self._logs(fork, len(sealed) - 1)
        with unit_of_work() as session:
            self._hand(session, onchain.project, holdings.EVENTS, logs)
        self._seen = [one.block.hash for one in sealed]
        final = max(len(sealed) - 1 - self._chain._finality_depth, 0)
        for handler, events in (
            (onchain.settle_batches, ("BatchMinted", "BatchCancelled")),
            (onchain.settle_tokens, ("Transfer", "StatusChanged")),
            (onchain.follow_keys, ("MinterChanged", "OperatorChanged")),
        ):
            with unit_of_work() as session:
                self._hand(session, handler, events, self._logs(self._settled[handler] + 1, final))
            self._settled[handler] = max(self._settled[handler], final)

    def _logs(self, start: int, end: int) -> list[Log]:
        return [
            Log(
                network=NETWORK,
                block_number=one.block.number,
                block_hash=one.block.hash,
                block_timestamp=one.block.timestamp,
                tx_hash=receipt.tx_hash,
                log_index=log.log_index,
                address=log.address,
                topics=log.topics,
                data=log.data,
            )
            for one in self._chain._sealed[start : end + 1]
            for receipt in one.receipts.values()
            for log in receipt.logs
        ]

    def _hand(self, session, handler, events, logs: list[Log]) -> None:
        topics = {abi.topic(_CONTRACT, name) for name in events}
        if wanted := [log for log in logs if log.topics[0] in topics]:
            handler(session, NETWORK, wanted)
