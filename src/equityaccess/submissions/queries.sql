-- name: receive
-- The sha256 and the length of a long body are known when its last part has come.
INSERT INTO submission (submission_id, key_id, lea_ids, received_at, content_type, parameters, byte_count, sha256)
VALUES (CAST(:submission_id AS uuid), CAST(:key_id AS uuid), CAST(:lea_ids AS integer[]), CAST(:received_at AS timestamptz), CAST(:content_type AS text),
        CAST(:parameters AS text), CAST(:byte_count AS bigint), CAST(:sha256 AS bytea))

-- name: keep_part
INSERT INTO submission_body (submission_id, part, deflated) VALUES (CAST(:submission_id AS uuid), CAST(:part AS integer), CAST(:deflated AS bytea))

-- name: complete
UPDATE submission SET byte_count = CAST(:byte_count AS bigint), sha256 = CAST(:sha256 AS bytea) WHERE submission_id = CAST(:submission_id AS uuid)

-- name: part_of_body
SELECT deflated FROM submission_body WHERE submission_id = CAST(:submission_id AS uuid) AND part = CAST(:part AS integer)

-- name: decide
UPDATE submission SET outcome = CAST(:outcome AS text), status = CAST(:status AS smallint), answer = CAST(:answer AS bytea), decided_at = CAST(:decided_at AS timestamptz),
       concerned = CAST(:concerned AS integer[])
 WHERE submission_id = CAST(:submission_id AS uuid)

-- name: quarantine
UPDATE submission SET is_quarantined = true WHERE submission_id = CAST(:submission_id AS uuid)

-- name: claim
-- The first to send a key has it. No row: somebody has it already.
INSERT INTO idempotency (key_id, idempotency_key, fingerprint, submission_id, created_at)
VALUES (CAST(:key_id AS uuid), CAST(:idempotency_key AS text), CAST(:fingerprint AS bytea), CAST(:submission_id AS uuid), CAST(:now AS timestamptz))
ON CONFLICT (key_id, idempotency_key) DO NOTHING
RETURNING submission_id

-- name: claimed
SELECT i.fingerprint, i.submission_id, i.created_at, s.outcome, s.status, s.answer
  FROM idempotency i JOIN submission s ON s.submission_id = i.submission_id
 WHERE i.key_id = CAST(:key_id AS uuid) AND i.idempotency_key = CAST(:idempotency_key AS text)
   FOR UPDATE OF i

-- name: take_over
UPDATE idempotency SET submission_id = CAST(:submission_id AS uuid), fingerprint = CAST(:fingerprint AS bytea), created_at = CAST(:now AS timestamptz)
 WHERE key_id = CAST(:key_id AS uuid) AND idempotency_key = CAST(:idempotency_key AS text)

-- name: hold
-- Held by the transaction that judges a submission: who gets it knows that nobody else is judging.
SELECT pg_try_advisory_xact_lock(hashtextextended(CAST(CAST(:submission_id AS uuid) AS text), 0))

-- name: has_key
SELECT EXISTS (SELECT FROM idempotency
                WHERE key_id = CAST(:key_id AS uuid) AND idempotency_key = CAST(:idempotency_key AS text) AND submission_id = CAST(:submission_id AS uuid))

-- name: leas_of_caller
SELECT i.lea_id, i.code AS cds, p.kind, p.funding, greatest(i.valid_from, p.valid_from) AS valid_from, least(i.valid_to, p.valid_to) AS valid_to
  FROM identifier i
  JOIN lea_period p ON p.lea_id = i.lea_id AND p.valid_from < i.valid_to AND i.valid_from < p.valid_to
 WHERE i.scheme = 'cds' AND i.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY i.code, 5

-- name: asked
SELECT indicator_id, code, unit, asked_of FROM indicator

-- name: student_groups
SELECT code, student_group_id FROM student_group

