"""What is left to each credential, shared by the processes that answer.

Apart from code; additive; see db/README.md for the recipes.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    # Not logged: after a crash everybody starts afresh, and no request waits for the disk.
    op.execute("""
        CREATE UNLOGGED TABLE quota (
          bucket text PRIMARY KEY,
          granted integer NOT NULL,
          tokens double precision NOT NULL CHECK (tokens >= 0),
          at timestamptz NOT NULL
        ) WITH (fillfactor = 50)""")
    op.execute("""COMMENT ON TABLE quota IS
                  'A token bucket each: what was left at an instant, and how much was granted last'""")
    op.execute("ALTER TABLE quota ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE quota FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY all_take ON quota TO equityaccess_app USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY aggregator ON quota TO equityaccess_aggregator USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE (granted, tokens, at) ON quota TO equityaccess_app")
    op.execute("GRANT SELECT, DELETE ON quota TO equityaccess_aggregator")
