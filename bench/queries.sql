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
