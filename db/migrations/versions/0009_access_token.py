"""Tokens for programs that ask for one first: kept as hashes, and never more than their key.

Apart from code; additive; see db/README.md for the recipes.
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL ROLE equityaccess_owner")
    op.execute("SET LOCAL lock_timeout = '300ms'")
    op.execute("SET LOCAL statement_timeout = '60s'")
    op.execute("""
        CREATE TABLE access_token (
          token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
          key_id uuid NOT NULL REFERENCES api_key,
          scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
          expires_at timestamptz NOT NULL
        )""")
    op.execute("COMMENT ON TABLE access_token IS 'What a key was exchanged for: it works while it and its key do'")
    op.execute("CREATE INDEX access_token_expires ON access_token (expires_at)")
    op.execute("ALTER TABLE access_token ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE access_token FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY owner_maintains ON access_token TO equityaccess_owner USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY aggregator ON access_token TO equityaccess_aggregator USING (true)")
    op.execute("GRANT SELECT (expires_at), DELETE ON access_token TO equityaccess_aggregator")
    # The service can test a token and exchange a key whose secret it was shown; it can read and forge neither.
    op.execute("""
        CREATE FUNCTION authenticate_token(token bytea, at timestamptz)
        RETURNS TABLE (key_id uuid, label text, scopes text[], expires_at timestamptz, revoked_at timestamptz,
                       lea_ids integer[], token_expires_at timestamptz)
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
          SELECT c.key_id, c.label, t.scopes, c.expires_at, c.revoked_at, c.lea_ids, t.expires_at
            FROM access_token t
            JOIN api_key k ON k.key_id = t.key_id
           CROSS JOIN LATERAL authenticate(k.secret_sha256, at) c
           WHERE t.token_sha256 = token
        $$""")
    op.execute("""
        CREATE FUNCTION exchange_key(secret bytea, token bytea, wanted text[], until timestamptz) RETURNS boolean
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        AS $$
          INSERT INTO access_token (token_sha256, key_id, scopes, expires_at)
          SELECT token, k.key_id, wanted, least(until, k.expires_at)
            FROM api_key k
           WHERE k.secret_sha256 = secret AND k.revoked_at IS NULL AND wanted <@ k.scopes
          RETURNING true
        $$""")
    for function in ("authenticate_token(bytea, timestamptz)", "exchange_key(bytea, bytea, text[], timestamptz)"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO equityaccess_app")
