-- name: unit_costs
-- Those that hold; with :every_revision also those that held before.
SELECT i.code AS indicator, c.barrier, c.revision, c.cents, c.source, c.told_at, c.told_by
  FROM unit_cost c
  JOIN indicator i ON i.indicator_id = c.indicator_id
 WHERE (CAST(:indicator AS text) IS NULL OR i.code = CAST(:indicator AS text))
   AND (CAST(:every_revision AS boolean)
        OR c.revision = (SELECT max(n.revision) FROM unit_cost n WHERE n.indicator_id = c.indicator_id AND n.barrier = c.barrier))
 ORDER BY i.code, c.barrier, c.revision DESC

-- name: put_unit_cost
-- The next revision, if the one before it is the newest still.
INSERT INTO unit_cost (indicator_id, barrier, revision, cents, source, told_at, told_by, key_id)
SELECT i.indicator_id, CAST(:barrier AS text), CAST(:after AS integer) + 1, CAST(:cents AS integer), CAST(:source AS text), CAST(:now AS timestamptz), 'county', CAST(:key_id AS uuid)
  FROM indicator i
 WHERE i.code = CAST(:indicator AS text)
ON CONFLICT DO NOTHING

-- name: seed_unit_costs
-- What the reference file estimates where nobody has estimated anything yet.
INSERT INTO unit_cost (indicator_id, barrier, revision, cents, source, told_at, told_by)
SELECT i.indicator_id, r.barrier, 1, r.cents, r.source, CAST(:now AS timestamptz), 'reference'
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (indicator text, barrier text, cents integer, source text)
  JOIN indicator i ON i.code = r.indicator
ON CONFLICT DO NOTHING
RETURNING 'INSERT'
