"""Bodies that were refused and look personal are kept apart: what is there stays, and nobody is answered with it."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("ALTER TABLE submission ADD COLUMN is_quarantined boolean NOT NULL DEFAULT false")
    op.execute("GRANT UPDATE (is_quarantined) ON submission TO equityaccess_app")
    op.execute("""
        ALTER POLICY through_submission ON submission_body USING (EXISTS (
          SELECT FROM submission s WHERE s.submission_id = submission_body.submission_id AND NOT s.is_quarantined))""")
