-- Reference rows -------------------------------------------------------------------------------------------------

CREATE TABLE holiday (
  day date PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE lea_holiday (
  lea_id integer NOT NULL REFERENCES lea,
  day date NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (lea_id, day)
);

COMMENT ON TABLE lea_holiday IS 'Days on which an LEA is closed beside the holidays of the county';

CREATE TABLE blackout (
  code text PRIMARY KEY,
  name text NOT NULL,
  from_month smallint NOT NULL CHECK (from_month BETWEEN 1 AND 12),
  from_day smallint NOT NULL CHECK (from_day BETWEEN 1 AND 31),
  to_month smallint NOT NULL CHECK (to_month BETWEEN 1 AND 12),
  to_day smallint NOT NULL CHECK (to_day BETWEEN 1 AND 31),
  tracks text NOT NULL,
  CHECK ((from_month, from_day) <= (to_month, to_day))
);

CREATE TABLE playbook_milestone (
  version integer NOT NULL,
  key text NOT NULL,
  place smallint NOT NULL,
  phase text NOT NULL,
  tracks text NOT NULL,
  gate_on text NOT NULL,
  offset_days integer NOT NULL,
  duration_days integer NOT NULL CHECK (duration_days > 0),
  weight integer NOT NULL CHECK (weight > 0),
  needs text NOT NULL,
  evidence text NOT NULL,
  next_action text NOT NULL,
  PRIMARY KEY (version, key)
);

COMMENT ON TABLE playbook_milestone IS 'A version is never changed once an LEA follows it: a new one is added';

CREATE TABLE wave (
  wave_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code text NOT NULL UNIQUE,
  track text NOT NULL CHECK (track IN ('FIN', 'HCM')),
  name text NOT NULL,
  go_live_on date NOT NULL,
  is_sample boolean NOT NULL
);

-- Who takes part, and what happened ------------------------------------------------------------------------------

CREATE TABLE participation (
  lea_id integer NOT NULL REFERENCES lea,
  track text NOT NULL CHECK (track IN ('FIN', 'HCM')),
  wave_id integer NOT NULL REFERENCES wave,
  playbook_version integer NOT NULL,
  joined_on date NOT NULL,
  left_on date,
  PRIMARY KEY (lea_id, track),
  CHECK (joined_on < left_on)
);

CREATE INDEX participation_of_wave ON participation (wave_id);

CREATE TABLE milestone_event (
  event_id uuid PRIMARY KEY,
  lea_id integer NOT NULL,
  track text NOT NULL,
  key text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('started', 'completed', 'blocked', 'unblocked', 'reopened', 'not_applicable', 'replanned')),
  happened_at timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  told_by text NOT NULL,
  key_id uuid NOT NULL,
  external_id text NOT NULL,
  evidence text,
  waiting_on text CHECK (waiting_on IN ('lea', 'county', 'vendor')),
  reason text,
  planned_on date,
  waiver_granted_by text,
  waiver_reason text,
  FOREIGN KEY (lea_id, track) REFERENCES participation,
  UNIQUE (key_id, external_id)
);

COMMENT ON TABLE milestone_event IS 'Append-only: what an LEA''s onboarding is worked out from, in the order of happened_at';

CREATE INDEX milestone_event_of_lea ON milestone_event (lea_id, track, happened_at);

CREATE TABLE milestone_status (
  lea_id integer NOT NULL,
  track text NOT NULL,
  key text NOT NULL,
  version integer NOT NULL,
  state text NOT NULL,
  since timestamptz,
  started_at timestamptz,
  done_at timestamptz,
  waiting_on text,
  reason text,
  evidence text,
  waiver_granted_by text,
  waiver_reason text,
  planned_on date NOT NULL,
  forecast_on date NOT NULL,
  earliest_on date NOT NULL,
  latest_on date NOT NULL,
  actual_on date,
  slip_days integer NOT NULL,
  blackouts text[] NOT NULL,
  blocked_times integer NOT NULL,
  reopened_times integer NOT NULL,
  PRIMARY KEY (lea_id, track, key),
  FOREIGN KEY (lea_id, track) REFERENCES participation
);

