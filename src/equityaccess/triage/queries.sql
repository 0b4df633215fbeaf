-- name: weights
-- Those in force, which are the newest.
SELECT version, document FROM triage_weights ORDER BY version DESC LIMIT 1

-- name: put_weights
INSERT INTO triage_weights (version, valid_from, document)
SELECT coalesce(max(version), 0) + 1, CAST(:now AS timestamptz), CAST(:document AS text) FROM triage_weights
RETURNING 'INSERT'

-- name: statuses
-- What is under way or ahead on every track of every LEA that takes part.
SELECT s.lea_id, s.track, s.key, s.version, s.state, s.since, s.started_at, s.done_at, s.waiting_on, s.reason, s.evidence, s.waiver_granted_by, s.waiver_reason,
       s.planned_on, s.forecast_on, s.earliest_on, s.latest_on, s.actual_on, s.slip_days, s.blackouts, s.blocked_times, s.reopened_times
  FROM milestone_status s
  JOIN participation p ON p.lea_id = s.lea_id AND p.track = s.track AND p.left_on IS NULL
 WHERE s.state NOT IN ('done', 'not_applicable')
 ORDER BY s.lea_id, s.track, s.planned_on, s.key

-- name: progress
-- The newest week of each LEA on each track.
SELECT p.lea_id, p.track, w.code AS wave, o.week_ending, o.gates_passed, o.gates, o.waived, o.weight_done, o.weight, o.days_behind, o.is_live, o.is_onboarded,
       o.next_gate, o.next_gate_on, o.go_live_on, o.computed_at
  FROM participation p
  JOIN wave w ON w.wave_id = p.wave_id
  JOIN LATERAL (SELECT n.* FROM onboarding_progress n WHERE n.lea_id = p.lea_id AND n.track = p.track ORDER BY n.week_ending DESC LIMIT 1) o ON true
 WHERE p.left_on IS NULL AND (CAST(:lea_id AS integer) IS NULL OR p.lea_id = CAST(:lea_id AS integer))
 ORDER BY p.lea_id, p.track

-- name: versions
SELECT lea_id, track, playbook_version FROM participation WHERE left_on IS NULL

-- name: owed
-- How many observations of each LEA are overdue.
SELECT e.lea_id, count(*)
  FROM expectation e
  JOIN lea_period p ON p.lea_id = e.lea_id AND p.valid_from < e.period_to AND e.period_to <= p.valid_to
 WHERE e.due_on < CAST(:today AS date) AND e.due_on > CAST(:today AS date) - 366
   AND NOT EXISTS (
     SELECT FROM observation o JOIN student_group g ON g.student_group_id = o.student_group_id AND g.code = 'ALL'
      WHERE o.lea_id = e.lea_id AND o.indicator_id = e.indicator_id AND o.as_of >= e.period_from AND o.as_of < e.period_to)
 GROUP BY e.lea_id

-- name: refused
-- The LEAs of whose pushes the newest was refused.
SELECT lea_id
  FROM (SELECT DISTINCT ON (u.lea_id) u.lea_id, s.outcome
          FROM submission s CROSS JOIN LATERAL unnest(s.concerned) AS u (lea_id)
         WHERE s.outcome IN ('applied', 'partly_applied', 'unchanged', 'refused') AND s.received_at > CAST(:since AS timestamptz)
         ORDER BY u.lea_id, s.received_at DESC) newest
 WHERE outcome = 'refused'

-- name: silent_feeds
SELECT lea_id FROM feed WHERE expected_at < CAST(:now AS timestamptz)

-- name: newest_items
-- Of each LEA the open item, else the one that closed last.
SELECT DISTINCT ON (lea_id) item_id, lea_id, score, CAST(reasons AS text) AS reasons, quiet_runs, assignee, snoozed_until, opened_at, scored_at, closed_at,
       resolved_with, weights_version, version
  FROM triage_item
 ORDER BY lea_id, closed_at DESC NULLS FIRST

-- name: put_items
INSERT INTO triage_item (item_id, lea_id, score, reasons, quiet_runs, opened_at, scored_at, weights_version, version)
SELECT r.item_id, r.lea_id, r.score, r.reasons, 0, CAST(:now AS timestamptz), CAST(:now AS timestamptz), CAST(:weights_version AS integer), 1
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (item_id uuid, lea_id integer, score integer, reasons jsonb)

-- name: rescore_items
-- A change of the score or of a reason is a new version: whoever decides on an item has seen what stands there.
UPDATE triage_item t
   SET score = r.score, reasons = r.reasons, quiet_runs = r.quiet_runs, scored_at = CAST(:now AS timestamptz), weights_version = CAST(:weights_version AS integer),
       closed_at = CASE WHEN r.is_closed THEN CAST(:now AS timestamptz) END,
       version = t.version + CASE WHEN r.is_closed OR (t.score, t.reasons) IS DISTINCT FROM (r.score, r.reasons) THEN 1 ELSE 0 END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (item_id uuid, score integer, reasons jsonb, quiet_runs integer, is_closed boolean)
 WHERE t.item_id = r.item_id AND t.closed_at IS NULL

