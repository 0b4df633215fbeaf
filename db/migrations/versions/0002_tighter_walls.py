"""Tighter walls: figures of a kind of LEA are the county's alone, and nobody's temporary table can pose as ours."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    # Some kinds are one LEA alone, so that a figure of the kind is that LEA's own.
    op.execute("""ALTER POLICY all_read ON coverage_point
                  USING (scope = 'county' OR (SELECT sees_every_lea()))""")
    # Nobody names a policy.
    op.execute("""-- squawk-ignore renaming-object
                  ALTER POLICY all_read ON coverage_point RENAME TO county_or_every_lea""")
    # Unless it is named, the schema of temporary tables is searched first, also by a function that runs as the owner.
    op.execute("ALTER FUNCTION authenticate(bytea, timestamptz) SET search_path = pg_catalog, public, pg_temp")
