-- name: wait_for_turn
-- Two runs of one job never overlap, whatever their slots.
SELECT pg_advisory_xact_lock(1162039115, hashtext(CAST(:job AS text)));

-- name: be_patient
-- A job may wait for another run, or for another job that holds the coverage, and read much: a request's limits are not its own.
SELECT set_config(name, CAST(:patience AS text), true) FROM unnest(ARRAY['lock_timeout', 'statement_timeout']) AS name;

-- name: has_run
SELECT EXISTS (SELECT FROM job_run WHERE job = CAST(:job AS text) AND slot = CAST(:slot AS timestamptz));

-- name: record
INSERT INTO job_run (job, slot, started_at, finished_at, state, touched, said)
VALUES (CAST(:job AS text), CAST(:slot AS timestamptz), CAST(:started_at AS timestamptz), CAST(:finished_at AS timestamptz),
        CAST(:state AS text), CAST(:touched AS bigint), CAST(:said AS text))
    ON CONFLICT (job, slot) DO NOTHING;

-- name: skip
INSERT INTO job_run (job, slot, started_at, finished_at, state, said)
SELECT CAST(:job AS text), slot, CAST(:now AS timestamptz), CAST(:now AS timestamptz), 'skipped', CAST(:said AS text)
  FROM unnest(CAST(:slots AS timestamptz[])) AS slot
    ON CONFLICT (job, slot) DO NOTHING;

-- name: last_slot
SELECT max(slot) FROM job_run WHERE job = CAST(:job AS text);

-- name: forget
DELETE FROM job_run WHERE slot < CAST(:before AS timestamptz);

-- name: last_runs
SELECT DISTINCT ON (job) job, slot, state, started_at, finished_at, touched, said
  FROM job_run
 WHERE finished_at IS NOT NULL
 ORDER BY job, slot DESC;
