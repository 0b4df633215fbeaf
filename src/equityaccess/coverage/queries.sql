-- Weeks are counted from Sunday 2018-07-01: week w ends on that day + 7 * w. A figure of a past week holds for its last
-- day; the figure of the running week holds for :today.

-- fragment: counted_until
least(o.next_as_of, o.valid_until + 1, o.as_of + i.counts_for_days)

-- fragment: counts_in_weeks
-- The weeks in whose figure a span counts, from :first on; none if it ended before the first week's end.
generate_series(
  greatest((s.as_of - DATE '2018-07-01' + 6) / 7, s.first_week),
  CASE WHEN s.counts_until > CAST(:today AS date) THEN CAST(:last_week AS integer)
       ELSE least((s.counts_until - 1 - DATE '2018-07-01') / 7, CAST(:last_week AS integer) - 1) END)

-- fragment: points
-- From `pair` (what to work out, from which week on) and `effective` (what counts in which week) to the figures of the
-- county and of each kind of LEA. People of LEAs not heard from come in through enrollment, once per authorizer family.
week AS (
  SELECT w AS week, least(DATE '2018-07-01' + 7 * w, CAST(:today AS date)) AS on_day
    FROM generate_series((SELECT min(first_week) FROM pair), CAST(:last_week AS integer)) AS w
),
ask AS MATERIALIZED (
  -- Indicators that are asked of the same kinds of LEA share an ask.
  SELECT indicator_id, unit = 'students' AS is_about_students, asked_of, min(indicator_id) OVER (PARTITION BY asked_of) AS ask_id
    FROM indicator WHERE indicator_id IN (SELECT indicator_id FROM pair)
),
kind AS MATERIALIZED (
  SELECT kind, row_number() OVER (ORDER BY kind) AS kind_id FROM (SELECT DISTINCT kind FROM lea_period) k
),
seat AS MATERIALIZED (
  -- Who reports for itself in the county, in which authorizer family, and when. LEAs of one kind and family share a desk.
  SELECT p.lea_id, k.kind, k.kind_id, h.lea_id AS head_id, hk.kind_id AS head_kind_id, CAST(h.lea_id * 16 + k.kind_id AS integer) AS desk_id,
         greatest(p.valid_from, h.valid_from) AS from_on, least(p.valid_to, h.valid_to) AS to_on
    FROM lea_period p
    JOIN lea_period h ON h.lea_id = coalesce(p.authorizer_id, p.lea_id) AND h.valid_from < p.valid_to AND p.valid_from < h.valid_to
    JOIN kind k ON k.kind = p.kind
    JOIN kind hk ON hk.kind = h.kind
   WHERE h.county_code = CAST(:county AS text) AND p.funding IS DISTINCT FROM 'local'
),
asked AS MATERIALIZED (
  SELECT w.week, w.on_day, a.ask_id, s.head_id, s.head_kind_id, s.kind_id, CAST(count(*) AS integer) AS leas
    FROM (SELECT DISTINCT ask_id, asked_of FROM ask) a
    JOIN seat s ON s.kind = ANY (a.asked_of)
    JOIN week w ON s.from_on <= w.on_day AND w.on_day < s.to_on
   GROUP BY w.week, w.on_day, a.ask_id, s.head_id, s.head_kind_id, s.kind_id
),
enrolled AS MATERIALIZED (
  SELECT lea_id, student_group_id, students,
         CASE WHEN lag(census_on) OVER terms IS NULL THEN DATE '-infinity' ELSE census_on END AS from_on,
         coalesce(lead(census_on) OVER terms, DATE 'infinity') AS to_on
    FROM enrollment
   WINDOW terms AS (PARTITION BY lea_id, student_group_id ORDER BY census_on)
),
family AS MATERIALIZED (
  -- One row a family and group: how many are asked, and how many people its authorizer has enrolled.
  SELECT a.week, a.ask_id, a.head_id, a.head_kind_id, n.student_group_id, a.leas, n.students
    FROM (SELECT week, on_day, ask_id, head_id, head_kind_id, sum(leas) AS leas FROM asked GROUP BY week, on_day, ask_id, head_id, head_kind_id) a
    JOIN (SELECT n.*, g.first_week FROM enrolled n
            JOIN (SELECT student_group_id, min(first_week) AS first_week FROM pair GROUP BY student_group_id) g ON g.student_group_id = n.student_group_id) n
      ON n.lea_id = a.head_id AND n.from_on <= a.on_day AND a.on_day < n.to_on AND n.first_week <= a.week
),
heard AS MATERIALIZED (
  -- A family's people fit an integer (a count is 5,000,000 at most), and integers add up faster than what holds more.
  SELECT e.indicator_id, e.student_group_id, e.week, s.desk_id, CAST(count(*) AS integer) AS leas,
         CAST(sum(e.population) AS integer) AS population, CAST(sum(e.met) AS integer) AS met, CAST(sum(e.not_met) AS integer) AS not_met,
         CAST(sum(e.not_applicable) AS integer) AS not_applicable,
         CAST(sum(greatest(0, e.population - e.met - e.not_met - e.not_applicable)) AS integer) AS unknown, max(e.evidence) AS evidence
    FROM effective e
    JOIN seat s ON s.lea_id = e.lea_id AND s.from_on <= least(DATE '2018-07-01' + 7 * e.week, CAST(:today AS date))
                                       AND s.to_on > least(DATE '2018-07-01' + 7 * e.week, CAST(:today AS date))
   GROUP BY e.indicator_id, e.student_group_id, e.week, s.desk_id
),
part AS (
  -- 1. What was reported.
  SELECT indicator_id, student_group_id, week, desk_id % 16 AS kind_id, sum(population) AS population, sum(met) AS met, sum(not_met) AS not_met,
         sum(not_applicable) AS not_applicable, sum(unknown) AS unknown, CAST(0 AS bigint) AS unheard, 0 AS asked, sum(leas) AS heard, max(evidence) AS evidence
    FROM heard
   GROUP BY indicator_id, student_group_id, week, desk_id % 16
  UNION ALL
  -- 2. Everybody enrolled in the families asked, as if none had been heard from ...
  SELECT p.indicator_id, p.student_group_id, f.week, f.kind_id, f.students, 0, 0, 0, f.students, f.students, 0, 0, CAST(NULL AS text)
    FROM pair p
    JOIN ask a ON a.indicator_id = p.indicator_id AND a.is_about_students
    JOIN (SELECT week, ask_id, student_group_id, CAST(head_kind_id AS integer) AS kind_id, CAST(sum(students) AS integer) AS students
            FROM family GROUP BY week, ask_id, student_group_id, head_kind_id) f
      ON f.ask_id = a.ask_id AND f.student_group_id = p.student_group_id AND f.week >= p.first_week
  UNION ALL
  -- 3. ... less what was heard: a family heard in full has no unheard people, one heard in part keeps the rest.
  SELECT h.indicator_id, h.student_group_id, h.week, CAST(f.head_kind_id AS integer), -sum(d.gone), 0, 0, 0, -sum(d.gone), -sum(d.gone), 0, 0, NULL
    FROM (SELECT indicator_id, student_group_id, week, desk_id / 16 AS head_id, CAST(sum(population) AS integer) AS population, sum(leas) AS leas
            FROM heard GROUP BY indicator_id, student_group_id, week, desk_id / 16) h
    JOIN ask a ON a.indicator_id = h.indicator_id AND a.is_about_students
    JOIN family f ON f.week = h.week AND f.ask_id = a.ask_id AND f.head_id = h.head_id AND f.student_group_id = h.student_group_id
   CROSS JOIN LATERAL (SELECT CASE WHEN h.leas < f.leas THEN least(h.population, f.students) ELSE f.students END AS gone) d
   GROUP BY h.indicator_id, h.student_group_id, h.week, f.head_kind_id
  UNION ALL
  -- 4. Who was asked.
  SELECT p.indicator_id, p.student_group_id, k.week, k.kind_id, 0, 0, 0, 0, 0, 0, k.leas, 0, NULL
    FROM pair p
    JOIN ask a ON a.indicator_id = p.indicator_id
    JOIN (SELECT week, ask_id, CAST(kind_id AS integer) AS kind_id, CAST(sum(leas) AS integer) AS leas FROM asked GROUP BY week, ask_id, kind_id) k
      ON k.ask_id = a.ask_id AND k.week >= p.first_week
),
point AS (
  SELECT coalesce(k.kind, 'county') AS scope, s.indicator_id, s.student_group_id, DATE '2018-07-01' + 7 * s.week AS week_ending,
         least(DATE '2018-07-01' + 7 * s.week, CAST(:today AS date)) AS as_of,
         s.population, s.met, s.not_met, s.not_applicable, s.unknown, s.unheard, s.leas_asked, s.leas_heard, s.evidence
    FROM (SELECT indicator_id, student_group_id, week, kind_id, CAST(sum(population) AS bigint) AS population, CAST(sum(met) AS bigint) AS met,
                 CAST(sum(not_met) AS bigint) AS not_met, CAST(sum(not_applicable) AS bigint) AS not_applicable, CAST(sum(unknown) AS bigint) AS unknown,
                 CAST(sum(unheard) AS bigint) AS unheard, CAST(sum(asked) AS integer) AS leas_asked, CAST(sum(heard) AS integer) AS leas_heard, max(evidence) AS evidence
            FROM part
           GROUP BY GROUPING SETS ((indicator_id, student_group_id, week, kind_id), (indicator_id, student_group_id, week))) s
    LEFT JOIN kind k ON k.kind_id = s.kind_id
)

