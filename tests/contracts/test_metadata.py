"""What wallets and markets read: names, files, interfaces; and that the code fits the chain."""

import ape
import pytest
from world import BASE_URI, ZERO, entries, events, token


def test_a_collection_has_its_own_name(fresh):
    assert (fresh.name(), fresh.symbol()) == ("Night of the Long Encore", "NLE")


def test_nobody_counts_the_tickets_of_the_zero_address(fresh):
    with ape.reverts(fresh.BalanceQueryForZeroAddress):
        fresh.balanceOf(ZERO)


def test_tickets_of_one_tier_share_a_file(collection, people, tickets):
    assert collection.tokenURI(tickets.annas) == BASE_URI + "1.json"
    assert collection.tokenURI(tickets.bens) == BASE_URI + "2.json"
    assert collection.tokenURI(tickets.escrowed) == BASE_URI + "1.json"
    collection.mintBatch(2, entries((people.anna, 65535), (people.anna, 0)), sender=people.minter)
    assert collection.tokenURI(token(2, 0)) == BASE_URI + "65535.json"
    assert collection.tokenURI(token(2, 1)) == BASE_URI + "0.json"


def test_a_collection_has_a_file(fresh):
    assert fresh.contractURI() == BASE_URI + "collection.json"


def test_the_metadata_moves_until_it_is_frozen(collection, people, tickets):
    receipt = collection.setBaseURI("ipfs://other/", sender=people.promoter)
    assert events(receipt, "BatchMetadataUpdate") == [{"fromTokenId": 0, "toTokenId": 2**256 - 1}]
    assert collection.tokenURI(tickets.annas) == "ipfs://other/1.json"
    assert not collection.metadataFrozen()
    receipt = collection.freezeMetadata(sender=people.promoter)
    assert events(receipt, "MetadataFrozen") == [{}]
    assert collection.metadataFrozen()
    with ape.reverts(collection.MetadataIsFrozen):
        collection.setBaseURI("ipfs://third/", sender=people.promoter)
    with ape.reverts(collection.MetadataIsFrozen):
        collection.freezeMetadata(sender=people.promoter)
    assert collection.tokenURI(tickets.annas) == "ipfs://other/1.json"


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        ("01ffc9a7", True),
        ("80ac58cd", True),
        ("5b5e139f", True),
        ("2a55205a", True),
        ("49064906", True),
        ("b45a3c0e", True),
        ("ffffffff", False),
        ("00000000", False),
        ("780e9d63", False),
        ("15fbb306", True),
    ],
    ids=[
        "ERC-165",
        "ERC-721",
        "Metadata",
        "ERC-2981",
        "ERC-4906",
        "ERC-5192",
        "none",
        "zero",
        "Enumerable",
        "ERC-7439",
    ],
)
def test_a_collection_tells_what_it_is(fresh, interface, expected):
    assert fresh.supportsInterface(bytes.fromhex(interface)) is expected


@pytest.mark.parametrize("contract", ["TicketCollection", "CollectionFactory", "ResaleMarket", "BKS"])
def test_the_code_fits_the_chain(project, contract):
    # EIP-170 and EIP-3860.
    assert len(getattr(project, contract).contract_type.get_runtime_bytecode()) < 24_576
    assert len(getattr(project, contract).contract_type.get_deployment_bytecode()) < 49_152


@pytest.mark.parametrize("contract", ["TicketCollection", "CollectionFactory", "ResaleMarket", "BKS"])
def test_the_code_runs_as_it_was_compiled(project, people, contract):
    # No immutables: the manifest's hash of the runtime code holds on every network.
    arguments = {"TicketCollection": [], "ResaleMarket": [people.admin, people.admin, people.fees, 250]}.get(
        contract, [people.admin]
    )
    made = people.admin.deploy(getattr(project, contract), *arguments)
    assert ape.chain.provider.get_code(made.address) == made.contract_type.get_runtime_bytecode()


def test_what_it_costs(fresh, people):
    # Ceilings a little above what was measured: a change that makes tickets dearer should be noticed.
    one = fresh.mintBatch(1, entries((people.anna, 1)), sender=people.minter).gas_used
    hundred = fresh.mintBatch(2, entries((people.anna, 1)) * 100, sender=people.minter).gas_used
    gift = fresh.transferFrom(people.anna, people.ben, token(1), sender=people.anna).gas_used
    assert one < 165_000
    assert hundred < 100 * 29_000
    assert gift < 80_000