-- name: enrolled
-- What the newest Census Day said, less the directly funded charters of a district, where each is known.
SELECT DISTINCT ON (e.lea_id, e.student_group_id) e.lea_id, e.student_group_id,
       CAST(e.students - coalesce(c.students, 0) AS integer)
  FROM enrollment e
  JOIN student_group g ON g.student_group_id = e.student_group_id
  LEFT JOIN LATERAL (
    SELECT sum(n.students) AS students
      FROM lea_period p JOIN enrollment n ON n.lea_id = p.lea_id AND n.school_year = e.school_year AND n.student_group_id = e.student_group_id
     WHERE e.includes_charters AND g.code = 'ALL'
       AND p.authorizer_id = e.lea_id AND p.funding = 'direct' AND p.valid_from <= e.census_on AND e.census_on < p.valid_to) c ON true
 WHERE e.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY e.lea_id, e.student_group_id, e.census_on DESC

-- name: directory
SELECT DISTINCT ON (i.code) i.code, p.name
  FROM identifier i JOIN lea_period p ON p.lea_id = i.lea_id
 WHERE i.scheme = 'cds'
 ORDER BY i.code, p.valid_from DESC

-- fragment: newest_codes
SELECT DISTINCT ON (lea_id) lea_id, code
  FROM identifier
 WHERE scheme = 'cds' AND lea_id = ANY (CAST(:lea_ids AS integer[])) AND valid_from <= CAST(:today AS date)
 ORDER BY lea_id, valid_from DESC

-- name: codes_of_leas
{{newest_codes}}

-- name: make_staged
CREATE TEMP TABLE IF NOT EXISTS staged (
  row_number integer NOT NULL, line integer NOT NULL, lea_id integer NOT NULL, indicator_id smallint NOT NULL, student_group_id smallint NOT NULL, as_of date NOT NULL,
  population integer NOT NULL, met integer NOT NULL, not_met integer NOT NULL, not_applicable integer NOT NULL, evidence text NOT NULL, valid_until date,
  met_by_family integer, met_by_lea integer, barrier_not_available integer, barrier_not_affordable integer, barrier_not_desired integer, barrier_other integer
) ON COMMIT DELETE ROWS

-- fragment: repeated_rows
SELECT row_number, line, first_row
  FROM (SELECT row_number, line, min(row_number) OVER same AS first_row, count(*) OVER same AS times
          FROM staged WINDOW same AS (PARTITION BY lea_id, indicator_id, student_group_id, as_of)) r
 WHERE times > 1

-- fragment: rows_beyond_total
SELECT s.row_number, s.line, s.population, t.population AS total
  FROM staged s
  JOIN (SELECT lea_id, indicator_id, as_of, max(population) AS population
          FROM staged WHERE student_group_id = CAST(:all_id AS smallint) GROUP BY lea_id, indicator_id, as_of) t USING (lea_id, indicator_id, as_of)
 WHERE s.population > t.population

-- name: repeated
-- Rows that speak of the same thing: which of them is meant is not certain, so none is taken.
SELECT row_number, line, first_row, count(*) OVER () AS rows
  FROM ({{repeated_rows}}) r
 ORDER BY row_number
 LIMIT CAST(:most AS integer)

-- name: prepare_for_many
-- Room to hash in; a small sample, which takes the planner no time; no nested loop, which one wrong guess makes slow;
-- and no merge, which would sort every staged row.
SELECT set_config('work_mem', '64MB', true), set_config('default_statistics_target', '10', true),
       set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true)

-- name: count_staged
-- The planner cannot know how many rows a temporary table holds; with many, the wrong guess costs seconds.
ANALYZE staged (lea_id, indicator_id, student_group_id, as_of)

