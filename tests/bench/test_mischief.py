"""What the proxy does to calls: each kind as it says, once or for as long as it lasts, and nothing else."""

import json
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bench.fault_kit import mischief, proxy
from bench.fault_kit.mischief import KINDS, NoAnswer, StaleHead
from bench.fault_kit.proxy import Armed
from tests.bench.line import Line

SEND = {"jsonrpc": "2.0", "id": 7, "method": "eth_sendRawTransaction", "params": ["0x02"]}


class Node:
    """Says what it was asked."""

    head = 20

    def __init__(self):
        self.asked = []

    def __call__(self, call):
        self.asked.append((call["method"], *call["params"]))
        results = {"eth_sendRawTransaction": "0xaa", "eth_blockNumber": hex(self.head)}
        return {"jsonrpc": "2.0", "id": call["id"], "result": results.get(call["method"])}


@pytest.fixture
def node():
    return Node()


@pytest.mark.parametrize(
    ("kind", "arrives"), [(mischief.timeout_after_accept, True), (mischief.timeout_before_accept, False)]
)
def test_a_timeout_is_before_or_after_the_node_has_the_bytes(node, kind, arrives):
    with pytest.raises(NoAnswer):
        kind(SEND, node)
    assert bool(node.asked) is arrives


@pytest.mark.parametrize(
    ("kind", "arrives"),
    [
        (mischief.nonce_too_low, False),
        (mischief.nonce_too_low_after_accept, True),
        (mischief.underpriced, False),
        (mischief.underpriced_after_accept, True),
    ],
)
def test_a_lie_about_the_bytes_is_an_error_with_the_calls_id(node, kind, arrives):
    answer = kind(SEND, node)
    assert answer["id"] == 7 and "error" in answer
    assert bool(node.asked) is arrives


def test_dropped_bytes_were_accepted_first(node):
    assert mischief.dropped(SEND, node)["result"] == "0xaa"
    assert [asked[0] for asked in node.asked] == ["eth_sendRawTransaction", "anvil_dropTransaction"]


def test_a_stale_head_stays_where_it_is_until_it_ends(node):
    stale = StaleHead(behind=4)
    block = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["latest", False]}
    stale(block, node)
    node.head = 30
    stale(block, node)
    assert node.asked[-1] == ("eth_getBlockByNumber", "0x10", False)
    stale.end()
    stale(block, node)
    assert node.asked[-1] == ("eth_getBlockByNumber", "0x1a", False)


def test_a_stale_head_has_no_receipt_of_a_later_block():
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"blockNumber": "0x13"}}
    stale = StaleHead(behind=4)
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": ["0xaa"]}
    assert (
        stale(call, lambda asked: Node()(asked) if asked["method"] == "eth_blockNumber" else answer)["result"] is None
    )
    answer["result"]["blockNumber"] = "0x10"
    assert stale(call, lambda _: answer)["result"] is not None


def _call(method, *params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_a_stale_head_runs_calls_on_its_old_block_and_knows_no_later_one(node, method):
    stale = StaleHead(behind=4)
    stale(_call(method, {"to": "0x1"}), node)
    assert node.asked[-1] == (method, {"to": "0x1"}, "0x10")
    assert "error" in stale(_call(method, {"to": "0x1"}, "0x11"), node)
    stale(_call(method, {"to": "0x1"}, "0xf"), node)
    assert node.asked[-1] == (method, {"to": "0x1"}, "0xf")
    assert stale(_call("eth_getBlockByNumber", "0x11", False), node)["result"] is None


def test_a_stale_head_whose_state_the_node_forgot_answers_by_the_newest_but_a_revert_stays_one():
    errors = {"0x10": {"message": "missing state"}}

    def node(call):
        if call["method"] == "eth_blockNumber":
            return {"id": 1, "result": hex(20)}
        error = errors.get(call["params"][1])
        return {"id": 1, "error": error} if error else {"id": 1, "result": "0x"}

    assert StaleHead(behind=4)(_call("eth_call", {}, "latest"), node)["result"] == "0x"
    errors["0x10"] = {"message": "execution reverted"}
    assert "error" in StaleHead(behind=4)(_call("eth_call", {}, "latest"), node)


def test_one_endpoint_lies_at_a_time_and_an_outage_is_everywhere():
    line = Line()
    armed = Armed(line)
    line.hear({"arm": "stale head"})
    line.hear({"arm": "dropped"})
    assert armed.take("eth_blockNumber", 1) is KINDS["stale head"]
    assert armed.take("eth_blockNumber", 0) is None
    assert armed.take("eth_sendRawTransaction", 0) is None
    assert armed.take("eth_sendRawTransaction", 1) is KINDS["dropped"]
    line.hear({"arm": "busy"})
    assert armed.take("eth_sendRawTransaction", 0) is armed.take("eth_sendRawTransaction", 1) is KINDS["busy"]


def test_what_is_armed_is_committed_once_on_the_call_it_is_about():
    line = Line()
    armed = Armed(line)
    line.hear({"arm": "nonce too low"})
    assert armed.take("eth_call") is None
    assert armed.take("eth_sendRawTransaction") is KINDS["nonce too low"]
    assert armed.take("eth_sendRawTransaction") is None
    assert line.said == [{"committed": "nonce too low"}]


def test_what_lasts_goes_on_until_its_time_is_over(monkeypatch):
    now = 100.0
    monkeypatch.setattr(proxy.time, "monotonic", lambda: now)
    line = Line()
    armed = Armed(line)
    line.hear({"arm": "stale head"})
    assert armed.take("eth_blockNumber") is armed.take("eth_blockNumber") is KINDS["stale head"]
    now += KINDS["stale head"].seconds
    assert armed.take("eth_blockNumber") is None
    assert line.said == [{"committed": "stale head"}]


def test_after_calm_nothing_is_committed():
    line = Line()
    armed = Armed(line)
    line.hear({"arm": "dropped"})
    line.hear({"calm": True})
    assert armed.take("eth_sendRawTransaction") is None


def test_a_batch_is_passed_on_call_by_call():
    class Real(BaseHTTPRequestHandler):
        def do_POST(self):
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": call["method"]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Real) as real:
        node = f"127.0.0.1:{real.server_port}"
        with proxy.Server(0, node, Armed(Line())) as between:
            for server in (real, between):
                Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            connection = HTTPConnection("127.0.0.1", between.server_port, timeout=5)
            calls = [{"jsonrpc": "2.0", "id": number, "method": f"m{number}", "params": []} for number in (0, 1)]
            connection.request("POST", "/", json.dumps(calls))
            answers = json.loads(connection.getresponse().read())
            connection.close()
            between.shutdown()
            real.shutdown()
    assert [answer["result"] for answer in answers] == ["m0", "m1"]
