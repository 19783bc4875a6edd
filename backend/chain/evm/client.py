"""ChainPort for any EVM network: web3.py's HTTP provider, our words for its answers.

Responses are taken raw: web3's formatters trip over the headers of proof-of-authority chains and hide error codes.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import requests
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from backend.chain.evm import answers
from backend.chain.port import (
    Block,
    BlockRef,
    ChainUnreachable,
    Fees,
    Receipt,
    ReceiptLog,
    SentTransaction,
    WrongChain,
    hex_of,
)
from backend.kit import logs

_log = logs.get(__name__)
_TIMEOUT_SECONDS = 5.0
_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.2
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_HASH_LENGTH = 32
_REWARD_PERCENTILE = 60
_FEE_BLOCKS = 5
_LEAST_PRIORITY_FEE = 1_000_000_000
Json = Any


def _unhex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _ref(block: BlockRef | None) -> Json:
    """Name a block in a call's parameters; a hash in the form of EIP-1898."""
    if block is None:
        return "latest"
    if isinstance(block, bytes):
        return {"blockHash": hex_of(block)}
    return hex(block) if isinstance(block, int) else block


def _to_block(answer: Json) -> Block | None:
    if answer is None:
        return None
    return Block(
        number=int(answer["number"], 16),
        hash=_unhex(answer["hash"]),
        parent_hash=_unhex(answer["parentHash"]),
        timestamp=datetime.fromtimestamp(int(answer["timestamp"], 16), UTC),
    )


