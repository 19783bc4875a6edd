"""What every capability's migration says in one word: rows of a tenant, rows that are never changed."""

from alembic import op

WORKING_ROLES = ("backstage_app", "backstage_index")


def tenant_table(table: str, column: str = "organisation_id") -> None:
    """Show a row only to its organisation and to the platform's own work; to nobody when no tenant is set.

    FORCE makes the policy hold for the table's owner as well; the tenant is `app.tenant`, set in each transaction.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    tenant = "current_setting('app.tenant', true)"
    op.execute(f"CREATE POLICY tenant ON {table} USING ({tenant} = 'platform' OR {column}::text = {tenant})")


def append_only(table: str) -> None:
    """Take UPDATE, DELETE and TRUNCATE from the working roles: what is written stays."""
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {', '.join(WORKING_ROLES)}")


def temporary_tables() -> None:
    """Let the working roles make temporary tables: a replay of the index hides the standing ones behind them.

    No trigger looks into them: each function names its search path, with pg_temp last.
    """
    database = op.get_bind().exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
    op.execute(f"GRANT TEMPORARY ON DATABASE {database} TO {', '.join(WORKING_ROLES)}")