-- fragment: observed
-- Every observation as it was known at :known_at, with the day of the one that replaced it.
SELECT o.lea_id, o.indicator_id, o.student_group_id, o.as_of, o.revision, o.population, o.met, o.not_met, o.not_applicable,
       o.evidence, o.valid_until,
       lead(o.as_of) OVER (PARTITION BY o.lea_id, o.indicator_id, o.student_group_id ORDER BY o.as_of, o.revision) AS next_as_of
  FROM observation o

-- fragment: newest
-- The newest observation of the cell `c`, by a look into the primary key; what has ended ends there.
JOIN indicator i ON i.indicator_id = c.indicator_id
CROSS JOIN LATERAL (
  SELECT * FROM observation n
   WHERE n.lea_id = c.lea_id AND n.indicator_id = c.indicator_id AND n.student_group_id = c.student_group_id
     AND n.as_of <= CAST(:today AS date) AND n.as_of > CAST(:today AS date) - i.counts_for_days
   ORDER BY n.as_of DESC, n.revision DESC LIMIT 1) o
 WHERE (o.valid_until IS NULL OR o.valid_until >= CAST(:today AS date))

-- name: lock
-- Aggregation is one writer: the drain, the nightly expiry and the rebuild wait for each other.
SELECT pg_advisory_xact_lock(1162039107)

