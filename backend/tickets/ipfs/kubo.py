"""IPFS through a Kubo node's API, by ipfshttpclient.

`Client(...)` is used instead of `connect()`, which refuses every current Kubo by version range. `raw_leaves=False` and
`cid_version=1` are said aloud because the identifier depends on them; the answer is compared with our own computation.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ipfshttpclient
from ipfshttpclient import exceptions

from backend.tickets.ipfs.port import StoreUnavailable, check_cid

_SECONDS = 30
_DIRECTORY = "metadata"


class KuboStore:
    """Pins on the node at `address` (a multiaddr such as `/dns/ipfs/tcp/5001/http`)."""

    is_ipfs = True

    def __init__(self, address: str) -> None:
        """Remember where the node is; nothing is asked yet."""
        self.name = f"IPFS node at {address}"
        self._client: Any = ipfshttpclient.Client(address, timeout=_SECONDS)

    def pin(self, files: Mapping[str, bytes]) -> str:
        """Add and pin the directory, then compare the node's answer with the identifier computed here."""
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder) / _DIRECTORY
            directory.mkdir()
            for name, content in files.items():
                (directory / name).write_bytes(content)
            try:
                added = self._client.add(str(directory), recursive=True, pin=True, raw_leaves=False, cid_version=1)
            except exceptions.Error as error:
                raise StoreUnavailable(reason=type(error).__name__) from error
        roots = {item["Name"]: item["Hash"] for item in added}
        return check_cid(files, roots.get(_DIRECTORY, "nothing"), self.name)

    def read(self, cid: str, path: str) -> bytes | None:
        """Fetch one file of a pinned directory."""
        try:
            content: bytes = self._client.cat(f"/ipfs/{cid}/{path}", length=256 * 1024)
        except exceptions.ErrorResponse:
            return None
        except exceptions.Error as error:
            raise StoreUnavailable(reason=type(error).__name__) from error
        return content
