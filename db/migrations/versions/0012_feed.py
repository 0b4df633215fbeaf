"""Whom a push concerned, and when the next push about each LEA is to be expected."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("ALTER TABLE submission ADD COLUMN concerned integer[]")
    op.execute("GRANT UPDATE (concerned) ON submission TO equityaccess_app")
    op.execute("CREATE POLICY aggregator ON submission FOR SELECT TO equityaccess_aggregator USING (true)")
    op.execute("GRANT SELECT (received_at, outcome, concerned) ON submission TO equityaccess_aggregator")
    op.execute(
        "COMMENT ON COLUMN submission.concerned IS "
        "'The LEAs that its rows speak of; of a push that was not taken, those of its key'"
    )
    op.execute("""
        CREATE TABLE feed (
          lea_id integer PRIMARY KEY REFERENCES lea,
          habit text,
          learned_from integer NOT NULL,
          last_received_at timestamptz NOT NULL,
          expected_at timestamptz,
          computed_at timestamptz NOT NULL,
          CHECK ((habit IS NULL) = (expected_at IS NULL))
        )""")
    op.execute("COMMENT ON TABLE feed IS 'Worked out from the journal every hour; silent once expected_at is past'")
    op.execute("ALTER TABLE feed ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE feed FORCE ROW LEVEL SECURITY")
    own = "lea_id IN (SELECT unnest(visible_leas()))"
    op.execute(f"CREATE POLICY own_lea ON feed FOR SELECT TO equityaccess_app USING ({own})")
    op.execute("CREATE POLICY every_lea ON feed FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()))")
    op.execute("CREATE POLICY aggregator ON feed TO equityaccess_aggregator USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY owner_maintains ON feed TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT ON feed TO equityaccess_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON feed TO equityaccess_aggregator")