-- name: prefer_hashing
-- How many rows a span fills, or a week joins, cannot be estimated; a nested loop over them takes minutes, a hash never.
SELECT set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_sort', 'off', true), set_config('work_mem', '256MB', true)

-- name: make_touched
CREATE TEMP TABLE IF NOT EXISTS touched (lea_id integer, indicator_id smallint, student_group_id smallint, from_on date) ON COMMIT DELETE ROWS

-- name: take_marks
WITH taken AS (DELETE FROM coverage_mark RETURNING lea_id, indicator_id, student_group_id, from_on)
INSERT INTO touched SELECT lea_id, indicator_id, student_group_id, min(from_on) FROM taken GROUP BY lea_id, indicator_id, student_group_id

-- name: reach_back
-- If no figure was worked out for some days, the weeks in between are owed too.
INSERT INTO touched
SELECT CAST(NULL AS integer), t.indicator_id, t.student_group_id, p.as_of
  FROM (SELECT DISTINCT indicator_id, student_group_id FROM touched) t
 CROSS JOIN LATERAL (SELECT as_of FROM coverage_point c
                      WHERE c.scope = 'county' AND c.indicator_id = t.indicator_id AND c.student_group_id = t.student_group_id
                      ORDER BY week_ending DESC LIMIT 1) p
 WHERE p.as_of < CAST(:today AS date)

-- name: forget_cells
DELETE FROM coverage_cell c USING touched t
 WHERE c.lea_id = t.lea_id AND c.indicator_id = t.indicator_id AND c.student_group_id = t.student_group_id

-- name: put_cells
INSERT INTO coverage_cell (lea_id, indicator_id, student_group_id, as_of, revision, counts_until, population, met, not_met, not_applicable, evidence)
SELECT o.lea_id, o.indicator_id, o.student_group_id, o.as_of, o.revision, least(o.valid_until + 1, o.as_of + i.counts_for_days),
       o.population, o.met, o.not_met, o.not_applicable, o.evidence
  FROM (SELECT DISTINCT lea_id, indicator_id, student_group_id FROM touched WHERE lea_id IS NOT NULL) c
{{newest}}

-- name: forget_points
DELETE FROM coverage_point c
 USING (SELECT indicator_id, student_group_id, (min(from_on) - DATE '2018-07-01' + 6) / 7 AS first_week FROM touched GROUP BY indicator_id, student_group_id) p
 WHERE c.indicator_id = p.indicator_id AND c.student_group_id = p.student_group_id
   AND c.week_ending >= DATE '2018-07-01' + 7 * least(p.first_week, CAST(:last_week AS integer))

-- name: put_points
-- The running week comes from the cells; earlier weeks, which a late observation restates, from the observations.
WITH pair AS MATERIALIZED (
  SELECT indicator_id, student_group_id, least((min(from_on) - DATE '2018-07-01' + 6) / 7, CAST(:last_week AS integer)) AS first_week
    FROM touched GROUP BY indicator_id, student_group_id
),
effective AS (
  SELECT c.lea_id, c.indicator_id, c.student_group_id, c.population, c.met, c.not_met, c.not_applicable, c.evidence, CAST(:last_week AS integer) AS week
    FROM pair p JOIN coverage_cell c ON c.indicator_id = p.indicator_id AND c.student_group_id = p.student_group_id
   WHERE c.counts_until > CAST(:today AS date)
  UNION ALL
  SELECT e.lea_id, e.indicator_id, e.student_group_id, e.population, e.met, e.not_met, e.not_applicable, e.evidence, e.week
    FROM (SELECT s.*, {{counts_in_weeks}} AS week
            FROM (SELECT o.*, {{counted_until}} AS counts_until
                    FROM (SELECT b.*, p.first_week FROM ({{observed}} JOIN (SELECT indicator_id, student_group_id FROM pair WHERE first_week < CAST(:last_week AS integer)) q
                             ON q.indicator_id = o.indicator_id AND q.student_group_id = o.student_group_id
                           WHERE o.as_of <= CAST(:today AS date)) b
                    JOIN pair p ON p.indicator_id = b.indicator_id AND p.student_group_id = b.student_group_id) o
                    JOIN indicator i ON i.indicator_id = o.indicator_id
                   WHERE o.next_as_of IS DISTINCT FROM o.as_of) s) e
   WHERE e.week < CAST(:last_week AS integer)
),
{{points}}
INSERT INTO coverage_point (scope, indicator_id, student_group_id, week_ending, as_of, population, met, not_met, not_applicable, unknown, unheard, leas_asked, leas_heard, evidence, computed_at)
SELECT scope, indicator_id, student_group_id, week_ending, as_of, population, met, not_met, not_applicable, unknown, unheard, leas_asked, leas_heard, evidence, CAST(:now AS timestamptz)
  FROM point

