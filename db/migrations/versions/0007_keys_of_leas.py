"""Who speaks for an LEA is for an administrator to say: an LEA's own transaction reads it and adds nothing."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("DROP POLICY own_lea ON api_key_lea")
    op.execute("""CREATE POLICY own_lea ON api_key_lea FOR SELECT TO equityaccess_app
                  USING (lea_id IN (SELECT unnest(visible_leas())))""")
