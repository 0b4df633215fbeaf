-- Who did what, when and from where. Nobody is granted UPDATE, DELETE or TRUNCATE, the owner neither.

CREATE TABLE audit_entry (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  key_id uuid,
  lea_ids integer[] NOT NULL,
  action text NOT NULL,
  object text NOT NULL,
  parameters json,
  before json,
  after json,
  status smallint,
  address text,
  request_id text
);

COMMENT ON TABLE audit_entry IS 'Append-only. Written in the transaction it is about; a request that only reads, before its answer leaves';

COMMENT ON COLUMN audit_entry.lea_ids IS 'The LEAs that it concerns, any of which may read it; none: the county alone';

CREATE INDEX audit_entry_of_lea ON audit_entry USING gin (lea_ids);

CREATE TABLE audit_seal (
  seal_id bigint PRIMARY KEY,
  sealed_at timestamptz NOT NULL,
  entry_ids bigint[] NOT NULL,
  digests bytea NOT NULL,
  high_id bigint NOT NULL,
  floor_id bigint NOT NULL,
  settled_by bigint NOT NULL,
  hash bytea NOT NULL,
  CHECK (octet_length(digests) = 32 * cardinality(entry_ids) AND cardinality(entry_ids) > 0),
  CHECK (octet_length(hash) = 32)
);

COMMENT ON TABLE audit_seal IS 'The chain: the SHA-256 of some entries, and a hash over them and the hash of the seal before';

CREATE INDEX audit_seal_high ON audit_seal (high_id);

ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY;

ALTER TABLE audit_seal ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit_seal FORCE ROW LEVEL SECURITY;

CREATE POLICY all_write ON audit_entry FOR INSERT TO equityaccess_app, equityaccess_aggregator, equityaccess_owner WITH CHECK (true);

CREATE POLICY own_lea ON audit_entry FOR SELECT TO equityaccess_app USING (lea_ids && (SELECT visible_leas())::integer[]);

CREATE POLICY every_lea ON audit_entry FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()));

CREATE POLICY aggregator ON audit_entry FOR SELECT TO equityaccess_aggregator USING (true);

CREATE POLICY aggregator_reads ON audit_seal FOR SELECT TO equityaccess_aggregator USING (true);

CREATE POLICY aggregator_adds ON audit_seal FOR INSERT TO equityaccess_aggregator WITH CHECK (true);

-- Not by whom it pleases when: the number and the instant are the database's.
GRANT INSERT (actor, key_id, lea_ids, action, object, parameters, before, after, status, address, request_id) ON audit_entry TO equityaccess_app, equityaccess_aggregator;

GRANT SELECT ON audit_entry TO equityaccess_app, equityaccess_aggregator;

GRANT SELECT, INSERT ON audit_seal TO equityaccess_aggregator;

REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry, audit_seal FROM equityaccess_owner;
