-- name: known_leas
SELECT i.lea_id, i.code AS cds, last.name, last.kind, last.funding, last.authorizer_id, i.valid_from, i.valid_to,
       span.open_from, span.open_to
  FROM identifier i
  JOIN LATERAL (SELECT name, kind, funding, authorizer_id FROM lea_period p
                 WHERE p.lea_id = i.lea_id ORDER BY valid_from DESC LIMIT 1) AS last ON true
  JOIN LATERAL (SELECT min(valid_from) AS open_from, max(valid_to) AS open_to FROM lea_period p
                 WHERE p.lea_id = i.lea_id) AS span ON true
 WHERE i.scheme = 'cds'
 ORDER BY i.code, i.valid_from;

-- name: leas_by_code
SELECT scheme, code, lea_id FROM identifier ORDER BY valid_from;

-- name: add_leas
INSERT INTO lea SELECT FROM generate_series(1, CAST(:count AS integer)) RETURNING lea_id;

-- name: add_periods
INSERT INTO lea_period (lea_id, valid_from, valid_to, name, kind, county_code, authorizer_id, funding, city, zip, grades)
SELECT lea_id, valid_from, CASE valid_to WHEN DATE '9999-12-31' THEN 'infinity' ELSE valid_to END, name, kind, county_code,
       authorizer_id, funding, city, zip, grades
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(lea_id integer, valid_from date, valid_to date, name text, kind text, county_code text, authorizer_id integer,
         funding text, city text, zip text, grades text);

-- name: add_identifiers
INSERT INTO identifier (scheme, code, lea_id, valid_from, valid_to)
SELECT scheme, code, lea_id, valid_from, CASE valid_to WHEN DATE '9999-12-31' THEN 'infinity' ELSE valid_to END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r(scheme text, code text, lea_id integer, valid_from date, valid_to date);

-- name: merge_enrollment
MERGE INTO enrollment AS e
USING (SELECT r.lea_id, r.school_year, g.student_group_id, r.census_on, r.students, r.includes_charters, r.source
         FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS r(lea_id integer, school_year text, student_group text, census_on date, students integer,
                includes_charters boolean, source text)
         JOIN student_group g ON g.code = r.student_group) AS r
   ON (e.lea_id, e.school_year, e.student_group_id) = (r.lea_id, r.school_year, r.student_group_id)
 WHEN MATCHED AND (e.census_on, e.students, e.includes_charters, e.source)
      IS DISTINCT FROM (r.census_on, r.students, r.includes_charters, r.source)
 THEN UPDATE SET census_on = r.census_on, students = r.students, includes_charters = r.includes_charters, source = r.source
 WHEN NOT MATCHED
 THEN INSERT (lea_id, school_year, student_group_id, census_on, students, includes_charters, source)
      VALUES (r.lea_id, r.school_year, r.student_group_id, r.census_on, r.students, r.includes_charters, r.source)
RETURNING merge_action();

-- name: merge_expectations
-- Of whom what is expected, in school-year-aligned periods that begin in [:from_on, :to_on): LEAs of the county that
-- report for themselves (a locally funded charter reports with its district) and are open on the period's last day.
-- What is no longer expected, because the LEA closed or moved, goes; so the set never counts what nobody owes.
WITH asked AS (
  SELECT i.indicator_id, i.asked_of, CAST(day AS date) AS period_from, CAST(day + step.length AS date) AS period_to,
         CAST(day + step.length AS date) - 1 + step.days_to_report AS due_on
    FROM indicator i
    JOIN (VALUES ('monthly', INTERVAL '1 month', 15), ('quarterly', INTERVAL '3 months', 30), ('yearly', INTERVAL '1 year', 31))
      AS step(cadence, length, days_to_report) USING (cadence)
   CROSS JOIN LATERAL generate_series(CAST(:from_on AS timestamp), CAST(:to_on AS timestamp) - INTERVAL '1 day', step.length) AS day
)
MERGE INTO expectation AS e
USING (SELECT p.lea_id, a.indicator_id, a.period_from, a.period_to, a.due_on
         FROM asked a
         JOIN lea_period p ON p.kind = ANY (a.asked_of) AND p.county_code = '19' AND p.funding IS DISTINCT FROM 'local'
                          AND a.period_to - 1 >= p.valid_from AND a.period_to - 1 < p.valid_to) AS w
   ON (e.lea_id, e.indicator_id, e.period_from) = (w.lea_id, w.indicator_id, w.period_from)
 WHEN MATCHED AND (e.period_to, e.due_on) IS DISTINCT FROM (w.period_to, w.due_on)
 THEN UPDATE SET period_to = w.period_to, due_on = w.due_on
 WHEN NOT MATCHED BY TARGET
 THEN INSERT (lea_id, indicator_id, period_from, period_to, due_on)
      VALUES (w.lea_id, w.indicator_id, w.period_from, w.period_to, w.due_on)
 WHEN NOT MATCHED BY SOURCE AND e.period_from >= CAST(:from_on AS date) AND e.period_from < CAST(:to_on AS date)
 THEN DELETE
