"""The lease of the scheduler that leads: until when, and a token that grows with every leader.

Apart from code; additive; see db/README.md for the recipes.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE job_lease (
          lease text PRIMARY KEY CHECK (lease = 'scheduler'),
          token bigint NOT NULL,
          holder text NOT NULL,
          expires_at timestamptz NOT NULL
        )""")
    op.execute("COMMENT ON TABLE job_lease IS 'One row, always: a leader that finds another token has lost'")
    op.execute("ALTER TABLE job_lease ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE job_lease FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY owner_maintains ON job_lease TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY aggregator ON job_lease TO equityaccess_aggregator USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, UPDATE (token, holder, expires_at) ON job_lease TO equityaccess_aggregator")
    op.execute("INSERT INTO job_lease VALUES ('scheduler', 0, 'nobody', '-infinity')")
