"""Where our contracts live on each network: the manifests that `scripts/deploy.py` writes."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from backend.kit.errors import Unavailable
from backend.settings import get_settings


class NotDeployed(Unavailable):
    """Our contracts are not deployed on this network, or their manifest is missing."""

    code = "not_deployed"


@dataclass(frozen=True)
class Deployment:
    """Addresses (20 bytes) and blocks of creation by contract name, and versions where a contract has them."""

    network: str
    addresses: dict[str, bytes]
    blocks: dict[str, int]
    versions: dict[str, int]
    deployed_at_block: int
    roles: dict[str, frozenset[bytes]] = field(default_factory=dict)
    """Who was granted the platform's roles: `deployer`, `bks_minters`, `bks_pausers`, as far as they were."""

    def address(self, contract: str) -> bytes:
        """Return where `contract` lives. Raises NotDeployed."""
        if contract not in self.addresses:
            raise NotDeployed(contract=contract, network=self.network)
        return self.addresses[contract]


def deployment(network: str, directory: Path | None = None) -> Deployment:
    """Return the deployment on `network` (CAIP-2), read again when its manifest changes. Raises NotDeployed."""
    path = (directory or get_settings().deployments_dir) / f"{network.replace(':', '-')}.json"
    try:
        changed_at = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise NotDeployed(network=network) from None
    return _read(path, changed_at, network)


@lru_cache(maxsize=16)
def _read(path: Path, _changed_at: int, network: str) -> Deployment:
    manifest: dict[str, Any] = json.loads(path.read_text())
    if manifest.get("network") != network:
        raise NotDeployed(
            f"The manifest {path.name} is of {manifest.get('network')}, not of {network}.", network=network
        )
    contracts: dict[str, Any] = manifest["contracts"]
    start = int(manifest["deployed_at_block"])
    return Deployment(
        network=network,
        addresses={name: bytes.fromhex(entry["address"].removeprefix("0x")) for name, entry in contracts.items()},
        blocks={name: int(entry.get("block", start)) for name, entry in contracts.items()},
        versions={name: int(entry["version"]) for name, entry in contracts.items() if "version" in entry},
        deployed_at_block=start,
        roles={name: _addresses(named) for name, named in manifest.get("roles", {}).items()},
    )


def _addresses(named: str | list[str] | None) -> frozenset[bytes]:
    texts = [named] if isinstance(named, str) else named or []
    return frozenset(bytes.fromhex(text.removeprefix("0x")) for text in texts)
