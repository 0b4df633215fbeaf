-- name: merge_holidays
MERGE INTO holiday AS h
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(day date, name text) ON h.day = r.day
 WHEN MATCHED AND h.name IS DISTINCT FROM r.name THEN UPDATE SET name = r.name
 WHEN NOT MATCHED THEN INSERT (day, name) VALUES (r.day, r.name)
RETURNING merge_action();

-- name: merge_blackouts
MERGE INTO blackout AS b
USING jsonb_to_recordset(CAST(:rows AS jsonb))
   AS r(code text, name text, from_month smallint, from_day smallint, to_month smallint, to_day smallint, tracks text) ON b.code = r.code
 WHEN MATCHED AND (b.name, b.from_month, b.from_day, b.to_month, b.to_day, b.tracks)
      IS DISTINCT FROM (r.name, r.from_month, r.from_day, r.to_month, r.to_day, r.tracks)
 THEN UPDATE SET name = r.name, from_month = r.from_month, from_day = r.from_day, to_month = r.to_month, to_day = r.to_day, tracks = r.tracks
 WHEN NOT MATCHED
 THEN INSERT (code, name, from_month, from_day, to_month, to_day, tracks)
      VALUES (r.code, r.name, r.from_month, r.from_day, r.to_month, r.to_day, r.tracks)
RETURNING merge_action();

-- name: merge_playbook
-- A version that is there stays as it is: LEAs follow it, and their history was worked out with it.
MERGE INTO playbook_milestone AS p
USING (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
         AS t(version integer, key text, place smallint, phase text, tracks text, gate_on text, offset_days integer, duration_days integer,
              weight integer, needs text, evidence text, next_action text)
        WHERE t.version NOT IN (SELECT version FROM playbook_milestone)) AS r
   ON p.version = r.version AND p.key = r.key
 WHEN NOT MATCHED
 THEN INSERT (version, key, place, phase, tracks, gate_on, offset_days, duration_days, weight, needs, evidence, next_action)
      VALUES (r.version, r.key, r.place, r.phase, r.tracks, r.gate_on, r.offset_days, r.duration_days, r.weight, r.needs, r.evidence, r.next_action)
RETURNING merge_action();

-- name: playbook_rows
SELECT version, place, key, phase, tracks, offset_days, duration_days, weight, evidence, next_action, gate_on, needs
  FROM playbook_milestone
 WHERE CAST(:version AS integer) IS NULL OR version = CAST(:version AS integer)
 ORDER BY version, place

-- name: newest_playbook
SELECT max(version) FROM playbook_milestone

-- name: holidays
SELECT day FROM holiday

-- name: blackouts
SELECT code, name, from_month, from_day, to_month, to_day, tracks FROM blackout ORDER BY code

-- name: waves
SELECT w.code, w.track, w.name, w.go_live_on, w.is_sample,
       (SELECT count(*) FROM participation p WHERE p.wave_id = w.wave_id AND p.left_on IS NULL) AS leas
  FROM wave w
 ORDER BY w.track, w.go_live_on, w.code

-- name: merge_waves
MERGE INTO wave AS w
USING jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(code text, track text, name text, go_live_on date, is_sample boolean) ON w.code = r.code
 WHEN MATCHED AND (w.name, w.go_live_on) IS DISTINCT FROM (r.name, r.go_live_on)
 THEN UPDATE SET name = r.name, go_live_on = r.go_live_on
 WHEN NOT MATCHED
 THEN INSERT (code, track, name, go_live_on, is_sample) VALUES (r.code, r.track, r.name, r.go_live_on, r.is_sample)
RETURNING merge_action();

-- name: merge_participations
MERGE INTO participation AS p
USING (SELECT r.lea_id, r.track, w.wave_id, r.joined_on
         FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(lea_id integer, track text, wave text, joined_on date)
         JOIN wave w ON w.code = r.wave) AS r
   ON p.lea_id = r.lea_id AND p.track = r.track
 WHEN MATCHED AND (p.wave_id, p.left_on) IS DISTINCT FROM (r.wave_id, NULL) THEN UPDATE SET wave_id = r.wave_id, left_on = NULL
 WHEN NOT MATCHED
 THEN INSERT (lea_id, track, wave_id, playbook_version, joined_on)
      VALUES (r.lea_id, r.track, r.wave_id, (SELECT max(version) FROM playbook_milestone), r.joined_on)
RETURNING merge_action();

