import json

import pytest

from backend.accounts.addresses import show_address
from backend.chain.models import ChainBlock, ChainLog
from backend.tickets import onchain
from tests.factories.tickets import ADDRESS, NETWORK, Chain

FACTORY = b"\xfa" * 20


@pytest.fixture
def manifest(settings, tmp_path):
    contracts = {"CollectionFactory": {"address": show_address(FACTORY), "block": 2}}
    written = {"network": NETWORK, "deployed_at_block": 1, "contracts": contracts}
    (tmp_path / "eip155-31337.json").write_text(json.dumps(written))
    settings(deployments_dir=tmp_path)


def store(session, logs, *, canonical=True):
    for log in logs:
        session.merge(
            ChainBlock(
                network=NETWORK,
                hash=log.block_hash,
                number=log.block_number,
                timestamp=log.block_timestamp,
                canonical=canonical,
            )
        )
        session.add(
            ChainLog(
                network=NETWORK,
                block_hash=log.block_hash,
                log_index=log.log_index,
                block_number=log.block_number,
                tx_hash=log.tx_hash,
                tx_index=0,
                address=log.address,
                topics=list(log.topics),
                data=log.data,
            )
        )
    session.flush()


def deployed(branch=0):
    chain = Chain(address=FACTORY, branch=branch)
    chain.emit("CollectionDeployed", ADDRESS, b"\x01" * 20, 7, data=bytes(64), contract="CollectionFactory")
    chain.emit("DeployerChanged", b"\x02" * 20, data=bytes(32), contract="CollectionFactory")
    return chain.taken()


def test_the_factory_and_every_collection_it_deployed_are_followed(session, now, manifest):
    store(session, deployed())
    watched = onchain.our_contracts(session, NETWORK)
    assert [(watch.contract, watch.address, watch.from_block) for watch in watched] == [
        ("CollectionFactory", FACTORY, 2),
        ("TicketCollection", ADDRESS, 10),
    ]


def test_a_collection_whose_deployment_was_undone_is_not_followed(session, now, manifest):
    store(session, deployed(), canonical=False)
    assert [watch.address for watch in onchain.our_contracts(session, NETWORK)] == [FACTORY]
