"""The ledger: journals and entries, append-only by role, each journal summing to zero at commit."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import append_only, tenant_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Deferred to the commit, because the entries of one journal are inserted one after another. The fixed search_path
# keeps a temporary table of the same name from standing in for the real one. Row-level security can only hide rows
# from it, and then the count differs: it fails closed.
_CHECK_JOURNAL = """
CREATE FUNCTION ledger_check_journal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    checked uuid;
    promised integer;
    found integer;
    unbalanced text;
BEGIN
    IF TG_TABLE_NAME = 'journals' THEN
        checked := NEW.id;
    ELSE
        checked := NEW.journal_id;
    END IF;
    SELECT entry_count INTO promised FROM journals WHERE id = checked;
    SELECT count(*) INTO found FROM ledger_entries WHERE journal_id = checked;
    IF promised IS DISTINCT FROM found THEN
        RAISE EXCEPTION 'journal % was posted with % entries but has %', checked, promised, found
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_journal_is_whole';
    END IF;
    SELECT string_agg(currency || ' ' || total, ', ') INTO unbalanced FROM (
        SELECT currency, sum(amount) AS total FROM ledger_entries
        WHERE journal_id = checked GROUP BY currency HAVING sum(amount) <> 0
    ) AS sums;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'journal % does not sum to zero: %', checked, unbalanced
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_journal_sums_to_zero';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Make the tables, the trigger, and take the rights to change what was posted."""
    op.create_table(
        "journals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.Uuid(), nullable=False),
        sa.Column("entry_count", sa.SmallInteger(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journals")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_journals_organisation_id")),
        sa.UniqueConstraint("kind", "reference", name=op.f("uq_journals_kind_reference")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_journals_id_organisation_id")),
        sa.CheckConstraint("entry_count >= 2", name=op.f("ck_journals_entry_count")),
    )
    op.create_index(op.f("ix_journals_organisation_id"), "journals", ["organisation_id"])
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("journal_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.ForeignKeyConstraint(
            ["journal_id", "organisation_id"],
            ["journals.id", "journals.organisation_id"],
            name=op.f("fk_ledger_entries_journal_id_organisation_id"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entries_amount")),
    )
    op.create_index(op.f("ix_ledger_entries_journal_id"), "ledger_entries", ["journal_id"])
    op.create_index(
        op.f("ix_ledger_entries_organisation_id_account_currency"),
        "ledger_entries",
        ["organisation_id", "account", "currency"],
    )
    op.execute(_CHECK_JOURNAL)
    for table in ("journals", "ledger_entries"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_are_whole AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_journal()"
        )
        tenant_table(table)
        append_only(table)


def downgrade() -> None:
    """Drop the books."""
    op.drop_table("ledger_entries")
    op.drop_table("journals")
    op.execute("DROP FUNCTION ledger_check_journal()")