-- name: mark_expired
-- Cells whose observation no longer counts; every pair whose newest figure is not today's; and, for the group ALL,
-- indicators whose figures do not reach back to the day they were first asked.
INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on)
SELECT lea_id, indicator_id, student_group_id, counts_until FROM coverage_cell WHERE counts_until <= CAST(:today AS date)
UNION ALL
SELECT CAST(NULL AS integer), indicator_id, student_group_id, CASE WHEN is_short THEN asked_from ELSE newest END
  FROM (SELECT i.indicator_id, g.student_group_id, i.asked_from, max(p.as_of) AS newest,
               g.code = 'ALL' AND i.asked_from <= CAST(:today AS date)
                 AND coalesce(min(p.week_ending) > DATE '2018-07-01' + 7 * ((i.asked_from - DATE '2018-07-01' + 6) / 7), true) AS is_short
          FROM indicator i
         CROSS JOIN student_group g
          LEFT JOIN coverage_point p ON p.scope = 'county' AND p.indicator_id = i.indicator_id AND p.student_group_id = g.student_group_id
         GROUP BY i.indicator_id, g.student_group_id, g.code) pair
 WHERE is_short OR newest < CAST(:today AS date)

-- name: make_fresh_points
CREATE TEMP TABLE IF NOT EXISTS fresh_point (LIKE coverage_point) ON COMMIT DELETE ROWS

-- name: make_fresh_cells
CREATE TEMP TABLE IF NOT EXISTS fresh_cell (LIKE coverage_cell) ON COMMIT DELETE ROWS

-- name: lea_ids
SELECT lea_id FROM lea

-- name: periods
SELECT lea_id, kind, authorizer_id, funding IS NOT DISTINCT FROM 'local' AS is_local, county_code = CAST(:county AS text) AS is_ours, valid_from, valid_to
  FROM lea_period

-- name: askings
SELECT indicator_id, counts_for_days, unit = 'students' AS is_about_students, asked_of, asked_from FROM indicator

-- name: group_ids
-- The group ALL first.
SELECT student_group_id FROM student_group ORDER BY code <> 'ALL'

-- name: enrolled_ever
SELECT lea_id, student_group_id, census_on, students FROM enrollment ORDER BY lea_id, student_group_id, census_on

-- name: observed_ever
-- Every column of the same length in every row: `observed` reads them as they come.
SELECT lea_id, indicator_id, student_group_id, as_of, revision, population, met, not_met, not_applicable, evidence, coalesce(valid_until, DATE 'infinity')
  FROM observation

-- name: different_points
SELECT coalesce(f.scope, c.scope) AS scope, i.code AS indicator, g.code AS student_group, coalesce(f.week_ending, c.week_ending) AS week_ending
  FROM fresh_point f
  FULL JOIN coverage_point c USING (scope, indicator_id, student_group_id, week_ending)
  JOIN indicator i USING (indicator_id)
  JOIN student_group g USING (student_group_id)
 WHERE (f.as_of, f.population, f.met, f.not_met, f.not_applicable, f.unknown, f.unheard, f.leas_asked, f.leas_heard, f.evidence)
       IS DISTINCT FROM (c.as_of, c.population, c.met, c.not_met, c.not_applicable, c.unknown, c.unheard, c.leas_asked, c.leas_heard, c.evidence)
 ORDER BY 4, 1, 2, 3

-- name: different_cells
SELECT count(*)
  FROM fresh_cell f
  FULL JOIN coverage_cell c USING (lea_id, indicator_id, student_group_id)
 WHERE (f.as_of, f.revision, f.counts_until, f.population, f.met, f.not_met, f.not_applicable, f.evidence)
       IS DISTINCT FROM (c.as_of, c.revision, c.counts_until, c.population, c.met, c.not_met, c.not_applicable, c.evidence)

-- name: clear_points
DELETE FROM coverage_point

-- name: clear_cells
DELETE FROM coverage_cell

-- name: keep_fresh_points
INSERT INTO coverage_point SELECT * FROM fresh_point

-- name: keep_fresh_cells
INSERT INTO coverage_cell SELECT * FROM fresh_cell

