"""The bare script fills blocks as the house does, whatever the size of its batches."""

from types import SimpleNamespace

import pytest
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes

from backend.tickets.rules import mint_gas
from bench.mint_kit import scripts


@pytest.mark.parametrize("size", [1, 4, 200])
def test_the_bare_script_asks_for_the_gas_that_the_house_asks_for(monkeypatch, size):
    sent = []

    def answer(_line, _url, method, *given):
        sent.extend(given if method == "eth_sendRawTransaction" else [])
        return "0x1"

    monkeypatch.setattr(scripts, "_ask", answer)
    monkeypatch.setattr(scripts, "watch", lambda _name, _of, count, **_: count())
    place = SimpleNamespace(collection="0x" + "11" * 20)
    scripts.bare(SimpleNamespace(url=""), place, "0x" + "22" * 32, [b"\1" * 20] * size, 1, size)
    [raw] = sent
    assert TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["gas"] == mint_gas(size)
