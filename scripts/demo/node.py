"""The chain as any client sees it: JSON-RPC to a node."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak, to_checksum_address

from scripts.demo.http import Answer, line, until
from scripts.demo.wallet import Wallet

GAS_MONEY = 10**17
"""What a fan needs for a few transactions of her own, in wei."""


def _call_data(signature: str, arguments: Sequence[Any]) -> str:
    inside = signature.rstrip(")").partition("(")[2]
    return f"0x{(keccak(text=signature)[:4] + encode([t for t in inside.split(',') if t], list(arguments))).hex()}"


class Node:
    """A client of one EVM node."""

    def __init__(self, url: str) -> None:
        """Speak to the node at `url`."""
        self.url = url
        self._ids = count(1)

    def ask(self, method: str, *parameters: Any) -> Any:
        """Call a JSON-RPC method. Raises RuntimeError with the node's words."""
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(parameters)}
        answer = line.post(self.url, json=body).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error'].get('message')} {answer['error'].get('data', '')}".strip())
        return answer["result"]

    def read(self, contract: str, signature: str, *arguments: Any, returns: str) -> Any:
        """Call a view such as `ownerOf(uint256)` and decode its one result."""
        result = self.ask("eth_call", {"to": contract, "data": _call_data(signature, arguments)}, "latest")
        (value, *_) = decode([returns], bytes.fromhex(result[2:]))
        return to_checksum_address(value) if returns == "address" else value

    def owner_of(self, collection: str, token_id: int) -> str:
        """Return who owns a token, by the contract's own word."""
        owner: str = self.read(collection, "ownerOf(uint256)", token_id, returns="address")
        return owner

    def has_code(self, address: str) -> bool:
        """Tell whether a contract stands at the address."""
        return bool(self.ask("eth_getCode", address, "latest") != "0x")

    def send(self, raw: str) -> str:
        """Broadcast a signed transaction, wait until it is mined, return its hash. RuntimeError when it reverts."""
        tx_hash: str = self.ask("eth_sendRawTransaction", raw)
        receipt = until(f"transaction {tx_hash}", lambda: self.ask("eth_getTransactionReceipt", tx_hash))
        if receipt["status"] != "0x1":
            raise RuntimeError(f"transaction {tx_hash} reverted")
        return tx_hash

    def transact(self, sender: Wallet, contract: str, signature: str, *arguments: Any) -> str:
        """Call `mint(address,uint256)` or the like from a wallet, as any tool does; return the transaction's hash."""
        call = {"from": sender.address, "to": contract, "data": _call_data(signature, arguments)}
        gas = int(self.ask("eth_estimateGas", call), 16)
        price = 2 * int(self.ask("eth_gasPrice"), 16)
        return self.send(
            sender.sign_transaction(
                {
                    "chainId": int(self.ask("eth_chainId"), 16),
                    "nonce": int(self.ask("eth_getTransactionCount", sender.address, "pending"), 16),
                    "to": contract,
                    "value": 0,
                    "data": call["data"],
                    "gas": gas * 12 // 10,
                    "maxFeePerGas": price,
                    "maxPriorityFeePerGas": min(price, 10**9),
                    "type": 2,
                }
            )
        )

    def refusal(self, transaction: Answer) -> str:
        """Return the selector of the error with which the chain refuses a transaction now; "" if it takes it."""
        fields = {name: transaction[name] for name in ("from", "to", "data", "value")}
        answer = line.post(
            self.url, json={"jsonrpc": "2.0", "id": next(self._ids), "method": "eth_call", "params": [fields, "latest"]}
        ).json()
        return str(answer.get("error", {}).get("data", ""))[:10]

    def give(self, giver: Wallet, receiver: str, wei: int = GAS_MONEY) -> str:
        """Send coins from one wallet to another, as a friend or a faucet would."""
        price = 2 * int(self.ask("eth_gasPrice"), 16)
        return self.send(
            giver.sign_transaction(
                {
                    "chainId": int(self.ask("eth_chainId"), 16),
                    "nonce": int(self.ask("eth_getTransactionCount", giver.address, "pending"), 16),
                    "to": receiver,
                    "value": wei,
                    "gas": 21_000,
                    "maxFeePerGas": price,
                    "maxPriorityFeePerGas": min(price, 10**9),
                    "type": 2,
                }
            )
        )
