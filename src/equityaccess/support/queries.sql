-- name: merge_topics
MERGE INTO support_topic AS t
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(code text, name text, milestones text) ON t.code = r.code
 WHEN MATCHED AND (t.name, t.milestones) IS DISTINCT FROM (r.name, r.milestones) THEN UPDATE SET name = r.name, milestones = r.milestones
 WHEN NOT MATCHED THEN INSERT (code, name, milestones) VALUES (r.code, r.name, r.milestones)
RETURNING merge_action();

-- name: merge_targets
MERGE INTO support_target AS t
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(measure text, valid_from date, minutes integer, source text)
   ON t.measure = r.measure AND t.valid_from = r.valid_from
 WHEN MATCHED AND (t.minutes, t.source) IS DISTINCT FROM (r.minutes, r.source) THEN UPDATE SET minutes = r.minutes, source = r.source
 WHEN NOT MATCHED THEN INSERT (measure, valid_from, minutes, source) VALUES (r.measure, r.valid_from, r.minutes, r.source)
RETURNING merge_action();

-- name: topics
SELECT code, name, milestones FROM support_topic ORDER BY code

-- name: targets
SELECT measure, valid_from, minutes, source FROM support_target ORDER BY measure, valid_from

-- name: put_events
-- Two senders with one key may tell the same at the same instant: who comes second finds it there.
INSERT INTO support_event (event_id, lea_id, track, kind, started_at, told_at, told_by, key_id, external_id, topic, minutes, people, channel, ticket,
                           about, satisfaction)
SELECT event_id, lea_id, track, kind, started_at, told_at, told_by, key_id, external_id, topic, minutes, people, channel, ticket, about, satisfaction
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(event_id uuid, lea_id integer, track text, kind text, started_at timestamptz, told_at timestamptz, told_by text, key_id uuid, external_id text,
         topic text, minutes integer, people integer, channel text, ticket text, about uuid, satisfaction smallint)
    ON CONFLICT (key_id, external_id) DO NOTHING

-- name: known_events
-- What a sender has told before under these names of its own.
SELECT event_id, lea_id, track, kind, started_at, told_at, told_by, key_id, external_id, topic, minutes, people, channel, ticket, about, satisfaction
  FROM support_event
 WHERE key_id = CAST(:key_id AS uuid) AND external_id = ANY (CAST(:external_ids AS text[]))

-- name: ticket_events
-- Everything that happened to these tickets of an LEA, whoever told it.
SELECT lea_id, ticket, kind, started_at, external_id
  FROM support_event
 WHERE lea_id = ANY (CAST(:lea_ids AS integer[])) AND ticket = ANY (CAST(:tickets AS text[])) AND kind <> 'rated'
 ORDER BY lea_id, ticket, started_at, event_id

-- name: sessions_named
-- Those of these events that are sessions, with the LEA that had them.
SELECT event_id, lea_id FROM support_event
 WHERE event_id = ANY (CAST(:event_ids AS uuid[])) AND kind IN ('technical_assistance', 'training', 'office_hours', 'site_visit')

