"""The EVM adapter's own affairs: the wrong chain, tired nodes, the words nodes use, keys."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from backend.chain import networks, registry, typed_data
from backend.chain.evm import answers, client, pool
from backend.chain.evm.signers import LocalSigner, RawKeyRefused, open_signer
from backend.chain.port import (
    AlreadyKnown,
    CallReverted,
    ChainUnreachable,
    FeeTooLow,
    InsufficientFunds,
    NonceTooLow,
    RefusedByNode,
    SignerMissing,
    WrongChain,
)
from backend.settings import Settings, get_settings
from scripts.machine.anvil import Anvil

KEY = "0x" + "11" * 32


class _Node(BaseHTTPRequestHandler):
    """A node of our own making: answers from a list, then 0x7a69 for ever."""

    planned: list[tuple[int, Any]] = []
    asked: list[str] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body["method"])
        status, answer = self.planned.pop(0) if self.planned else (200, {"result": "0x7a69"})
        payload = json.dumps({"jsonrpc": "2.0", "id": body["id"], **answer}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[_Node]]]:
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)
    _Node.planned, _Node.asked = [], []
    server = HTTPServer(("127.0.0.1", 0), _Node)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", _Node
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_node_of_another_chain_is_refused_on_first_use(anvil: Anvil) -> None:
    port = client.EvmChain(56, anvil.url)
    with pytest.raises(WrongChain) as refused:
        port.balance(bytes(20))
    assert refused.value.details == {"expected": 56, "found": 31337}
    with pytest.raises(WrongChain):
        port.send_raw(b"\x02")


def test_a_busy_node_is_asked_again(node: tuple[str, type[_Node]]) -> None:
    url, served = node
    served.planned = [(429, {}), (503, {}), (200, {"result": "0x7a69"})]
    assert client.EvmChain(31337, url).chain_id() == 31337
    assert len(served.asked) == 3


def test_a_node_that_limits_in_words_is_asked_again(node: tuple[str, type[_Node]]) -> None:
    url, served = node
    served.planned = [(200, {"error": {"code": -32005, "message": "limit exceeded"}})]
    assert client.EvmChain(31337, url).chain_id() == 31337


def test_a_node_that_stays_busy_is_unreachable_after_a_few_tries(node: tuple[str, type[_Node]]) -> None:
    url, served = node
    served.planned = [(500, {})] * 10
    with pytest.raises(ChainUnreachable):
        client.EvmChain(31337, url).chain_id()
    assert len(served.asked) == 3


def test_a_refused_key_of_the_provider_is_not_asked_again_and_the_address_is_not_told(
    node: tuple[str, type[_Node]],
) -> None:
    url, served = node
    served.planned = [(401, {})] * 3
    with pytest.raises(ChainUnreachable) as refused:
        client.EvmChain(31337, url + "/secret-key").chain_id()
    assert len(served.asked) == 1
    assert "secret" not in str(refused.value) + str(refused.value.details)


def test_nobody_listening_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)
    with pytest.raises(ChainUnreachable) as refused:
        client.EvmChain(31337, "http://127.0.0.1:1/secret-key").balance(bytes(20))
    assert "secret" not in str(refused.value) + str(refused.value.details)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("already known", AlreadyKnown),
        ("transaction already imported", AlreadyKnown),
        ("nonce too low: next nonce 5, tx nonce 3", NonceTooLow),
        ("insufficient funds for gas * price + value: balance 0", InsufficientFunds),
        ("replacement transaction underpriced", FeeTooLow),
        ("max fee per gas less than block base fee: address 0x0", FeeTooLow),
        ("execution reverted", CallReverted),
        ("too many requests", answers.Overloaded),
        ("tx type not supported", RefusedByNode),
    ],
)
def test_the_words_of_nodes_are_understood(message: str, kind: type[Exception]) -> None:
    assert isinstance(answers.translated({"code": -32000, "message": message}), kind)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0x08c379a0", b"\x08\xc3\x79\xa0"),
        ({"data": "0x1234"}, b"\x12\x34"),
        ("Reverted 0xabcd", b"\xab\xcd"),
        (None, b""),
        ("0xnonsense", b""),
    ],
)
def test_revert_data_is_found_where_nodes_put_it(data: Any, expected: bytes) -> None:
    error = answers.translated({"code": 3, "message": "execution reverted", "data": data})
    assert isinstance(error, CallReverted) and error.data == expected


def test_finality_can_be_a_depth(anvil: Anvil) -> None:
    anvil.mine(20)
    assert client.EvmChain(31337, anvil.url, finality_depth=7).finalized().number == 13
    assert client.EvmChain(31337, anvil.url).finalized().number == 18


def test_a_raw_key_signs_in_development_and_is_refused_in_production() -> None:
    assert open_signer("minter", Settings(minter_key=KEY)).address == bytes.fromhex(Account.from_key(KEY).address[2:])
    production = Settings.model_construct(environment="production", minter_key=KEY, minter_keystore=None)
    with pytest.raises(RawKeyRefused):
        open_signer("minter", production)


def test_a_keystore_opens_with_its_password_only(tmp_path: Path) -> None:
    path = tmp_path / "minter.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "open sesame", kdf="pbkdf2", iterations=1000)))
    signer = open_signer("minter", Settings(minter_keystore=path, keystore_password="open sesame"))
    assert signer.address == bytes.fromhex(Account.from_key(KEY).address[2:])
    assert KEY[2:] not in repr(signer)
    with pytest.raises(SignerMissing):
        open_signer("minter", Settings(minter_keystore=path, keystore_password="wrong"))
    with pytest.raises(SignerMissing):
        open_signer("minter", Settings(minter_keystore=tmp_path / "missing.json"))


def test_a_role_without_a_key_and_a_role_nobody_has_are_missing() -> None:
    with pytest.raises(SignerMissing):
        open_signer("minter", Settings(minter_key=None))
    with pytest.raises(SignerMissing):
        open_signer("treasurer", Settings())


def test_signing_is_deterministic() -> None:
    signer = LocalSigner(Account.from_key(KEY))
    transaction = {
        "chainId": 1,
        "nonce": 7,
        "gas": 21000,
        "maxFeePerGas": 10,
        "maxPriorityFeePerGas": 1,
        "to": bytes(20),
        "value": 1,
        "data": b"\x01",
    }
    assert signer.sign_transaction(transaction) == signer.sign_transaction(dict(reversed(transaction.items())))
    raw = signer.sign_transaction(transaction)
    assert bytes.fromhex(Account.recover_transaction(raw)[2:]) == signer.address
    assert len(signer.hash_of(raw)) == 32


def test_a_signature_over_typed_data_is_65_bytes_with_a_low_s() -> None:
    document = typed_data.document(
        name="Door",
        version="1",
        chain_id=31337,
        verifying_contract=b"\x01" * 20,
        types={"Admission": [("holder", "address")]},
        primary_type="Admission",
        message={"holder": b"\x02" * 20},
    )
    signature = LocalSigner(Account.from_key(KEY)).sign_typed_data(document)
    assert len(signature) == 65 and signature[64] in {27, 28}
    assert int.from_bytes(signature[32:64]) <= 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def test_only_the_configured_network_has_a_port() -> None:
    with pytest.raises(networks.UnknownNetwork):
        registry.port("eip155:424242")
    assert registry.port(get_settings().evm_network) is registry.port(get_settings().evm_network)


def test_a_network_that_is_not_evm_has_no_chain_id() -> None:
    assert networks.network("eip155:56").chain_id == 56
    with pytest.raises(networks.UnknownNetwork):
        _ = networks.network("near:mainnet").chain_id