-- name: reach
-- As columns, which cost little on their way: in the order of an effect, by LEA and indicator, the group ALL first.
SELECT array_agg(r.lea_id ORDER BY r.place) AS lea_ids, array_agg(r.indicator_id ORDER BY r.place) AS indicator_ids,
       array_agg(r.student_group_id ORDER BY r.place) AS student_group_ids, array_agg(r.last_on ORDER BY r.place) AS newest,
       min(r.first_on) AS first_on, max(r.last_on) AS last_on, bool_or(r.has_repeated) AS has_repeated
  FROM (SELECT c.*, row_number() OVER (ORDER BY n.code COLLATE "C", i.code COLLATE "C", g.code <> 'ALL', g.code COLLATE "C") AS place
          FROM (SELECT lea_id, indicator_id, student_group_id, min(as_of) AS first_on, max(as_of) AS last_on, count(*) > count(DISTINCT as_of) AS has_repeated
                  FROM staged GROUP BY lea_id, indicator_id, student_group_id) c
          JOIN ({{newest_codes}}) n ON n.lea_id = c.lea_id
          JOIN indicator i ON i.indicator_id = c.indicator_id
          JOIN student_group g ON g.student_group_id = c.student_group_id) r
HAVING count(*) > 0

-- name: beyond_total
SELECT row_number, line, population, total, count(*) OVER () AS rows
  FROM ({{rows_beyond_total}}) b
 ORDER BY row_number
 LIMIT CAST(:most AS integer)

-- name: drop_contradicting
DELETE FROM staged
 WHERE row_number IN (SELECT row_number FROM ({{repeated_rows}}) r)
    OR row_number IN (SELECT row_number FROM ({{rows_beyond_total}}) b)

-- name: lock_leas
-- One writer an LEA: revisions follow each other, and recorded_at never goes back. The array is sorted, so that none
-- waits in a circle.
SELECT count(pg_advisory_xact_lock(1162039121, lea_id)) FROM unnest(CAST(:lea_ids AS integer[])) AS lea_id

-- name: jumps
-- The newest row of each cell against the newest observation before it, no older than 400 days. The days of the whole
-- push, which say nothing new, let the planner leave out the partitions that cannot hold one.
SELECT s.row_number, s.line, s.met, s.population - s.not_applicable AS base, o.met AS met_before, o.population - o.not_applicable AS base_before, o.as_of
  FROM unnest(CAST(:lea_ids AS integer[]), CAST(:indicator_ids AS smallint[]), CAST(:student_group_ids AS smallint[]), CAST(:newest AS date[]))
         AS n (lea_id, indicator_id, student_group_id, as_of)
  JOIN staged s ON s.lea_id = n.lea_id AND s.indicator_id = n.indicator_id AND s.student_group_id = n.student_group_id AND s.as_of = n.as_of
 CROSS JOIN LATERAL (
   SELECT met, population, not_applicable, as_of FROM observation o
    WHERE o.lea_id = s.lea_id AND o.indicator_id = s.indicator_id AND o.student_group_id = s.student_group_id
      AND o.as_of <= s.as_of AND o.as_of > s.as_of - 400
      AND o.as_of <= CAST(:last_on AS date) AND o.as_of > CAST(:first_on AS date) - 400
    ORDER BY o.as_of DESC, o.revision DESC LIMIT 1) o
 WHERE s.population > s.not_applicable AND o.population > o.not_applicable
   AND abs(CAST(s.met AS bigint) * (o.population - o.not_applicable) - CAST(o.met AS bigint) * (s.population - s.not_applicable)) * 100
       > CAST(:points AS bigint) * (s.population - s.not_applicable) * (o.population - o.not_applicable)
 ORDER BY s.row_number

