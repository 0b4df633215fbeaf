CREATE TABLE release (
  number integer PRIMARY KEY CHECK (number > 0),
  as_of date NOT NULL,
  published_at timestamptz NOT NULL,
  rules text NOT NULL,
  is_sample boolean NOT NULL,
  rows integer NOT NULL,
  suppressed integer NOT NULL,
  sha256 text NOT NULL,
  csv bytea NOT NULL
);

COMMENT ON COLUMN release.csv IS 'The file as it is given out, deflated; sha256 is that of the file';

CREATE TABLE release_cell (
  number integer NOT NULL REFERENCES release,
  indicator text NOT NULL,
  student_group text NOT NULL,
  scope text NOT NULL,
  scope_name text NOT NULL,
  level text NOT NULL CHECK (level IN ('county', 'kind', 'lea')),
  state text NOT NULL CHECK (state IN ('shown', 'suppressed', 'not_heard_from')),
  base integer,
  confirmed_percent double precision,
  confirmed_bound text CHECK (confirmed_bound IN ('=', '>=', '<=')),
  at_most_percent double precision,
  at_most_bound text CHECK (at_most_bound IN ('=', '>=', '<=')),
  target_percent double precision,
  target_on date,
  PRIMARY KEY (number, indicator, student_group, scope),
  CHECK (num_nonnulls(confirmed_percent, confirmed_bound, at_most_percent, at_most_bound) = CASE WHEN state = 'shown' THEN 4 ELSE 0 END),
  CHECK (state <> 'suppressed' OR base IS NULL)
);

CREATE INDEX release_cell_of_scope ON release_cell (scope, number);

-- What is published stays as it was: for whoever comes by whatever role.
CREATE FUNCTION refuse_to_change_a_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A release cannot be changed or removed; publish another one';
END $$;

CREATE TRIGGER unchangeable BEFORE UPDATE OR DELETE OR TRUNCATE ON release FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_a_release();
CREATE TRIGGER unchangeable BEFORE UPDATE OR DELETE OR TRUNCATE ON release_cell FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_a_release();

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['release', 'release_cell'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY everybody_reads ON %I FOR SELECT TO equityaccess_app, equityaccess_aggregator, equityaccess_public USING (true)', t);
    EXECUTE format('CREATE POLICY aggregator_publishes ON %I FOR INSERT TO equityaccess_aggregator WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator, equityaccess_public', t);
    EXECUTE format('GRANT INSERT ON %I TO equityaccess_aggregator', t);
  END LOOP;
END $$;
