"""The embedded store: content-addressed files on disk. It is not IPFS.

It files directories under the same identifiers as IPFS and serves them through this installation's own gateway
(`GET /v1/metadata/{cid}/{path}`), but nobody else can fetch them by their `ipfs://` address. Production sets IPFS_API.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from backend.tickets.ipfs.cid import directory_cid

_CID = re.compile(r"b[a-z2-7]{20,100}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class EmbeddedStore:
    """Directories below `root`, each named by its CID and moved into place whole."""

    name = "embedded store (not IPFS)"
    is_ipfs = False

    def __init__(self, root: Path) -> None:
        """Keep content below `root`, which is made when first needed."""
        self._root = root

    def pin(self, files: Mapping[str, bytes]) -> str:
        """Write the directory beside its place and rename it into it, so that nobody sees half of it."""
        if bad := [name for name in files if not _NAME.fullmatch(name)]:
            raise ValueError(f"not a plain file name: {bad[0]!r}")
        cid = directory_cid(files)
        place = self._root / cid
        if place.is_dir():
            return cid
        self._root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._root))
        for name, content in files.items():
            (draft / name).write_bytes(content)
        draft.chmod(0o755)
        try:
            os.rename(draft, place)  # noqa: PTH104 - os.rename refuses a full directory, which is the point
        except OSError:
            for name in files:
                (draft / name).unlink()
            draft.rmdir()
            if not place.is_dir():
                raise
        return cid

    def read(self, cid: str, path: str) -> bytes | None:
        """Return the file's bytes; names that are not plain are simply not there."""
        if not _CID.fullmatch(cid) or not _NAME.fullmatch(path):
            return None
        file = self._root / cid / path
        return file.read_bytes() if file.is_file() else None
