"""What was published: numbered releases, which nobody can change any more.

The statements stand in 0015_release.sql, so that they can be read, linted and run as SQL.
"""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    sql = (Path(__file__).parent / "0015_release.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))
