-- What is asked, of whom and about whom -------------------------------------------------------------------------

CREATE TABLE indicator (
  indicator_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  name text NOT NULL,
  definition text NOT NULL,
  caveat text NOT NULL DEFAULT '',
  source text NOT NULL,
  unit text NOT NULL CHECK (unit IN ('students', 'employees', 'households', 'requests', 'children')),
  asked_from date NOT NULL DEFAULT DATE '2022-07-01',
  cadence text NOT NULL CHECK (cadence IN ('monthly', 'quarterly', 'yearly', 'once')),
  counts_for_days integer NOT NULL CHECK (counts_for_days > 0),
  polarity text NOT NULL CHECK (polarity IN ('more_is_better', 'less_is_better')),
  asked_of text[] NOT NULL,
  is_in_plan boolean NOT NULL
);

COMMENT ON COLUMN indicator.asked_from IS 'Figures for the group ALL begin in this week, all unknown if need be; the default is the first day of the Strategic Plan 2022-2025';

COMMENT ON COLUMN indicator.counts_for_days IS 'An observation older than this no longer counts: the people in it are unknown again';

CREATE TABLE student_group (
  student_group_id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('all', 'race_ethnicity', 'program', 'local')),
  dashboard_code text,
  dataquest_code text,
  definition text NOT NULL,
  source text NOT NULL
);

CREATE TABLE target (
  indicator_id smallint NOT NULL REFERENCES indicator,
  student_group_id smallint NOT NULL REFERENCES student_group,
  target_on date NOT NULL,
  percent numeric(5,2) NOT NULL CHECK (percent BETWEEN 0 AND 100),
  baseline_percent numeric(5,2),
  baseline_on date,
  source text NOT NULL,
  PRIMARY KEY (indicator_id, student_group_id, target_on)
);

-- The directory -------------------------------------------------------------------------------------------------

CREATE TABLE lea (
  lea_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);

CREATE TABLE lea_period (
  lea_id integer NOT NULL REFERENCES lea,
  valid_from date NOT NULL,
  valid_to date NOT NULL DEFAULT 'infinity',
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('unified_district', 'elementary_district', 'high_school_district', 'county_office', 'sbe_charter', 'charter', 'rocp', 'other_agency')),
  county_code text NOT NULL CHECK (county_code ~ '\A[0-9]{2}\Z'),
  authorizer_id integer REFERENCES lea,
  funding text CHECK (funding IN ('direct', 'local')),
  city text,
  zip text,
  grades text,
  PRIMARY KEY (lea_id, valid_from),
  CHECK (valid_from < valid_to),
  CHECK ((kind = 'charter') = (authorizer_id IS NOT NULL)),
  CHECK ((kind = 'charter') = (funding IS NOT NULL)),
  CONSTRAINT lea_period_one_at_a_time EXCLUDE USING gist (lea_id WITH =, daterange(valid_from, valid_to) WITH &&)
);

COMMENT ON TABLE lea_period IS 'What was true of an LEA from valid_from until the day before valid_to';

CREATE TABLE identifier (
  scheme text NOT NULL CHECK (scheme IN ('cds', 'nces', 'charter', 'best')),
  code text NOT NULL,
  lea_id integer NOT NULL REFERENCES lea,
  valid_from date NOT NULL,
  valid_to date NOT NULL DEFAULT 'infinity',
  PRIMARY KEY (scheme, code, valid_from),
  CHECK (valid_from < valid_to),
  CHECK (scheme <> 'cds' OR code ~ '\A[0-9]{14}\Z'),
  CONSTRAINT identifier_names_one_lea EXCLUDE USING gist (scheme WITH =, code WITH =, daterange(valid_from, valid_to) WITH &&)
);

CREATE INDEX identifier_of_lea ON identifier (lea_id, scheme);

CREATE TABLE enrollment (
  lea_id integer NOT NULL REFERENCES lea,
  school_year text NOT NULL CHECK (school_year ~ '\A[0-9]{4}-[0-9]{2}\Z'),
  student_group_id smallint NOT NULL REFERENCES student_group,
  census_on date NOT NULL,
  students integer NOT NULL CHECK (students >= 0),
  includes_charters boolean NOT NULL,
  source text NOT NULL,
  PRIMARY KEY (lea_id, school_year, student_group_id)
);