COMMENT ON TABLE milestone_status IS 'Worked out from milestone_event: replaying the events gives the same rows';

COMMENT ON COLUMN milestone_status.version IS 'How many events of this milestone there are: the ETag';

CREATE TABLE onboarding_progress (
  lea_id integer NOT NULL,
  track text NOT NULL,
  week_ending date NOT NULL,
  gates_passed integer NOT NULL,
  gates integer NOT NULL,
  waived integer NOT NULL,
  weight_done integer NOT NULL,
  weight integer NOT NULL,
  days_behind integer NOT NULL,
  is_live boolean NOT NULL,
  is_onboarded boolean NOT NULL,
  next_gate text,
  next_gate_on date,
  go_live_on date NOT NULL,
  computed_at timestamptz NOT NULL,
  PRIMARY KEY (lea_id, track, week_ending),
  FOREIGN KEY (lea_id, track) REFERENCES participation
);

COMMENT ON TABLE onboarding_progress IS 'How far an LEA had come at the end of each week; the running week is rewritten until it ends';

-- The walls ------------------------------------------------------------------------------------------------------

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['holiday', 'blackout', 'playbook_milestone', 'wave'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY owner_writes ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY all_read ON %I FOR SELECT TO equityaccess_app, equityaccess_aggregator USING (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['lea_holiday', 'participation', 'milestone_event', 'milestone_status', 'onboarding_progress'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_lea ON %I TO equityaccess_app USING (lea_id IN (SELECT unnest(visible_leas()))) WITH CHECK (lea_id IN (SELECT unnest(visible_leas())))', t);
    EXECUTE format('CREATE POLICY every_lea ON %I FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()))', t);
    EXECUTE format('CREATE POLICY aggregator ON %I TO equityaccess_aggregator USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator', t);
  END LOOP;
END $$;

GRANT INSERT ON milestone_event TO equityaccess_app;

GRANT INSERT, DELETE ON milestone_status TO equityaccess_app, equityaccess_aggregator;

GRANT INSERT, DELETE ON onboarding_progress TO equityaccess_app, equityaccess_aggregator
;

-- How long LEAs take, over all of them: no LEA's own rows, and never of fewer than five.
CREATE TABLE milestone_took (
  playbook_version integer NOT NULL,
  track text NOT NULL,
  key text NOT NULL,
  kind text NOT NULL,
  days integer NOT NULL,
  least integer NOT NULL,
  most integer NOT NULL,
  leas integer NOT NULL CHECK (leas >= 5),
  PRIMARY KEY (playbook_version, track, key, kind)
);

COMMENT ON COLUMN milestone_took.kind IS 'The kind of LEA, or any where too few of a kind have finished';

ALTER TABLE milestone_took ENABLE ROW LEVEL SECURITY;

ALTER TABLE milestone_took FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_maintains ON milestone_took TO equityaccess_owner USING (true) WITH CHECK (true);

CREATE POLICY all_read ON milestone_took FOR SELECT TO equityaccess_app USING (true);

CREATE POLICY aggregator ON milestone_took TO equityaccess_aggregator USING (true) WITH CHECK (true);

GRANT SELECT ON milestone_took TO equityaccess_app;

GRANT SELECT, INSERT, DELETE ON milestone_took TO equityaccess_aggregator;

-- Rosters and waves are the county's: it may write them over the API too.
CREATE POLICY county_writes ON wave TO equityaccess_app USING ((SELECT sees_every_lea())) WITH CHECK ((SELECT sees_every_lea()));

GRANT INSERT, UPDATE (name, go_live_on) ON wave TO equityaccess_app;

GRANT INSERT, UPDATE (wave_id, left_on) ON participation TO equityaccess_app
