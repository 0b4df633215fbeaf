-- name: indicators
SELECT i.indicator_id, i.code, i.name, i.definition, i.caveat, i.source, i.unit, i.cadence, i.counts_for_days,
       i.polarity, i.asked_of, i.is_in_plan
  FROM indicator i
 ORDER BY i.code;

-- name: targets
SELECT i.code, g.code AS student_group, t.target_on, t.percent, t.baseline_percent, t.baseline_on, t.source
  FROM target_in_force t
  JOIN indicator i USING (indicator_id)
  JOIN student_group g USING (student_group_id)
 ORDER BY t.target_on, g.student_group_id;

-- name: targets_in_force
SELECT i.code AS indicator, g.code AS student_group, t.target_on, t.percent, t.source, t.revision
  FROM target_in_force t
  JOIN indicator i USING (indicator_id)
  JOIN student_group g USING (student_group_id)
 ORDER BY i.code, g.student_group_id, t.target_on;

-- name: target_decisions
SELECT i.code AS indicator, g.code AS student_group, d.target_on, d.percent, d.source, d.revision, d.told_at
  FROM target_decision d
  JOIN indicator i USING (indicator_id)
  JOIN student_group g USING (student_group_id)
 ORDER BY d.told_at DESC, i.code, g.code
 LIMIT CAST(:limit AS integer);

-- name: target_at
-- What holds at a place, if anything does, and the newest revision of what was decided on it.
SELECT t.percent, t.source,
       (SELECT coalesce(max(d.revision), 0) FROM target_decision d
         WHERE (d.indicator_id, d.student_group_id, d.target_on) = (i.indicator_id, g.student_group_id, CAST(:target_on AS date))) AS revision
  FROM indicator i
  JOIN student_group g ON g.code = CAST(:student_group AS text)
  LEFT JOIN target_in_force t ON (t.indicator_id, t.student_group_id, t.target_on) = (i.indicator_id, g.student_group_id, CAST(:target_on AS date))
 WHERE i.code = CAST(:indicator AS text);

-- name: put_target_decision
-- The next revision, if the one before it is the newest still.
INSERT INTO target_decision (indicator_id, student_group_id, target_on, revision, percent, source, told_at, key_id)
SELECT i.indicator_id, g.student_group_id, CAST(:target_on AS date), CAST(:after AS integer) + 1, CAST(:percent AS numeric), CAST(:source AS text), CAST(:now AS timestamptz), CAST(:key_id AS uuid)
  FROM indicator i
  JOIN student_group g ON g.code = CAST(:student_group AS text)
 WHERE i.code = CAST(:indicator AS text)
ON CONFLICT DO NOTHING;

-- name: student_groups
SELECT student_group_id, code, name, kind, dashboard_code, dataquest_code, definition, source
  FROM student_group
 ORDER BY array_position(ARRAY['all', 'race_ethnicity', 'program', 'local'], kind), code;

-- name: merge_student_groups
-- MERGE and not ON CONFLICT: an upsert takes a number from the sequence for every row it only updates, and smallint
-- keys would run out.
MERGE INTO student_group AS g
USING jsonb_to_recordset(CAST(:rows AS jsonb))
   AS r(code text, name text, kind text, dashboard_code text, dataquest_code text, definition text, source text)
   ON g.code = r.code
 WHEN MATCHED AND (g.name, g.kind, g.dashboard_code, g.dataquest_code, g.definition, g.source)
      IS DISTINCT FROM (r.name, r.kind, r.dashboard_code, r.dataquest_code, r.definition, r.source)
 THEN UPDATE SET name = r.name, kind = r.kind, dashboard_code = r.dashboard_code, dataquest_code = r.dataquest_code,
                 definition = r.definition, source = r.source
 WHEN NOT MATCHED
 THEN INSERT (code, name, kind, dashboard_code, dataquest_code, definition, source)
      VALUES (r.code, r.name, r.kind, r.dashboard_code, r.dataquest_code, r.definition, r.source)
RETURNING merge_action();

-- name: merge_indicators
MERGE INTO indicator AS i
USING (SELECT t.*, string_to_array(t.asked_of, ' ') AS asked_of_kinds
         FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS t(code text, name text, definition text, caveat text, source text, unit text, cadence text,
                counts_for_days integer, polarity text, asked_of text, is_in_plan boolean)) AS r
   ON i.code = r.code
 WHEN MATCHED AND (i.name, i.definition, i.caveat, i.source, i.unit, i.cadence, i.counts_for_days, i.polarity, i.asked_of, i.is_in_plan)
      IS DISTINCT FROM (r.name, r.definition, r.caveat, r.source, r.unit, r.cadence, r.counts_for_days, r.polarity, r.asked_of_kinds, r.is_in_plan)
 THEN UPDATE SET name = r.name, definition = r.definition, caveat = r.caveat, source = r.source, unit = r.unit,
                 cadence = r.cadence, counts_for_days = r.counts_for_days, polarity = r.polarity,
                 asked_of = r.asked_of_kinds, is_in_plan = r.is_in_plan
 WHEN NOT MATCHED
 THEN INSERT (code, name, definition, caveat, source, unit, cadence, counts_for_days, polarity, asked_of, is_in_plan)
      VALUES (r.code, r.name, r.definition, r.caveat, r.source, r.unit, r.cadence, r.counts_for_days, r.polarity,
              r.asked_of_kinds, r.is_in_plan)
RETURNING merge_action();

-- name: merge_targets
MERGE INTO target AS t
USING (SELECT i.indicator_id, g.student_group_id, r.target_on, r.percent, r.baseline_percent, r.baseline_on, r.source
         FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS r(indicator text, student_group text, target_on date, percent numeric, baseline_percent numeric,
                baseline_on date, source text)
         JOIN indicator i ON i.code = r.indicator
         JOIN student_group g ON g.code = r.student_group) AS r
   ON (t.indicator_id, t.student_group_id, t.target_on) = (r.indicator_id, r.student_group_id, r.target_on)
 WHEN MATCHED AND (t.percent, t.baseline_percent, t.baseline_on, t.source)
      IS DISTINCT FROM (r.percent, r.baseline_percent, r.baseline_on, r.source)
 THEN UPDATE SET percent = r.percent, baseline_percent = r.baseline_percent, baseline_on = r.baseline_on, source = r.source
 WHEN NOT MATCHED
 THEN INSERT (indicator_id, student_group_id, target_on, percent, baseline_percent, baseline_on, source)
      VALUES (r.indicator_id, r.student_group_id, r.target_on, r.percent, r.baseline_percent, r.baseline_on, r.source)
RETURNING merge_action();

-- name: names
SELECT true AS is_indicator, code, name, code AS place FROM indicator
UNION ALL
SELECT false, code, name, CASE code WHEN 'ALL' THEN '' ELSE code END FROM student_group
 ORDER BY is_indicator DESC, place