-- name: events_page
SELECT event_id, lea_id, track, kind, started_at, told_at, told_by, key_id, external_id, topic, minutes, people, channel, ticket, about, satisfaction
  FROM support_event
 WHERE (CAST(:lea_id AS integer) IS NULL OR lea_id = CAST(:lea_id AS integer))
   AND (CAST(:track AS text) IS NULL OR track = CAST(:track AS text))
   AND (CAST(:kind AS text) IS NULL OR kind = CAST(:kind AS text))
   AND (CAST(:from_at AS timestamptz) IS NULL OR started_at >= CAST(:from_at AS timestamptz))
   AND (CAST(:until_at AS timestamptz) IS NULL OR started_at < CAST(:until_at AS timestamptz))
   AND (CAST(:after_at AS timestamptz) IS NULL OR (started_at, event_id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
 ORDER BY started_at DESC, event_id DESC
 LIMIT CAST(:limit AS integer)

-- name: known_counts
-- The newest word on each of these days.
SELECT DISTINCT ON (a.lea_id, a.track, a.day)
       a.lea_id, a.track, a.day, a.revision, a.core_users, a.core_users_30_days, a.core_provisioned, a.ess_users, a.ess_activated, a.employees, a.told_at,
       a.key_id
  FROM access_count a
  JOIN unnest(CAST(:lea_ids AS integer[]), CAST(:tracks AS text[]), CAST(:days AS date[])) AS u (lea_id, track, day) USING (lea_id, track, day)
 ORDER BY a.lea_id, a.track, a.day, a.revision DESC

-- name: put_counts
INSERT INTO access_count (lea_id, track, day, revision, core_users, core_users_30_days, core_provisioned, ess_users, ess_activated, employees, told_at, key_id)
SELECT lea_id, track, day, revision, core_users, core_users_30_days, core_provisioned, ess_users, ess_activated, employees, told_at, key_id
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(lea_id integer, track text, day date, revision integer, core_users integer, core_users_30_days integer, core_provisioned integer, ess_users integer,
         ess_activated integer, employees integer, told_at timestamptz, key_id uuid)

-- name: counts_page
SELECT a.lea_id, a.track, a.day, a.revision, a.core_users, a.core_users_30_days, a.core_provisioned, a.ess_users, a.ess_activated, a.employees, a.told_at,
       a.key_id
  FROM access_count a
 WHERE (CAST(:lea_id AS integer) IS NULL OR a.lea_id = CAST(:lea_id AS integer))
   AND (CAST(:track AS text) IS NULL OR a.track = CAST(:track AS text))
   AND (CAST(:from_on AS date) IS NULL OR a.day >= CAST(:from_on AS date))
   AND (CAST(:to_on AS date) IS NULL OR a.day <= CAST(:to_on AS date))
   AND (CAST(:after_day AS date) IS NULL
        OR (a.day, a.lea_id, a.track) < (CAST(:after_day AS date), CAST(:after_lea AS integer), CAST(:after_track AS text)))
   AND NOT EXISTS (SELECT FROM access_count n
                    WHERE n.lea_id = a.lea_id AND n.track = a.track AND n.day = a.day AND n.revision > a.revision)
 ORDER BY a.day DESC, a.lea_id DESC, a.track DESC
 LIMIT CAST(:limit AS integer)

-- name: newest_counts
-- Of each LEA and track, the newest word on its newest day in a period.
SELECT DISTINCT ON (a.lea_id, a.track)
       a.lea_id, a.track, a.day, a.revision, a.core_users, a.core_users_30_days, a.core_provisioned, a.ess_users, a.ess_activated, a.employees, a.told_at,
       a.key_id
  FROM access_count a
 WHERE a.day BETWEEN CAST(:from_on AS date) AND CAST(:to_on AS date)
   AND (CAST(:lea_ids AS integer[]) IS NULL OR a.lea_id = ANY (CAST(:lea_ids AS integer[])))
   AND (CAST(:track AS text) IS NULL OR a.track = CAST(:track AS text))
 ORDER BY a.lea_id, a.track, a.day DESC, a.revision DESC

-- name: given
-- What each LEA was given between two instants. Of several ratings of one thing the last counts; what can be rated is a
-- session or a ticket that was resolved in the period, or what was rated in it. A training for thirty people is one session.
WITH event AS (
  SELECT lea_id, kind, started_at, event_id, ticket, about, minutes, people, satisfaction
    FROM support_event
   WHERE started_at < CAST(:until_at AS timestamptz)
     AND started_at >= CAST(:from_at AS timestamptz)
     AND (CAST(:lea_ids AS integer[]) IS NULL OR lea_id = ANY (CAST(:lea_ids AS integer[])))
     AND (CAST(:track AS text) IS NULL OR track = CAST(:track AS text))
), rating AS (
  SELECT DISTINCT ON (lea_id, coalesce(CAST(about AS text), ticket)) lea_id, satisfaction
    FROM event WHERE kind = 'rated'
   ORDER BY lea_id, coalesce(CAST(about AS text), ticket), started_at DESC, event_id DESC
), rated AS (
  SELECT lea_id, count(*) AS ratings, sum(satisfaction) AS satisfaction_sum FROM rating GROUP BY lea_id
), done AS (
  SELECT lea_id,
         count(*) FILTER (WHERE is_session) AS sessions,
         coalesce(sum(minutes) FILTER (WHERE is_session), 0) AS session_minutes,
         coalesce(sum(people) FILTER (WHERE is_session), 0) AS people,
         count(*) FILTER (WHERE is_session OR kind IN ('contact', 'ticket_answered')) AS contacts,
         count(DISTINCT CASE WHEN is_session THEN CAST(event_id AS text)
                             WHEN kind = 'ticket_resolved' THEN 'ticket ' || ticket
                             WHEN kind = 'rated' THEN coalesce(CAST(about AS text), 'ticket ' || ticket) END) AS ratable
    FROM event, LATERAL (SELECT kind IN ('technical_assistance', 'training', 'office_hours', 'site_visit') AS is_session) AS s
   GROUP BY lea_id
), latest AS (
  SELECT lea_id,
         max(started_at) FILTER (WHERE kind IN ('technical_assistance', 'training', 'office_hours', 'site_visit', 'contact', 'ticket_answered'))
           AS last_contact_at,
         count(*) FILTER (WHERE kind IN ('ticket_opened', 'ticket_reopened') AND started_at >= CAST(:recent_at AS timestamptz)) AS recent_tickets
    FROM support_event
   WHERE started_at < CAST(:until_at AS timestamptz)
     AND (CAST(:lea_ids AS integer[]) IS NULL OR lea_id = ANY (CAST(:lea_ids AS integer[])))
     AND (CAST(:track AS text) IS NULL OR track = CAST(:track AS text))
   GROUP BY lea_id
)
SELECT l.lea_id, coalesce(d.sessions, 0) AS sessions, coalesce(d.session_minutes, 0) AS session_minutes, coalesce(d.people, 0) AS people,
       coalesce(d.contacts, 0) AS contacts, coalesce(r.ratings, 0) AS ratings, coalesce(r.satisfaction_sum, 0) AS satisfaction_sum,
       coalesce(d.ratable, 0) AS ratable, l.last_contact_at, l.recent_tickets
  FROM latest l
  LEFT JOIN done d USING (lea_id)
  LEFT JOIN rated r USING (lea_id)

-- name: tickets_opened
-- Every event until an instant of the tickets that were opened in a period before it.
SELECT e.lea_id, e.ticket, e.kind, e.started_at, e.external_id
  FROM support_event e
 WHERE e.started_at < CAST(:until_at AS timestamptz) AND e.kind <> 'rated' AND e.ticket IS NOT NULL
   AND (e.lea_id, e.ticket) IN (
       SELECT o.lea_id, o.ticket FROM support_event o
        WHERE o.kind = 'ticket_opened'
          AND o.started_at >= CAST(:from_at AS timestamptz) AND o.started_at < CAST(:until_at AS timestamptz)
          AND (CAST(:lea_ids AS integer[]) IS NULL OR o.lea_id = ANY (CAST(:lea_ids AS integer[])))
          AND (CAST(:track AS text) IS NULL OR o.track = CAST(:track AS text)))
 ORDER BY e.lea_id, e.ticket

-- name: holidays
SELECT lea_id, day, name FROM lea_holiday
 WHERE CAST(:lea_ids AS integer[]) IS NULL OR lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY lea_id, day

-- name: forget_holidays
DELETE FROM lea_holiday WHERE lea_id = CAST(:lea_id AS integer)

-- name: put_holidays
INSERT INTO lea_holiday (lea_id, day, name)
SELECT CAST(:lea_id AS integer), day, name FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(day date, name text)
