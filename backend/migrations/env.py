"""Alembic's way in: migrates as the owner role, with the URL of MIGRATE_DATABASE_URL (else DATABASE_URL)."""

from alembic import context
from sqlalchemy import create_engine, pool

from backend import discovery
from backend.kit.db import Base, driver_url
from backend.settings import get_settings

discovery.load("models")


def _url() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    settings = get_settings()
    return driver_url(given or settings.migrate_database_url or settings.database_url)


def run() -> None:
    """Migrate in one transaction, holding a lock so that two starts do not migrate at once."""
    engine = create_engine(_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('backstage migrations'))")
            context.run_migrations()


run()
