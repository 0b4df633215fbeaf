CREATE TABLE support_topic (
  code text PRIMARY KEY,
  name text NOT NULL,
  milestones text NOT NULL
);

CREATE TABLE support_target (
  measure text NOT NULL CHECK (measure IN ('first_answer', 'resolution')),
  valid_from date NOT NULL,
  minutes integer NOT NULL CHECK (minutes > 0),
  source text NOT NULL,
  PRIMARY KEY (measure, valid_from)
);

COMMENT ON COLUMN support_target.minutes IS 'Business minutes, without those in which the desk waited for the LEA';

CREATE TABLE support_event (
  event_id uuid PRIMARY KEY,
  lea_id integer NOT NULL REFERENCES lea,
  track text NOT NULL CHECK (track IN ('FIN', 'HCM')),
  kind text NOT NULL CHECK (kind IN ('technical_assistance', 'training', 'office_hours', 'site_visit', 'contact', 'ticket_opened',
                                     'ticket_answered', 'ticket_waiting', 'ticket_resumed', 'ticket_resolved', 'ticket_reopened', 'rated')),
  started_at timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  told_by text NOT NULL CHECK (told_by IN ('lea', 'county')),
  key_id uuid NOT NULL,
  external_id text NOT NULL,
  topic text REFERENCES support_topic,
  minutes integer CHECK (minutes > 0),
  people integer CHECK (people > 0),
  channel text CHECK (channel IN ('phone', 'video', 'email', 'chat', 'in_person', 'portal')),
  ticket text,
  about uuid REFERENCES support_event,
  satisfaction smallint CHECK (satisfaction BETWEEN 1 AND 5),
  UNIQUE (key_id, external_id),
  CHECK ((kind = 'rated') = (satisfaction IS NOT NULL)),
  CHECK (satisfaction IS NULL OR told_by = 'lea'),
  CHECK ((about IS NOT NULL) <= (kind = 'rated')),
  CHECK ((kind LIKE 'ticket%') <= (ticket IS NOT NULL))
);

COMMENT ON TABLE support_event IS 'Append-only: what was done for an LEA and when; the state of a ticket is worked out from its events';

CREATE INDEX support_event_of_lea ON support_event (lea_id, started_at);

CREATE INDEX support_event_of_ticket ON support_event (lea_id, ticket) WHERE ticket IS NOT NULL;

CREATE INDEX support_event_in_time ON support_event (started_at, event_id);

CREATE TABLE access_count (
  lea_id integer NOT NULL REFERENCES lea,
  track text NOT NULL CHECK (track IN ('FIN', 'HCM')),
  day date NOT NULL,
  revision integer NOT NULL CHECK (revision > 0),
  core_users integer NOT NULL CHECK (core_users BETWEEN 0 AND core_users_30_days),
  core_users_30_days integer NOT NULL CHECK (core_users_30_days <= core_provisioned),
  core_provisioned integer NOT NULL,
  ess_users integer CHECK (ess_users BETWEEN 0 AND ess_activated),
  ess_activated integer CHECK (ess_activated <= employees),
  employees integer,
  told_at timestamptz NOT NULL,
  key_id uuid NOT NULL,
  PRIMARY KEY (lea_id, track, day, revision),
  CHECK (num_nulls(ess_users, ess_activated, employees) IN (0, 3))
);

COMMENT ON TABLE access_count IS 'Append-only: a correction is the next revision, and the newest counts';

-- The walls ------------------------------------------------------------------------------------------------------

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['support_topic', 'support_target'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY owner_writes ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY all_read ON %I FOR SELECT TO equityaccess_app, equityaccess_aggregator USING (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['support_event', 'access_count'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_lea ON %I TO equityaccess_app USING (lea_id IN (SELECT unnest(visible_leas()))) WITH CHECK (lea_id IN (SELECT unnest(visible_leas())))', t);
    EXECUTE format('CREATE POLICY every_lea ON %I FOR SELECT TO equityaccess_app USING ((SELECT sees_every_lea()))', t);
    EXECUTE format('CREATE POLICY aggregator ON %I FOR SELECT TO equityaccess_aggregator USING (true)', t);
    EXECUTE format('CREATE POLICY owner_maintains ON %I TO equityaccess_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO equityaccess_app, equityaccess_aggregator', t);
    EXECUTE format('GRANT INSERT ON %I TO equityaccess_app', t);
  END LOOP;
END $$;

-- An LEA says on which days it is closed, or the county does for it.
GRANT INSERT, DELETE ON lea_holiday TO equityaccess_app