-- name: participations
-- Who takes part, with what their days are worked out from. :lea_ids NULL is every LEA that the transaction sees.
SELECT p.lea_id, p.track, p.playbook_version, w.code AS wave, w.go_live_on, p.joined_on,
       (SELECT l.kind FROM lea_period l WHERE l.lea_id = p.lea_id ORDER BY l.valid_from DESC LIMIT 1) AS kind
  FROM participation p JOIN wave w USING (wave_id)
 WHERE p.left_on IS NULL
   AND (CAST(:lea_ids AS integer[]) IS NULL OR p.lea_id = ANY (CAST(:lea_ids AS integer[])))
   AND (CAST(:wave AS text) IS NULL OR w.code = CAST(:wave AS text))
   AND (CAST(:track AS text) IS NULL OR p.track = CAST(:track AS text))
 ORDER BY p.lea_id, p.track

-- name: events
SELECT e.lea_id, e.track, e.event_id, e.key, e.kind, e.happened_at, e.told_at, e.told_by, e.key_id, e.external_id, e.evidence, e.waiting_on, e.reason,
       e.planned_on, e.waiver_granted_by, e.waiver_reason
  FROM milestone_event e
 WHERE CAST(:lea_ids AS integer[]) IS NULL OR e.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY e.lea_id, e.track, e.happened_at, e.event_id

-- name: put_events
INSERT INTO milestone_event (event_id, lea_id, track, key, kind, happened_at, told_at, told_by, key_id, external_id, evidence, waiting_on, reason,
                             planned_on, waiver_granted_by, waiver_reason)
SELECT event_id, lea_id, track, key, kind, happened_at, told_at, told_by, key_id, external_id, evidence, waiting_on, reason,
       planned_on, waiver_granted_by, waiver_reason
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(event_id uuid, lea_id integer, track text, key text, kind text, happened_at timestamptz, told_at timestamptz, told_by text, key_id uuid,
         external_id text, evidence text, waiting_on text, reason text, planned_on date, waiver_granted_by text, waiver_reason text)

-- name: known_events
-- What a sender has told before under these names of its own.
SELECT e.lea_id, e.track, e.event_id, e.key, e.kind, e.happened_at, e.told_at, e.told_by, e.key_id, e.external_id, e.evidence, e.waiting_on, e.reason,
       e.planned_on, e.waiver_granted_by, e.waiver_reason
  FROM milestone_event e
 WHERE e.key_id = CAST(:key_id AS uuid) AND e.external_id = ANY (CAST(:external_ids AS text[]))

-- name: lock_leas
-- One writer an LEA: the events of a milestone follow each other. The array is sorted, so that none waits in a circle.
SELECT count(pg_advisory_xact_lock(1162039117, lea_id)) FROM unnest(CAST(:lea_ids AS integer[])) AS lea_id

-- name: took
SELECT playbook_version, track, key, kind, days, least, most, leas FROM milestone_took

-- name: durations
-- Business days are counted by the program; here is when each milestone that is done began and ended. One whose beginning
-- nobody told says nothing of how long it took.
SELECT p.playbook_version, s.track, s.key, (SELECT l.kind FROM lea_period l WHERE l.lea_id = s.lea_id ORDER BY l.valid_from DESC LIMIT 1) AS kind,
       s.started_at, s.done_at
  FROM milestone_status s JOIN participation p USING (lea_id, track)
 WHERE s.state = 'done' AND s.started_at < s.done_at

-- name: forget_took
DELETE FROM milestone_took

-- name: put_took
INSERT INTO milestone_took (playbook_version, track, key, kind, days, least, most, leas)
SELECT playbook_version, track, key, kind, days, least, most, leas
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(playbook_version integer, track text, key text, kind text, days integer, least integer, most integer, leas integer)

-- name: forget_statuses
DELETE FROM milestone_status s USING unnest(CAST(:lea_ids AS integer[]), CAST(:tracks AS text[])) AS u (lea_id, track)
 WHERE s.lea_id = u.lea_id AND s.track = u.track

-- name: put_statuses
INSERT INTO milestone_status (lea_id, track, key, version, state, since, started_at, done_at, waiting_on, reason, evidence, waiver_granted_by, waiver_reason,
                              planned_on, forecast_on, earliest_on, latest_on, actual_on, slip_days, blackouts, blocked_times, reopened_times)