COMMENT ON COLUMN enrollment.includes_charters IS 'True for a district total as CDE publishes it: the charters it authorizes are in it';

CREATE TABLE expectation (
  lea_id integer NOT NULL REFERENCES lea,
  indicator_id smallint NOT NULL REFERENCES indicator,
  period_from date NOT NULL,
  period_to date NOT NULL,
  due_on date NOT NULL,
  PRIMARY KEY (lea_id, indicator_id, period_from),
  CHECK (period_from < period_to AND period_to <= due_on)
);

COMMENT ON TABLE expectation IS 'One observation for the group ALL is expected with as_of in [period_from, period_to), received by due_on';

-- Keys ----------------------------------------------------------------------------------------------------------

CREATE TABLE api_key (
  key_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  secret_sha256 bytea NOT NULL UNIQUE,
  last_four text NOT NULL,
  label text NOT NULL,
  scopes text[] NOT NULL CHECK (scopes <@ ARRAY['push', 'read', 'county', 'admin'] AND cardinality(scopes) > 0),
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days')
);

CREATE TABLE api_key_lea (
  key_id uuid NOT NULL REFERENCES api_key,
  lea_id integer NOT NULL REFERENCES lea,
  PRIMARY KEY (key_id, lea_id)
);

-- Submissions and observations ----------------------------------------------------------------------------------

CREATE TABLE submission (
  submission_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  key_id uuid NOT NULL REFERENCES api_key,
  lea_ids integer[] NOT NULL,
  received_at timestamptz NOT NULL,
  content_type text NOT NULL,
  parameters text NOT NULL,
  byte_count bigint,
  sha256 bytea,
  outcome text CHECK (outcome IN ('applied', 'partly_applied', 'unchanged', 'refused', 'dry_run', 'replayed', 'incomplete')),
  status smallint,
  answer bytea,
  decided_at timestamptz
);

COMMENT ON COLUMN submission.outcome IS 'NULL while it is judged, or if the service stopped before it was';

CREATE INDEX submission_newest ON submission (received_at DESC, submission_id DESC);

CREATE TABLE submission_body (
  submission_id uuid NOT NULL REFERENCES submission,
  part integer NOT NULL,
  deflated bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (submission_id, part)
);

COMMENT ON TABLE submission_body IS 'The body as it came, in parts, each zlib-compressed: the parts inflated and joined have the sha256 of the submission';

CREATE TABLE idempotency (
  key_id uuid NOT NULL REFERENCES api_key,
  idempotency_key text NOT NULL,
  fingerprint bytea NOT NULL,
  submission_id uuid NOT NULL REFERENCES submission,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (key_id, idempotency_key)
);

CREATE TABLE observation (
  lea_id integer NOT NULL,
  indicator_id smallint NOT NULL,
  student_group_id smallint NOT NULL,
  as_of date NOT NULL,
  revision integer NOT NULL,
  population integer NOT NULL CHECK (population >= 0),
  met integer NOT NULL CHECK (met >= 0),
  not_met integer NOT NULL CHECK (not_met >= 0),
  not_applicable integer NOT NULL CHECK (not_applicable >= 0),
  evidence text COLLATE "C" NOT NULL CHECK (evidence IN ('A', 'B', 'C', 'D')),
  valid_until date,
  met_by_family integer,
  met_by_lea integer,
  barrier_not_available integer,
  barrier_not_affordable integer,
  barrier_not_desired integer,
  barrier_other integer,
  submission_id uuid NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (lea_id, indicator_id, student_group_id, as_of, revision)
) PARTITION BY RANGE (as_of);

COMMENT ON TABLE observation IS 'Append-only: the highest revision of a natural key is current; it is superseded at the recorded_at of the next';

DO $$
BEGIN
  FOR year IN 2018..2039 LOOP
    EXECUTE format('CREATE TABLE observation_%s PARTITION OF observation FOR VALUES FROM (%L) TO (%L)', year, make_date(year, 7, 1), make_date(year + 1, 7, 1));
  END LOOP;
END $$;

-- Coverage ------------------------------------------------------------------------------------------------------

