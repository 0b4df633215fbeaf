"""What it is estimated to cost to reach one person behind a barrier."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE unit_cost (
          indicator_id smallint NOT NULL REFERENCES indicator,
          barrier text NOT NULL CHECK (barrier IN ('not_available', 'not_affordable', 'other')),
          revision integer NOT NULL CHECK (revision > 0),
          cents integer NOT NULL CHECK (cents >= 0),
          source text NOT NULL,
          told_at timestamptz NOT NULL,
          told_by text NOT NULL CHECK (told_by IN ('reference', 'county')),
          key_id uuid,
          PRIMARY KEY (indicator_id, barrier, revision),
          CHECK ((told_by = 'county') = (key_id IS NOT NULL))
        )""")
    op.execute("COMMENT ON TABLE unit_cost IS 'Append-only: a new estimate is the next revision, and the newest holds'")
    op.execute("ALTER TABLE unit_cost ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE unit_cost FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY owner_writes ON unit_cost TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY all_read ON unit_cost FOR SELECT TO equityaccess_app USING (true)")
    op.execute(
        "CREATE POLICY county_estimates ON unit_cost FOR INSERT TO equityaccess_app WITH CHECK (told_by = 'county')"
    )
    op.execute("GRANT SELECT, INSERT ON unit_cost TO equityaccess_app")