RETURNING merge_action();

-- fragment: code
-- The code by which each LEA goes on a day: one that is valid then before others, CDS before others, later before earlier.
SELECT DISTINCT ON (lea_id) lea_id, CASE scheme WHEN 'cds' THEN code ELSE scheme || ':' || code END AS code
  FROM identifier
 WHERE scheme IN ('cds', 'best')
 ORDER BY lea_id, CAST(:on_day AS date) >= valid_from AND CAST(:on_day AS date) < valid_to DESC, scheme = 'cds' DESC,
          valid_from DESC

-- name: leas_on
WITH code AS ({{code}})
SELECT code.code, p.name, p.kind, p.county_code, authorizer.code AS authorizer, p.funding, p.city, p.zip, p.grades,
       p.valid_from, nullif(p.valid_to, 'infinity') AS valid_to
  FROM lea_period p
  JOIN code USING (lea_id)
  LEFT JOIN code AS authorizer ON authorizer.lea_id = p.authorizer_id
 WHERE CAST(:on_day AS date) >= p.valid_from AND CAST(:on_day AS date) < p.valid_to
   AND (CAST(:q AS text) IS NULL OR strpos(lower(p.name), lower(CAST(:q AS text))) > 0)
   AND (CAST(:kind AS text) IS NULL OR p.kind = CAST(:kind AS text))
   AND (CAST(:county AS text) IS NULL OR p.county_code = CAST(:county AS text))
   AND (CAST(:authorizer_id AS integer) IS NULL OR p.authorizer_id = CAST(:authorizer_id AS integer))
   AND (CAST(:after_name AS text) IS NULL OR (p.name, code.code) > (CAST(:after_name AS text), CAST(:after_code AS text)))
 ORDER BY p.name, code.code
 LIMIT CAST(:limit AS integer);

-- name: code
SELECT code FROM ({{code}}) AS named WHERE lea_id = CAST(:lea_id AS integer);

-- name: periods
WITH code AS ({{code}})
SELECT p.name, p.kind, p.county_code, authorizer.code AS authorizer, p.funding, p.city, p.zip, p.grades, p.valid_from,
       nullif(p.valid_to, 'infinity') AS valid_to
  FROM lea_period p
  LEFT JOIN code AS authorizer ON authorizer.lea_id = p.authorizer_id
 WHERE p.lea_id = CAST(:lea_id AS integer)
 ORDER BY p.valid_from;

-- name: identifiers
SELECT scheme, code, valid_from, nullif(valid_to, 'infinity') AS valid_to
  FROM identifier
 WHERE lea_id = CAST(:lea_id AS integer)
 ORDER BY valid_from, scheme, code;

-- name: enrollment
SELECT e.school_year, e.census_on, e.includes_charters, e.source, g.code AS student_group, g.kind, e.students
  FROM enrollment e
  JOIN student_group g USING (student_group_id)
 WHERE e.lea_id = CAST(:lea_id AS integer)
 ORDER BY e.school_year, e.census_on, e.includes_charters, e.source, g.student_group_id;