CREATE TABLE coverage_mark (
  mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lea_id integer,
  indicator_id smallint NOT NULL,
  student_group_id smallint NOT NULL,
  from_on date NOT NULL
);

COMMENT ON TABLE coverage_mark IS 'What a push touched and the next aggregation has to work out again; without an LEA, the whole pair';

CREATE TABLE coverage_cell (
  lea_id integer NOT NULL REFERENCES lea,
  indicator_id smallint NOT NULL REFERENCES indicator,
  student_group_id smallint NOT NULL REFERENCES student_group,
  as_of date NOT NULL,
  revision integer NOT NULL,
  counts_until date NOT NULL,
  population integer NOT NULL,
  met integer NOT NULL,
  not_met integer NOT NULL,
  not_applicable integer NOT NULL,
  evidence text NOT NULL,
  PRIMARY KEY (lea_id, indicator_id, student_group_id)
);

COMMENT ON TABLE coverage_cell IS 'The observation of each LEA, indicator and group that counts today; none when there is none';

CREATE INDEX coverage_cell_of_pair ON coverage_cell (indicator_id, student_group_id);

CREATE TABLE coverage_point (
  scope text NOT NULL,
  indicator_id smallint NOT NULL REFERENCES indicator,
  student_group_id smallint NOT NULL REFERENCES student_group,
  week_ending date NOT NULL,
  as_of date NOT NULL,
  population bigint NOT NULL,
  met bigint NOT NULL,
  not_met bigint NOT NULL,
  not_applicable bigint NOT NULL,
  unknown bigint NOT NULL,
  unheard bigint NOT NULL,
  leas_asked integer NOT NULL,
  leas_heard integer NOT NULL,
  evidence text,
  computed_at timestamptz NOT NULL,
  PRIMARY KEY (scope, indicator_id, student_group_id, week_ending)
);

COMMENT ON COLUMN coverage_point.scope IS 'county, or a kind of LEA';

COMMENT ON COLUMN coverage_point.as_of IS 'The day the figures hold for: week_ending, or the day of computing in the running week';

COMMENT ON COLUMN coverage_point.unheard IS 'The part of population that comes from enrollment, because an LEA of the family has not reported';

CREATE TABLE job_run (
  job text NOT NULL,
  slot timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'skipped')),
  touched bigint,
  said text,
  PRIMARY KEY (job, slot)
);

-- The walls: who may see and do what ----------------------------------------------------------------------------

CREATE FUNCTION visible_leas() RETURNS integer[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('app.leas', true), ''), '{}')::integer[];

CREATE FUNCTION sees_every_lea() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('app.every_lea', true), '') = 'on';

DO $$
DECLARE
  t text;
