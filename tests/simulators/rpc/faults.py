"""What goes wrong at RPC providers, one function each. Those with arguments return the fault."""

import time
from collections.abc import Callable
from typing import Any

from eth_utils.crypto import keccak

from tests.simulators.rpc.proxy import Exchange, Fault

Json = Any


def dead(exchange: Exchange) -> None:
    """Take the question, say nothing, hang up."""
    exchange.drop()


def lost_answer(exchange: Exchange) -> Json | None:
    """Let the node take signed bytes, and lose its answer: the timeout after the accept."""
    if exchange.method != "eth_sendRawTransaction":
        return exchange.forward()
    exchange.forward()
    exchange.drop()
    return None


def swallowed(exchange: Exchange) -> Json:
    """Accept signed bytes in words only: nothing reaches the network."""
    if exchange.method != "eth_sendRawTransaction":
        return exchange.forward()
    return {"result": "0x" + keccak(bytes.fromhex(exchange.params[0][2:])).hex()}


def garbage(exchange: Exchange) -> None:
    """Answer with a page of a load balancer."""
    exchange.reply(b"<html>502 Bad Gateway</html>")


def nonsense(exchange: Exchange) -> Json:
    """Answer with valid JSON-RPC of a shape nobody asked for."""
    return {"result": [{"unexpected": exchange.method}]}


def failing(status: int) -> Fault:
    """Answer with an HTTP status alone."""

    def fault(exchange: Exchange) -> None:
        exchange.reply(b"", status)

    return fault


def limited(retry_after: str | None) -> Fault:
    """Answer HTTP 429, with Retry-After if given."""

    def fault(exchange: Exchange) -> None:
        headers = {} if retry_after is None else {"Retry_After": retry_after}
        exchange.reply(b"", 429, **headers)

    return fault


def limited_in_words(_: Exchange) -> Json:
    """Answer with the JSON-RPC error of a rate limit."""
    return {"error": {"code": -32005, "message": "daily request count exceeded, request rate limited"}}


def slow(seconds: float) -> Fault:
    """Answer, but late."""

    def fault(exchange: Exchange) -> Json:
        time.sleep(seconds)
        return exchange.forward()

    return fault


def trickling(pause: float = 0.02) -> Fault:
    """Send an answer byte by byte that never ends: slow loris."""

    def fault(exchange: Exchange) -> None:
        exchange.http.send_response(200)
        exchange.http.send_header("content-length", "1000000")
        exchange.http.end_headers()
        try:
            while True:
                exchange.http.wfile.write(b" ")
                time.sleep(pause)
        except OSError:
            exchange.drop()

    return fault


def other_chain(chain_id: int) -> Fault:
    """Tell another chain id."""

    def fault(exchange: Exchange) -> Json:
        return {"result": hex(chain_id)} if exchange.method == "eth_chainId" else exchange.forward()

    return fault


def stale(head: int) -> Fault:
    """Stand still at a block: what came after it is unknown here."""

    final = hex(max(head - 2, 0))

    def fault(exchange: Exchange) -> Json:
        exchange.params[:] = [final if one == "finalized" else one for one in exchange.params]
        exchange.params[:] = [hex(head) if one in ("latest", "pending") else one for one in exchange.params]
        answer = exchange.forward()
        result = answer.get("result")
        if exchange.method == "eth_blockNumber":
            return {"result": hex(head)}
        if isinstance(result, dict) and int(result.get("blockNumber") or result.get("number") or "0x0", 16) > head:
            return {"result": None}
        return answer

    return fault


def forged_block(name: str, **changes: Callable[[str], str]) -> Fault:
    """Change fields of the block asked for as `name` (a tag or hex number)."""

    def fault(exchange: Exchange) -> Json:
        answer = exchange.forward()
        if exchange.method == "eth_getBlockByNumber" and exchange.params[0] == name:
            answer["result"] |= {field: change(answer["result"][field]) for field, change in changes.items()}
        return answer

    return fault


def forged_receipts(**fields: Any) -> Fault:
    """Have a receipt for every transaction, with these fields."""

    def fault(exchange: Exchange) -> Json:
        if exchange.method != "eth_getTransactionReceipt":
            return exchange.forward()
        receipt = {"transactionHash": exchange.params[0], "status": "0x1", "gasUsed": "0x5208", "logs": []}
        return {"result": receipt | fields}

    return fault


def without_logs(times: int | None = None) -> Fault:
    """Know the block but not its logs yet: the index of logs lags behind. For so many questions; None: always."""
    left = [times]

    def fault(exchange: Exchange) -> Json:
        if exchange.method != "eth_getLogs" or left[0] == 0:
            return exchange.forward()
        left[0] = None if left[0] is None else left[0] - 1
        return {"result": []}

    return fault


def without_block(number: int) -> Fault:
    """Do not have one block, and nothing in it."""

    def fault(exchange: Exchange) -> Json:
        answer = exchange.forward()
        is_it = exchange.method == "eth_getBlockByNumber" and answer["result"]["number"] == hex(number)
        return {"result": None} if is_it else answer

    return fault


def repeated_block(number: int, *, renumbered: bool) -> Fault:
    """Give the block before `number` in its place: as it is, or under the number that was asked for."""

    def fault(exchange: Exchange) -> Json:
        answer = exchange.forward()
        if exchange.method == "eth_getBlockByNumber" and answer["result"]["number"] == hex(number):
            exchange.params[0] = hex(number - 1)
            answer = exchange.forward()
            answer["result"]["number"] = hex(number) if renumbered else hex(number - 1)
        return answer

    return fault


def foreign_logs(exchange: Exchange) -> Json:
    """Give logs of a block of another branch at the same height, in blocks whose blooms tell nothing."""
    answer = exchange.forward()
    if exchange.method == "eth_getBlockByNumber" and answer["result"]:
        answer["result"]["logsBloom"] = "0x" + "00" * 256
    if exchange.method == "eth_getLogs":
        for log in answer["result"]:
            log["blockHash"] = "0x" + "ee" * 32
    return answer


def other_genesis(exchange: Exchange) -> Json:
    """Tell our chain id, and begin with another block."""
    answer = exchange.forward()
    if exchange.method == "eth_getBlockByNumber" and exchange.params[0] == "0x0":
        answer["result"]["hash"] = "0x" + "ee" * 32
    return answer