class EvmChain:
    """One EVM network behind one node. `finality_depth` None trusts the finalized tag, else counts blocks."""

    def __init__(self, chain_id: int, rpc_url: str, finality_depth: int | None = None) -> None:
        """Keep the settings; nothing is asked before the first use."""
        self._expected_chain_id = chain_id
        self._finality_depth = finality_depth
        self._provider = HTTPProvider(
            rpc_url, request_kwargs={"timeout": _TIMEOUT_SECONDS}, exception_retry_configuration=None
        )
        self._checked = False
        self._check_lock = Lock()

    def chain_id(self) -> int:
        """Return the chain id the node reports."""
        return int(self._request("eth_chainId"), 16)

    def call(
        self,
        to: bytes | None,
        data: bytes,
        block: BlockRef | None = None,
        *,
        sender: bytes | None = None,
        value: int = 0,
    ) -> bytes:
        """Run eth_call."""
        return _unhex(self._ask("eth_call", self._message(sender, to, data, value), _ref(block)))

    def code_at(self, address: bytes, block: BlockRef | None = None) -> bytes:
        """Run eth_getCode."""
        return _unhex(self._ask("eth_getCode", hex_of(address), _ref(block)))

    def balance(self, address: bytes) -> int:
        """Run eth_getBalance."""
        return int(self._ask("eth_getBalance", hex_of(address), "latest"), 16)

    def nonce(self, address: bytes, block: BlockRef = "latest") -> int:
        """Run eth_getTransactionCount; `finalized` respects the set depth."""
        at: BlockRef = self.finalized().number if block == "finalized" else block
        return int(self._ask("eth_getTransactionCount", hex_of(address), _ref(at)), 16)

    def fees(self) -> Fees:
        """Offer twice the base fee plus what the middle of recent blocks paid on top."""
        history = self._ask("eth_feeHistory", hex(_FEE_BLOCKS), "latest", [_REWARD_PERCENTILE])
        base_fee = int(history["baseFeePerGas"][-1], 16)
        rewards = sorted(int(row[0], 16) for row in history.get("reward") or [["0x0"]])
        priority_fee = max(rewards[len(rewards) // 2], _LEAST_PRIORITY_FEE)
        return Fees(base_fee=base_fee, max_fee=2 * base_fee + priority_fee, priority_fee=priority_fee)

    def estimate_gas(self, sender: bytes, to: bytes, data: bytes, value: int = 0, block: BlockRef = "pending") -> int:
        """Run eth_estimateGas."""
        return int(self._ask("eth_estimateGas", self._message(sender, to, data, value), _ref(block)), 16)

    def send_raw(self, raw: bytes) -> bytes:
        """Run eth_sendRawTransaction. Asked twice because of a lost answer, it says AlreadyKnown."""
        return _unhex(self._ask("eth_sendRawTransaction", hex_of(raw)))

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Run eth_getTransactionReceipt."""
        answer = self._ask("eth_getTransactionReceipt", hex_of(tx_hash))
        if answer is None or answer.get("blockHash") is None:
            return None
        return Receipt(
            tx_hash=tx_hash,
            block_number=int(answer["blockNumber"], 16),
            block_hash=_unhex(answer["blockHash"]),
            succeeded=int(answer["status"], 16) == 1,
            gas_used=int(answer["gasUsed"], 16),
            logs=tuple(
                ReceiptLog(
                    log_index=int(log["logIndex"], 16),
                    address=_unhex(log["address"]),
                    topics=tuple(_unhex(topic) for topic in log["topics"]),
                    data=_unhex(log["data"]),
                )
                for log in answer["logs"]
            ),
        )

    def transaction(self, tx_hash: bytes) -> SentTransaction | None:
        """Run eth_getTransactionByHash."""
        answer = self._ask("eth_getTransactionByHash", hex_of(tx_hash))
        if answer is None:
            return None
        return SentTransaction(
            tx_hash=tx_hash,
            sender=_unhex(answer["from"]),
            to=_unhex(answer["to"]) if answer.get("to") else None,
            nonce=int(answer["nonce"], 16),
            value=int(answer["value"], 16),
            data=_unhex(answer["input"]),
        )

    def transaction_known(self, tx_hash: bytes) -> bool:
        """Run eth_getTransactionByHash."""
        return self._ask("eth_getTransactionByHash", hex_of(tx_hash)) is not None

    def head(self) -> Block:
        """Return the newest block."""
        return self._existing("latest")

    def finalized(self) -> Block:
        """Return the newest block that cannot be undone."""
        if self._finality_depth is None:
            return self._existing("finalized")
        return self._existing(max(self.head().number - self._finality_depth, 0))

    def block(self, ref: BlockRef) -> Block | None:
        """Run eth_getBlockByNumber or eth_getBlockByHash, without transactions."""
        if isinstance(ref, bytes) and len(ref) == _HASH_LENGTH:
            return _to_block(self._ask("eth_getBlockByHash", hex_of(ref), False))  # noqa: FBT003 - JSON-RPC
        return _to_block(self._ask("eth_getBlockByNumber", _ref(ref), False))  # noqa: FBT003 - JSON-RPC

    def _existing(self, ref: BlockRef) -> Block:
        block = self.block(ref)
        if block is None:
            raise ChainUnreachable("The node has not synchronised yet.", block=str(ref))
        return block

    def _message(self, sender: bytes | None, to: bytes | None, data: bytes, value: int) -> dict[str, str]:
        message = {"data": hex_of(data), "value": hex(value)}
        if to is not None:
            message["to"] = to_checksum_address(to)
        if sender is not None:
            message["from"] = to_checksum_address(sender)
        return message

    def _ask(self, method: str, *params: Json) -> Json:
        """Ask the node, after having made sure once that it serves the right chain."""
        if not self._checked:
            with self._check_lock:
                found = self.chain_id()
                if found != self._expected_chain_id:
                    raise WrongChain(expected=self._expected_chain_id, found=found)
                self._checked = True
        return self._request(method, *params)

    def _request(self, method: str, *params: Json) -> Json:
        """Ask, and ask again after a growing pause while the node is overloaded or gone. Raises ChainUnreachable."""
        problem = "no answer"
        for attempt in range(_TRIES):
            if attempt:
                pause = _FIRST_PAUSE_SECONDS * 2**attempt
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            try:
                return self._once(method, params)
            except answers.Overloaded as busy:
                problem = str(busy)
            except requests.HTTPError as error:
                status = error.response.status_code if error.response is not None else _SERVER_ERROR
                if status != _TOO_MANY_REQUESTS and status < _SERVER_ERROR:
                    raise ChainUnreachable(f"The node answers with HTTP {status}.", method=method) from None
                problem = f"HTTP {status}"
            except (requests.RequestException, ValueError) as error:
                # The exception's text would carry the node's address, and with it the key many providers put there.
                problem = type(error).__name__
            _log.warning("chain_node_trouble", method=method, problem=problem, attempt=attempt + 1)
        raise ChainUnreachable(method=method, problem=problem)

    def _once(self, method: str, params: Sequence[Json]) -> Json:
        answer: Json = self._provider.make_request(RPCEndpoint(method), list(params))
        if answer.get("error"):
            raise answers.translated(answer["error"])
        return answer["result"]
