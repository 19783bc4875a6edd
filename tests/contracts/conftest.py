"""A factory, a collection and the people around it, made once; Ape takes every test's changes back."""

import atexit
import json
import os
import platform
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import signing
import thrift
from ape.exceptions import CustomError
from ape.pytest.contextmanagers import RevertsContextManager
from console import CONTRACTS, Console, write_manifest
from eth_utils import keccak
from ruled import ANNAS
from trading import Desk
from world import BASE_URI, EVENT, FACE, SALE, TIERS, ZERO, entries, rules, token

ROOT = Path(__file__).resolve().parents[2]


def _offer_anvil():
    """Let Ape find npm's anvil, with a home of its own: anvil writes old states into it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = ROOT / "node_modules" / "@foundry-rs" / f"anvil-{platform.system().lower()}-{machine}" / "bin"
    os.environ["PATH"] = os.pathsep.join([str(package), os.environ["PATH"]])
    home = tempfile.mkdtemp(prefix="backstage-ape-test-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["HOME"] = home
    # Ape would draw a port, used or not, and wait in vain for the node that could not have it.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["APE_FOUNDRY_HOST"] = f"http://127.0.0.1:{probe.getsockname()[1]}"


_offer_anvil()


@pytest.fixture(scope="session", autouse=True)
def _sources_as_they_stand():
    """Compile anew what Ape would take from an older cache."""
    sys.path.insert(0, str(ROOT))
    from scripts._compiled import contracts

    contracts()


thrift.apply()


# Ape's `reverts` takes any revert that it cannot name for the error that was expected, and compares an input that the
# error does not have with nothing: both pass without a word.
_leave = RevertsContextManager.__exit__


def _leave_strictly(manager, kind, error, traceback):
    left = _leave(manager, kind, error, traceback)
    expected = manager.expected_message
    if isinstance(expected, type):
        if isinstance(error, CustomError):
            unknown = manager.error_inputs.keys() - error.inputs.keys()
            assert not unknown, f"{type(error).__name__} has no {', '.join(sorted(unknown))}"
        else:
            # Of what a call without a transaction reverts with, Ape tells the four bytes only.
            told = str(error.revert_message).removeprefix("custom error ")
            assert told.startswith(_selector(expected)), f"Expected {expected.__name__}, but it was: {error!r}"
            assert not manager.error_inputs, f"Nobody can tell the inputs of {expected.__name__} here"
    return left


def _selector(error):
    return "0x" + keccak(text=error.abi.selector)[:4].hex()


RevertsContextManager.__exit__ = _leave_strictly


@pytest.fixture(scope="session")
def people(accounts):
    """Everybody, by the part they play. Anna, Ben and Cleo are fans."""
    platform_side = ["admin", "deployer", "minter", "claim_signer", "operator", "guardian"]
    platform_side += ["quote_signer", "fees"]
    others = ["promoter", "anna", "ben", "cleo", "stranger", "relayer", "treasury"]
    return SimpleNamespace(**{name: accounts[index] for index, name in enumerate(platform_side + others)})


@pytest.fixture(scope="session")
def factory(people, project):
    made = people.admin.deploy(project.CollectionFactory, people.admin)
    made.addVersion(people.admin.deploy(project.TicketCollection), sender=people.admin)
    made.setDeployer(people.deployer, True, sender=people.admin)
    return made


@pytest.fixture(scope="session")
def bks(people, project):
    """The token; everybody who pays has a thousand."""
    made = people.admin.deploy(project.BKS, people.admin)
    made.setMinter(people.admin, True, sender=people.admin)
    for payer in (people.anna, people.ben, people.cleo, people.promoter):
        made.mint(payer, 1000 * 10**18, sender=people.admin)
    return made


@pytest.fixture(scope="session")
def market(factory, people, project):
    """The market; its fee is 2.5 %."""
    return people.admin.deploy(project.ResaleMarket, people.admin, factory, people.fees, 250)


@pytest.fixture(scope="session")
def params(people, bks, market):
    """Make the parameters of a collection; a test changes what matters to it."""

    def make(**changes):
        return {
            "promoter": people.promoter.address,
            "eventRef": EVENT,
            "version": 1,
            "name": "Night of the Long Encore",
            "symbol": "NLE",
            "baseURI": BASE_URI,
            "maxSupply": 1500,
            "royaltyReceiver": people.promoter.address,
            "royaltyBps": 500,
            "minter": people.minter.address,
            "minterAllowance": 1200,
            "claimSigner": people.claim_signer.address,
            "claimsPerDay": 3,
            "operator": people.operator.address,
            "guardian": people.guardian.address,
            "mintsPerDay": 1100,
            "quoteSigner": people.quote_signer.address,
            "quotesPerDay": 20,
            "market": market.address,
            "resaleCurrency": bks.address,
            "treasury": people.treasury.address,
            "feeReceiver": people.fees.address,
            "rules": rules(),
            "tiers": TIERS,
        } | changes

    return make


@pytest.fixture(scope="session")
def launch(factory, people, params, project):
    """Deploy a collection with its promoter's consent and return it."""

    def make(contract="TicketCollection", **changes):
        given = params(**changes)
        deadline = 2**63
        signature = signing.consent(people.promoter, given, deadline, factory.address)
        receipt = factory.deploy(tuple(given.values()), deadline, signature, sender=people.deployer)
        address = receipt.events.filter(factory.CollectionDeployed)[0].collection
        return getattr(project, contract).at(address, fetch_from_explorer=False)

    return make