-- name: figures_now
-- The first :listed of the given cells as the observations say today, and the county's figures with all of them
-- (lea_id 0); all other cells as last aggregated.
WITH cell AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:lea_ids AS integer[]), CAST(:indicator_ids AS smallint[]), CAST(:student_group_ids AS smallint[])) WITH ORDINALITY AS u (lea_id, indicator_id, student_group_id, place)
),
marked AS MATERIALIZED (SELECT DISTINCT lea_id, indicator_id, student_group_id FROM coverage_mark WHERE lea_id IS NOT NULL),
fresh AS MATERIALIZED (
  -- What no mark names is as it was aggregated; the rest is looked up, which takes its time for thousands.
  SELECT k.lea_id, k.indicator_id, k.student_group_id, k.population, k.met, k.not_met, k.not_applicable, k.evidence, c.place
    FROM cell c
    JOIN coverage_cell k ON k.lea_id = c.lea_id AND k.indicator_id = c.indicator_id AND k.student_group_id = c.student_group_id
   WHERE k.counts_until > CAST(:today AS date)
     AND (c.lea_id, c.indicator_id, c.student_group_id) NOT IN (SELECT lea_id, indicator_id, student_group_id FROM marked)
  UNION ALL
  SELECT o.lea_id, o.indicator_id, o.student_group_id, o.population, o.met, o.not_met, o.not_applicable, o.evidence, c.place
    FROM (SELECT c.* FROM cell c JOIN marked m ON m.lea_id = c.lea_id AND m.indicator_id = c.indicator_id AND m.student_group_id = c.student_group_id) c
  {{newest}}
),
pair AS MATERIALIZED (SELECT DISTINCT indicator_id, student_group_id, CAST(:last_week AS integer) AS first_week FROM cell),
effective AS (
  SELECT c.lea_id, c.indicator_id, c.student_group_id, c.population, c.met, c.not_met, c.not_applicable, c.evidence, p.first_week AS week
    FROM pair p JOIN coverage_cell c ON c.indicator_id = p.indicator_id AND c.student_group_id = p.student_group_id
   WHERE c.counts_until > CAST(:today AS date)
     AND (c.lea_id, c.indicator_id, c.student_group_id) NOT IN (SELECT lea_id, indicator_id, student_group_id FROM cell)
  UNION ALL
  SELECT f.lea_id, f.indicator_id, f.student_group_id, f.population, f.met, f.not_met, f.not_applicable, f.evidence, CAST(:last_week AS integer)
    FROM fresh f
),
{{points}}
SELECT lea_id, indicator_id, student_group_id, population, met, not_met, not_applicable,
       greatest(0, population - met - not_met - not_applicable) AS unknown, 0 AS unheard
  FROM fresh WHERE place <= CAST(:listed AS integer)
UNION ALL
SELECT 0, indicator_id, student_group_id, population, met, not_met, not_applicable, unknown, unheard
  FROM point WHERE scope = 'county'

-- fragment: named
-- The figures of `point` with codes for ids, held to what was asked for.
SELECT p.scope, i.code AS indicator, g.code AS student_group, p.week_ending, p.as_of, p.population, p.met, p.not_met, p.not_applicable, p.unknown, p.unheard,
       p.leas_asked, p.leas_heard, p.evidence, p.computed_at
  FROM found p
  JOIN indicator i ON i.indicator_id = p.indicator_id
  JOIN student_group g ON g.student_group_id = p.student_group_id
 WHERE (CAST(:indicator AS text) IS NULL OR i.code = CAST(:indicator AS text))
   AND (CAST(:student_group AS text) IS NULL OR g.code = CAST(:student_group AS text))
 ORDER BY i.code, g.code <> 'ALL', g.code, p.week_ending

-- name: stored_now
-- The newest figure of each indicator and group, as it was aggregated.
WITH found AS (
  SELECT c.* FROM coverage_point c
   WHERE c.scope = CAST(:scope AS text)
     AND c.week_ending = (SELECT max(week_ending) FROM coverage_point n
                           WHERE n.scope = c.scope AND n.indicator_id = c.indicator_id AND n.student_group_id = c.student_group_id)
)
{{named}}

-- name: stored_series
WITH found AS (
  SELECT c.* FROM coverage_point c
   WHERE c.scope = CAST(:scope AS text) AND c.week_ending >= CAST(:from_on AS date) AND c.week_ending - 6 <= CAST(:to_on AS date)
)
{{named}}

-- name: as_known
-- The figures of some weeks from the observations themselves, as the service knew them at :known_at.
WITH asked_for AS MATERIALIZED (
  SELECT i.indicator_id, g.student_group_id, i.asked_from, g.code = 'ALL' AS is_all
    FROM indicator i CROSS JOIN student_group g
   WHERE (CAST(:indicator AS text) IS NULL OR i.code = CAST(:indicator AS text))
     AND (CAST(:student_group AS text) IS NULL OR g.code = CAST(:student_group AS text))
),
pair AS MATERIALIZED (
  SELECT a.indicator_id, a.student_group_id,
         greatest((least(f.first_on, CASE WHEN a.is_all THEN a.asked_from END) - DATE '2018-07-01' + 6) / 7, CAST(:first_week AS integer)) AS first_week
    FROM asked_for a
    LEFT JOIN (SELECT o.indicator_id, o.student_group_id, min(o.as_of) AS first_on FROM observation o
                WHERE o.recorded_at <= CAST(:known_at AS timestamptz) AND o.as_of <= CAST(:today AS date)
                GROUP BY o.indicator_id, o.student_group_id) f
      ON f.indicator_id = a.indicator_id AND f.student_group_id = a.student_group_id
   WHERE least(f.first_on, CASE WHEN a.is_all THEN a.asked_from END) <= CAST(:today AS date)
),
effective AS (
  SELECT s.lea_id, s.indicator_id, s.student_group_id, s.population, s.met, s.not_met, s.not_applicable, s.evidence, {{counts_in_weeks}} AS week
    FROM (SELECT o.*, {{counted_until}} AS counts_until, p.first_week
            FROM ({{observed}} WHERE o.recorded_at <= CAST(:known_at AS timestamptz) AND o.as_of <= CAST(:today AS date)) o
            JOIN pair p ON p.indicator_id = o.indicator_id AND p.student_group_id = o.student_group_id
            JOIN indicator i ON i.indicator_id = o.indicator_id
           WHERE o.next_as_of IS DISTINCT FROM o.as_of) s
),
{{points}},
found AS (SELECT point.*, CAST(:now AS timestamptz) AS computed_at FROM point WHERE scope = CAST(:scope AS text))
{{named}}

