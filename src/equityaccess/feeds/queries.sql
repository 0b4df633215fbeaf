-- name: arrivals
-- When something came about each LEA, a row a day of the county. What was refused did not come.
SELECT lea_id, min(received_at) AS first_at, max(received_at) AS last_at
  FROM submission s
 CROSS JOIN LATERAL unnest(s.concerned) AS lea_id
 WHERE s.received_at >= CAST(:since AS timestamptz) AND s.outcome IN ('applied', 'partly_applied', 'unchanged')
 GROUP BY lea_id, CAST(s.received_at AT TIME ZONE 'America/Los_Angeles' AS date)
 ORDER BY lea_id, first_at

-- name: forget_feeds
DELETE FROM feed

-- name: put_feeds
INSERT INTO feed (lea_id, habit, learned_from, last_received_at, expected_at, computed_at)
SELECT lea_id, habit, learned_from, last_received_at, expected_at, computed_at
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
    AS r (lea_id integer, habit text, learned_from integer, last_received_at timestamptz, expected_at timestamptz, computed_at timestamptz)

-- name: feeds
SELECT lea_id, habit, learned_from, last_received_at, expected_at, computed_at FROM feed
