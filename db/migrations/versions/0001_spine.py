"""The spine: directory, catalogue, keys, journal, observations, coverage, jobs.

The statements stand in 0001_spine.sql, so that they can be read, linted and run as SQL.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    # Alembic's own table is made before the first revision: it belongs to the owner like all others.
    op.execute("ALTER TABLE alembic_version OWNER TO equityaccess_owner")
    # A login asks for the revision before it takes a role; the number is no secret.
    op.execute("GRANT SELECT ON alembic_version TO PUBLIC")
    op.execute("SET LOCAL ROLE equityaccess_owner")
    sql = (Path(__file__).parent / "0001_spine.sql").read_text()
    op.get_bind().connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))
