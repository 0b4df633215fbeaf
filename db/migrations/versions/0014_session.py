"""Who is signed in: a session is a key of a browser, so that both walls, quotas and records hold for it as they are.

Apart from code; additive; see db/README.md for the recipes.
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE session (
          key_id uuid PRIMARY KEY REFERENCES api_key,
          role text NOT NULL CHECK (role IN ('district', 'technology_office', 'best_support', 'admin')),
          subject text NOT NULL
        )""")
    op.execute(
        "COMMENT ON TABLE session IS 'A key that a browser signed in with: who, as what; a cookie is its secret'"
    )
    op.execute("""
        CREATE TABLE sign_in_link (
          link_sha256 bytea PRIMARY KEY CHECK (octet_length(link_sha256) = 32),
          role text NOT NULL CHECK (role IN ('district', 'technology_office', 'best_support', 'admin')),
          lea_ids integer[] NOT NULL,
          created_at timestamptz NOT NULL,
          created_by text NOT NULL,
          expires_at timestamptz NOT NULL,
          used_at timestamptz,
          CHECK ((role = 'district') = (cardinality(lea_ids) > 0)),
          CHECK (expires_at > created_at AND expires_at <= created_at + interval '15 minutes')
        )""")
    op.execute("COMMENT ON TABLE sign_in_link IS 'Opens one session, once; kept as a hash'")
    op.execute("CREATE INDEX sign_in_link_expires ON sign_in_link (expires_at)")
    for table in ("session", "sign_in_link"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY administer ON {table} TO equityaccess_app "
            "USING ((SELECT sees_every_lea())) WITH CHECK ((SELECT sees_every_lea()))"
        )
        op.execute(f"CREATE POLICY owner_maintains ON {table} TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT ON session TO equityaccess_app")
    op.execute("GRANT SELECT, INSERT, UPDATE (used_at) ON sign_in_link TO equityaccess_app")
    op.execute("CREATE POLICY aggregator ON sign_in_link TO equityaccess_aggregator USING (true)")
    op.execute("GRANT SELECT (expires_at), DELETE ON sign_in_link TO equityaccess_aggregator")
    # What was not used for so long is over, although its row stays: the walls know it by its key.
    op.execute("""
        CREATE FUNCTION authenticate_session(secret bytea, at timestamptz, idle interval)
        RETURNS TABLE (key_id uuid, label text, scopes text[], expires_at timestamptz, revoked_at timestamptz,
                       lea_ids integer[], role text, subject text)
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
          SELECT c.key_id, c.label, c.scopes, c.expires_at, c.revoked_at, c.lea_ids, s.role, s.subject
            FROM session s
            JOIN api_key k ON k.key_id = s.key_id
           CROSS JOIN LATERAL authenticate(k.secret_sha256, at) c
           WHERE k.secret_sha256 = secret
             AND coalesce(k.last_used_at, k.created_at) > at - idle
        $$""")
    function = "authenticate_session(bytea, timestamptz, interval)"
    op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO equityaccess_app")
