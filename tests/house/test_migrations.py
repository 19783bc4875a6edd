from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from backend import discovery
from backend.kit import db
from tests.fixtures.database import TEMPLATE


def _as(cluster, role):
    return create_engine(db.driver_url(cluster.url(role, TEMPLATE)))


def test_migrations_make_what_the_models_say(cluster):
    discovery.load("models")
    engine = _as(cluster, "backstage_owner")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.Base.metadata) == []
    engine.dispose()


def test_every_table_with_an_organisation_hides_its_rows_from_the_others(cluster):
    engine = _as(cluster, "backstage_owner")
    query = text("""
        SELECT c.table_name, r.relrowsecurity AND r.relforcerowsecurity AS hidden
        FROM information_schema.columns c JOIN pg_class r ON r.relname = c.table_name
        WHERE c.table_schema = 'public' AND c.column_name = 'organisation_id'
    """)
    with engine.connect() as connection:
        rows = {row.table_name: row.hidden for row in connection.execute(query)}
    engine.dispose()
    assert len(rows) >= 10
    # A role grant names an organisation but belongs to the platform: it is read to find out whose tenant one is.
    assert {table for table, hidden in rows.items() if not hidden} <= {"role_grants"}


def test_the_working_roles_own_nothing_and_cannot_step_around_row_level_security(cluster):
    engine = _as(cluster, "backstage_app")
    with engine.connect() as connection:
        query = "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'backstage_%'"
        roles = connection.execute(text(query)).all()
        owned = text("SELECT count(*) FROM pg_tables WHERE tableowner IN ('backstage_app', 'backstage_index')")
        assert connection.execute(owned).scalar_one() == 0
    engine.dispose()
    assert {role.rolname for role in roles} == {"backstage_owner", "backstage_app", "backstage_index"}
    for role in roles:
        assert not (role.rolsuper or role.rolbypassrls), role


def test_without_a_tenant_no_row_of_a_tenant_is_seen(session):
    session.execute(text("SELECT set_config('app.tenant', '', true)"))
    tables = session.scalars(
        text("SELECT relname FROM pg_class WHERE relrowsecurity AND relkind = 'r' ORDER BY 1"),
    ).all()
    for table in tables:
        assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