BEGIN
  -- The directory: known to all, written by the owner only.
  FOREACH t IN ARRAY ARRAY['indicator', 'student_group', 'target', 'lea', 'lea_period', 'identifier', 'enrollment', 'expectation'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY owner_writes ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY all_read ON %I FOR SELECT TO equityaccess_app, equityaccess_aggregator USING (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator', t);
  END LOOP;
  -- What belongs to one LEA: its own callers, the county's readers, the aggregator.
  FOREACH t IN ARRAY ARRAY['api_key_lea', 'observation', 'coverage_mark', 'coverage_cell'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    -- IN, not ANY: the LEAs of the caller are hashed once, which a key for hundreds of LEAs needs.
    EXECUTE format('CREATE POLICY own_lea ON %I TO equityaccess_app USING (lea_id IN (SELECT unnest(visible_leas()))) WITH CHECK (lea_id IN (SELECT unnest(visible_leas())))', t);
    EXECUTE format('CREATE POLICY every_lea ON %I FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()))', t);
    EXECUTE format('CREATE POLICY aggregator ON %I TO equityaccess_aggregator USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
  END LOOP;
  -- Partitions are reached through their parent only, but they carry lea_id too.
  FOR t IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'observation'::regclass LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['api_key', 'submission', 'submission_body', 'idempotency', 'job_run', 'coverage_point'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
  END LOOP;
END $$;

GRANT SELECT, INSERT ON observation TO equityaccess_app;

GRANT SELECT ON observation TO equityaccess_aggregator;

GRANT SELECT, INSERT ON coverage_mark TO equityaccess_app;

GRANT SELECT, INSERT, DELETE ON coverage_mark TO equityaccess_aggregator;

GRANT SELECT ON coverage_cell TO equityaccess_app;

GRANT SELECT, INSERT, DELETE ON coverage_cell TO equityaccess_aggregator;

-- The county's figures: no LEA's own rows, so every caller may read them.
CREATE POLICY all_read ON coverage_point FOR SELECT TO equityaccess_app USING (true);

CREATE POLICY aggregator ON coverage_point TO equityaccess_aggregator USING (true) WITH CHECK (true);

GRANT SELECT ON coverage_point TO equityaccess_app;

GRANT SELECT, INSERT, DELETE ON coverage_point TO equityaccess_aggregator;

-- A submission is seen by a caller who speaks for all the LEAs of the key that sent it.
CREATE POLICY own_leas ON submission TO equityaccess_app USING (lea_ids <@ (SELECT visible_leas())::integer[] AND cardinality(lea_ids) > 0) WITH CHECK (lea_ids <@ (SELECT visible_leas())::integer[] AND cardinality(lea_ids) > 0);

CREATE POLICY every_lea ON submission FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()));

CREATE POLICY through_submission ON submission_body TO equityaccess_app USING (EXISTS (SELECT FROM submission s WHERE s.submission_id = submission_body.submission_id)) WITH CHECK (EXISTS (SELECT FROM submission s WHERE s.submission_id = submission_body.submission_id));

CREATE POLICY through_submission ON idempotency TO equityaccess_app USING (EXISTS (SELECT FROM submission s WHERE s.submission_id = idempotency.submission_id)) WITH CHECK (EXISTS (SELECT FROM submission s WHERE s.submission_id = idempotency.submission_id));

GRANT SELECT, INSERT ON submission, submission_body, idempotency TO equityaccess_app;

GRANT UPDATE (byte_count, sha256, outcome, status, answer, decided_at) ON submission TO equityaccess_app;

GRANT UPDATE (submission_id, created_at, fingerprint) ON idempotency TO equityaccess_app;

-- The nightly purge forgets idempotency keys past their time; it never touches the journal.
CREATE POLICY aggregator ON idempotency TO equityaccess_aggregator USING (true);

GRANT SELECT (created_at), DELETE ON idempotency TO equityaccess_aggregator;

CREATE POLICY aggregator ON job_run TO equityaccess_aggregator USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON job_run TO equityaccess_aggregator;

-- Keys are looked up by the hash of the whole secret, by a function of the owner: the app cannot list hashes.
CREATE POLICY administer ON api_key TO equityaccess_app USING ((SELECT sees_every_lea())) WITH CHECK ((SELECT sees_every_lea()));

CREATE POLICY administer ON api_key_lea FOR INSERT TO equityaccess_app WITH CHECK ((SELECT sees_every_lea()));

GRANT SELECT (key_id, last_four, label, scopes, created_at, created_by, expires_at, revoked_at, last_used_at), INSERT, UPDATE (revoked_at) ON api_key TO equityaccess_app;

GRANT SELECT, INSERT ON api_key_lea TO equityaccess_app;

CREATE FUNCTION authenticate(secret bytea, at timestamptz)
RETURNS TABLE (key_id uuid, label text, scopes text[], expires_at timestamptz, revoked_at timestamptz, lea_ids integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  -- Written at most once a minute, and never waited for: a busy key must not queue on its own row.
  UPDATE api_key k SET last_used_at = at
   WHERE k.key_id = (SELECT l.key_id FROM api_key l
                      WHERE l.secret_sha256 = secret AND (l.last_used_at IS NULL OR l.last_used_at < at - interval '1 minute')
                        FOR UPDATE SKIP LOCKED);
  RETURN QUERY
    SELECT k.key_id, k.label, k.scopes, k.expires_at, k.revoked_at,
           ARRAY(SELECT l.lea_id FROM api_key_lea l WHERE l.key_id = k.key_id ORDER BY l.lea_id)
      FROM api_key k WHERE k.secret_sha256 = secret;
END $$;

REVOKE ALL ON FUNCTION authenticate(bytea, timestamptz) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION authenticate(bytea, timestamptz) TO equityaccess_app