-- name: put_observations
-- What is already known in these very words writes nothing; all else is a new revision, and marks what it touched.
WITH newest AS (
  SELECT DISTINCT ON (s.row_number) s.row_number, o.*
    FROM staged s
    JOIN observation o ON o.lea_id = s.lea_id AND o.indicator_id = s.indicator_id AND o.student_group_id = s.student_group_id AND o.as_of = s.as_of
   WHERE o.as_of >= CAST(:first_on AS date) AND o.as_of <= CAST(:last_on AS date)
   ORDER BY s.row_number, o.revision DESC
),
compared AS (
  SELECT s.*, o.revision, o.recorded_at
    FROM staged s
    LEFT JOIN newest o ON o.row_number = s.row_number
   WHERE (s.population, s.met, s.not_met, s.not_applicable, s.evidence, s.valid_until, s.met_by_family, s.met_by_lea,
          s.barrier_not_available, s.barrier_not_affordable, s.barrier_not_desired, s.barrier_other)
         IS DISTINCT FROM
         (o.population, o.met, o.not_met, o.not_applicable, o.evidence, o.valid_until, o.met_by_family, o.met_by_lea,
          o.barrier_not_available, o.barrier_not_affordable, o.barrier_not_desired, o.barrier_other)
),
put AS (
  INSERT INTO observation (lea_id, indicator_id, student_group_id, as_of, revision, population, met, not_met, not_applicable, evidence, valid_until,
    met_by_family, met_by_lea, barrier_not_available, barrier_not_affordable, barrier_not_desired, barrier_other, submission_id, recorded_at)
  SELECT lea_id, indicator_id, student_group_id, as_of, coalesce(revision, 0) + 1, population, met, not_met, not_applicable, evidence, valid_until,
         met_by_family, met_by_lea, barrier_not_available, barrier_not_affordable, barrier_not_desired, barrier_other,
         CAST(:submission_id AS uuid), greatest(recorded_at, CAST(:recorded_at AS timestamptz))
    FROM compared
  RETURNING lea_id, indicator_id, student_group_id, as_of, revision
),
changed AS MATERIALIZED (
  SELECT lea_id, indicator_id, student_group_id, min(as_of) AS from_on, count(*) AS rows, count(*) FILTER (WHERE revision = 1) AS created
    FROM put GROUP BY lea_id, indicator_id, student_group_id
),
marked AS (
  INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on) SELECT lea_id, indicator_id, student_group_id, from_on FROM changed
)
SELECT CAST(coalesce(sum(created), 0) AS bigint) AS created, CAST(coalesce(sum(rows - created), 0) AS bigint) AS updated FROM changed

-- name: owed
-- In the order of the answer from the start: few are asked for, and whether one came costs a look into the observations.
SELECT e.lea, e.indicator, e.period_from, e.period_to, e.due_on
  FROM (SELECT n.code AS lea, i.code AS indicator, e.*
          FROM expectation e
          JOIN indicator i ON i.indicator_id = e.indicator_id
          JOIN identifier n ON n.lea_id = e.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
         WHERE e.lea_id = ANY (CAST(:lea_ids AS integer[]))
           AND e.period_from <= CAST(:today AS date)
           AND e.due_on > CAST(:today AS date) - 365
         ORDER BY e.due_on, lea, indicator
        OFFSET 0) e
  LEFT JOIN LATERAL (
    SELECT true AS is_there FROM observation o
     WHERE o.lea_id = e.lea_id AND o.indicator_id = e.indicator_id AND o.as_of >= e.period_from AND o.as_of < e.period_to
       AND o.student_group_id = (SELECT g.student_group_id FROM student_group g WHERE g.code = 'ALL') LIMIT 1) came ON true
 WHERE came.is_there IS NULL
 ORDER BY e.due_on, e.lea, e.indicator
 LIMIT CAST(:most AS integer)

-- name: submission_by_id
SELECT submission_id, received_at, content_type, byte_count, encode(sha256, 'hex') AS sha256, outcome, status, answer
  FROM submission WHERE submission_id = CAST(:submission_id AS uuid)

-- name: submissions
SELECT submission_id, received_at, content_type, byte_count AS bytes, encode(sha256, 'hex') AS sha256, outcome, status, is_quarantined
  FROM submission
 WHERE (CAST(:before AS uuid) IS NULL
        OR (received_at, submission_id) < (SELECT b.received_at, b.submission_id FROM submission b WHERE b.submission_id = CAST(:before AS uuid)))
   AND (CAST(:outcome AS text) IS NULL OR outcome = CAST(:outcome AS text))
 ORDER BY received_at DESC, submission_id DESC
 LIMIT CAST(:limit AS integer)