-- name: own
-- What one LEA said, week by week, as the service knew it at :known_at. Weeks in which nothing counts have no row.
WITH found AS (
  SELECT '' AS scope, s.indicator_id, s.student_group_id, DATE '2018-07-01' + 7 * s.week AS week_ending,
         least(DATE '2018-07-01' + 7 * s.week, CAST(:today AS date)) AS as_of, s.population, s.met, s.not_met, s.not_applicable,
         greatest(0, s.population - s.met - s.not_met - s.not_applicable) AS unknown, 0 AS unheard, 1 AS leas_asked, 1 AS leas_heard,
         s.evidence, CAST(:now AS timestamptz) AS computed_at
    FROM (SELECT s.*, {{counts_in_weeks}} AS week
            FROM (SELECT o.*, {{counted_until}} AS counts_until, CAST(:first_week AS integer) AS first_week
                    FROM ({{observed}} WHERE o.lea_id = CAST(:lea_id AS integer) AND o.recorded_at <= CAST(:known_at AS timestamptz) AND o.as_of <= CAST(:today AS date)) o
                    JOIN indicator i ON i.indicator_id = o.indicator_id
                   WHERE o.next_as_of IS DISTINCT FROM o.as_of) s) s
)
{{named}}

-- fragment: in_direct_charters
-- How many of the enrolled (`e`) of a district (`p`) are in the charters it authorizes that report for themselves.
LEFT JOIN LATERAL (
  SELECT sum(n.students) AS students
    FROM lea_period q JOIN enrollment n ON n.lea_id = q.lea_id AND n.school_year = e.school_year AND n.student_group_id = e.student_group_id
   WHERE e.includes_charters AND q.authorizer_id = p.lea_id AND q.funding = 'direct' AND q.valid_from <= e.census_on AND e.census_on < q.valid_to) c ON true

-- name: own_asked
-- What is asked of one LEA on a day, and how many students it has of each group (a district: without its directly
-- funded charters where their enrollment is known, which it is for ALL only).
SELECT i.code AS indicator, g.code AS student_group, i.unit = 'students' AS is_about_students,
       CAST(greatest(0, e.students - CASE WHEN e.includes_charters AND g.code = 'ALL' THEN coalesce(c.students, 0) ELSE 0 END) AS integer) AS students,
       coalesce(e.includes_charters AND g.code <> 'ALL' AND EXISTS (SELECT FROM lea_period q WHERE q.authorizer_id = p.lea_id AND q.funding = 'direct'), false) AS includes_charters
  FROM lea_period p
  JOIN indicator i ON p.kind = ANY (i.asked_of)
 CROSS JOIN student_group g
  LEFT JOIN LATERAL (
    SELECT n.* FROM enrollment n
     WHERE n.lea_id = p.lea_id AND n.student_group_id = g.student_group_id
     ORDER BY n.census_on > CAST(:on_day AS date), CASE WHEN n.census_on <= CAST(:on_day AS date) THEN n.census_on END DESC, n.census_on LIMIT 1) e ON true
  {{in_direct_charters}}
 WHERE p.lea_id = CAST(:lea_id AS integer) AND p.valid_from <= CAST(:on_day AS date) AND CAST(:on_day AS date) < p.valid_to

-- name: targets
-- Of each indicator and group, the target that is next to come, or else the newest that has passed.
SELECT DISTINCT ON (i.code, g.code) i.code AS indicator, g.code AS student_group, CAST(t.percent AS double precision) AS percent, t.target_on
  FROM target_in_force t
  JOIN indicator i ON i.indicator_id = t.indicator_id
  JOIN student_group g ON g.student_group_id = t.student_group_id
 ORDER BY i.code, g.code, t.target_on < CAST(:today AS date), CASE WHEN t.target_on >= CAST(:today AS date) THEN t.target_on END, t.target_on DESC

-- name: plan_for_the_values
-- A plan that has to fit one LEA and every LEA alike fits neither: after five calls it would be used, for minutes.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true)

