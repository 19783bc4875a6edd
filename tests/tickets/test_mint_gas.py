"""The gas limit of a batch is a formula: the real contract must stay below it, whoever the tickets go to."""

import pytest

from backend.accounts.models import Role
from backend.chain import abi
from backend.tickets.rules import Entry, encode_entries, mint_gas
from tests.factories.accounts import address_of, grant, make_key
from tests.factories.orders import make_sale
from tests.tickets.test_on_chain import deploy


def _gas_used(chain, collection, number: int, owners: list[bytes]) -> int:
    entries = encode_entries([Entry(owner, index % 7) for index, owner in enumerate(owners)])
    minter = "0x" + chain.signers["minter"].address.hex()
    data = abi.encode_call("TicketCollection", "mintBatch", [number, entries])
    chain.ask("anvil_impersonateAccount", minter)
    fields = {"from": minter, "to": "0x" + collection.address.hex(), "data": "0x" + data.hex(), "gas": hex(29_000_000)}
    tx = chain.ask("eth_sendTransaction", fields)
    chain.node.mine(1)
    receipt = chain.ask("eth_getTransactionReceipt", tx)
    assert receipt["status"] == "0x1", receipt
    return int(receipt["gasUsed"], 16)


@pytest.fixture
def collection(client, chain, session):
    sale, promoter = make_sale(session, quantities=(50, 20), status="DRAFT"), make_key()
    grant(session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
    return deploy(client, chain, session, sale, promoter)


@pytest.mark.parametrize("tickets", [1, 2, 40])
def test_a_batch_of_new_holders_needs_less_than_its_limit_and_not_much_less(chain, collection, tickets):
    owners = sorted(bytes([1 + number]) * 20 for number in range(tickets))
    used = _gas_used(chain, collection, 1, owners)
    assert used <= mint_gas(tickets) * 0.95, "the contract has grown: raise the formula in backend/tickets/rules.py"
    assert mint_gas(tickets) - used < 200_000 + 20_000 * tickets, "the formula reserves far too much"


def test_a_batch_into_escrow_fits_too(chain, collection):
    assert _gas_used(chain, collection, 1, [collection.address] * 30) <= mint_gas(30) * 0.95