-- name: forget_idempotency
DELETE FROM idempotency WHERE created_at < CAST(:before AS timestamptz)

-- name: observations
-- In the order of the primary key. superseded_at is as it was known at :known_at: NULL for what was current then.
SELECT n.code AS lea, i.code AS indicator, g.code AS student_group, o.as_of, o.revision, o.population, o.met, o.not_met, o.not_applicable,
       greatest(0, o.population - o.met - o.not_met - o.not_applicable) AS unknown, o.evidence, o.valid_until, o.met_by_family, o.met_by_lea,
       o.barrier_not_available, o.barrier_not_affordable, o.barrier_not_desired, o.barrier_other, o.recorded_at, o.superseded_at, o.submission_id,
       o.lea_id, o.indicator_id, o.student_group_id
  FROM (SELECT b.*, lead(b.recorded_at) OVER (PARTITION BY b.lea_id, b.indicator_id, b.student_group_id, b.as_of ORDER BY b.revision) AS superseded_at
          FROM observation b
         WHERE (CAST(:lea_ids AS integer[]) IS NULL OR b.lea_id = ANY (CAST(:lea_ids AS integer[])))
           AND (CAST(:indicator_id AS smallint) IS NULL OR b.indicator_id = CAST(:indicator_id AS smallint))
           AND (CAST(:student_group_id AS smallint) IS NULL OR b.student_group_id = CAST(:student_group_id AS smallint))
           AND b.as_of >= CAST(:from_on AS date) AND b.as_of <= CAST(:to_on AS date)
           AND b.recorded_at <= CAST(:known_at AS timestamptz)
           AND (b.lea_id, b.indicator_id, b.student_group_id, b.as_of, b.revision)
               > (CAST(:after_lea AS integer), CAST(:after_indicator AS smallint), CAST(:after_group AS smallint), CAST(:after_day AS date), CAST(:after_revision AS integer))) o
  JOIN indicator i ON i.indicator_id = o.indicator_id
  JOIN student_group g ON g.student_group_id = o.student_group_id
  JOIN LATERAL (SELECT code FROM identifier c WHERE c.lea_id = o.lea_id AND c.scheme = 'cds' ORDER BY c.valid_from <= o.as_of AND o.as_of < c.valid_to DESC, c.valid_from DESC LIMIT 1) n ON true
 WHERE CAST(:every_revision AS boolean) OR o.superseded_at IS NULL
 ORDER BY o.lea_id, o.indicator_id, o.student_group_id, o.as_of, o.revision
 LIMIT CAST(:limit AS bigint)

-- name: last_said
-- What LEAs said last of each indicator and group.
SELECT DISTINCT ON (o.lea_id, o.indicator_id, o.student_group_id)
       o.lea_id, i.code AS indicator, g.code AS student_group, o.as_of, o.population, o.met, o.not_met, o.not_applicable, o.evidence
  FROM observation o
  JOIN indicator i ON i.indicator_id = o.indicator_id
  JOIN student_group g ON g.student_group_id = o.student_group_id
 WHERE o.lea_id = ANY (CAST(:lea_ids AS integer[]))
 ORDER BY o.lea_id, o.indicator_id, o.student_group_id, o.as_of DESC, o.revision DESC

-- fragment: newest_work
SELECT n.* FROM doubt_work n WHERE n.lea_ids = d.sender AND n.code = d.code ORDER BY n.revision DESC LIMIT 1