-- name: charters_count
SELECT count(*) FROM lea_period
 WHERE authorizer_id = CAST(:lea_id AS integer) AND CAST(:on_day AS date) >= valid_from AND CAST(:on_day AS date) < valid_to;

-- name: held_on
-- Every LEA with a CDS code as it is on a day, else as it was last before, else as it will be first after.
WITH fitting AS (
  SELECT DISTINCT ON (lea_id) *
    FROM lea_period
   ORDER BY lea_id, valid_from <= CAST(:as_of AS date) DESC,
            CASE WHEN valid_from <= CAST(:as_of AS date) THEN valid_from END DESC, valid_from
), code AS (
  SELECT DISTINCT ON (lea_id, scheme) lea_id, scheme, code
    FROM identifier
   ORDER BY lea_id, scheme, valid_from <= CAST(:as_of AS date) DESC,
            CASE WHEN valid_from <= CAST(:as_of AS date) THEN valid_from END DESC, valid_from
)
SELECT p.lea_id, cds.code AS cds,
       CAST(:as_of AS date) >= p.valid_from AND CAST(:as_of AS date) < p.valid_to AS is_open,
       p.valid_from, p.name, p.kind, p.county_code, authorizer.code AS authorizer_cds, p.funding, nces.code AS nces,
       charter.code AS charter_number, p.city, p.zip, p.grades
  FROM fitting p
  JOIN code cds ON cds.lea_id = p.lea_id AND cds.scheme = 'cds'
  LEFT JOIN code nces ON nces.lea_id = p.lea_id AND nces.scheme = 'nces'
  LEFT JOIN code charter ON charter.lea_id = p.lea_id AND charter.scheme = 'charter'
  LEFT JOIN code authorizer ON authorizer.lea_id = p.authorizer_id AND authorizer.scheme = 'cds'
 ORDER BY cds.code;

-- name: newest_change
-- The last day on which the directory knows of anything beginning or ending.
SELECT max(day) FROM (SELECT valid_from AS day FROM lea_period
                      UNION ALL SELECT valid_to FROM lea_period WHERE valid_to < 'infinity') AS known;

-- name: end_periods
-- What began on the very day, or would later, is replaced and not ended: no period is empty.
WITH ending AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(lea_id integer, "on" date)
), gone AS (
  DELETE FROM lea_period p USING ending e WHERE p.lea_id = e.lea_id AND p.valid_from >= e."on"
)
UPDATE lea_period p SET valid_to = e."on"
  FROM ending e
 WHERE p.lea_id = e.lea_id AND p.valid_from < e."on" AND p.valid_to > e."on";

-- name: end_identifiers
WITH ending AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(lea_id integer, scheme text, "on" date)
), gone AS (
  DELETE FROM identifier i USING ending e WHERE (i.lea_id, i.scheme) = (e.lea_id, e.scheme) AND i.valid_from >= e."on"
)
UPDATE identifier i SET valid_to = e."on"
  FROM ending e
 WHERE (i.lea_id, i.scheme) = (e.lea_id, e.scheme) AND i.valid_from < e."on" AND i.valid_to > e."on";

-- name: codes
SELECT lea_id, code FROM ({{code}}) AS named

-- name: named
-- The code by which each LEA goes on a day, and its latest name.
SELECT named.lea_id, named.code,
       (SELECT p.name FROM lea_period p WHERE p.lea_id = named.lea_id ORDER BY p.valid_from DESC LIMIT 1) AS name
  FROM ({{code}}) AS named

-- name: contact_points
SELECT lea_id, role, email, told_at FROM contact_point
 WHERE CAST(:lea_id AS integer) IS NULL OR lea_id = :lea_id
 ORDER BY lea_id, role;

-- name: add_contact_point
INSERT INTO contact_point (lea_id, role, email, told_at) VALUES (:lea_id, :role, :email, :now) ON CONFLICT DO NOTHING;

-- name: change_contact_point
UPDATE contact_point SET email = :email, told_at = :now WHERE (lea_id, role) = (:lea_id, :role) AND email = :was;

-- name: remove_contact_point
DELETE FROM contact_point WHERE (lea_id, role) = (:lea_id, :role) AND email = :was;
