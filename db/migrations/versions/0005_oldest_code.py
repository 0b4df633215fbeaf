"""Which code this schema still serves, said by the schema itself.

Apart from code; additive; see db/README.md for the recipes.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("CREATE FUNCTION oldest_code() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN '0001'")
    op.execute("""COMMENT ON FUNCTION oldest_code() IS
                  'The schema serves code of this revision and of every later one; what drops something, raises it'""")