@pytest.fixture(scope="session")
def fresh(launch):
    """A collection without a ticket."""
    return launch(eventRef=b"\x02".rjust(32, b"\0"))


@pytest.fixture(scope="session")
def collection(launch, people):
    """A collection whose first batch has four tickets: Anna's, Ben's, and two in escrow; tiers 1, 2, 1, 2."""
    made = launch(eventRef=b"\x01".rjust(32, b"\0"))
    batch = entries((people.anna, 1), (people.ben, 2), (made.address, 1), (made.address, 2))
    made.mintBatch(1, batch, sender=people.minter)
    return made


@pytest.fixture(scope="session")
def tickets():
    """The ids of the four tickets of `collection`."""
    return SimpleNamespace(annas=token(1, 0), bens=token(1, 1), escrowed=token(1, 2), escrowed_too=token(1, 3))


@pytest.fixture(scope="session", autouse=True)
def _made_once(collection, fresh, market, bks):
    """Make what all tests share before the first of them: Ape would deploy it anew at other addresses later."""


@pytest.fixture(scope="module")
def desk(launch, people, market, bks):
    """Tickets sold on for BKS: Anna's of tier 1, Ben's of tier 2. Everybody who buys approved the market."""
    made = launch(eventRef=b"\x20".rjust(32, b"\0"))
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 2)), sender=people.minter)
    for buyer in (people.anna, people.ben, people.cleo):
        bks.approve(market, 2**256 - 1, sender=buyer)
    return Desk(market, made, people, bks)


@pytest.fixture(scope="module")
def native(launch, people, market):
    """The same for the native coin."""
    made = launch(eventRef=b"\x21".rjust(32, b"\0"), resaleCurrency=ZERO, tiers=[(1, 10**24, 1, 1)])
    made.mintBatch(1, entries((people.anna, 1), (people.ben, 1)), sender=people.minter)
    return Desk(market, made, people, ZERO)


@pytest.fixture(scope="module")
def ruled(launch, people):
    """A collection whose market is a plain account, so that what the market may do can be tried by hand."""
    made = launch(eventRef=b"\x0a".rjust(32, b"\0"), market=people.relayer.address)
    batch = [(people.anna, 1), (people.ben, 2), (people.anna, 9), (made.address, 1), (people.promoter, 1)]
    made.mintBatch(1, entries(*batch), sender=people.minter)
    return made


@pytest.fixture
def sell(ruled, people, bks):
    """Move Anna's ticket to Cleo as the market does; a test bends one thing."""

    def send(kind=SALE, price=FACE, sender=people.relayer, **bent):
        call = {"from": people.anna, "to": people.cleo, "id": ANNAS, "epoch": 0, "currency": bks.address} | bent
        return ruled.marketMove(kind, *call.values(), price, sender=sender)

    return send


@pytest.fixture
def console(chain, tmp_path, people, factory, bks, market):
    """The commands of scripts/, on a platform whose manifest is complete."""
    artifacts = ROOT / "backend" / "chain" / "evm" / "artifacts"
    code = {name: json.loads((artifacts / f"{name}.json").read_text())["runtime_hash"] for name in CONTRACTS}
    write_manifest(tmp_path, people, factory, bks, market, code)
    return Console(chain.provider.uri, tmp_path)
