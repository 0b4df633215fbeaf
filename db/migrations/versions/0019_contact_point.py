"""Whom the county writes to at an LEA, in each role."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE contact_point (
          lea_id integer NOT NULL REFERENCES lea,
          role text NOT NULL CHECK (role IN ('sponsor', 'project_lead', 'finance', 'hr_payroll', 'technology', 'data')),
          email text NOT NULL CHECK (length(email) BETWEEN 6 AND 254),
          told_at timestamptz NOT NULL,
          PRIMARY KEY (lea_id, role)
        )""")
    op.execute("COMMENT ON TABLE contact_point IS 'A work address for a role, told by the LEA; without a history'")
    op.execute("ALTER TABLE contact_point ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE contact_point FORCE ROW LEVEL SECURITY")
    own = "lea_id IN (SELECT unnest(visible_leas()))"
    op.execute(f"CREATE POLICY own_lea ON contact_point TO equityaccess_app USING ({own}) WITH CHECK ({own})")
    op.execute(
        "CREATE POLICY every_lea ON contact_point FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()))"
    )
    op.execute("CREATE POLICY owner_maintains ON contact_point TO equityaccess_owner USING (true) WITH CHECK (true)")
    # No history is kept of what may be a person's address: what was told before is gone when it is changed.
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON contact_point TO equityaccess_app")
