CREATE TABLE triage_weights (
  version integer PRIMARY KEY CHECK (version > 0),
  valid_from timestamptz NOT NULL,
  document text NOT NULL
);

COMMENT ON TABLE triage_weights IS 'Append-only: each change of the reference file is the next version';

CREATE TABLE triage_item (
  item_id uuid PRIMARY KEY,
  lea_id integer NOT NULL REFERENCES lea,
  score integer NOT NULL,
  reasons jsonb NOT NULL,
  quiet_runs integer NOT NULL,
  assignee text,
  snoozed_until date,
  opened_at timestamptz NOT NULL,
  scored_at timestamptz NOT NULL,
  closed_at timestamptz,
  resolved_with text,
  weights_version integer NOT NULL REFERENCES triage_weights,
  version integer NOT NULL,
  CHECK (resolved_with IS NULL OR closed_at IS NOT NULL)
);

CREATE UNIQUE INDEX triage_item_open_once ON triage_item (lea_id) WHERE closed_at IS NULL;
CREATE INDEX triage_item_ranked ON triage_item (score DESC, item_id);
CREATE INDEX triage_item_of_lea ON triage_item (lea_id, opened_at);

CREATE TABLE triage_event (
  event_id uuid PRIMARY KEY,
  item_id uuid NOT NULL REFERENCES triage_item,
  lea_id integer NOT NULL REFERENCES lea,
  kind text NOT NULL CHECK (kind IN ('opened', 'closed', 'assigned', 'snoozed', 'noted', 'contacted', 'resolved')),
  at timestamptz NOT NULL,
  told_by text NOT NULL CHECK (told_by IN ('job', 'county')),
  key_id uuid,
  text text,
  score integer NOT NULL,
  CHECK ((told_by = 'county') = (key_id IS NOT NULL))
);

CREATE INDEX triage_event_of_item ON triage_event (item_id, at);

COMMENT ON TABLE triage_event IS 'Append-only: all that happened to an item';

DO $$
DECLARE
  t text;
BEGIN
  ALTER TABLE triage_weights ENABLE ROW LEVEL SECURITY;
  ALTER TABLE triage_weights FORCE ROW LEVEL SECURITY;
  CREATE POLICY owner_writes ON triage_weights TO equityaccess_owner USING (true) WITH CHECK (true);
  CREATE POLICY all_read ON triage_weights FOR SELECT TO equityaccess_app, equityaccess_aggregator USING (true);
  GRANT SELECT ON triage_weights TO equityaccess_app, equityaccess_aggregator;
  -- An item is the county's own note on an LEA: the county's keys alone see it and work on it.
  FOREACH t IN ARRAY ARRAY['triage_item', 'triage_event'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY county ON %I TO equityaccess_app USING ((SELECT sees_every_lea())) WITH CHECK ((SELECT sees_every_lea()))', t);
    EXECUTE format('CREATE POLICY aggregator ON %I TO equityaccess_aggregator USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO equityaccess_app, equityaccess_aggregator', t);
  END LOOP;
  GRANT UPDATE (score, reasons, quiet_runs, scored_at, closed_at, weights_version, version) ON triage_item TO equityaccess_aggregator;
  GRANT UPDATE (assignee, snoozed_until, closed_at, resolved_with, version) ON triage_item TO equityaccess_app;
END $$;
