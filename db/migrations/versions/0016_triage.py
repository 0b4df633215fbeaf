"""Which LEA needs a person: items, what happened to them, and the weights by which they were scored.

The statements stand in 0016_triage.sql, so that they can be read, linted and run as SQL.
"""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    sql = (Path(__file__).parent / "0016_triage.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))
