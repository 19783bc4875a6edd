"""What an operator is told about RPC endpoints: /health, /metrics, and what the settings refuse."""

import pytest

from backend.chain import registry
from backend.chain.evm.client import EvmChain
from backend.settings import Misconfigured, get_settings
from tests.simulators.rpc import faults, running


@pytest.fixture
def shared(anvil, monkeypatch):
    """The registry's own port, on two endpoints of which the second can be made to fail."""
    network = get_settings().evm_network
    with running(anvil.url) as first, running(anvil.url) as second:
        chain = EvmChain(31337, [first.url, second.url])
        monkeypatch.setitem(registry._ports, network, chain)
        monkeypatch.setitem(registry._endpoints, network, chain)
        yield first, second


def test_health_tells_on_whose_word_blocks_are_final(client, shared):
    assert client.get("/health").json()["nodes"] == [
        {"network": "eip155:31337", "finality": None, "endpoints": 2, "usable": 2}
    ]
    client.get("/metrics")
    [told] = client.get("/health").json()["nodes"]
    assert told["finality"] == "agreed"


def test_health_asks_no_node(client, shared):
    client.get("/health")
    assert shared[0].asked == shared[1].asked == []


def test_the_figures_name_the_host_and_never_the_key(client, shared):
    shared[1].fault = faults.other_chain(56)
    client.get("/metrics")
    told = client.get("/metrics").text
    first, second = (proxy.url.split("/")[2] for proxy in shared)
    of = 'network="eip155:31337"'
    assert f'backstage_chain_endpoint_usable{{host="{first}",{of}}} 1.0' in told
    assert f'backstage_chain_endpoint_usable{{host="{second}",{of}}} 0.0' in told
    assert f'backstage_chain_endpoint_benched{{host="{second}",{of},reason="wrong_chain"}} 1.0' in told
    assert 'backstage_chain_finality{network="eip155:31337",state="unconfirmed"} 1.0' in told
    assert "secret-key" not in told


def test_two_keys_of_one_provider_have_a_line_each():
    chain = EvmChain(56, ["https://rpc.example/key-1", "https://rpc.example/key-2"])
    assert [one.host for one in chain.condition("eip155:56").endpoints] == ["rpc.example#1", "rpc.example#2"]


def test_several_addresses_are_set_with_commas(settings):
    settings(evm_rpc_url=" http://a.example/x , https://b.example,http://a.example/x,")
    assert get_settings().evm_rpc_urls == ["http://a.example/x", "https://b.example"]


@pytest.mark.parametrize("value", [",", "ws://a-secret-key", "http://good.example,a-secret-key", "http://"])
def test_an_address_that_is_none_is_refused_and_not_repeated(settings, value):
    settings(evm_rpc_url=value)
    with pytest.raises(Misconfigured, match="EVM_RPC_URL") as refused:
        get_settings()
    assert "secret-key" not in str(refused.value)