-- name: doubts
-- What the newest push of each sender's LEAs that was taken left in doubt: by code, with one example of its words. A doubt
-- goes when a later push no longer gives cause for it; one that the county settled is open again when more rows are in it.
-- It is as old as the first of the pushes, one after the other until the newest, that all gave cause for it.
WITH taken AS NOT MATERIALIZED (
  SELECT * FROM submission WHERE outcome IN ('applied', 'partly_applied') AND received_at >= CAST(:since AS timestamptz)
),
newest AS (
  SELECT DISTINCT ON (s.lea_ids) s.submission_id, s.lea_ids, s.concerned, s.received_at, s.answer
    FROM taken s
   ORDER BY s.lea_ids, s.received_at DESC
),
doubt AS (
  SELECT n.submission_id, n.lea_ids AS sender, coalesce(n.concerned, n.lea_ids) AS lea_ids, n.received_at, w.doubt ->> 'code' AS code,
         w.doubt ->> 'owner' AS owner, CAST(count(*) AS integer) AS times, min(w.doubt ->> 'detail') AS example
    FROM newest n
   CROSS JOIN LATERAL jsonb_array_elements(CAST(convert_from(n.answer, 'UTF8') AS jsonb) -> 'warnings') AS w (doubt)
   GROUP BY n.submission_id, n.lea_ids, coalesce(n.concerned, n.lea_ids), n.received_at, w.doubt ->> 'code', w.doubt ->> 'owner'
),
shown AS (
  SELECT d.*, coalesce(w.revision, 0) AS revision, w.desk, w.said, w.told_at, coalesce(d.times <= w.settled_rows, false) AS is_settled
    FROM doubt d
    LEFT JOIN LATERAL ({{newest_work}}) w ON true
   ORDER BY is_settled, d.received_at, d.submission_id, d.code
   LIMIT CAST(:limit AS integer)
),
history AS (SELECT s.lea_ids, s.received_at, s.answer FROM taken s WHERE s.lea_ids IN (SELECT sender FROM shown))
SELECT d.submission_id, d.lea_ids, d.received_at, d.code, d.owner, d.times, d.example, d.revision, d.desk, d.said, d.told_at, d.is_settled,
       (SELECT min(h.received_at) FROM history h
         WHERE h.lea_ids = d.sender
           AND h.received_at > coalesce((SELECT max(clean.received_at) FROM history clean
                                          WHERE clean.lea_ids = d.sender AND clean.received_at <= d.received_at
                                            AND NOT EXISTS (SELECT FROM jsonb_array_elements(CAST(convert_from(clean.answer, 'UTF8') AS jsonb) -> 'warnings') w WHERE w ->> 'code' = d.code)),
                                        '-infinity')) AS doubted_since
  FROM shown d
 ORDER BY d.is_settled, d.received_at, d.submission_id, d.code

-- name: doubt_of
-- One doubt that a push left: of whom, in how many rows, and what was done about it last.
SELECT d.lea_ids, d.rows, coalesce(w.revision, 0) AS revision, w.desk, w.settled_rows, w.said
  FROM (SELECT s.lea_ids AS sender, coalesce(s.concerned, s.lea_ids) AS lea_ids, CAST(:code AS text) AS code, CAST(count(*) AS integer) AS rows
          FROM submission s
         CROSS JOIN LATERAL jsonb_array_elements(CAST(convert_from(s.answer, 'UTF8') AS jsonb) -> 'warnings') AS w (doubt)
         WHERE s.submission_id = CAST(:submission_id AS uuid) AND s.outcome IN ('applied', 'partly_applied') AND w.doubt ->> 'code' = CAST(:code AS text)
         GROUP BY s.lea_ids, s.concerned) d
  LEFT JOIN LATERAL ({{newest_work}}) w ON true

-- name: put_doubt_work
-- The next revision, if the one before it is the newest still.
INSERT INTO doubt_work (lea_ids, code, revision, desk, settled_rows, said, told_at, key_id)
SELECT lea_ids, CAST(:code AS text), CAST(:after AS integer) + 1, CAST(:desk AS text), CAST(:settled_rows AS integer), CAST(:said AS text),
       CAST(:now AS timestamptz), CAST(:key_id AS uuid)
  FROM submission WHERE submission_id = CAST(:submission_id AS uuid)
ON CONFLICT DO NOTHING
