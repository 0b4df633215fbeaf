"""What the county does about what pushes left in doubt."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE doubt_work (
          lea_ids integer[] NOT NULL,
          code text NOT NULL,
          revision integer NOT NULL CHECK (revision > 0),
          desk text,
          settled_rows integer CHECK (settled_rows > 0),
          said text,
          told_at timestamptz NOT NULL,
          key_id uuid NOT NULL,
          PRIMARY KEY (lea_ids, code, revision),
          CHECK ((settled_rows IS NULL) = (said IS NULL))
        )""")
    op.execute("COMMENT ON TABLE doubt_work IS 'Append-only: the newest revision holds, until more rows are in doubt'")
    op.execute("ALTER TABLE doubt_work ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE doubt_work FORCE ROW LEVEL SECURITY")
    # The county's own note on what LEAs send: its people alone see it and work on it.
    op.execute(
        "CREATE POLICY county ON doubt_work TO equityaccess_app"
        " USING ((SELECT sees_every_lea())) WITH CHECK ((SELECT sees_every_lea()))"
    )
    op.execute("CREATE POLICY owner_maintains ON doubt_work TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT ON doubt_work TO equityaccess_app")
