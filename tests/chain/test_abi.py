"""Bytes and back, by the exported artifacts."""

import subprocess
import sys

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from backend.chain import abi

HOLDER = bytes.fromhex("ab" * 20)


def test_a_call_is_its_selector_and_arguments() -> None:
    data = abi.encode_call("TicketCollection", "mintBatch", [7, b"\x01" * 22])
    assert data == keccak(text="mintBatch(uint64,bytes)")[:4] + encode(["uint64", "bytes"], [7, b"\x01" * 22])


def test_addresses_are_bytes_on_both_sides() -> None:
    data = abi.encode_call("TicketCollection", "transferFrom", [HOLDER, bytes(20), 5])
    assert data[4:36] == HOLDER.rjust(32, b"\0")
    assert abi.decode_output("TicketCollection", "ownerOf", HOLDER.rjust(32, b"\0")) == HOLDER


def test_structs_are_dicts() -> None:
    claim = {"tokenId": 65536, "recipient": HOLDER, "epoch": 0, "deadline": 9, "nonce": bytes(32)}
    as_dict = abi.encode_call("TicketCollection", "claim", [claim, b"a", b"b"])
    assert as_dict == abi.encode_call("TicketCollection", "claim", [list(claim.values()), b"a", b"b"])


def test_several_outputs_come_by_name() -> None:
    data = encode(["address", "uint16", "uint8", "uint32"], ["0x" + HOLDER.hex(), 2, 1, 3])
    assert abi.decode_output("TicketCollection", "ticket", data) == {
        "owner": HOLDER,
        "tier": 2,
        "status": 1,
        "epoch": 3,
    }


def test_a_log_is_read_by_name() -> None:
    topic = abi.topic("TicketCollection", "Transfer")
    assert topic == keccak(text="Transfer(address,address,uint256)")
    topics = [topic, bytes(32), HOLDER.rjust(32, b"\0"), (65536).to_bytes(32)]
    assert abi.decode_log("TicketCollection", "Transfer", topics, b"") == {
        "from": bytes(20),
        "to": HOLDER,
        "id": 65536,
    }


_WORDS = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 256).map(lambda value: value.to_bytes(32)),
    st.binary(min_size=20, max_size=20).map(lambda value: value.rjust(32, b"\0")),
    st.binary(max_size=8).map(lambda value: value.ljust(32, b"\0")),
)
_KINDS = ("address", "bool", "uint8", "uint64", "uint256", "bytes4", "bytes32", "int256")


@given(
    st.lists(st.tuples(st.sampled_from(_KINDS), _WORDS), min_size=1, max_size=4), st.binary(max_size=33), st.booleans()
)
def test_words_are_read_as_the_standard_reads_them_or_refused_by_it(values, more, is_cut) -> None:
    kinds, data = [kind for kind, _ in values], b"".join(word for _, word in values)
    data = data[: -len(more) - 1] if is_cut else data + more
    try:
        right = [
            bytes.fromhex(one[2:]) if kind == "address" else one
            for kind, one in zip(kinds, decode(kinds, data), strict=True)
        ]
    except DecodingError:
        right = None
    found = abi._words(kinds, data)
    assert found == right if "int256" not in kinds else found is None
    assert right is None or found is None or [type(one) for one in found] == [type(one) for one in right]


def test_a_log_of_another_shape_is_refused() -> None:
    topic = abi.topic("TicketCollection", "Transfer")
    erc20 = [topic, bytes(32), bytes(32)]
    with pytest.raises(abi.UnknownInAbi):
        abi.decode_log("TicketCollection", "Transfer", erc20, (1).to_bytes(32))
    with pytest.raises(abi.UnknownInAbi):
        abi.decode_log("TicketCollection", "Transfer", [], b"")


def test_custom_errors_are_named_with_their_values() -> None:
    data = keccak(text="BatchOutOfOrder(uint64,uint64)")[:4] + (3).to_bytes(32) + (5).to_bytes(32)
    assert abi.decode_revert("TicketCollection", data) == ("BatchOutOfOrder", {"expected": 3, "given": 5})
    assert abi.describe_revert(None, data) == "BatchOutOfOrder(expected=3, given=5)"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ("Reverted", {})),
        (keccak(text="Error(string)")[:4] + encode(["string"], ["no"]), ("Error", {"message": "no"})),
        (keccak(text="Panic(uint256)")[:4] + (17).to_bytes(32), ("Panic", {"code": 17})),
        (b"\xde\xad\xbe\xef", ("UnknownError", {"data": "0xdeadbeef"})),
        (b"\xde\xad", ("UnknownError", {"data": "0xdead"})),
        (keccak(text="Error(string)")[:4] + b"\x01", ("UnknownError", {"data": "0x08c379a001"})),
    ],
)
def test_other_reverts_have_names_too(data: bytes, expected: tuple[str, dict[str, object]]) -> None:
    assert abi.decode_revert(None, data) == expected


def test_what_a_contract_does_not_have_is_named() -> None:
    with pytest.raises(abi.UnknownInAbi, match="no function fly"):
        abi.encode_call("TicketCollection", "fly", [])
    with pytest.raises(abi.UnknownInAbi, match="no artifact"):
        abi.interface("Zeppelin")


def test_overloads_are_told_apart_by_count_or_signature() -> None:
    short = abi.encode_call("TicketCollection", "safeTransferFrom", [HOLDER, HOLDER, 1])
    assert short[:4] == keccak(text="safeTransferFrom(address,address,uint256)")[:4]
    named = "safeTransferFrom(address,address,uint256,bytes)"
    assert abi.encode_call("TicketCollection", named, [HOLDER, HOLDER, 1, b""])[:4] == keccak(text=named)[:4]


@pytest.mark.parametrize("module", ["onlog", "abi", "models", "deployments", "outbox", "registry", "typed_data"])
def test_reading_logs_never_imports_web3(module: str) -> None:
    code = f"import backend.chain.{module}, sys; assert not {{'web3', 'eth_account'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
