-- The benchmark writes as the administrator of a database of its own.

-- name: make_cells
CREATE TABLE bench_cell (lea_id integer NOT NULL, indicator_id smallint NOT NULL, student_group_id smallint NOT NULL, population integer NOT NULL)

-- name: lea_ids
SELECT lea_id FROM lea ORDER BY lea_id

-- name: store_observations
-- Every cell once a week, newest week first, until there are as many rows as asked for. rows.py counts the same way.
INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met, not_met, not_applicable, evidence, submission_id, recorded_at)
SELECT c.lea_id, c.indicator_id, c.student_group_id, w.as_of, 1, c.population, m.met, (c.population - m.met) * 3 / 5, 0, 'C',
       CAST(:submission_id AS uuid), CAST(w.as_of AS timestamptz) + interval '1 day'
  FROM bench_cell c
 CROSS JOIN (SELECT CAST(:newest AS date) - 7 * n AS as_of FROM generate_series(0, CAST(:weeks AS integer) - 1) AS n) w
 CROSS JOIN LATERAL (SELECT c.population * (70 + (w.as_of - DATE '2018-07-01' + c.lea_id) % 10) / 100 AS met) m
 ORDER BY w.as_of DESC, c.lea_id, c.indicator_id, c.student_group_id
 LIMIT CAST(:stored AS integer)

-- name: count_observations
SELECT count(*) FROM observation

-- name: mark_everything
INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on)
SELECT lea_id, indicator_id, student_group_id, min(as_of) FROM observation GROUP BY lea_id, indicator_id, student_group_id

-- name: partitions
SELECT CAST(CAST(inhrelid AS regclass) AS text), pg_get_expr(c.relpartbound, c.oid)
  FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
 WHERE inhparent = CAST('observation' AS regclass) ORDER BY 1

-- name: group_by
-- What a rebuild cannot do without: the observations, once, at the grain of its weekly cells.
CREATE TEMP TABLE bench_grouped ON COMMIT DROP AS
SELECT lea_id, indicator_id, student_group_id, (as_of - DATE '2018-07-01' + 6) / 7 AS week,
       sum(population) AS population, sum(met) AS met, sum(not_met) AS not_met, sum(not_applicable) AS not_applicable
  FROM observation
 GROUP BY lea_id, indicator_id, student_group_id, (as_of - DATE '2018-07-01' + 6) / 7

-- name: best_leas
INSERT INTO lea (lea_id) OVERRIDING SYSTEM VALUE SELECT 1000000 + n FROM generate_series(1, CAST(:leas AS integer)) AS n

-- name: best_periods
INSERT INTO lea_period (lea_id, valid_from, name, kind, county_code)
SELECT lea_id, DATE '2018-07-01', 'Bench ' || lea_id, 'unified_district', '99' FROM lea WHERE lea_id > 1000000

-- name: best_codes
INSERT INTO identifier (scheme, code, lea_id, valid_from)
SELECT 'cds', lpad(lea_id::text, 14, '9'), lea_id, DATE '2018-07-01' FROM lea WHERE lea_id > 1000000

-- name: best_waves
INSERT INTO wave (code, track, name, go_live_on, is_sample)
SELECT 'bench-' || t.track || '-' || n, t.track, 'bench', CAST(:today AS date) + 60 * (n - 5), false
  FROM generate_series(1, 10) AS n CROSS JOIN (VALUES ('FIN'), ('HCM')) AS t (track)

-- name: best_participations
INSERT INTO participation (lea_id, track, wave_id, playbook_version, joined_on)
SELECT l.lea_id, w.track, w.wave_id, (SELECT max(version) FROM playbook_milestone), DATE '2020-01-01'
  FROM lea l JOIN wave w ON w.code = 'bench-' || w.track || '-' || (1 + l.lea_id % 10)
 WHERE l.lea_id > 1000000