-- name: gaps
-- People left to reach, by LEA, indicator, group and what stands in the way.
WITH asked AS (
  SELECT i.indicator_id, i.code AS indicator, i.unit, i.asked_of, g.student_group_id, g.code AS student_group
    FROM indicator i CROSS JOIN student_group g
   WHERE (CAST(:indicator AS text) IS NULL OR i.code = CAST(:indicator AS text))
     AND (CAST(:student_groups AS text[]) IS NULL OR g.code = ANY (CAST(:student_groups AS text[])))
), silent AS MATERIALIZED ( -- found first: to weigh those who were heard from takes a second
  SELECT p.lea_id, a.indicator, a.student_group_id, a.student_group
    FROM asked a
    JOIN lea_period p ON a.unit = 'students' AND a.student_group = 'ALL' AND p.kind = ANY (a.asked_of)
   WHERE p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to AND p.county_code = CAST(:county AS text) AND p.funding IS DISTINCT FROM 'local'
     AND (CAST(:lea_ids AS integer[]) IS NULL OR p.lea_id = ANY (CAST(:lea_ids AS integer[])))
     AND NOT EXISTS (SELECT FROM coverage_cell c WHERE c.lea_id = p.lea_id AND c.indicator_id = a.indicator_id AND c.student_group_id = a.student_group_id)
), gap AS MATERIALIZED ( -- once, however few LEAs the planner expects
  SELECT c.lea_id, a.indicator, a.student_group, c.as_of, b.barrier, b.people
    FROM asked a
    JOIN coverage_cell c ON c.indicator_id = a.indicator_id AND c.student_group_id = a.student_group_id
    JOIN observation o ON o.lea_id = c.lea_id AND o.indicator_id = c.indicator_id AND o.student_group_id = c.student_group_id AND o.as_of = c.as_of AND o.revision = c.revision
   CROSS JOIN LATERAL (VALUES
     ('not_available', coalesce(o.barrier_not_available, 0)),
     ('not_affordable', coalesce(o.barrier_not_affordable, 0)),
     ('not_desired', coalesce(o.barrier_not_desired, 0)),
     ('other', coalesce(o.barrier_other, 0)),
     ('not_said', greatest(0, o.not_met - coalesce(o.barrier_not_available, 0) - coalesce(o.barrier_not_affordable, 0) - coalesce(o.barrier_not_desired, 0) - coalesce(o.barrier_other, 0))),
     ('unknown', greatest(0, o.population - o.met - o.not_met - o.not_applicable))) AS b (barrier, people)
   WHERE (CAST(:lea_ids AS integer[]) IS NULL OR c.lea_id = ANY (CAST(:lea_ids AS integer[])))
  UNION ALL
  SELECT p.lea_id, p.indicator, p.student_group, CAST(NULL AS date), 'not_heard_from',
         CAST(greatest(0, e.students - CASE WHEN e.includes_charters THEN coalesce(c.students, 0) ELSE 0 END) AS integer)
    FROM silent p
   CROSS JOIN LATERAL (
     SELECT n.* FROM enrollment n WHERE n.lea_id = p.lea_id AND n.student_group_id = p.student_group_id ORDER BY n.census_on DESC LIMIT 1) e
    {{in_direct_charters}}
)
SELECT n.code AS lea, p.name AS lea_name, x.indicator, x.student_group, x.barrier, x.people, x.as_of, x.lea_id
  FROM gap x
  JOIN lea_period p ON p.lea_id = x.lea_id AND p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to
  JOIN identifier n ON n.lea_id = x.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
 WHERE x.people > 0
   AND (-x.people, n.code, x.indicator, x.student_group, x.barrier) > (CAST(:after_people AS integer), CAST(:after_lea AS text), CAST(:after_indicator AS text), CAST(:after_group AS text), CAST(:after_barrier AS text))
 ORDER BY x.people DESC, n.code, x.indicator, x.student_group, x.barrier
 LIMIT CAST(:limit AS integer)

-- name: movers
-- What each LEA's figure was on a day and is now, and how far that moves the county: by how many people reached, the most
-- first, up or down.
WITH pair AS (
  SELECT i.indicator_id, i.counts_for_days, g.student_group_id FROM indicator i CROSS JOIN student_group g
   WHERE i.code = CAST(:indicator AS text) AND g.code = CAST(:student_group AS text)
),
said AS (
  SELECT DISTINCT o.lea_id, o.indicator_id, o.student_group_id, p.counts_for_days
    FROM observation o JOIN pair p ON p.indicator_id = o.indicator_id AND p.student_group_id = o.student_group_id
),
moved AS (
  SELECT s.lea_id, b.met AS met_before, b.population - b.not_applicable AS base_before, n.met AS met_now, n.population - n.not_applicable AS base_now,
         n.as_of
    FROM said s
    LEFT JOIN LATERAL (
      SELECT * FROM observation o
       WHERE o.lea_id = s.lea_id AND o.indicator_id = s.indicator_id AND o.student_group_id = s.student_group_id
         AND o.as_of <= CAST(:since AS date) AND o.as_of > CAST(:since AS date) - s.counts_for_days
       ORDER BY o.as_of DESC, o.revision DESC LIMIT 1) b ON b.valid_until IS NULL OR b.valid_until >= CAST(:since AS date)
    LEFT JOIN coverage_cell n ON n.lea_id = s.lea_id AND n.indicator_id = s.indicator_id AND n.student_group_id = s.student_group_id
)
SELECT m.lea_id, m.met_before, m.base_before, m.met_now, m.base_now, m.as_of, coalesce(m.met_now, 0) - coalesce(m.met_before, 0) AS reached
  FROM moved m
 WHERE (m.met_before, m.base_before) IS DISTINCT FROM (m.met_now, m.base_now)
 ORDER BY abs(coalesce(m.met_now, 0) - coalesce(m.met_before, 0)) DESC, m.lea_id
 LIMIT CAST(:limit AS integer)

