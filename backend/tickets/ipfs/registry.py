"""Which content store this process uses."""

from functools import lru_cache

from backend.settings import get_settings
from backend.tickets.ipfs.embedded import EmbeddedStore
from backend.tickets.ipfs.port import ContentStore


@lru_cache
def store() -> ContentStore:
    """Return the IPFS node of IPFS_API, or the embedded store when that is not set."""
    settings = get_settings()
    if not settings.ipfs_api:
        return EmbeddedStore(settings.content_dir)
    from backend.tickets.ipfs.kubo import KuboStore  # noqa: PLC0415 - its client is only needed with a node

    return KuboStore(settings.ipfs_api)