-- name: best_statuses
INSERT INTO milestone_status (lea_id, track, key, version, state, since, waiting_on, reason, planned_on, forecast_on, earliest_on, latest_on, slip_days, blackouts,
                              blocked_times, reopened_times)
SELECT p.lea_id, p.track, m.key, 1, s.state, CAST(:today AS timestamptz) - interval '40 days',
       CASE WHEN s.state = 'blocked' THEN CASE WHEN p.lea_id % 3 = 0 THEN 'county' ELSE 'lea' END END, CASE WHEN s.state = 'blocked' THEN 'cause ' || p.lea_id % 7 END,
       CAST(:today AS date), CAST(:today AS date) + 20, CAST(:today AS date), CAST(:today AS date) + 30, p.lea_id % 25, '{}', p.lea_id % 2, 0
  FROM participation p
  JOIN playbook_milestone m ON m.version = p.playbook_version AND p.track = ANY (string_to_array(m.tracks, ' '))
 CROSS JOIN LATERAL (SELECT CASE WHEN (p.lea_id + m.place) % 25 = 0 THEN 'blocked' ELSE (ARRAY['done', 'done', 'in_progress', 'not_started'])[1 + m.place % 4] END AS state) s
 WHERE p.lea_id > 1000000

-- name: best_progress
INSERT INTO onboarding_progress (lea_id, track, week_ending, gates_passed, gates, waived, weight_done, weight, days_behind, is_live, is_onboarded, next_gate,
                                 next_gate_on, go_live_on, computed_at)
SELECT p.lea_id, p.track, CAST(:today AS date) - 7 * n, 1, 5, 0, 10, 90, p.lea_id % 25, w.go_live_on < CAST(:today AS date), false, 'uat', CAST(:today AS date),
       w.go_live_on, now()
  FROM participation p JOIN wave w ON w.wave_id = p.wave_id CROSS JOIN generate_series(0, CAST(:weeks AS integer) - 1) AS n
 WHERE p.lea_id > 1000000

-- name: best_support
INSERT INTO support_event (event_id, lea_id, track, kind, started_at, told_at, told_by, key_id, external_id, topic, ticket)
SELECT gen_random_uuid(), p.lea_id, p.track, 'ticket_opened', CAST(:today AS timestamptz) - n * interval '7 days', now(), 'county',
       '00000000-0000-0000-0000-000000000000', p.lea_id || p.track || n, NULL, 't-' || n
  FROM participation p CROSS JOIN generate_series(1, CAST(:weeks AS integer)) AS n
 WHERE p.lea_id > 1000000 AND p.track = 'FIN'

-- name: best_access
INSERT INTO access_count (lea_id, track, day, revision, core_users, core_users_30_days, core_provisioned, told_at, key_id)
SELECT p.lea_id, p.track, CAST(:today AS date) - 28 * n - 1, 1, 0, p.lea_id % 20, 20, now(), '00000000-0000-0000-0000-000000000000'
  FROM participation p CROSS JOIN generate_series(0, CAST(:weeks AS integer) / 4 - 1) AS n
 WHERE p.lea_id > 1000000

-- name: more_leas_in_releases
-- Each LEA that was published, again under further names, until there are 2,000.
INSERT INTO release_cell
SELECT c.number, c.indicator, c.student_group, c.scope || '-' || n, c.scope_name || ' ' || n, c.level, c.state, c.base, c.confirmed_percent,
       c.confirmed_bound, c.at_most_percent, c.at_most_bound, c.target_percent, c.target_on
  FROM release_cell c
 CROSS JOIN LATERAL generate_series(1, (SELECT ceil(2000.0 / count(DISTINCT k.scope)) FROM release_cell k WHERE k.level = 'lea')::int - 1) AS n
 WHERE c.level = 'lea'

-- name: best_scan
-- The rows that triage is about, read once.
SELECT (SELECT count(slip_days) FROM milestone_status) + (SELECT count(days_behind) FROM onboarding_progress)
       + (SELECT count(started_at) FROM support_event) + (SELECT count(core_users) FROM access_count)
