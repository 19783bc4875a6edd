"""Venues, events and tiers; and a steward's grant names an event of its organisation."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import tenant_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_GRANT_FK = "fk_role_grants_event_id_organisation_id"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "venues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venues")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_venues_organisation_id")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_venues_id_organisation_id")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_venues_capacity")),
    )
    op.create_index(op.f("ix_venues_organisation_id"), "venues", ["organisation_id"])
    _events()
    _tiers()
    op.create_foreign_key(
        op.f(_GRANT_FK), "role_grants", "events", ["event_id", "organisation_id"], ["id", "organisation_id"]
    )
    for table in ("venues", "events", "tiers"):
        tenant_table(table)


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("venue_id", sa.Uuid(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("doors_at", _TIME, nullable=False),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("max_supply", sa.Integer(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_events_organisation_id")),
        sa.ForeignKeyConstraint(
            ["venue_id", "organisation_id"],
            ["venues.id", "venues.organisation_id"],
            name=op.f("fk_events_venue_id_organisation_id"),
        ),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_events_id_organisation_id")),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'READY', 'ON_SALE', 'CLOSED', 'CANCELLED')", name=op.f("ck_events_status")
        ),
        sa.CheckConstraint("doors_at <= starts_at AND starts_at < ends_at", name=op.f("ck_events_dates")),
        sa.CheckConstraint("version > 0", name=op.f("ck_events_version")),
        sa.CheckConstraint("max_supply > 0", name=op.f("ck_events_max_supply")),
    )
    op.create_index(op.f("ix_events_organisation_id_starts_at_id"), "events", ["organisation_id", "starts_at", "id"])
    op.create_index(op.f("ix_events_status_starts_at_id"), "events", ["status", "starts_at", "id"])


def _tiers() -> None:
    op.create_table(
        "tiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("paid", sa.Integer(), nullable=False),
        sa.Column("on_sale", sa.Boolean(), nullable=False),
        sa.Column("sale_starts_at", _TIME, nullable=True),
        sa.Column("sale_ends_at", _TIME, nullable=True),
        sa.Column("per_account_limit", sa.Integer(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tiers")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_tiers_organisation_id")),
        sa.ForeignKeyConstraint(
            ["event_id", "organisation_id"],
            ["events.id", "events.organisation_id"],
            name=op.f("fk_tiers_event_id_organisation_id"),
        ),
        sa.UniqueConstraint("event_id", "number", name=op.f("uq_tiers_event_id_number")),
        sa.UniqueConstraint("id", "organisation_id", name=op.f("uq_tiers_id_organisation_id")),
        sa.CheckConstraint("number > 0", name=op.f("ck_tiers_number")),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_tiers_price_minor")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_tiers_quantity")),
        sa.CheckConstraint("held >= 0 AND paid >= 0 AND held + paid <= quantity", name=op.f("ck_tiers_stock")),
        sa.CheckConstraint("sale_starts_at < sale_ends_at", name=op.f("ck_tiers_sale_window")),
        sa.CheckConstraint("per_account_limit > 0", name=op.f("ck_tiers_per_account_limit")),
    )
    op.create_index(op.f("ix_tiers_organisation_id"), "tiers", ["organisation_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_constraint(op.f(_GRANT_FK), "role_grants", type_="foreignkey")
    for table in ("tiers", "events", "venues"):
        op.drop_table(table)
