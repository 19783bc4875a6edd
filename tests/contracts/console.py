"""The commands of `scripts/` as an operator types them, in this process, against the node of the tests."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from click.testing import CliRunner
from web3 import Web3

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ("TicketCollection", "CollectionFactory", "BKS", "ResaleMarket")


class Console:
    """Runs a command with its options; what it needs to know of the network comes from the environment, as usual."""

    def __init__(self, url, deployments):
        self.url, self.deployments, self.web3 = url, deployments, Web3(Web3.HTTPProvider(url))
        self.keys = {}

    def run(self, name, *arguments, signer=None, operator=None, answer=None, **environment):
        """Return exit status and output. `signer` and `operator` are test accounts, whose keys it is given."""
        if str(ROOT) not in sys.path:
            sys.path.insert(0, str(ROOT))
        command = importlib.import_module(f"scripts.{name}").cli
        environment = {
            "EVM_RPC_URL": self.url,
            "EVM_NETWORK": "local",
            "BACKSTAGE_DEPLOYMENTS": str(self.deployments),
            "BACKSTAGE_ADMIN_KEY": signer.private_key if signer else "",
            "BACKSTAGE_OPERATOR_KEY": operator.private_key if operator else "",
        } | environment
        words = [str(word) for word in arguments]
        result = CliRunner().invoke(command, words, input=answer, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(status=result.exit_code, said=result.output)

    def send(self, name, *arguments, signer, **more):
        """Run it for real, without being asked, and expect it to work."""
        done = self.run(name, *arguments, "--yes", signer=signer, **more)
        assert done.status == 0, done.said
        return done.said

    def try_out(self, name, *arguments, **more):
        """Run it with --dry-run, expect it to work, and to send nothing."""
        before = self.state()
        done = self.run(name, *arguments, "--dry-run", **more)
        assert done.status == 0, done.said
        assert self.state() == before, "a dry run changed the chain or the manifest"
        return done.said

    def refuse(self, name, *arguments, **more):
        """Run it for real, expect it to fail with a message and to send nothing; return the message."""
        before = self.state()
        done = self.run(name, *arguments, **more)
        assert done.status != 0, done.said
        assert "Traceback" not in done.said
        assert self.state() == before, "it refused and changed something all the same"
        return done.said

    def state(self):
        """What a command that sends nothing leaves as it is: the chain's head, and the manifests."""
        head = self.web3.eth.get_block("latest")
        return head.number, head.hash, sorted((file, file.read_text()) for file in self.deployments.iterdir())


def write_manifest(directory, people, factory, bks, market, code):
    """The manifest that `ape run deploy` and `ape run grant` would have left."""
    addresses = dict(zip(CONTRACTS, (factory.implementation(1), factory, bks, market), strict=True))
    entries = {
        name: {"address": str(getattr(at, "address", at)), "block": 1, "runtime_hash": code[name]}
        for name, at in addresses.items()
    }
    entries["TicketCollection"]["version"] = 1
    entries["ResaleMarket"] |= {"factory": factory.address, "fee_receiver": people.fees.address, "fee_bps": 250}
    manifest = {
        "network": "eip155:31337",
        "deployed_at_block": 1,
        "deployer": people.admin.address,
        "contracts": entries,
        "roles": {"deployer": people.deployer.address, "bks_minters": [people.admin.address], "bks_pausers": []},
    }
    (directory / "eip155-31337.json").write_text(json.dumps(manifest))
