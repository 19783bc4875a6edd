"""What this house needs of a content store."""

from collections.abc import Mapping
from typing import Protocol

from backend.kit.errors import Retryable, Unavailable
from backend.tickets.ipfs.cid import directory_cid


class StoreUnavailable(Unavailable, Retryable):
    """The content store does not answer; try again shortly."""

    code = "content_store_unavailable"


class WrongCid(Exception):
    """The store filed the content under another identifier than the one computed here; nothing may refer to it."""


class ContentStore(Protocol):
    """Keeps flat directories of small files under their CIDv1."""

    name: str
    is_ipfs: bool
    """False for the embedded store: nobody but this installation can fetch what it keeps."""

    def pin(self, files: Mapping[str, bytes]) -> str:
        """Keep the directory and return its CIDv1. Repeating it is harmless. Raises StoreUnavailable, WrongCid."""

    def read(self, cid: str, path: str) -> bytes | None:
        """Return a file of a pinned directory, None when there is none. Raises StoreUnavailable."""


def check_cid(files: Mapping[str, bytes], answered: str, store: str) -> str:
    """Return the directory's CIDv1 if the store's answer equals it. Raises WrongCid."""
    expected = directory_cid(files)
    if answered != expected:
        raise WrongCid(f"{store} answered {answered} for content that is {expected}")
    return expected