-- name: put_events
INSERT INTO triage_event (event_id, item_id, lea_id, kind, at, told_by, key_id, text, score)
SELECT event_id, item_id, lea_id, kind, at, told_by, key_id, text, score
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r (event_id uuid, item_id uuid, lea_id integer, kind text, at timestamptz, told_by text, key_id uuid, text text, score integer)

-- fragment: item
SELECT t.item_id, t.lea_id, t.score, CAST(t.reasons AS text) AS reasons, t.quiet_runs, t.assignee, t.snoozed_until, t.opened_at, t.scored_at, t.closed_at,
       t.resolved_with, t.weights_version, t.version
  FROM triage_item t

-- name: items
-- Items by score, the highest first, after a key.
{{item}}
 WHERE (CAST(:state AS text) IS NULL OR CAST(:state AS text) = CASE
          WHEN t.resolved_with IS NOT NULL THEN 'resolved' WHEN t.closed_at IS NOT NULL THEN 'closed'
          WHEN t.snoozed_until > CAST(:today AS date) THEN 'snoozed' ELSE 'open' END)
   AND (CAST(:assignee AS text) IS NULL OR coalesce(t.assignee, '') = CAST(:assignee AS text))
   AND (CAST(:reason AS text) IS NULL OR t.reasons @> jsonb_build_array(jsonb_build_object('code', CAST(:reason AS text))))
   AND (CAST(:wave AS text) IS NULL AND CAST(:track AS text) IS NULL OR EXISTS (
         SELECT FROM participation p JOIN wave w ON w.wave_id = p.wave_id
          WHERE p.lea_id = t.lea_id AND p.left_on IS NULL
            AND (CAST(:wave AS text) IS NULL OR w.code = CAST(:wave AS text)) AND (CAST(:track AS text) IS NULL OR p.track = CAST(:track AS text))))
   AND (-t.score, t.item_id) > (CAST(:after_score AS integer), CAST(:after_id AS uuid))
 ORDER BY t.score DESC, t.item_id
 LIMIT CAST(:limit AS integer)

-- name: item_by_id
{{item}}
 WHERE t.item_id = CAST(:item_id AS uuid)

-- name: item_for_change
{{item}}
 WHERE t.item_id = CAST(:item_id AS uuid)
   FOR UPDATE

-- name: change_item
UPDATE triage_item
   SET assignee = CAST(:assignee AS text), snoozed_until = CAST(:snoozed_until AS date), closed_at = CAST(:closed_at AS timestamptz),
       resolved_with = CAST(:resolved_with AS text), version = version + 1
 WHERE item_id = CAST(:item_id AS uuid)

-- name: events
SELECT kind, at, told_by, text, score FROM triage_event WHERE item_id = CAST(:item_id AS uuid) ORDER BY at DESC, event_id

-- name: clusters
-- What blocks several LEAs in the same way, however it is spaced and capitalised, the most LEAs first.
SELECT c.track, c.key AS milestone, c.waiting_on, min(c.reason) AS reason, array_agg(DISTINCT u.lea_id) AS lea_ids, min(c.since) AS since
  FROM (SELECT s.track, s.key, s.waiting_on, s.reason, lower(regexp_replace(btrim(s.reason), '\s+', ' ', 'g')) AS cause, array_agg(s.lea_id) AS lea_ids,
               min(s.since) AS since
          FROM milestone_status s
          JOIN participation p ON p.lea_id = s.lea_id AND p.track = s.track AND p.left_on IS NULL
         WHERE s.state = 'blocked' AND s.waiting_on IS NOT NULL AND s.reason IS NOT NULL
         GROUP BY s.track, s.key, s.waiting_on, s.reason) c
 CROSS JOIN LATERAL unnest(c.lea_ids) AS u (lea_id)
 GROUP BY c.track, c.key, c.waiting_on, c.cause
HAVING count(DISTINCT u.lea_id) >= CAST(:least AS integer)
 ORDER BY count(DISTINCT u.lea_id) DESC, c.key, c.track
 LIMIT 50

-- name: contacts
-- The newest support that an LEA was given.
SELECT started_at AS at, kind, track, topic
  FROM support_event
 WHERE lea_id = CAST(:lea_id AS integer) AND kind IN ('technical_assistance', 'training', 'office_hours', 'site_visit', 'contact', 'ticket_answered')
 ORDER BY started_at DESC
 LIMIT 3

-- name: names
-- Codes and names of LEAs today.
SELECT n.lea_id, n.code, p.name
  FROM identifier n
  JOIN lea_period p ON p.lea_id = n.lea_id AND p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to
 WHERE n.scheme IN ('cds', 'best') AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
   AND n.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY n.lea_id, n.scheme DESC

-- name: waves
SELECT p.lea_id, w.code FROM participation p JOIN wave w ON w.wave_id = p.wave_id
 WHERE p.left_on IS NULL AND p.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY p.lea_id, w.code
