"""Support given to those that move to BEST, how often they sign in, and the days on which an LEA is closed.

The statements stand in 0011_support.sql, so that they can be read, linted and run as SQL.
"""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    sql = (Path(__file__).parent / "0011_support.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))
