"""The deployment manifests that the backend and the index read, such as `eip155-97.json`. See docs/contracts.md."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click


@dataclass
class Manifest:
    """What is deployed on one network. Saved after every step, so that a broken run goes on where it stopped."""

    path: Path
    network: str
    deployer: str | None = None
    deployed_at_block: int | None = None
    contracts: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path, network: str) -> Manifest:
        """Read a network's manifest; an empty one if there is none yet. Raises ClickException for another network's."""
        path = directory / f"{network.replace(':', '-')}.json"
        if not path.exists():
            return cls(path, network)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            named = content["network"]
        except (ValueError, KeyError, TypeError) as error:
            raise click.ClickException(f"{path} is no manifest: {type(error).__name__}: {error}") from None
        if named != network:
            message = f"{path} is the manifest of {named}, not of {network}"
            raise click.ClickException(message)
        return cls(path, **content)

    def address(self, name: str) -> str:
        """Return where a contract of the platform lives. Raises ClickException when the manifest does not say."""
        if name not in self.contracts:
            message = f"{self.path} names no {name}: run `ape run deploy` first, or name the directory by --deployments"
            raise click.ClickException(message)
        return str(self.contracts[name]["address"])

    def save(self) -> None:
        """Write it so that a reader sees the old or the new content, never half of one."""
        content = {
            "network": self.network,
            "deployed_at_block": self.deployed_at_block,
            "deployer": self.deployer,
            "contracts": self.contracts,
            "roles": self.roles,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".json.new")
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, self.path)  # noqa: PTH105 -- says atomic to whoever knows it
