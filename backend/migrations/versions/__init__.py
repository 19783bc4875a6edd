"""One file a capability, applied in order."""

from functools import lru_cache

from alembic.config import Config
from alembic.script import ScriptDirectory


@lru_cache
def head() -> str | None:
    """Return the newest revision this release knows."""
    config = Config()
    config.set_main_option("script_location", "backend:migrations")
    return ScriptDirectory.from_config(config).get_current_head()
