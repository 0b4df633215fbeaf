-- name: wait_for_turn
-- Two runs of one job never overlap, whatever their slots.
SELECT pg_advisory_xact_lock(1162039115, hashtext(CAST(:job AS text)));

-- name: be_patient
-- A job may wait for another run, or for another job that holds the coverage, and read much: a request's limits are not its own.
SELECT set_config(name, CAST(:patience AS text), true) FROM unnest(ARRAY['lock_timeout', 'statement_timeout']) AS name;

-- name: has_run
SELECT EXISTS (SELECT FROM job_run WHERE job = CAST(:job AS text) AND slot = CAST(:slot AS timestamptz));

-- fragment: fence
-- The row stays locked until the transaction ends: whoever takes the lease after this waits for it, so nothing of an
-- earlier leader is ever committed after a later one has begun. Without a token (by hand) there is nothing to check.
lease AS (SELECT token FROM job_lease WHERE token = CAST(:token AS bigint) FOR SHARE)

-- fragment: is_fenced
(CAST(:token AS bigint) IS NULL OR EXISTS (SELECT FROM lease))

-- name: leads
SELECT CAST(:token AS bigint) IS NULL OR EXISTS (SELECT FROM job_lease WHERE token = CAST(:token AS bigint));

-- name: record
WITH {{fence}}
INSERT INTO job_run (job, slot, started_at, finished_at, state, touched, said)
SELECT CAST(:job AS text), CAST(:slot AS timestamptz), CAST(:started_at AS timestamptz), CAST(:finished_at AS timestamptz),
       CAST(:state AS text), CAST(:touched AS bigint), CAST(:said AS text)
 WHERE {{is_fenced}}
    ON CONFLICT (job, slot) DO NOTHING;

-- name: skip
WITH {{fence}}
INSERT INTO job_run (job, slot, started_at, finished_at, state, said)
SELECT CAST(:job AS text), slot, CAST(:now AS timestamptz), CAST(:now AS timestamptz), 'skipped', CAST(:said AS text)
  FROM unnest(CAST(:slots AS timestamptz[])) AS slot
 WHERE {{is_fenced}}
    ON CONFLICT (job, slot) DO NOTHING;

-- name: first_slot
SELECT min(slot) FROM job_run WHERE job = CAST(:job AS text);

-- name: recorded_slots
SELECT slot FROM job_run
 WHERE job = CAST(:job AS text) AND slot > CAST(:after AS timestamptz) AND slot <= CAST(:until AS timestamptz);

-- name: expired_lease
SELECT token FROM job_lease WHERE expires_at <= clock_timestamp();

-- name: end_sessions
-- Of leaders up to this token. A leader that is frozen in the middle of a run would keep the locks of that run.
SELECT count(pg_terminate_backend(pid))
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND CAST(substring(application_name FROM '\Aequityaccess scheduler ([0-9]{1,18})\Z') AS bigint) <= CAST(:token AS bigint);

-- name: take_lease
UPDATE job_lease
   SET token = token + 1, holder = CAST(:holder AS text),
       expires_at = clock_timestamp() + make_interval(secs => CAST(:seconds AS double precision))
 WHERE expires_at <= clock_timestamp()
RETURNING token;

-- name: renew_lease
UPDATE job_lease SET expires_at = clock_timestamp() + make_interval(secs => CAST(:seconds AS double precision))
 WHERE token = CAST(:token AS bigint)
RETURNING token;

-- name: give_lease_back
UPDATE job_lease SET expires_at = '-infinity', holder = 'nobody' WHERE token = CAST(:token AS bigint);

-- name: forget
DELETE FROM job_run WHERE slot < CAST(:before AS timestamptz);

-- name: run_at
-- The run of a job that was under way at a moment.
SELECT job, slot, state, started_at, finished_at, touched, said
  FROM job_run
 WHERE job = CAST(:job AS text) AND started_at <= CAST(:at AS timestamptz) AND finished_at >= CAST(:at AS timestamptz)
 ORDER BY started_at DESC
 LIMIT 1;

-- name: last_runs
SELECT DISTINCT ON (job) job, slot, state, started_at, finished_at, touched, said
  FROM job_run
 WHERE finished_at IS NOT NULL
 ORDER BY job, slot DESC;
