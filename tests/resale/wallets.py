"""Wallets of code from `contracts/testdoubles`, compiled here because no artifact of the product carries them."""

import json
import subprocess
from functools import cache
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from tests.factories.accounts import address_of, make_key, signed_in
from tests.resale.conftest import Fan, Stage

ROOT = Path(__file__).resolve().parents[2]


@cache
def creation_code(contract: str) -> bytes:
    """Compile a test double and return its creation code, to which the constructor's arguments are added."""
    source = f"contracts/testdoubles/{contract}.sol"
    asked = {
        "language": "Solidity",
        "sources": {source: {"content": (ROOT / source).read_text()}},
        "settings": {"outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }
    command = [ROOT / "scripts" / "solc" / "solc-v0.8.37", "--standard-json"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stdout)["contracts"][source][contract]
    return bytes.fromhex(found["evm"]["bytecode"]["object"])


def deploy(stage: Stage, contract: str, key: LocalAccount) -> Fan:
    """Deploy a wallet whose signatures are `key`'s, admit its code as a holder, and sign its person in."""
    code = creation_code(contract) + address_of(key).rjust(32, b"\0")
    made = stage.market.transact(stage.market.admin, None, code)["contractAddress"]
    address = bytes.fromhex(made[2:])
    arguments = [keccak(stage.market.port.code_at(address)), True]
    collection = stage.collection.address
    stage.market.call("TicketCollection", collection, "setReceiverCodeHash", arguments, stage.promoter.wallet)
    return WalletOf(key, signed_in(stage.session, address, stage.market.now()), address)


class WalletOf(Fan):
    """A person whose wallet is a contract; the key signs for it."""

    def __init__(self, key: LocalAccount, headers: dict[str, str], address: bytes) -> None:
        super().__init__(key, headers)
        self._address = address

    @property
    def wallet(self) -> bytes:
        return self._address


def rotate(stage: Stage, wallet: Fan, key: LocalAccount | None = None) -> LocalAccount:
    """Give a RotatingWallet another key, a new one unless `key` is given; return it."""
    key = key or make_key()
    data = keccak(text="rotate(address)")[:4] + address_of(key).rjust(32, b"\0")
    stage.market.transact(stage.market.admin, wallet.wallet, data)
    return key
