"""Onboarding to BEST: the playbook, who takes part, what happened, and what follows from it.

The statements stand in 0010_onboarding.sql, so that they can be read, linted and run as SQL.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    sql = (Path(__file__).parent / "0010_onboarding.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))