-- name: unheard_leas
-- Who is asked of the county and has told nothing that counts, by name.
SELECT n.code, p.name
  FROM indicator i
  JOIN student_group g ON g.code = CAST(:student_group AS text)
  JOIN lea_period p ON p.kind = ANY (i.asked_of) AND p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to
                   AND p.county_code = CAST(:county AS text) AND p.funding IS DISTINCT FROM 'local'
  JOIN identifier n ON n.lea_id = p.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
 WHERE i.code = CAST(:indicator AS text)
   AND NOT EXISTS (SELECT FROM coverage_cell c
                    WHERE c.lea_id = p.lea_id AND c.indicator_id = i.indicator_id AND c.student_group_id = g.student_group_id)
 ORDER BY p.name, n.code

-- name: sources
-- What the newest figure of a pair was added up from, LEA by LEA, the largest first.
SELECT n.code AS lea, p.name AS lea_name, o.as_of, o.population - o.not_applicable AS base, o.met, o.evidence, o.recorded_at, o.submission_id
  FROM indicator i
  JOIN student_group g ON g.code = CAST(:student_group AS text)
  JOIN coverage_cell c ON c.indicator_id = i.indicator_id AND c.student_group_id = g.student_group_id
  JOIN observation o ON o.lea_id = c.lea_id AND o.indicator_id = c.indicator_id AND o.student_group_id = c.student_group_id AND o.as_of = c.as_of AND o.revision = c.revision
  JOIN lea_period p ON p.lea_id = c.lea_id AND p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to AND p.county_code = CAST(:county AS text)
  JOIN identifier n ON n.lea_id = c.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
 WHERE i.code = CAST(:indicator AS text)
   AND (CAST(:lea_id AS integer) IS NULL OR c.lea_id = CAST(:lea_id AS integer))
   AND (CAST(:kind AS text) IS NULL OR p.kind = CAST(:kind AS text))
 ORDER BY base DESC, n.code

-- name: completeness
-- Each expected observation counts once, so neither share can pass 100 %.
SELECT i.code AS indicator, count(*) AS expected, count(r.first_at) AS received,
       count(*) FILTER (WHERE CAST(r.first_at AT TIME ZONE 'America/Los_Angeles' AS date) <= e.due_on) AS on_time,
       count(DISTINCT e.lea_id) AS leas_expected, count(DISTINCT e.lea_id) FILTER (WHERE r.first_at IS NOT NULL) AS leas_heard
  FROM expectation e
  JOIN indicator i ON i.indicator_id = e.indicator_id
  JOIN student_group g ON g.code = 'ALL'
  JOIN lea_period p ON p.lea_id = e.lea_id AND p.valid_from < e.period_to AND e.period_to <= p.valid_to
  LEFT JOIN LATERAL (
    SELECT min(o.recorded_at) AS first_at FROM observation o
     WHERE o.lea_id = e.lea_id AND o.indicator_id = e.indicator_id AND o.student_group_id = g.student_group_id AND o.as_of >= e.period_from AND o.as_of < e.period_to) r ON true
 WHERE e.due_on >= CAST(:from_on AS date) AND e.due_on <= CAST(:to_on AS date)
   AND (CAST(:lea_id AS integer) IS NULL OR e.lea_id = CAST(:lea_id AS integer))
   AND (CAST(:kind AS text) IS NULL OR p.kind = CAST(:kind AS text))
   AND (CAST(:indicator AS text) IS NULL OR i.code = CAST(:indicator AS text))
 GROUP BY i.code
 ORDER BY i.code

-- name: indicators
SELECT code FROM indicator ORDER BY code

-- name: groups
SELECT code FROM student_group ORDER BY code <> 'ALL', code

-- name: mark_all
-- The directory or the enrollment changed: every figure from its first week on is owed.
INSERT INTO coverage_mark (lea_id, indicator_id, student_group_id, from_on)
SELECT CAST(NULL AS integer), indicator_id, student_group_id, min(first_on)
  FROM (SELECT indicator_id, student_group_id, min(week_ending) - 6 AS first_on FROM coverage_point WHERE scope = 'county' GROUP BY indicator_id, student_group_id
        UNION ALL
        SELECT i.indicator_id, g.student_group_id, i.asked_from FROM indicator i CROSS JOIN student_group g
         WHERE g.code = 'ALL' AND i.asked_from <= CAST(:today AS date)) pair
 GROUP BY indicator_id, student_group_id