SELECT lea_id, track, key, version, state, since, started_at, done_at, waiting_on, reason, evidence, waiver_granted_by, waiver_reason,
       planned_on, forecast_on, earliest_on, latest_on, actual_on, slip_days, blackouts, blocked_times, reopened_times
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(lea_id integer, track text, key text, version integer, state text, since timestamptz, started_at timestamptz, done_at timestamptz, waiting_on text,
         reason text, evidence text, waiver_granted_by text, waiver_reason text, planned_on date, forecast_on date, earliest_on date, latest_on date,
         actual_on date, slip_days integer, blackouts text[], blocked_times integer, reopened_times integer)

-- name: forget_week
-- The running week is written anew; a week that has ended stays as it was.
DELETE FROM onboarding_progress o USING unnest(CAST(:lea_ids AS integer[]), CAST(:tracks AS text[])) AS u (lea_id, track)
 WHERE o.lea_id = u.lea_id AND o.track = u.track AND o.week_ending = CAST(:week_ending AS date)

-- name: put_progress
INSERT INTO onboarding_progress (lea_id, track, week_ending, gates_passed, gates, waived, weight_done, weight, days_behind, is_live, is_onboarded,
                                 next_gate, next_gate_on, go_live_on, computed_at)
SELECT lea_id, track, week_ending, gates_passed, gates, waived, weight_done, weight, days_behind, is_live, is_onboarded,
       next_gate, next_gate_on, go_live_on, CAST(:now AS timestamptz)
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(lea_id integer, track text, week_ending date, gates_passed integer, gates integer, waived integer, weight_done integer, weight integer,
         days_behind integer, is_live boolean, is_onboarded boolean, next_gate text, next_gate_on date, go_live_on date)

-- fragment: status_columns
s.lea_id, s.track, s.key, s.version, s.state, s.since, s.started_at, s.done_at, s.waiting_on, s.reason, s.evidence, s.waiver_granted_by, s.waiver_reason,
       s.planned_on, s.forecast_on, s.earliest_on, s.latest_on, s.actual_on, s.slip_days, s.blackouts, s.blocked_times, s.reopened_times

-- name: statuses
SELECT {{status_columns}}
  FROM milestone_status s
 WHERE s.lea_id = CAST(:lea_id AS integer)
 ORDER BY s.track, s.planned_on, s.key

-- name: wave_statuses
-- Every milestone of everyone in a wave.
SELECT {{status_columns}}
  FROM milestone_status s
  JOIN participation p USING (lea_id, track)
  JOIN wave w USING (wave_id)
 WHERE w.code = CAST(:wave AS text) AND p.left_on IS NULL
 ORDER BY s.lea_id, s.key

-- name: together
-- Everybody who takes part, in the newest week of each, added up by track: thousands of rows stay in the database.
SELECT p.track, count(*) AS participating, count(*) FILTER (WHERE o.is_live) AS live, count(*) FILTER (WHERE o.is_onboarded) AS onboarded,
       sum(o.gates_passed) AS gates_passed, sum(o.gates) AS gates, sum(o.weight_done) AS weight_done, sum(o.weight) AS weight
  FROM participation p
 CROSS JOIN LATERAL (
   SELECT n.is_live, n.is_onboarded, n.gates_passed, n.gates, n.weight_done, n.weight
     FROM onboarding_progress n WHERE n.lea_id = p.lea_id AND n.track = p.track ORDER BY n.week_ending DESC LIMIT 1) o
 WHERE p.left_on IS NULL
 GROUP BY p.track
 ORDER BY p.track

-- name: progress
-- The newest week of each LEA that takes part, or every week of them.
SELECT o.lea_id, o.track, w.code AS wave, o.week_ending, o.gates_passed, o.gates, o.waived, o.weight_done, o.weight, o.days_behind, o.is_live, o.is_onboarded,
       o.next_gate, o.next_gate_on, o.go_live_on, o.computed_at
  FROM participation p
  JOIN wave w USING (wave_id)
 CROSS JOIN LATERAL (
   SELECT * FROM onboarding_progress n WHERE n.lea_id = p.lea_id AND n.track = p.track
    ORDER BY n.week_ending DESC LIMIT CASE WHEN CAST(:every_week AS boolean) THEN NULL ELSE 1 END) o
 WHERE p.left_on IS NULL
   AND (CAST(:lea_ids AS integer[]) IS NULL OR p.lea_id = ANY (CAST(:lea_ids AS integer[])))
   AND (CAST(:wave AS text) IS NULL OR w.code = CAST(:wave AS text))
   AND (CAST(:track AS text) IS NULL OR p.track = CAST(:track AS text))
 ORDER BY o.week_ending, o.lea_id, o.track
