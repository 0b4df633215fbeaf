-- name: heard_leas
-- What counts today of every LEA of the county that reports for itself, as the figures of the county count it.
SELECT n.code AS scope, p.name AS scope_name, 'lea' AS level, p.kind AS parent, i.code AS indicator, g.code AS student_group,
       greatest(0, c.population - c.not_applicable) AS base, least(c.met, greatest(0, c.population - c.not_applicable)) AS met,
       least(c.not_met, greatest(0, c.population - c.not_applicable - c.met)) AS not_met, true AS is_heard
  FROM coverage_cell c
  JOIN lea_period p ON p.lea_id = c.lea_id AND p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to AND p.funding IS DISTINCT FROM 'local'
  JOIN lea_period h ON h.lea_id = coalesce(p.authorizer_id, p.lea_id) AND h.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < h.valid_to
                   AND h.county_code = CAST(:county AS text)
  JOIN identifier n ON n.lea_id = c.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
  JOIN indicator i ON i.indicator_id = c.indicator_id
  JOIN student_group g ON g.student_group_id = c.student_group_id
 WHERE c.counts_until > CAST(:today AS date)

-- name: asked_leas
-- Who is asked, and how many students it has enrolled, as far as is known.
SELECT n.code AS scope, p.name AS scope_name, 'lea' AS level, p.kind AS parent, i.code AS indicator, 'ALL' AS student_group,
       CASE WHEN i.unit = 'students' THEN coalesce(e.students, 0) ELSE 0 END AS base, 0 AS met, 0 AS not_met, false AS is_heard
  FROM lea_period p
  JOIN lea_period h ON h.lea_id = coalesce(p.authorizer_id, p.lea_id) AND h.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < h.valid_to
                   AND h.county_code = CAST(:county AS text)
  JOIN identifier n ON n.lea_id = p.lea_id AND n.scheme = 'cds' AND n.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < n.valid_to
  JOIN indicator i ON p.kind = ANY (i.asked_of)
  LEFT JOIN LATERAL (
    SELECT m.students FROM enrollment m JOIN student_group g ON g.student_group_id = m.student_group_id AND g.code = 'ALL'
     WHERE m.lea_id = p.lea_id AND m.census_on <= CAST(:today AS date) ORDER BY m.census_on DESC LIMIT 1) e ON true
 WHERE p.valid_from <= CAST(:today AS date) AND CAST(:today AS date) < p.valid_to AND p.funding IS DISTINCT FROM 'local'

-- name: is_sample
SELECT EXISTS (SELECT FROM wave WHERE is_sample)

-- name: hidden_before
SELECT DISTINCT indicator, student_group, scope FROM release_cell WHERE state = 'suppressed'

-- name: shown_before
-- Of each cell that was ever shown, how it looked last.
SELECT DISTINCT ON (indicator, student_group, scope)
       indicator, student_group, scope, scope_name, level, state, base, confirmed_percent, confirmed_bound, at_most_percent, at_most_bound, target_percent, target_on
  FROM release_cell
 WHERE state = 'shown'
 ORDER BY indicator, student_group, scope, number DESC

-- name: put_release
INSERT INTO release (number, as_of, published_at, rules, is_sample, rows, suppressed, sha256, csv)
VALUES (CAST(:number AS integer), CAST(:as_of AS date), CAST(:published_at AS timestamptz), CAST(:rules AS text), CAST(:is_sample AS boolean),
        CAST(:rows AS integer), CAST(:suppressed AS integer), CAST(:sha256 AS text), CAST(:csv AS bytea))

-- name: put_cells
INSERT INTO release_cell (number, indicator, student_group, scope, scope_name, level, state, base, confirmed_percent, confirmed_bound, at_most_percent,
                          at_most_bound, target_percent, target_on)
SELECT CAST(:number AS integer), r.*
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (indicator text, student_group text, scope text, scope_name text, level text, state text, base integer,
       confirmed_percent double precision, confirmed_bound text, at_most_percent double precision, at_most_bound text, target_percent double precision, target_on date)

-- fragment: manifest
SELECT number, as_of, published_at, rules, is_sample, rows, suppressed, sha256 FROM release

-- name: releases
{{manifest}}
 ORDER BY number DESC

-- name: release_by_number
-- The newest for 0.
{{manifest}}
 WHERE CAST(:number AS integer) IN (0, number)
 ORDER BY number DESC
 LIMIT 1

-- name: csv
SELECT csv FROM release WHERE number = CAST(:number AS integer)

-- fragment: columns
SELECT indicator, student_group, scope, scope_name, level, state, base, confirmed_percent, confirmed_bound, at_most_percent, at_most_bound, target_percent, target_on

-- name: cells
-- The figures of a release: of one scope, or (for the scope 'leas') of every LEA.
{{columns}}
  FROM release_cell
 WHERE number = CAST(:number AS integer)
   AND CASE WHEN CAST(:scope AS text) = 'leas' THEN level = 'lea' ELSE scope = CAST(:scope AS text) END
   AND (CAST(:indicator AS text) IS NULL OR indicator = CAST(:indicator AS text))
   AND (CAST(:student_group AS text) IS NULL OR student_group = CAST(:student_group AS text))
 ORDER BY indicator, student_group <> 'ALL', student_group, scope

-- name: overview
-- Every figure of the county, and of each LEA the one that is asked for.
{{columns}}
  FROM release_cell
 WHERE number = CAST(:number AS integer)
   AND (scope = 'county' OR level = 'lea' AND indicator = CAST(:indicator AS text) AND student_group = CAST(:student_group AS text))
 ORDER BY indicator, student_group <> 'ALL', student_group, scope

-- name: peers
-- The newest release's figures of all LEAs of the kind that this one is of.
{{columns}}
  FROM release_cell
 WHERE number = (SELECT max(number) FROM release)
   AND scope = (SELECT kind FROM lea_period WHERE lea_id = CAST(:lea_id AS integer) ORDER BY valid_from DESC LIMIT 1)

-- name: history
-- One figure through the releases, oldest first.
SELECT r.as_of, c.indicator, c.student_group, c.scope, c.scope_name, c.level, c.state, c.base, c.confirmed_percent, c.confirmed_bound, c.at_most_percent,
       c.at_most_bound, c.target_percent, c.target_on
  FROM release_cell c
  JOIN release r ON r.number = c.number
 WHERE c.scope = CAST(:scope AS text) AND c.indicator = CAST(:indicator AS text) AND c.student_group = CAST(:student_group AS text)
 ORDER BY c.number

-- name: let_us_think
-- To protect a county's tables takes most of a minute, in which nothing is asked of the database: who is idle in a
-- transaction for long is cut off otherwise.
SELECT set_config('idle_in_transaction_session_timeout', '15min', true)
